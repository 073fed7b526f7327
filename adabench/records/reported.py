"""Numbers that papers print, read from a table in the repository.

One line a cell group: ``paper,table,row,method,track,RMSE,MAE,PCC,CCC,scored,note``. PCC, CCC and the
note may be empty; ``scored``, over what the errors were taken, is ``sessions`` (of one clip each, too),
``clips`` or ``not printed``. A number is kept as its paper prints it, also where two papers disagree
about a third.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from adabench.records.reading import read_plain
from adabench.records.record import METRIC_NAMES, Metrics, Record, Reported

COLUMNS = ("paper", "table", "row", "method", "track", *METRIC_NAMES, "scored", "note")

#: The corpus behind each track that a paper's number can belong to.
CORPUS_OF_TRACK = {
    "avec13": "avec2013",
    "avec14": "avec2014",
    "avec14-freeform": "avec2014",
    "avec14-northwind": "avec2014",
}


def read_reported(path: str | os.PathLike[str]) -> list[Record]:
    """Reads a CSV file of reported rows as records, in the file's order.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming file, line and field of the first row that is wrong.
    """
    path = Path(path)
    records = []
    for line, row in _rows(path):
        try:
            records.append(_record(row))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(step) for step in first["loc"])
            raise ValueError(f"{path}, line {line}: {field}: {first['msg']}") from error
        except ValueError as error:
            raise ValueError(f"{path}, line {line}: {error}") from error
    return records


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = read_plain(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected a table in UTF-8; save it so") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(
                f"{path}, line 1: expected the columns {', '.join(COLUMNS)}; "
                f"got {', '.join(reader.fieldnames or ()) or 'nothing'}"
            )
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(
                    f"{path}, line {reader.line_num}: expected {len(COLUMNS)} columns; "
                    "quote a name that holds a comma"
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: no table ({error})") from error


def _record(row: Mapping[str, str]) -> Record:
    track = row["track"]
    if track not in CORPUS_OF_TRACK:
        raise ValueError(f"track: expected one of {', '.join(CORPUS_OF_TRACK)}; got {track!r}")
    origin = {name: row[name] for name in ("paper", "table", "row", "scored")}
    return Record(
        kind="method",
        method=row["method"],
        config=row["row"],
        track=track,
        corpus=CORPUS_OF_TRACK[track],
        licensed=True,
        metrics=Metrics(**{name: _number(name, row[name]) for name in METRIC_NAMES if row[name]}),
        notes=[row["note"]] if row["note"] else [],
        origin=Reported.model_validate(origin),
    )


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{name}: expected a number, got {text!r}") from error
