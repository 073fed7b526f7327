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

from adabench.evaluation.calibration import possible_sigmas
from adabench.records.files.reading import read_plain
from adabench.records.schema.record import Record
from adabench.records.schema.rounding import HALF_STEP
from adabench.records.schema.sections import Metrics, Reported
from adabench.records.schema.values import METRIC_NAMES

COLUMNS = ("paper", "table", "row", "method", "track", *METRIC_NAMES, "scored", "note")

#: The corpus behind each track that a paper's number can belong to.
CORPUS_OF_TRACK = {
    "avec13": "avec2013",
    "avec14": "avec2014",
    "avec14-freeform": "avec2014",
    "avec14-northwind": "avec2014",
}

#: Population deviation of the test labels, BDI-II points, where it is known to about a point: what a
#: constant predictor's RMSE on AVEC 2014 gives. Nothing about single labels follows from it.
LABEL_SIGMAS = dict.fromkeys(("avec14", "avec14-freeform", "avec14-northwind"), 11.4)

#: How far the deviation may lie from that, points.
SIGMA_TOLERANCE = 1.0


def impossible(record: Record) -> str | None:
    """Return why a row's printed metrics can't be those of any predictions; None if they can.

    Numbers of two decimals may each be off by half of their last digit.
    """
    metrics = record.metrics
    if metrics.MAE > metrics.RMSE + 2 * HALF_STEP:
        return f"impossible: MAE {metrics.MAE:g} is larger than RMSE {metrics.RMSE:g}"
    if metrics.PCC is None or metrics.CCC is None:
        return None
    told = f"RMSE {metrics.RMSE:g}, PCC {metrics.PCC:g} and CCC {metrics.CCC:g}"
    found = possible_sigmas(metrics.RMSE, metrics.PCC, metrics.CCC, HALF_STEP)
    if found is None:
        return f"impossible: {told} go with no labels"
    sigma = LABEL_SIGMAS.get(record.track)
    if sigma is None or (
        found[0] <= sigma + SIGMA_TOLERANCE and found[1] >= sigma - SIGMA_TOLERANCE
    ):
        return None
    return (
        f"impossible: {told} go with labels whose deviation is {found[0]:.2f} to {found[1]:.2f}, and "
        f"here it is {sigma:g}, to about {SIGMA_TOLERANCE:g}"
    )


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
