"""Suite files: a paper's table, or a sweep, as a base config and what makes each row differ from it.

A suite is a Python file of plain assignments. Reading one imports neither torch nor mmengine.
"""

from __future__ import annotations

import copy
import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adabench.bench.suite_files import At, SuiteError, check_plain, read_assignments
from adabench.data.tracks import get_track
from adabench.hints import problems
from adabench.records.files.reported import read_reported
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Reported

FOLDER = Path("configs/suites")
REPORTED_FILE = Path("leaderboard/reported/reported.csv")

# `change` may not set these: the bench does, a job at a time.
_NOT_IN_CHANGE = {"track": "tracks", "seed": "seeds"}

Text = Annotated[str, Field(min_length=1, strict=True)]
Seed = Annotated[int, Field(ge=0, strict=True)]
RowName = Annotated[str, Field(pattern=r"^[a-z0-9_]+$", strict=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SuiteRow(_Strict):
    """One row: how its config differs from the base.

    Attributes:
        name: unique in its suite; letters, digits and underscores.
        label: what the table shows, near the paper's words.
        change: merged into the base config, as `load_config` does.
        reported: the row of ``reported.csv`` beside which it is shown.
        base: a config in place of the suite's, relative to the suite file.
        stage: the row is this stage of the config, as a run of its own.
        tracks: in place of the suite's.
        group: the heading above it; rows of one group stand together.
    """

    name: RowName
    label: Text
    change: dict[str, Any] = {}
    reported: Text | None = None
    base: Text | None = None
    stage: Text | None = None
    tracks: tuple[Text, ...] | None = Field(default=None, min_length=1)
    group: Text | None = None


class Suite(_Strict):
    """A table's rows; see the attributes of `SuiteRow`.

    Attributes:
        name: the file's stem.
        path: the file.
        paper: as in ``reported.csv``; None where no paper prints the suite.
        table: the paper's table; None for a sweep.
        title: one line.
        base: the config that rows differ from, relative to the file.
        tracks: each row runs on each, in the paper's order.
        seeds: unless the user names others.
        corpus: the preset of the generated corpus that its demos run on, with enough sessions for a
            table; None leaves it to each config.
        rows: in the paper's order.
    """

    name: str
    path: Path
    paper: Text | None
    table: Text | None
    title: Text
    base: Text
    tracks: tuple[Text, ...] = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field(default=(0,), min_length=1)
    corpus: Text | None = "tables"
    rows: tuple[SuiteRow, ...] = Field(min_length=1)

    def base_of(self, row: SuiteRow) -> Path:
        """Return the config file that a row starts from."""
        return Path(os.path.normpath(self.path.parent / (row.base or self.base)))

    def tracks_of(self, row: SuiteRow) -> tuple[str, ...]:
        """Return the tracks that a row runs on."""
        return row.tracks or self.tracks

    def row(self, name: str) -> SuiteRow:
        """Return the row called ``name``.

        Raises:
            ValueError: there is none, with the nearest and all that exist.
        """
        rows = {row.name: row for row in self.rows}
        if name not in rows:
            raise ValueError(
                f"{self.path}: no row is called {name!r}{_nearest(name, rows)}; "
                f"known: {', '.join(rows)}"
            )
        return rows[name]

    def config_of(self, row: SuiteRow, track: str) -> dict[str, Any]:
        """Return what `load_config` needs for a row on a track, by argument; it adds demo and seed.

        Raises:
            ValueError: the row does not run on that track.
        """
        tracks = self.tracks_of(row)
        if track not in tracks:
            raise ValueError(
                f"{self.path}: row {row.name!r} does not run on track {track!r}"
                f"{_nearest(track, tracks)}; its tracks: {', '.join(tracks)}"
            )
        return {
            "path": self.base_of(row),
            "change": {**self._drawn(row.change), "track": track},
            "name": f"{self.name}/{row.name}",
            "stage": row.stage,
        }

    def _drawn(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row's change with the preset of the generated corpus, where it names none."""
        if self.corpus is None:
            return {**change}
        content = copy.deepcopy(dict(change))
        place: Any = content
        for name in ("demo", "data", "synthface"):
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                # What reads the config tells of it.
                return content
        place.setdefault("preset", self.corpus)
        return content


@dataclass(frozen=True)
class BrokenSuite:
    """A suite file that can't be used, and why: what is told of it begins with its path."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"failed {self.reason}"


_SUITE_KEYS = tuple(name for name in Suite.model_fields if name not in ("name", "path"))
_ROW_KEYS = tuple(SuiteRow.model_fields)


def find_suites(folder: str | os.PathLike[str] = FOLDER) -> list[Path]:
    """Return the suite files of a folder by name; those with a leading underscore are left out.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"suite folder {folder} does not exist; run in the repository")
    return sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))


def load_suite(
    name: str | os.PathLike[str],
    folder: str | os.PathLike[str] = FOLDER,
    reported: Sequence[Record] | None = None,
) -> Suite:
    """Read a suite.

    Args:
        name: a suite of ``folder``, or a file of one's own.
        folder: where suites are looked up by name.
        reported: what papers print; read from the leaderboard by default.

    Raises:
        FileNotFoundError: no such suite, with the nearest that exists.
        ValueError: naming file, line, row, field, what was expected and what came.
    """
    path = _find(name, Path(folder))
    tree, content = read_assignments(path)
    rows = content.get("rows")
    rows = rows if isinstance(rows, (list, tuple)) else ()
    try:
        check_plain(content)
        suite = _validated(path, content, rows)
        _check_suite(suite, read_reported(reported_file()) if reported is None else reported)
    except SuiteError as error:
        raise error.placed(path, tree, rows) from error
    return suite


def load_suites(
    names: Iterable[str] | None,
    folder: str | os.PathLike[str] = FOLDER,
    reported: Sequence[Record] | None = None,
) -> tuple[list[Suite], list[BrokenSuite]]:
    """Read the suites that ``names`` lists, or every one; a broken one harms no other.

    Raises:
        FileNotFoundError: a name that no suite has.
        ValueError: two suites of one name, or a broken file of what papers print.
    """
    found = find_suites(folder) if names is None else [_find(name, Path(folder)) for name in names]
    if found and reported is None:
        reported = read_reported(reported_file())
    suites: list[Suite] = []
    broken: list[BrokenSuite] = []
    for path in dict.fromkeys(found):
        try:
            suites.append(load_suite(path, folder, reported))
        except ValueError as error:
            broken.append(BrokenSuite(path, str(error)))
    _refuse_same_names(suites)
    return suites, broken


def reported_file() -> Path:
    """Return the file of what papers print: the working folder's, or else the repository's."""
    # A suite may be run from anywhere; what papers print is always at hand in the repository.
    return REPORTED_FILE if REPORTED_FILE.is_file() else Path(__file__).parents[2] / REPORTED_FILE


def _refuse_same_names(suites: Sequence[Suite]) -> None:
    paths: dict[str, Path] = {}
    for suite in suites:
        if suite.name in paths:
            raise ValueError(
                f"{suite.path} and {paths[suite.name]} are both suite {suite.name!r}: rename one"
            )
        paths[suite.name] = suite.path


def _find(name: str | os.PathLike[str], folder: Path) -> Path:
    path = Path(name)
    if path.suffix == ".py":
        if path.is_file():
            return path
        known = [p.name for p in path.parent.glob("*.py")]
        raise FileNotFoundError(f"suite {path} does not exist{_nearest(path.name, known)}")
    names = {found.stem: found for found in find_suites(folder)}
    if str(name) not in names:
        raise FileNotFoundError(
            f"no suite is called {str(name)!r}{_nearest(str(name), names)}; "
            f"known: {', '.join(names) or 'none'}"
        )
    return names[str(name)]


def _validated(path: Path, content: Mapping[str, Any], rows: Sequence[Any]) -> Suite:
    for key in content:
        _check_key(key, _SUITE_KEYS, "", At(key))
    for number, row in enumerate(rows):
        for key in row if isinstance(row, dict) else ():
            _check_key(key, _ROW_KEYS, f"{_row_name(number + 1, row)}, ", At(row=number))
    try:
        return Suite.model_validate({**content, "name": path.stem, "path": path})
    except ValidationError as error:
        # Where the first of them is.
        field, item, *_ = (*error.errors(include_url=False)[0]["loc"], None)
        is_row = field == "rows" and isinstance(item, int)
        at = At(row=int(item)) if is_row else At(str(field))
        raise SuiteError(_describe(error, rows), at) from error


def _check_key(key: str, known: Sequence[str], where: str, at: At) -> None:
    if key not in known:
        raise SuiteError(
            f"{where}unknown field {key!r}{_nearest(key, known)}; known: {', '.join(known)}", at
        )


def _check_suite(suite: Suite, reported: Sequence[Record]) -> None:
    _check_tracks(suite.tracks, "", At("tracks"))
    if len(set(suite.seeds)) < len(suite.seeds):
        raise SuiteError(f"field 'seeds': one stands twice: {suite.seeds}", At("seeds"))
    printed = _check_paper(suite, reported)
    names: set[str] = set()
    for number, row in enumerate(suite.rows):
        where, at = f"row {row.name!r}, ", At(row=number)
        if row.name in names:
            raise SuiteError(f"{where}field 'name': two rows are called {row.name!r}", at)
        names.add(row.name)
        if row.tracks is not None:
            _check_tracks(row.tracks, where, at)
        for key, field in _NOT_IN_CHANGE.items():
            if key in row.change:
                told = f"{key!r} is set by the field {field!r}"
                raise SuiteError(f"{where}field 'change': {told}", at)
        _check_base(suite, row, where, at)
        _check_reported(suite, row, printed, at)


def _check_tracks(tracks: Sequence[str], where: str, at: At) -> None:
    for track in tracks:
        try:
            get_track(track)
        except ValueError as error:
            message = str(error).removeprefix("track: ")
            raise SuiteError(f"{where}field 'tracks': {message}", at) from error
    if len(set(tracks)) < len(tracks):
        raise SuiteError(f"{where}field 'tracks': one stands twice: {', '.join(tracks)}", at)


def _check_base(suite: Suite, row: SuiteRow, where: str, at: At) -> None:
    base = suite.base_of(row)
    if not base.is_file():
        near = _nearest(base.name, [path.name for path in base.parent.glob("*.py")])
        told = f"field 'base': {base} does not exist{near}"
        raise SuiteError(f"{where}{told}", at) if row.base else SuiteError(told, At("base"))


def _check_paper(suite: Suite, reported: Sequence[Record]) -> set[tuple[str, str]]:
    """Return the (row, track) pairs that the suite's table prints."""
    origins = [(r.origin, r.track) for r in reported if isinstance(r.origin, Reported)]
    papers = {origin.paper for origin, _ in origins}
    if suite.paper is None:
        if suite.table is not None:
            raise SuiteError(f"field 'table': {suite.table!r} of no paper; set paper", At("table"))
        return set()
    if suite.paper not in papers:
        raise SuiteError(
            f"field 'paper': no reported row is from {suite.paper!r}"
            f"{_nearest(suite.paper, papers)}; known: {', '.join(sorted(papers))}",
            At("paper"),
        )
    tables = {origin.table for origin, _ in origins if origin.paper == suite.paper}
    if suite.table is not None and suite.table not in tables:
        raise SuiteError(
            f"field 'table': no reported row is from table {suite.table!r} of "
            f"{suite.paper!r}; known: {', '.join(sorted(tables))}",
            At("table"),
        )
    wanted = (suite.paper, suite.table)
    return {(o.row, track) for o, track in origins if (o.paper, o.table) == wanted}


def _check_reported(suite: Suite, row: SuiteRow, printed: set[tuple[str, str]], at: At) -> None:
    if row.reported is None:
        return
    where = f"row {row.name!r}, field 'reported': "
    if suite.table is None:
        told = f"{row.reported!r} of no table; set the suite's paper and table"
        raise SuiteError(where + told, at)
    if not any((row.reported, track) in printed for track in suite.tracks_of(row)):
        known = list(dict.fromkeys(name for name, _ in sorted(printed)))
        raise SuiteError(
            f"{where}table {suite.table} of {suite.paper} prints no row {row.reported!r} on "
            f"{', '.join(suite.tracks_of(row))}{_nearest(row.reported, known)}; "
            f"known: {', '.join(known)}",
            at,
        )


def _describe(error: ValidationError, rows: Any) -> str:
    def told(place: re.Match[str]) -> str:
        field = f"field {place['field']!r}: " if place["field"] else ": "
        if place["row"] is None:
            return field
        row = int(place["row"])
        return f"{_row_name(row + 1, rows[row])}, {field}".replace(", : ", ": ")

    place = r"(?:(?<=^)|(?<=; ))(?:rows\.(?P<row>\d+)\.?)?(?P<field>[\w.]*): "
    return re.sub(place, told, problems(error, Suite))


def _row_name(number: int, row: Any) -> str:
    name = row.get("name") if isinstance(row, Mapping) else None
    return f"row {name!r}" if isinstance(name, str) else f"row {number}"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
