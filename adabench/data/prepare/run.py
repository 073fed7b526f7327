"""Preparing a corpus: raw videos and labels in, face crops and a manifest out."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from adabench.data.corpora import (
    CorpusReader,
    Problem,
    SourceClip,
    find_reader,
    options_of,
    read_layout,
)
from adabench.data.files import write_text
from adabench.data.manifest import ClipRecord, manifest_bytes
from adabench.data.prepare.clip import (
    ClipJob,
    ClipNote,
    PrepareSettings,
    finished,
    prepare_clip,
)
from adabench.data.prepare.detection.quality import QUALITY, quality_text
from adabench.data.prepare.folder import alone, complete
from adabench.data.prepare.judge import OK, kept
from adabench.data.prepare.pool import PATIENCE, Lost, Pool
from adabench.data.prepare.progress import Progress
from adabench.data.prepare.pulse import INTERVAL
from adabench.data.prepare.report import REPORT, PrepareReport, report_text
from adabench.data.prepared import DESCRIPTION, CorpusDescription

_DEFAULTS = PrepareSettings()

# a clip's name is that of three files, whose endings need some room in a name's 255 bytes
_LONGEST_NAME = 200
# a file that can't be written for one of these reasons concerns its clip only
_OF_ONE_CLIP = frozenset((errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL))
_OF_ALL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS))


class StoppedError(OSError):
    """Preparing came to a stop because the result can't be written; what was finished stays.

    Attributes:
        cause: the error that was met.
    """

    def __init__(self, cause: OSError, finished: int, total: int) -> None:
        told = f"{finished} of {total} clips are finished and stay; the same command goes on"
        super().__init__(cause.errno or 0, f"{_told(cause)}; {told}")
        self.cause = cause

    def __str__(self) -> str:
        return str(self.strerror)


def prepare(
    corpus: str | CorpusReader,
    src: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    size: int = _DEFAULTS.size,
    margin: float = _DEFAULTS.margin,
    processes: int = 2,
    progress: bool = True,
    detect_every: int = _DEFAULTS.detect_every,
    detector: str | None = None,
    model: str | os.PathLike[str] | None = None,
    cut: str | None = None,
    patience: float = PATIENCE,
    **options: Any,
) -> PrepareReport:
    """Turns a raw corpus into a prepared one, which :class:`PreparedCorpus` opens.

    May be killed at any moment and called again: finished clips stay. A clip that can't be prepared
    is left out and reported. The same source and settings give the same bytes.

    Args:
        corpus: name of a reader, or a reader.
        src: the raw corpus.
        out: folder of the prepared corpus: new, empty, or one that this function began.
        size, margin, detect_every, detector, model, cut: see :class:`PrepareSettings`.
        processes: clips prepared at once, each in a process of its own; 0 prepares them in this
            one, where a hung decoder can't be ended.
        progress: show a line that says how far it is.
        patience: seconds without a new frame after which a clip is given up.
        options: of the named reader, see :func:`reader_of`.

    Raises:
        FileNotFoundError: ``src`` holds no such corpus.
        ValueError: a wrong setting; ``out`` holds something else; no clip could be prepared.
        StoppedError: (an OSError) the disk is full, say.
        OSError: ``out`` can't be written.
    """
    begin = time.monotonic()
    if processes < 0:
        raise ValueError(f"processes: expected an integer from 0, got {processes!r}")
    if not patience >= 2 * INTERVAL:
        raise ValueError(f"patience: expected seconds, at least {2 * INTERVAL:g}, got {patience!r}")
    reader = reader_of(corpus, **options)
    settings = settings_of(
        reader,
        size=size,
        margin=margin,
        detect_every=detect_every,
        detector=detector,
        model=model,
        cut=cut,
    )
    src, out = Path(src), Path(out)
    scan = reader.scan(src)
    description = CorpusDescription(
        reader.name,
        reader.kind,
        reader.licensed,
        settings.record(),
        reader.parameters(src),
        reader.scale,
    )
    _refuse_scores(scan.clips, reader)
    jobs, odd = _jobs(scan.clips, src, out, settings)
    with alone(out, description):
        notes, new = _prepare_all(jobs, processes, patience, progress)
        rows, found = _rows(jobs, notes)
        problems = tuple(sorted([*scan.problems, *odd, *found]))
        write_text(out / QUALITY, _quality_of(notes))
        write_text(out / REPORT, report_text(problems))
        if not rows:
            raise ValueError(_nothing_prepared(src, out, problems))
        complete(out, description, rows)
    frames = sum(row.frames for row in rows)
    seconds = time.monotonic() - begin
    return PrepareReport(out, len(rows), frames, new, problems, seconds, out / QUALITY)


def _nothing_prepared(src: Path, out: Path, problems: Sequence[Problem]) -> str:
    told = "; ".join(f"{problem.name}: {problem.detail}" for problem in problems[:3])
    return (
        f"no clip of {src} could be prepared; the first problems: {told}; all of them are in "
        f"{out / REPORT}"
    )


def reader_of(corpus: str | CorpusReader, **options: Any) -> CorpusReader:
    """The reader of a corpus.

    Args:
        corpus: its name; a reader stays as it is.
        options: as :func:`adabench.data.corpora.read_layout` tells them (``labels``, ``openface``,
            ...), None standing for none; ``layout`` names a file of them, which these go before.

    Raises:
        ValueError: an option that the reader doesn't have, a wrong value, or options for a reader.
        FileNotFoundError: the file of options is missing.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if not isinstance(corpus, str):
        if given:
            raise ValueError(
                f"{', '.join(sorted(given))}: a reader was given, which has its options already: "
                "give the corpus's name, or leave them out"
            )
        return corpus
    layout = given.pop("layout", None)
    more = read_layout(Path(layout), options_of(corpus)) if layout else {}
    return find_reader(corpus, **{**more, **given})


def settings_of(reader: CorpusReader, **settings: Any) -> PrepareSettings:
    """The settings for a reader's corpus; those that are None are the usual ones.

    With OpenFace's output, faces are not looked for.
    """
    source = "openface" if "openface" in reader.options else "video"
    given = {name: value for name, value in settings.items() if value is not None}
    return PrepareSettings(**given, source=source)


def prepare_one(job: ClipJob) -> ClipNote:
    """Prepares one clip; what concerns only this clip becomes its status.

    Raises:
        OSError: nothing can be written to the prepared corpus.
    """
    odd = next((path for path in job.sources() if _is_odd(path)), None)
    if odd is not None:
        detail = f"{odd}: a folder or device of a file's name: rename or remove it"
        return _without_result(job, "unreadable", detail)
    try:
        note = prepare_clip(job)
        if not kept(note.status):
            # of an earlier source, which gave better frames
            for path in (job.store, job.signals):
                path.unlink(missing_ok=True)
    except OSError as error:
        if _ends_all(error, job.out):
            raise
        return _without_result(job, "failed", f"{job.source}: {_told(error)}")
    return note


def _without_result(job: ClipJob, status: str, detail: str) -> ClipNote:
    # no note is left on disk: the next run tries again
    return ClipNote(status, detail, job.settings.record(), [], [])


def _is_odd(path: Path) -> bool:
    """Whether something else than a file stands there; reading a pipe would never end."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _ends_all(error: OSError, out: Path) -> bool:
    """Whether an error over one clip would be met over the next ones too."""
    if error.errno in _OF_ONE_CLIP:
        return False
    name = None if error.filename is None else Path(os.fsdecode(error.filename))
    return error.errno in _OF_ALL or (name is not None and name.is_relative_to(out))


def _told(error: OSError) -> str:
    told = str(error.strerror or error)
    if error.errno == errno.EFBIG:
        told += ": a limit on the size of files is met (ulimit -f, or the file system's): raise it"
    return f"{error.filename}: {told}" if error.filename is not None else told


def _refuse_scores(clips: Sequence[SourceClip], reader: CorpusReader) -> None:
    for clip in clips:
        if clip.score is not None and not reader.scale.holds(clip.score):
            raise ValueError(
                f"clip {clip.clip}: the reader of {reader.name} gives the score {clip.score!r}, "
                f"expected {reader.scale.expected}: correct the reader, or its scale"
            )


def _jobs(
    clips: Sequence[SourceClip], src: Path, out: Path, settings: PrepareSettings
) -> tuple[list[ClipJob], list[Problem]]:
    """What is to be prepared, and the clips whose names don't go into a manifest."""
    jobs, problems = [], []
    for clip in clips:
        job = ClipJob(clip, src, out, settings)
        try:
            if len(os.fsencode(clip.clip)) > _LONGEST_NAME:
                raise ValueError(f"a name of more than {_LONGEST_NAME} bytes")
            manifest_bytes([ClipNote(OK, "", {}, [], ["0" * 64], fps=1.0, frames=1).row(job)])
        except ValueError as error:
            detail = f"{clip.source}: {error}: rename it"
            problems.append(Problem(clip.clip, detail, "bad_name"))
        else:
            jobs.append(job)
    return jobs, problems


def _prepare_all(
    jobs: list[ClipJob], processes: int, patience: float, shown: bool
) -> tuple[dict[str, ClipNote], int]:
    """The note of every clip, and how many clips were prepared in this run."""
    found = {job.clip.clip: finished(job) for job in jobs}
    notes = {clip: note for clip, note in found.items() if note is not None}
    todo = [job for job in jobs if job.clip.clip not in notes]
    if not todo:
        return notes, 0
    (todo[0].out / DESCRIPTION).unlink(missing_ok=True)
    sizes = {job.clip.clip: _bytes(job) for job in todo}
    # long clips first: one of them alone at the end would leave the other processes idle
    todo.sort(key=lambda job: (-sizes[job.clip.clip], job.clip.clip))
    with contextlib.closing(Progress(sizes, len(jobs), to=sys.stderr if shown else None)) as line:
        try:
            for job, note in _work(todo, processes, patience, line):
                notes[job.clip.clip] = note
                line.done(job.clip.clip, note.frames)
        except OSError as error:
            line.close()
            raise StoppedError(error, len(notes), len(jobs)) from error
    return notes, len(todo)


def _work(
    jobs: list[ClipJob], processes: int, patience: float, line: Progress
) -> Iterator[tuple[ClipJob, ClipNote]]:
    """Prepares ``jobs``, yielding each as it is finished."""
    if processes == 0:
        yield from ((job, prepare_one(job)) for job in jobs)
        return
    pool: Pool[ClipJob, ClipNote] = Pool(
        prepare_one,
        processes,
        patience=patience,
        told=lambda job, sign: line.sign(job.clip.clip, sign),
    )
    with contextlib.closing(pool.work(jobs)) as results:
        for job, result in results:
            if isinstance(result, Lost):
                detail = f"{job.source}: {result.detail}"
                result = _without_result(job, result.status, detail)
            yield job, result


def _rows(
    jobs: Iterable[ClipJob], notes: Mapping[str, ClipNote]
) -> tuple[list[ClipRecord], list[Problem]]:
    """The manifest's rows, and what is to be told of the clips."""
    rows, problems = [], []
    for job in jobs:
        name, note = job.clip.clip, notes[job.clip.clip]
        if note.status != OK:
            problems.append(Problem(name, note.detail, note.status, not kept(note.status)))
        if not kept(note.status):
            continue
        try:
            rows.append(note.row(job))
        except (ValueError, TypeError, IndexError) as error:
            # one clip's odd facts, a frame rate of almost nothing say, must not cost the corpus
            problems.append(Problem(name, f"{job.source}: {error}", "failed"))
    return rows, problems


def _quality_of(notes: Mapping[str, ClipNote]) -> str:
    """How well the faces of all clips could be seen, those left out among them."""
    return quality_text(
        (name, note.status, note.face_rate, note.quality) for name, note in sorted(notes.items())
    )


def _bytes(job: ClipJob) -> int:
    try:
        return sum(path.stat().st_size for path in job.sources())
    except OSError:
        return 0
