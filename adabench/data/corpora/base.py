"""What every corpus reader returns, and what readers share."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from adabench.data.manifest import SPLITS

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".wmv")
TRUTH_FOLDER = "truth"


@dataclass(frozen=True)
class SourceClip:
    """One clip of a raw corpus.

    Args:
        clip: name of the clip, unique in its corpus, e.g. ``203_1_Freeform``.
        subject: the person, e.g. ``203``.
        session: the recording that a score belongs to, e.g. ``203_1``.
        task: e.g. ``Freeform``; empty where the corpus has none.
        split: ``train``, ``dev`` or ``test``.
        video: the video file.
        score: BDI-II points, 0 to 63; None where the corpus has no labels.
        signals: CSV file with a row a frame; None where the corpus has none.
    """

    clip: str
    subject: str
    session: str
    task: str
    split: str
    video: Path
    score: int | None = None
    signals: Path | None = None


@dataclass(frozen=True, order=True)
class Problem:
    """Something that a raw corpus lacks or has too much of.

    Args:
        name: the clip, label or file concerned.
        detail: what is wrong with it, and what to do.
        status: one word for tables, e.g. ``no_label``.
        left_out: whether the clip is left out; otherwise it is kept, and worth a look.
    """

    name: str
    detail: str
    status: str
    left_out: bool = True


@dataclass(frozen=True)
class Scan:
    """What a raw corpus holds: ``clips`` and ``problems``, each sorted by name."""

    clips: tuple[SourceClip, ...]
    problems: tuple[Problem, ...]


class CorpusReader(Protocol):
    """Finds the clips of a raw corpus and their labels; never opens a video."""

    @property
    def name(self) -> str:
        """The corpus, e.g. ``synthface``."""

    @property
    def kind(self) -> str:
        """The layout, e.g. ``avec2014``; corpora of one kind have the same sort of clips."""

    @property
    def licensed(self) -> bool:
        """Whether a licence forbids publishing its labels."""

    def scan(self, src: Path) -> Scan:
        """Looks through the raw corpus in the folder ``src``.

        Raises:
            FileNotFoundError: ``src`` is missing or holds no such corpus.
        """

    def parameters(self, src: Path) -> dict[str, Any] | None:
        """The generator's record for a generated corpus, None for a recorded one.

        Raises:
            FileNotFoundError: the record is missing, as when the generator was interrupted.
            ValueError: the record is damaged.
        """


def check_root(src: Path, layout: str) -> None:
    """Raises FileNotFoundError unless ``src`` is a folder with something in it."""
    if not src.is_dir():
        state = "is a file, not a folder" if src.exists() else "does not exist"
    elif not any(src.iterdir()):
        state = "is empty"
    else:
        return
    raise FileNotFoundError(f"raw corpus: {src} {state}; {_expectation(layout)}")


def check_found(clips: Iterable[object], src: Path, layout: str) -> None:
    """Raises FileNotFoundError if nothing was found in ``src``."""
    if not any(True for _ in clips):
        raise FileNotFoundError(f"raw corpus: no video found in {src}; {_expectation(layout)}")


def subfolders(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """The folders directly in ``folder`` that have one of ``names``, in whatever case, sorted."""
    wanted = {name.lower() for name in names}
    for path in sorted(folder.iterdir()):
        if path.name.lower() in wanted and path.is_dir():
            yield path


def files_below(src: Path) -> Iterator[Path]:
    """All files below ``src``, sorted within a folder; a generator's truth is not looked at."""
    for folder, folders, names in os.walk(src):
        folders[:] = sorted(name for name in folders if name.lower() != TRUTH_FOLDER)
        for name in sorted(names):
            yield Path(folder, name)


def read_record(src: Path, name: str) -> dict[str, Any]:
    """A generator's record, the file ``name`` in ``src``.

    Raises:
        FileNotFoundError, ValueError: as :meth:`CorpusReader.parameters`.
    """
    path = src / name
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"raw corpus: {path} is missing; it is written last, so the corpus in {src} is "
            "unfinished: generate it again"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: damaged ({error}): generate the corpus again") from error
    if not isinstance(record, dict):
        raise ValueError(f"{path}: expected a JSON object: generate the corpus again")
    return record


def unique(clips: Iterable[SourceClip], src: Path) -> tuple[list[SourceClip], list[Problem]]:
    """``clips`` without those whose name comes more than once, and a problem for each such name.

    All copies go: which of them is the right one, and in which split, can't be known.
    """
    by_name: dict[str, list[SourceClip]] = {}
    for clip in clips:
        by_name.setdefault(clip.clip, []).append(clip)
    problems = [
        Problem(name, f"found more than once: {paths(same, src)}; keep one of them", "duplicate")
        for name, same in by_name.items()
        if len(same) > 1
    ]
    return [same[0] for same in by_name.values() if len(same) == 1], problems


def paths(clips: Iterable[SourceClip], src: Path) -> str:
    """The clips' videos relative to ``src``, for a message."""
    return ", ".join(clip.video.relative_to(src).as_posix() for clip in clips)


def sorted_scan(clips: Iterable[SourceClip], problems: Iterable[Problem]) -> Scan:
    """A scan in its canonical order."""
    return Scan(tuple(sorted(clips, key=lambda clip: clip.clip)), tuple(sorted(problems)))


def split_aliases(splits: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Checked copy of a reader's ``splits``: our name of a split -> its folders' names."""
    unknown = sorted(set(splits) - set(SPLITS))
    if unknown:
        raise ValueError(f"splits: expected the keys {', '.join(SPLITS)}, got {unknown[0]!r}")
    return {split: tuple(names) for split, names in splits.items()}


def _expectation(layout: str) -> str:
    return f"expected {layout}; give the folder that holds those with --src"
