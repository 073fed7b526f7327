"""A corpus of one's own: one CSV that names clips, videos and scores."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adabench.data.corpora.avec import FileNames
from adabench.data.corpora.base import (
    CorpusReader,
    OpenFaceFiles,
    Problem,
    Scan,
    SourceClip,
    check_root,
    sorted_scan,
    told_persons,
)
from adabench.data.corpora.layout import SPLIT_FOLDERS, split_aliases
from adabench.data.corpora.openface import OpenFaceIndex, index_of
from adabench.data.corpora.rows import Row, Table, read_table
from adabench.data.corpora.scales import read_scale
from adabench.data.manifest import SPLITS
from adabench.data.persons import one_spelling, person_key
from adabench.data.traits import Traits, check_traits, is_trait, sorted_traits
from adabench.evaluation.scale import BDI_II, Scale
from adabench.registry import CORPORA

REQUIRED = ("clip", "video", "score")
OPTIONAL = ("subject", "session", "task", "split")

_SHEETS, _TEXTS = (".xlsx", ".xls", ".ods", ".numbers"), (".tsv", ".tab", ".txt")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NAMES = "letters, digits, '.', '_' and '-', beginning with a letter or digit"
_SCORE = re.compile(r"(-?[0-9]{1,6})(?:[.,]([0-9]+))?")  # spreadsheets write 12 as 12.0


class RowError(ValueError):
    """A row that gives no clip.

    Args:
        status: one word for tables.
        detail: what is wrong with it and what to do, without the row.
    """

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True)
class _Entry:
    """A clip and the row that it comes from."""

    row: Row
    clip: SourceClip


@CORPORA.register_module("table")
class TableReader(CorpusReader):
    """Reads a CSV with the columns ``clip, video, score`` and perhaps others.

    Further columns are ``subject`` (without it each session is a person of its own), ``session``
    (without it each clip is one), ``task`` and ``split`` (without it every clip is in ``train``); and
    ``sex``, ``age`` and ``group_…``, by which records tell results, and which no model sees.
    Paths of videos are relative to the CSV's folder or to the corpus's.

    Args:
        name: the corpus.
        licensed: whether its labels may not be published.
        splits: our name of a split -> the name or names that the column has for it.
        labels: the CSV, where it is not the only one directly in the corpus's folder.
        openface: the root of what OpenFace 2 wrote, to be used instead of finding faces; the
            column ``video`` may then be empty.
        openface_tables: the same, if only its tables are to be used: their columns become the
            signals of faces found in the videos.
        scale: of the scores: its name, a file that describes it, or what that holds; by default
            the BDI-II.

    Raises:
        ValueError: a wrong option.
    """

    kind = "table"
    layout = "a CSV with the columns clip,video,score and perhaps subject,session,task,split"

    def __init__(
        self,
        name: str = "table",
        *,
        licensed: bool = True,
        splits: FileNames | None = None,
        labels: Path | None = None,
        openface: Path | None = None,
        openface_tables: Path | None = None,
        scale: Scale | str | Path | Mapping[str, Any] | None = None,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"name: expected {_NAMES}, got {name!r}")
        self.name = name
        self.licensed = licensed
        self.splits = split_aliases(splits or SPLIT_FOLDERS)
        self.labels = labels
        self.openface, self.openface_tables = openface, openface_tables
        self.scale = BDI_II if scale is None else read_scale(scale)
        given = {
            "splits": splits,
            "labels": labels,
            "openface": openface,
            "openface_tables": openface_tables,
        }
        self._options = {key: value for key, value in given.items() if value is not None}

    @property
    def options(self) -> Mapping[str, Any]:
        """See :attr:`adabench.data.corpora.base.CorpusReader.options`."""
        return self._options

    def scan(self, src: Path) -> Scan:
        """See :meth:`adabench.data.corpora.base.CorpusReader.scan`; ``src`` may be the CSV itself.

        Raises:
            ValueError: the CSV can't be read as one, or lacks a column.
        """
        src = Path(src)
        path = self._path(src)
        table = read_table(path, REQUIRED, OPTIONAL, is_trait)
        if not (table.rows or table.problems):
            raise ValueError(f"{path}: no rows below the header: add a row for each clip")
        roots = list(dict.fromkeys((path.parent, src if src.is_dir() else src.parent)))
        index = index_of(self.openface, self.openface_tables)
        problems = [*table.problems, *_assumed(path, table)]
        entries = []
        for row in table.rows:
            try:
                entries.append(_Entry(row, self._clip(row, roots, index)))
            except RowError as error:
                problems.append(row.problem(error.status, str(error), row["clip"]))
        numbers = [str(entry.row.number) for entry in entries]
        persons = one_spelling([entry.clip for entry in entries], numbers, "rows")
        problems += told_persons(path.name, path, persons)
        entries = [replace(e, clip=clip) for e, clip in zip(entries, persons.clips, strict=True)]
        clashes = _clashes(entries)
        clips = [entry.clip for entry in entries if entry.row.number not in clashes]
        return sorted_scan(clips, [*problems, *clashes.values()])

    def _path(self, src: Path) -> Path:
        """The CSV.

        Raises:
            FileNotFoundError, ValueError: there is none, or there are several.
        """
        if self.labels is not None and self.labels.is_file():
            return self.labels
        if self.labels is None and src.is_file():
            return src
        folder = src if self.labels is None else self.labels
        check_root(folder, self.layout, "--src" if self.labels is None else "--labels")
        found = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() == ".csv" and not path.name.startswith(".")
        )
        if not found:
            raise FileNotFoundError(
                f"raw corpus: no CSV in {folder}; expected {self.layout}{_another(folder)}"
            )
        if len(found) > 1:
            told = ", ".join(path.name for path in found[:5])
            raise ValueError(
                f"raw corpus: {len(found)} CSVs in {folder}: {told}: name the one with the clips "
                "with --labels"
            )
        return found[0]

    def _clip(self, row: Row, roots: list[Path], index: OpenFaceIndex | None) -> SourceClip:
        clip = row["clip"]
        if not _NAME.fullmatch(clip):
            raise RowError("bad_name", f"column clip: expected {_NAMES}, got {clip!r}: rename it")
        score, split = _score(row["score"], self.scale), self._split(row)
        video, root, files = None, None, None
        needed = index is None or not index.images
        if row["video"] or needed:
            video, root = _video(row["video"], roots, needed=needed)
        if index is not None:
            files = _openface(row, index)
            root = index.root if index.images else root
        session = row["session"] or clip
        return SourceClip(
            clip=clip,
            subject=row["subject"] if person_key(row["subject"]) else session,
            session=session,
            task=row["task"],
            split=split,
            video=video,
            score=score,
            openface=files,
            root=root,
            traits=_traits(row),
        )

    def _split(self, row: Row) -> str:
        if "split" not in row.values:
            return SPLITS[0]
        for split, names in self.splits.items():
            if row["split"].lower() in {split, *(name.lower() for name in names)}:
                return split
        got = row["split"]
        raise RowError(
            "bad_split",
            f"column split: expected {', '.join(self.splits)}, got {got!r}: correct it",
        )


def _another(folder: Path) -> str:
    """What to do with a table of another sort that lies where a CSV should."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _SHEETS:
            return f"; there is {path.name}: save its table as CSV in UTF-8"
        if path.suffix.lower() in _TEXTS:
            return f"; there is {path.name}: if that is the table, name the file itself"
    return ""


def _traits(row: Row) -> Traits:
    traits = sorted_traits(row.values.items())
    try:
        check_traits(traits)
    except ValueError as error:
        raise RowError("bad_trait", f"{error}: correct it, or leave it empty") from error
    return traits


def _score(text: str, scale: Scale) -> float:
    if not text:
        raise RowError("no_label", f"column score: empty: fill in the clip's {scale.name} score")
    match = _SCORE.fullmatch(text)
    score = float(text.replace(",", ".")) if match else math.nan
    if not scale.holds(score):
        raise RowError(
            "bad_label",
            f"column score: expected {scale.expected}, got {text[:20]!r}: correct it",
        )
    return int(score) if scale.whole else score


def _video(text: str, roots: Sequence[Path], *, needed: bool) -> tuple[Path | None, Path | None]:
    """The video and the root that it is below; (None, None) if it is neither there nor needed."""
    if not text:
        raise RowError("no_video", "column video: empty: fill in the path of the clip's video")
    inside = _inside(text.replace("\\", "/"), roots)
    told = " and ".join(str(root) for root in roots)
    if not inside:
        raise RowError(
            "bad_path",
            f"column video: {text!r} leads out of {told}: move the video into it, or name a folder "
            "that holds all videos with --src",
        )
    found = {path.resolve(): (path, root) for path, root in inside.items() if _is_file(path)}
    if len(found) > 1:
        several = ", ".join(str(path) for path, _ in found.values())
        raise RowError("duplicate", f"column video: {text!r} may be {several}: keep one of them")
    if not found and needed:
        raise RowError(
            "no_video", f"column video: no file {text!r} in {told}: correct the path, or add it"
        )
    return next(iter(found.values()), (None, None))


def _inside(text: str, roots: Sequence[Path]) -> dict[Path, Path]:
    """What ``text`` may mean -> a root that this is below; links are taken as they stand."""
    plain = [Path(os.path.normpath(root)) for root in roots]
    found = {}
    for base in plain:
        path = Path(os.path.normpath(base / text))
        holding = [root for root in plain if path.is_relative_to(root)]
        if holding:
            found[path] = holding[-1]
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # a name that no file system takes, such as one of 300 letters
        return False


def _openface(row: Row, index: OpenFaceIndex) -> OpenFaceFiles:
    stems = [row["clip"]]
    if row["video"]:
        stems.insert(0, Path(row["video"].replace("\\", "/")).stem)
    files = index.find(row["clip"], list(dict.fromkeys(stems)))
    if isinstance(files, Problem):
        raise RowError(files.status, files.detail)
    return files


def _assumed(path: Path, table: Table) -> list[Problem]:
    """What is taken for granted where a column or a field is missing."""
    problems = []
    bare = [row for row in table.rows if not person_key(row["subject"])]
    if bare:
        where = "no column subject" if "subject" not in table.columns else f"row {bare[0].number}"
        unit = "session" if "session" in table.columns else "clip"
        detail = (
            f"{path}: {where}: {len(bare)} clips without a person: each {unit} is taken for a "
            "person of its own, so splits may share persons unseen: fill the column subject"
        )
        problems.append(Problem(path.name, detail, "no_subject", left_out=False))
    if "split" not in table.columns:
        detail = f"{path}: no column split: every clip is in {SPLITS[0]}: add the column split"
        problems.append(Problem(path.name, detail, "no_split", left_out=False))
    return problems


def _clashes(entries: Sequence[_Entry]) -> dict[int, Problem]:
    """A problem for each entry that contradicts another one, by the row's number."""
    problems: dict[int, Problem] = {}

    def tell(same: list[_Entry], status: str, detail: str) -> None:
        rows = ", ".join(str(entry.row.number) for entry in same)
        for entry in same:
            told = f"{detail} (rows {rows})"
            problem = entry.row.problem(status, told, entry.clip.clip)
            problems.setdefault(entry.row.number, problem)

    for same in _groups(entries, lambda clip: clip.clip.lower()):
        tell(same, "duplicate", "column clip: the name comes more than once: give each its own")
    for same in _groups(entries, lambda clip: clip.source.resolve()):
        tell(same, "duplicate", "column video: the video comes more than once: keep one row")
    for same in _groups(entries, lambda clip: clip.session):
        for field, detail in _ONE_A_SESSION.items():
            if len({getattr(entry.clip, field) for entry in same}) > 1:
                tell(
                    same,
                    "bad_session",
                    f"column {field}: session {same[0].clip.session!r} {detail}",
                )
    return problems


def _groups(entries: Iterable[_Entry], key: Callable[[SourceClip], Hashable]) -> list[list[_Entry]]:
    """The entries that have a key in common with others."""
    groups: dict[Hashable, list[_Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry.clip), []).append(entry)
    return [same for same in groups.values() if len(same) > 1]


_ONE_A_SESSION = {
    "subject": "has several persons: give each session a name of its own, e.g. PERSON_1",
    "split": "is in several splits: choose one",
    "score": "has several scores: keep the right one",
    "traits": "has several values of sex, age or a group: keep the right ones",
}
