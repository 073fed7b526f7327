"""The text of ``prepare --scan``: what a raw corpus holds, lacks, and would become."""

from __future__ import annotations

import dataclasses
import shlex
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from adabench.data.corpora import CorpusReader, Problem, Scan, SourceClip
from adabench.data.manifest import CALIBRATION, SPLITS, USED_SPLITS
from adabench.data.prepare.videos.extent import Extent, extent, source_bytes

if TYPE_CHECKING:
    from adabench.data.prepare import PrepareSettings

SHOWN = 3
"""Problems told of each sort; all of them stand in the report that prepare writes."""

_UNITS = ("B", "kB", "MB", "GB", "TB")
_NOTHING = "nothing can be prepared: mend what is listed above, and look again"


class ScanReport(NamedTuple):
    """What a look at a raw corpus tells, and whether there is anything to prepare."""

    text: str
    usable: bool


def scan_text(
    reader: CorpusReader,
    src: Path,
    settings: PrepareSettings,
    *,
    out: Path | None = None,
    layout: Path | None = None,
) -> str:
    """What is found below ``src``, what is wrong with it, and what preparing it would do.

    Looks at names, label files and sizes, and at headers of videos for at most 20 s; decodes no
    frame, writes nothing, and names no score that is right.

    Args:
        reader: the corpus's.
        src: the raw corpus.
        settings: as ``prepare`` would take them.
        out: where the prepared corpus would go; default: ``data/`` and the corpus's name.
        layout: the file that the reader's further options came from.

    Raises:
        FileNotFoundError: ``src`` holds no such corpus.
        ValueError: a table that can't be read.
    """
    return scan_report(reader, src, settings, out=out, layout=layout).text


def scan_report(
    reader: CorpusReader,
    src: Path,
    settings: PrepareSettings,
    *,
    out: Path | None = None,
    layout: Path | None = None,
) -> ScanReport:
    """As :func:`scan_text`, with whether any of the clips found can be opened."""
    src = Path(src)
    out = Path("data") / reader.name if out is None else out
    scan = reader.scan(src)
    held = extent(scan.clips)
    usable = len(held.unreadable) < len(scan.clips)
    command = _command(reader, src, settings, out, layout)
    parts = [
        _title(reader, src),
        _table(scan.clips),
        "\n".join([*_persons(scan.clips), *_missing(scan.clips)]),
        *_problems([*scan.problems, *_record_problem(reader, src)]),
        *_unreadable(held),
        _plan(scan, held, settings, out),
        f"go on with\n  {command}" if usable else _NOTHING,
    ]
    return ScanReport("\n\n".join(part for part in parts if part), usable)


def _title(reader: CorpusReader, src: Path) -> str:
    rights = (
        "treated as under licence: no label and no frame of it reaches leaderboard/"
        if reader.licensed
        else "free of a licence: its labels may be published"
    )
    return f"{reader.name} in {src}\nlooked for {reader.layout}\n{rights}"


def _table(clips: Sequence[SourceClip]) -> str:
    """Counts by split and task."""
    tasks = sorted({clip.task for clip in clips})
    named = [task for task in tasks if task]
    header = ["found", "clips", *named, "sessions", "persons", "labels", "size"]
    rows = [header]
    for split in (*SPLITS, ""):
        chosen = [clip for clip in clips if split in ("", clip.split)]
        if split == CALIBRATION and not chosen:
            continue
        rows.append(
            [
                split or "all",
                str(len(chosen)),
                *(str(sum(clip.task == task for clip in chosen)) for task in named),
                str(len({clip.session for clip in chosen})),
                str(len({clip.subject for clip in chosen})),
                str(len({clip.session for clip in chosen if clip.score is not None})),
                _size(sum(map(source_bytes, chosen))),
            ]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def _persons(clips: Sequence[SourceClip]) -> Iterator[str]:
    """How many persons are in several splits."""
    splits: dict[str, set[str]] = {}
    for clip in clips:
        splits.setdefault(clip.subject, set()).add(clip.split)
    shared = sum(len(found) > 1 for found in splits.values())
    if shared:
        yield f"{shared} persons are in more than one split; --audit tells which splits share them"


def _missing(clips: Sequence[SourceClip]) -> Iterator[str]:
    """Splits without a clip, and sessions without one of the tasks."""
    for split in USED_SPLITS:
        if clips and all(clip.split != split for clip in clips):
            yield f"no clip in split {split}"
    sessions = {clip.session for clip in clips}
    for task in sorted({clip.task for clip in clips if clip.task}):
        without = sorted(sessions - {clip.session for clip in clips if clip.task == task})
        if without:
            more = ", ..." if len(without) > SHOWN else ""
            told = ", ".join(without[:SHOWN])
            yield f"{len(without)} sessions without a clip of task {task}: {told}{more}"


def _record_problem(reader: CorpusReader, src: Path) -> Iterator[Problem]:
    try:
        reader.parameters(src)
    except (OSError, ValueError) as error:
        yield Problem(reader.name, str(error), "no_record")


def _problems(problems: Sequence[Problem]) -> Iterator[str]:
    for title, left_out in (("left out", True), ("kept, but worth a look", False)):
        chosen = [problem for problem in problems if problem.left_out is left_out]
        if chosen:
            yield "\n".join([f"{title}: {len(chosen)}", *_by_status(chosen)])
    if not problems:
        yield "left out: nothing"


def _by_status(problems: Iterable[Problem]) -> Iterator[str]:
    groups: dict[str, list[Problem]] = {}
    for problem in sorted(problems):
        groups.setdefault(problem.status, []).append(problem)
    for status, same in sorted(groups.items()):
        yield f"  {status}: {len(same)}"
        for problem in same[:SHOWN]:
            yield f"    {problem.name}: {problem.detail}"
        if len(same) > SHOWN:
            yield f"    and {len(same) - SHOWN} more"


def _unreadable(held: Extent) -> Iterator[str]:
    if held.unreadable:
        lines = [f"can't be opened, and would be left out too: {len(held.unreadable)}"]
        lines += [f"  {told}" for told in held.unreadable[:SHOWN]]
        yield "\n".join(lines)


def _plan(scan: Scan, held: Extent, settings: PrepareSettings, out: Path) -> str:
    """What prepare would do, and the disk that it would take."""
    if not scan.clips:
        return "would do\n  nothing: there is no clip to prepare"
    if settings.source == "openface":
        how = "take OpenFace's aligned faces"
        if any(clip.openface and clip.openface.table for clip in scan.clips):
            how += " and keep its columns as signals"
        basis = f"counted in {held.read} of {held.clips} folders of images"
    else:
        how = (
            f"find faces with {settings.detector} every {settings.detect_every} frames, with a "
            f"margin of {settings.margin:g}{', and align them' if settings.cut == 'aligned' else ''}"
        )
        if any(clip.openface is not None for clip in scan.clips):
            how += ", with the columns of OpenFace's tables as signals"
        basis = f"by the headers of {held.read} of {held.clips} videos, without decoding"
    lines = [f"would {how}", f"  and store crops of {settings.size} px in {out}"]
    if not held.read:
        return "\n".join([*lines, "  frames and disk: unknown, since no header could be read"])
    length = f" in {_duration(held.seconds)}" if held.seconds else ""
    stored = held.bytes_stored(settings.size)
    lines += [
        f"  frames: about {held.frames:,}{length} ({basis})",
        f"  disk: about {_size(stored)} (an estimate: {stored / max(held.frames, 1):,.0f} bytes a "
        f"frame); {_size(_free(out))} are free there",
    ]
    return "\n".join(lines)


def _free(out: Path) -> int:
    """Bytes that are free where ``out`` would be made."""
    folder = out.resolve()
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _command(
    reader: CorpusReader, src: Path, settings: PrepareSettings, out: Path, layout: Path | None
) -> str:
    """The command line that prepares the corpus, as far as it can be told."""
    # a table has a name of its own, which its layout file gives it
    corpus = reader.kind if reader.kind == "table" else reader.name
    words = ["python", "tools/prepare.py", corpus, "--src", str(src), "--out", str(out)]
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        told = field.name == "size" or value != field.default
        if field.init and field.name != "source" and told:
            words += [f"--{field.name.replace('_', '-')}", str(value)]
    options = dict(reader.options)
    for option in ("labels", "openface", "openface_tables"):
        if option in options:
            words += [f"--{option.replace('_', '-')}", str(options.pop(option))]
    if layout is not None or options:
        words += ["--layout", str(layout or "LAYOUT")]
    return shlex.join(words)


def _size(count: float) -> str:
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return (
        f"{count:.0f} {_UNITS[unit]}" if unit < 2 or count >= 100 else f"{count:.1f} {_UNITS[unit]}"
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
