"""What every corpus reader returns, and what readers share."""

from __future__ import annotations

import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from adabench.data.corpora.folders import FACE_PREFIX, is_video, pictures_below, walk
from adabench.data.persons import Persons
from adabench.data.plain import printable
from adabench.data.traits import Traits
from adabench.evaluation.scale import BDI_II, Scale

RECORD = "synthface.json"
"""The generator's record, beside what it wrote."""


@dataclass(frozen=True)
class OpenFaceFiles:
    """What OpenFace 2 left of one clip: one of the two, or both.

    Args:
        table: the CSV with a row a frame; None for images alone.
        aligned: the folder of aligned faces, an image a frame; None for a table whose signals go
            beside faces found in the clip's video.
    """

    table: Path | None
    aligned: Path | None

    def __post_init__(self) -> None:
        if self.table is None and self.aligned is None:
            raise ValueError("OpenFaceFiles: expected a table or a folder of images, got neither")


@dataclass(frozen=True)
class SourceClip:
    """One clip of a raw corpus; it has a video, OpenFace's output, or both.

    Args:
        clip: name of the clip, unique in its corpus, e.g. ``203_1_Freeform``.
        subject: the person, e.g. ``203``.
        session: the recording that a score belongs to, e.g. ``203_1``.
        task: e.g. ``Freeform``; empty where the corpus has none.
        split: ``train``, ``dev`` or ``test``.
        video: the video file; None for a clip of which only OpenFace's output is there.
        score: of the reader's scale; None where the corpus has no labels.
        signals: CSV file with a row a frame; None where the corpus has none.
        openface: what OpenFace left of the clip; with images it stands for its video. None where
            there is only the video.
        root: the folder that the source was found under; None takes the source's own folder.
        traits: what is known of the person beside, which no model sees.
        fps: frames per second where no file tells them; None where that is not known.

    Raises:
        ValueError: neither a video nor OpenFace's images.
    """

    clip: str
    subject: str
    session: str
    task: str
    split: str
    video: Path | None
    score: float | None = None
    signals: Path | None = None
    openface: OpenFaceFiles | None = None
    root: Path | None = None
    traits: Traits = ()
    fps: float | None = None

    def __post_init__(self) -> None:
        if self.video is None and self.openface is None:
            raise ValueError(f"clip {self.clip}: expected a video or OpenFace's output, got none")

    @property
    def source(self) -> Path:
        """What the faces come from: where there are images of OpenFace's their table, or where that
        is missing their folder; else the video."""
        if self.openface is not None and self.openface.aligned is not None:
            return self.openface.table or self.openface.aligned
        if self.video is None:
            raise ValueError(f"clip {self.clip}: neither a video nor OpenFace's output")
        return self.video

    @property
    def source_name(self) -> str:
        """``source`` as the manifest calls it: relative to ``root``, with slashes."""
        root = self.source.parent if self.root is None else self.root
        return self.source.relative_to(root).as_posix()


@dataclass(frozen=True, order=True)
class Problem:
    """Something that a raw corpus lacks or has too much of.

    Args:
        name: the clip, label or file concerned.
        detail: what is wrong with it, and what to do.
        status: one word for tables, e.g. ``no_label``.
        left_out: whether the clip is left out; otherwise it is kept, and worth a look.

    What can't be printed in ``name`` and ``detail``, such as odd bytes of a file's name, is escaped.
    """

    name: str
    detail: str
    status: str
    left_out: bool = True

    def __post_init__(self) -> None:
        for field in ("name", "detail"):
            object.__setattr__(self, field, printable(getattr(self, field)))


@dataclass(frozen=True)
class Scan:
    """What a raw corpus holds: ``clips`` and ``problems``, each sorted by name."""

    clips: tuple[SourceClip, ...]
    problems: tuple[Problem, ...]


class CorpusReader(ABC):
    """Finds the clips of a raw corpus and their labels; never opens a video.

    What a user may set (``--labels``, ``--openface``, keys of a layout file) are the arguments of
    ``__init__``, all with a default.

    Attributes:
        name: the corpus, e.g. ``synthface``; it is registered in ``CORPORA`` by this name.
        kind: the layout, e.g. ``avec2014``; corpora of one kind have the same sort of clips. By
            default the corpus's name.
        licensed: whether a licence forbids publishing its labels.
        scale: of its scores.
    """

    name: str
    kind: str = ""
    licensed: bool = True
    scale: Scale = BDI_II
    _given: Mapping[str, Any] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.kind and isinstance(getattr(cls, "name", None), str):
            cls.kind = cls.name

    @property
    def layout(self) -> str:
        """What files it looks for, for messages."""
        return f"the files of {self.name}"

    @property
    def options(self) -> Mapping[str, Any]:
        """What a user set, by argument, as `find_reader` was told."""
        return self._given

    @classmethod
    def option_names(cls) -> tuple[str, ...]:
        """The arguments that a user may set."""
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        parameters = inspect.signature(cls).parameters.values()
        return tuple(each.name for each in parameters if each.kind in kinds)

    @abstractmethod
    def scan(self, src: Path) -> Scan:
        """Looks through the raw corpus in the folder ``src``.

        Raises:
            FileNotFoundError: ``src`` is missing or holds no such corpus.
        """

    def parameters(self, src: Path) -> dict[str, Any] | None:
        """The generator's record for a generated corpus, None for a recorded one.

        A generated corpus stays one, whatever layout it is read as.

        Raises:
            FileNotFoundError: the record is missing where it has to be, as when the generator was
                interrupted.
            ValueError: the record is damaged.
        """
        folder = src if src.is_dir() else src.parent
        return read_record(folder, RECORD) if (folder / RECORD).is_file() else None


def check_root(src: Path, layout: str, option: str = "--src") -> None:
    """Raises FileNotFoundError unless ``src`` is a folder with something in it.

    Args:
        src: what a user named.
        layout: what is expected there, for the message.
        option: how the user named it.
    """
    if not src.is_dir():
        state = "is a file, not a folder" if src.exists() else "does not exist"
    elif not any(src.iterdir()):
        state = "is empty"
    else:
        return
    raise FileNotFoundError(f"raw corpus: {src} {state}; {_expectation(layout, option)}")


def check_found(
    clips: Iterable[object],
    src: Path,
    layout: str,
    openface: Path | None = None,
    splits: Collection[str] = (),
) -> None:
    """Raises FileNotFoundError if nothing was found, and says what is there instead.

    Args:
        clips: what was found.
        src: the raw corpus.
        layout: what was expected there.
        openface: the root of OpenFace's output, if clips were looked for there too.
        splits: the names of the splits' folders.
    """
    if any(True for _ in clips):
        return
    roots = [src] if openface in (None, src) else [src, openface]
    videos, aligned = [], []
    for root in filter(None, roots):
        for folder, faces, names in walk(root):
            aligned += faces
            videos += [folder / name for name in names if is_video(name)]
    there = ""
    if videos:
        there += f"; there are {len(videos)} videos of other names or places, {_first(videos, src)}"
    if aligned and openface is None:
        there += (
            f"; there are {len(aligned)} folders of OpenFace's: name their root with --openface "
            f"({_first(aligned, src)})"
        )
    elif aligned:
        there += (
            f"; there are {len(aligned)} folders of OpenFace's of other names or places, "
            f"{_first(aligned, src)}: tell splits, tasks and video_pattern in a file for --layout"
        )
    there += _above_splits([*videos, *aligned], src, splits)
    if not videos and not aligned:
        there += _pictures(openface or src)
    raise FileNotFoundError(
        f"raw corpus: no video found in {src}{there}; {_expectation(layout, '--src')}"
    )


def _pictures(src: Path) -> str:
    """What to do with folders of images below ``src`` that nothing says are of faces, if any."""
    found = pictures_below(src)
    if not found:
        return ""
    return (
        f"; there are {len(found)} folders of images, {_first(found, src)}: OpenFace's have names "
        f"like {FACE_PREFIX}00_000001.bmp, by which they are known"
    )


def _above_splits(found: Iterable[Path], src: Path, splits: Collection[str]) -> str:
    """What to do where the folders of splits stand deeper than in ``src``."""
    names = {name.lower() for name in splits}
    above = set()
    for path in found:
        parts = path.relative_to(src).parts if path.is_relative_to(src) else ()
        depths = [i for i, part in enumerate(parts[:-1]) if part.lower() in names]
        above.add(src.joinpath(*parts[: depths[0]]) if depths else src)
    if len(above) != 1 or src in above:
        return ""
    return f"; the folders of splits stand in {above.pop()}: name that instead of {src}"


def _first(found: Iterable[Path], src: Path) -> str:
    first = min(found)
    within = first.relative_to(src) if first.is_relative_to(src) else first
    return f"the first {within.as_posix()}"


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


def unique(clips: Iterable[SourceClip]) -> tuple[list[SourceClip], list[Problem]]:
    """``clips`` without those whose name comes more than once, and a problem for each such name.

    All copies go: which of them is the right one, and in which split, can't be known.
    """
    by_name: dict[str, list[SourceClip]] = {}
    for clip in clips:
        by_name.setdefault(clip.clip, []).append(clip)
    problems = [
        Problem(name, f"found more than once: {paths(same)}; keep one of them", "duplicate")
        for name, same in by_name.items()
        if len(same) > 1
    ]
    return [same[0] for same in by_name.values() if len(same) == 1], problems


def told_persons(name: str, place: Path, persons: Persons[Any]) -> list[Problem]:
    """The remarks on names of persons, about the file or folder ``place``."""
    found = [*((line, "one_person") for line in persons.merged)]
    found += [(line, "which_person") for line in persons.asked]
    return [Problem(name, f"{place}: {line}", status, left_out=False) for line, status in found]


def paths(clips: Iterable[SourceClip]) -> str:
    """The clips' sources relative to their root, for a message."""
    return ", ".join(clip.source_name for clip in clips)


def sorted_scan(clips: Iterable[SourceClip], problems: Iterable[Problem]) -> Scan:
    """A scan in its canonical order."""
    return Scan(tuple(sorted(clips, key=lambda clip: clip.clip)), tuple(sorted(problems)))


def _expectation(layout: str, option: str) -> str:
    return f"expected {layout}; give the folder that holds those with {option}"
