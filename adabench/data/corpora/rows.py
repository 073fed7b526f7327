"""Reading a CSV that a person made: any of three separators, blanks, a byte order mark."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adabench.data.corpora.base import Problem
from adabench.data.corpora.layout import near

SEPARATORS = (",", ";", "\t")

_REMEDY = "correct the first row"
_EMPTY = "the table is empty: fill it, or name another"


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Args:
        path: the table.
        number: counted as an editor counts lines, from 1 with the header's.
        values: column -> text without blanks around it; columns that are not there are missing.
    """

    path: Path
    number: int
    values: dict[str, str]

    @property
    def name(self) -> str:
        """The row, for where it has no other name."""
        return f"{self.path.name} row {self.number}"

    def problem(self, status: str, detail: str, name: str = "") -> Problem:
        """A problem with this row."""
        return Problem(name or self.name, f"{self.path}: row {self.number}: {detail}", status)

    def __getitem__(self, column: str) -> str:
        return self.values.get(column, "")


@dataclass(frozen=True)
class Table:
    """A table's known columns, its rows, and the rows and columns that are none."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]


def read_table(
    path: Path,
    required: Sequence[str],
    optional: Sequence[str],
    more: Callable[[str], bool] = lambda _: False,
) -> Table:
    """Reads the CSV ``path``, whose first row names its columns, in whatever case and order.

    Args:
        path: the table.
        required, optional: columns that there must be, and may be.
        more: whether a further column is known by its name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no text in UTF-8, no rows, or the columns are not the ``required`` and any of
            the ``optional``, each once. Other columns are problems that cost nothing.
    """
    separator, (first, *numbered) = _split(path, (*required, *optional))
    header = [name.strip().lower() for name in first[1]]
    optional = (*optional, *dict.fromkeys(filter(more, header)))
    _check_columns(path, header, required, optional)
    known = (*required, *optional)
    rows, problems = _rows(path, header, numbered, separator)
    problems[:0] = [_unknown(path, name, known) for name in header if name and name not in known]
    columns = tuple(name for name in known if name in header)
    return Table(columns, tuple(rows), tuple(problems))


def _split(path: Path, columns: Sequence[str]) -> tuple[str, list[tuple[int, list[str]]]]:
    """Return a table's separator and its rows' fields, each with the number of the row's last line."""
    separator, lines, skipped = _separator(_lines(path), columns)
    reader = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=separator)
    try:
        # after the loop line_num is the row's last line; a field may hold line breaks
        numbered = [(reader.line_num + skipped, fields) for fields in reader]
    except csv.Error as error:
        place = f"row {reader.line_num + skipped}"
        raise ValueError(f"{path}: {place}: no CSV ({error}): correct it") from error
    if not numbered:
        raise ValueError(f"{path}: {_EMPTY}")
    return separator, numbered


def _rows(
    path: Path, header: Sequence[str], numbered: Sequence[tuple[int, list[str]]], separator: str
) -> tuple[list[Row], list[Problem]]:
    """Return the rows that have a field a column, and those that have not; empty ones are passed over."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for number, given in numbered:
        fields = [field.strip() for field in given]
        if not any(fields):
            continue
        while len(fields) > len(header) and not fields[-1]:
            fields.pop()
        if len(fields) != len(header):
            detail = (
                f"expected {len(header)} fields between {separator!r}, got {len(fields)}: "
                "put a field that holds the separator into double quotes"
            )
            problems.append(Row(path, number, {}).problem("bad_row", detail))
            continue
        rows.append(Row(path, number, dict(zip(header, fields, strict=True))))
    return rows, problems


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such table") from None
    try:
        lines = content.decode("utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}: row {row}: no text in UTF-8: save the table as CSV in UTF-8"
        ) from error
    if not any(line.strip() for line in lines):
        raise ValueError(f"{path}: {_EMPTY}")
    return lines


def _separator(lines: list[str], known: Sequence[str]) -> tuple[str, list[str], int]:
    """The separator, the lines from the header on, and how many stood before it."""
    skipped = next(index for index, line in enumerate(lines) if line.strip())
    first = lines[skipped].strip().lower()
    if first.startswith("sep=") and len(first) <= len("sep=;"):
        # what spreadsheets write for each other
        rest = lines[skipped + 1 :] or [""]
        return first[len("sep=") :] or "\t", rest, skipped + 1

    def names(separator: str) -> int:
        return sum(name.strip().strip('"') in known for name in first.split(separator))

    return max(SEPARATORS, key=names), lines[skipped:], skipped


def _check_columns(
    path: Path, header: Sequence[str], required: Sequence[str], optional: Sequence[str]
) -> None:
    told = ", ".join(map(repr, header))
    for name in required:
        if name not in header:
            close = difflib.get_close_matches(name, header, n=1)
            hint = f" (is it {close[0]!r}?)" if close else ""
            raise ValueError(
                f"{path}: row 1: no column {name!r}{hint}; expected {', '.join(required)} and "
                f"perhaps {', '.join(optional)}, got {told}: {_REMEDY}"
            )
    for name in (*required, *optional):
        if header.count(name) > 1:
            raise ValueError(f"{path}: row 1: column {name!r} comes twice in {told}: {_REMEDY}")


def _unknown(path: Path, name: str, known: Sequence[str]) -> Problem:
    detail = f"{path}: column {name!r} is not read{near(name, known)}"
    return Problem(f"{path.name} column {name}", detail, "unknown_column", left_out=False)
