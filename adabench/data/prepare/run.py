"""Preparing a corpus: raw videos and labels in, face crops and a manifest out."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from adabench.data.corpora import CorpusReader, Problem, find_reader
from adabench.data.files import explained, remove_leftovers, write_text
from adabench.data.manifest import manifest_bytes
from adabench.data.prepare.clip import (
    NOTES,
    OK,
    ClipJob,
    ClipNote,
    PrepareSettings,
    finished,
    prepare_clip,
)
from adabench.data.prepared import (
    DESCRIPTION,
    FACES,
    MANIFEST,
    SIGNALS,
    CorpusDescription,
    write_description,
)

REPORT = "report.csv"

_DEFAULTS = PrepareSettings()
_IDENTITY = "corpus.json"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PrepareReport:
    """What :func:`prepare` did.

    Args:
        out: the prepared corpus.
        clips: clips in it.
        frames: frames in it.
        new: clips that this run prepared; the others were finished before.
        problems: what was left out, and what is suspicious; also in ``report.csv``.
        seconds: wall-clock time.
    """

    out: Path
    clips: int
    frames: int
    new: int
    problems: tuple[Problem, ...]
    seconds: float

    @property
    def left_out(self) -> tuple[Problem, ...]:
        """The problems that cost a clip, or a label without a clip."""
        return tuple(problem for problem in self.problems if problem.left_out)

    def summary(self) -> str:
        """A few lines for a person."""
        lines = [
            f"{self.out}: {self.clips} clips, {self.frames} frames; {self.new} clips new, "
            f"in {self.seconds:.1f} s"
        ]
        for title, left_out in (("left out", True), ("kept, but suspicious", False)):
            chosen = [problem for problem in self.problems if problem.left_out is left_out]
            if chosen:
                lines.append(f"{title}: {len(chosen)} (all in {self.out / REPORT})")
                lines += [f"  {p.name}: {p.status}: {p.detail}" for p in chosen[:10]]
        return "\n".join(lines)


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
    detector: str = _DEFAULTS.detector,
) -> PrepareReport:
    """Turns a raw corpus into a prepared one, which :class:`PreparedCorpus` opens.

    May be killed at any moment and called again: finished clips stay. A clip that can't be prepared
    is left out and reported. The same source and settings give the same bytes.

    Args:
        corpus: name of a reader, or a reader.
        src: the raw corpus.
        out: folder of the prepared corpus: new, empty, or one that this function began.
        size, margin, detect_every, detector: see :class:`PrepareSettings`.
        processes: clips prepared at once; 1 uses no further process.
        progress: show a bar.

    Raises:
        FileNotFoundError: ``src`` holds no such corpus.
        ValueError: a wrong setting; ``out`` holds something else; no clip could be prepared.
        OSError: ``out`` can't be written.
    """
    begin = time.monotonic()
    settings = PrepareSettings(size, margin, detect_every, detector)
    if processes < 1:
        raise ValueError(f"processes: expected an integer above 0, got {processes!r}")
    reader = find_reader(corpus) if isinstance(corpus, str) else corpus
    src, out = Path(src), Path(out)
    scan = reader.scan(src)
    description = CorpusDescription(
        reader.name, reader.kind, reader.licensed, settings.record(), reader.parameters(src)
    )
    jobs = [ClipJob(clip, src, out, settings) for clip in scan.clips]
    with _alone(out, description):
        notes, new = _prepare_all(jobs, processes, progress)
        problems = sorted([*scan.problems, *_problems(jobs, notes)])
        write_text(out / REPORT, _report(problems))
        rows = [notes[job.clip.clip].row(job) for job in jobs if notes[job.clip.clip].kept]
        if not rows:
            told = "; ".join(f"{problem.name}: {problem.detail}" for problem in problems[:3])
            raise ValueError(
                f"no clip of {src} could be prepared; the first problems: {told}; all of them "
                f"are in {out / REPORT}"
            )
        if not _is_written(out, description, manifest_bytes(rows)):
            write_description(out, description, rows)
    frames = sum(row.frames for row in rows)
    seconds = time.monotonic() - begin
    return PrepareReport(out, len(rows), frames, new, tuple(problems), seconds)


@contextlib.contextmanager
def _alone(out: Path, description: CorpusDescription) -> Iterator[None]:
    """Makes ``out`` this corpus's folder, and waits until no other process prepares into it."""
    notes = out / NOTES
    if out.is_dir() and not notes.is_dir() and any(out.iterdir()):
        raise ValueError(
            f"{out}: the folder holds something that is no prepared corpus; "
            "choose another --out, or empty it"
        )
    with contextlib.ExitStack() as stack:
        with explained(notes / ".lock"):
            notes.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((notes / ".lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _logger.warning("%s: waiting for another process that prepares it", out)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            # some network file systems have no locks; without them all else still works
            _logger.warning("%s: can't be locked (%s): don't prepare it twice at once", out, error)
        _check_identity(notes / _IDENTITY, out, description)
        for folder in (notes, out / FACES, out / SIGNALS, out):
            remove_leftovers(folder)
        yield


def _check_identity(path: Path, out: Path, description: CorpusDescription) -> None:
    """Raises ValueError if ``out`` was begun with another corpus or other settings."""
    asked = json.dumps(vars(description), indent=1, sort_keys=True) + "\n"
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        write_text(path, asked)
        return
    except ValueError as error:
        raise ValueError(f"{path}: damaged ({error}): delete the folder {out}") from error
    new, old = _flat(json.loads(asked)), _flat(before)
    told = [
        f"{name}: {old.get(name)!r}, asked for {new.get(name)!r}"
        for name in sorted({*new, *old})
        if new.get(name) != old.get(name)
    ]
    if told:
        raise ValueError(
            f"{out}: the folder holds a corpus prepared otherwise ({'; '.join(told)}): "
            "choose another --out, or delete the folder"
        )


def _flat(fields: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(fields, dict):
        return {prefix: fields}
    return {
        name: value
        for key, part in fields.items()
        for name, value in _flat(part, f"{prefix}.{key}" if prefix else key).items()
    }


def _prepare_all(
    jobs: list[ClipJob], processes: int, progress: bool
) -> tuple[dict[str, ClipNote], int]:
    """The note of every clip, and how many clips were prepared in this run."""
    notes: dict[str, ClipNote] = {}
    for job in jobs:
        note = finished(job)
        if note is not None:
            notes[job.clip.clip] = note
    todo = [job for job in jobs if job.clip.clip not in notes]
    if not todo:
        return notes, 0
    (todo[0].out / DESCRIPTION).unlink(missing_ok=True)
    # long clips first: one of them alone at the end would leave the other processes idle
    todo.sort(key=lambda job: (-_bytes(job.clip.video), job.clip.clip))
    begin, frames = time.monotonic(), 0
    with tqdm(
        total=len(jobs), initial=len(notes), unit="clip", disable=not progress, mininterval=0.5
    ) as bar:
        for job, note in _work(todo, processes):
            notes[job.clip.clip] = note
            frames += note.frames
            bar.set_postfix_str(f"{frames / (time.monotonic() - begin):.0f} frames/s", False)
            bar.update()
    return notes, len(todo)


def _work(jobs: list[ClipJob], processes: int) -> Iterator[tuple[ClipJob, ClipNote]]:
    """Prepares ``jobs``, yielding each as it is finished."""
    if processes == 1:
        for job in jobs:
            yield job, prepare_clip(job)
        return
    done: set[str] = set()
    try:
        for job, note in _in_pool(jobs, processes):
            done.add(job.clip.clip)
            yield job, note
    except BrokenProcessPool:
        # a video took its process down, and which one is not told: one at a time from here
        for job in jobs:
            if job.clip.clip not in done:
                yield job, _isolated(job)


def _in_pool(jobs: list[ClipJob], processes: int) -> Iterator[tuple[ClipJob, ClipNote]]:
    pool = ProcessPoolExecutor(
        min(processes, len(jobs)),
        # forked processes would inherit the threads' locks of whatever the caller has loaded
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin_worker,
    )
    try:
        futures = {pool.submit(prepare_clip, job): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _isolated(job: ClipJob) -> ClipNote:
    try:
        return next(note for _, note in _in_pool([job], 1))
    except BrokenProcessPool:
        detail = f"{job.clip.video}: the process that prepared it died (out of memory?)"
        return ClipNote("failed", detail, job.settings.record(), [], [])


def _begin_worker() -> None:
    cv2.setNumThreads(1)
    # Ctrl-C reaches the workers too: they end without a traceback each
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel
        threading.Thread(target=_end_with, args=(sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    # an executor's workers outlive a killed parent, waiting for ever for another job
    connection.wait([sentinel])
    os._exit(1)


def _problems(jobs: Iterable[ClipJob], notes: dict[str, ClipNote]) -> Iterator[Problem]:
    for job in jobs:
        note = notes[job.clip.clip]
        if note.status != OK:
            yield Problem(job.clip.clip, note.detail, note.status, not note.kept)


def _report(problems: Iterable[Problem]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("clip", "status", "detail"))
    writer.writerows((problem.name, problem.status, problem.detail) for problem in problems)
    return text.getvalue()


def _is_written(out: Path, description: CorpusDescription, manifest: bytes) -> bool:
    wanted = {MANIFEST: manifest, DESCRIPTION: description.to_json(manifest)}
    try:
        return all((out / name).read_bytes() == content for name, content in wanted.items())
    except FileNotFoundError:
        return False


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
