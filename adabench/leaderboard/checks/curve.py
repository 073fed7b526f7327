"""What must hold of the curve beside a record: that it may lie there, is one, and is of that run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from adabench.records.files.curve import TRAIN, VAL, Row, parse_curve
from adabench.records.files.side_files import CURVE
from adabench.records.schema.consistency import TOLERANCE
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Selection
from adabench.records.schema.values import METRIC_NAMES

_PLAIN: Final = ("epoch", "rate", "seconds")

#: What selects an epoch.
_JUDGED: Final = f"{VAL}RMSE"


def curve_reasons(record: Record, beside: Mapping[str, bytes]) -> Iterator[str]:
    """Yield why a record's curve does not hold; a record without one is none the worse.

    Args:
        record: of the run.
        beside: name to content of the files in its side folder.
    """
    if record.licensed and CURVE in record.provenance:
        yield (
            f"{CURVE} lies beside it, but corpus {record.corpus!r} is licensed: exact losses and "
            "errors of every epoch are equations in its labels; pass the file on to nobody and run again"
        )
    elif CURVE in beside:
        yield from _content_reasons(record, beside[CURVE])


def _content_reasons(record: Record, content: bytes) -> Iterator[str]:
    try:
        rows = parse_curve(content.decode())
    except ValueError as error:
        yield f"{CURVE} is no curve that adabench keeps: {error}"
        return
    epochs = [row["epoch"] for row in rows]
    foreign = sorted({name for row in rows for name in row if not _is_column(name)})
    if not rows or epochs != sorted(set(epochs)) or epochs[0] < 1:
        yield f"{CURVE} has no rising epochs from 1 on"
    elif foreign:
        yield f"{CURVE} has a column {foreign[0]!a}, and adabench writes none of that name"
    else:
        yield from _selection_reasons(record, rows)


def _is_column(name: str) -> bool:
    return name in _PLAIN or name.startswith((TRAIN, VAL))


def _selection_reasons(record: Record, rows: Sequence[Row]) -> Iterator[str]:
    """Yield where it is another training's than the one whose weights were tested."""
    selection = record.selection
    if selection is None:
        return
    if selection.epochs is not None and rows[-1]["epoch"] != selection.epochs:
        yield (
            f"{CURVE} ends with epoch {rows[-1]['epoch']:g}, but {selection.epochs} were trained"
        )
    # A curve that was begun anew lacks the epochs before; then there is nothing to hold it to.
    if len(rows) == selection.epochs:
        yield from _choice_reasons(selection, rows)
    chosen = next((row for row in rows if row["epoch"] == selection.epoch), {})
    for name in METRIC_NAMES:
        told = None if selection.metrics is None else getattr(selection.metrics, name)
        found = chosen.get(VAL + name)
        if told is None or found is None:
            continue
        if not math.isclose(found, told, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield (
                f"{CURVE} has {VAL}{name} {found} at epoch {selection.epoch}, the record "
                f"selection.metrics.{name} {told}"
            )


def _choice_reasons(selection: Selection, rows: Sequence[Row]) -> Iterator[str]:
    """Yield where a whole curve shows other looks, or a better epoch than the one that was tested."""
    looked = {row["epoch"]: row[_JUDGED] for row in rows if _JUDGED in row}
    if selection.looks is not None and selection.looks != len(looked):
        yield f"{CURVE} was validated {len(looked)} times, the record tells of {selection.looks} looks"
    if not looked or selection.epoch is None:
        return
    best = min(looked, key=lambda epoch: looked[epoch])
    if looked.get(selection.epoch, math.inf) > looked[best]:
        yield (
            f"{CURVE} has the lowest {_JUDGED} at epoch {best:g}, but epoch {selection.epoch} was "
            "tested"
        )
