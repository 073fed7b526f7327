"""A run's learning curve as the page draws it: what shares an axis, thinned to what an eye can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adabench.records.files.curve import TRAIN, VAL, Row, parse_curve
from adabench.records.files.side_files import CURVE, read_side_files
from adabench.records.schema.record import Record

_TOTAL = f"{TRAIN}loss"

# Of a line, and of a panel. A page may hold a thousand runs.
_MOST_POINTS, _MOST_LINES = 60, 6


def curve_of(record: Record, path: Path | None) -> dict[str, Any] | None:
    """Return the curve beside a record's file, or None where none is kept or it does not hold.

    Returns:
        ``chosen``, the epoch whose weights were tested, and ``panels``, each a ``label`` and its
        ``lines`` with ``name``, ``epochs`` and ``values``, and how many ``more`` there are in the
        file; the sum of several losses is named ``sum``.
    """
    # Of a licensed corpus none may be there, so whoever put one there shows it to nobody.
    if path is None or record.licensed or CURVE not in record.provenance:
        return None
    try:
        files = read_side_files(path, {CURVE: record.provenance[CURVE]})
        rows = parse_curve(files[CURVE])
    except (OSError, ValueError):
        # `verify` says what is wrong with it; the page goes on without.
        return None
    chosen = record.selection.epoch if record.selection is not None else None
    panels = [_panel(rows, label, names, chosen) for label, names in _panels(rows)]
    return {"chosen": chosen, "panels": panels} if panels else None


def _panel(
    rows: Sequence[Row], label: str, names: Mapping[str, str], chosen: int | None
) -> dict[str, Any]:
    shown = [*names.items()][:_MOST_LINES]
    more = len(names) - len(shown)
    lines = [_line(rows, *pair, chosen) for pair in shown]
    return {"label": label, "lines": lines, **({"more": more} if more else {})}


def _panels(rows: Sequence[Row]) -> list[tuple[str, dict[str, str]]]:
    """Return (label, column → shown name); correlations, within [-1, 1], stand apart from errors."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: values for name in names if (values := _values(rows, name))}
    losses = [name for name in columns if name.startswith(TRAIN) and name != _TOTAL]
    # One loss is its own sum.
    total = {_TOTAL: "sum" if losses else "loss"} if _TOTAL in columns and len(losses) != 1 else {}
    metrics = [name for name in columns if name.startswith(VAL)]
    bounded = [name for name in metrics if all(abs(value) <= 1 for _, value in columns[name])]
    errors = [name for name in metrics if name not in bounded]
    found = [
        ("Training loss", total | {name: name.removeprefix(TRAIN) for name in losses}),
        ("Validation", {name: name.removeprefix(VAL) for name in errors}),
        ("Validation, within ±1", {name: name.removeprefix(VAL) for name in bounded}),
    ]
    return [(label, lines) for label, lines in found if lines]


def _line(rows: Sequence[Row], name: str, shown: str, chosen: int | None) -> dict[str, Any]:
    points = _thinned(_values(rows, name), chosen)
    return {
        "name": shown,
        "epochs": [epoch for epoch, _ in points],
        "values": [float(f"{value:.4g}") for _, value in points],
    }


def _values(rows: Sequence[Row], name: str) -> list[tuple[int, float]]:
    """Return (epoch, value) of the rows that have a finite one."""
    return [
        (int(row["epoch"]), row[name]) for row in rows if math.isfinite(row.get(name, math.nan))
    ]


def _thinned(points: list[tuple[int, float]], chosen: int | None) -> list[tuple[int, float]]:
    """Return so many points that a line shows, its ends and the chosen epoch's among them."""
    if len(points) <= _MOST_POINTS:
        return points
    last = len(points) - 1
    kept = {round(index * last / (_MOST_POINTS - 1)) for index in range(_MOST_POINTS)}
    kept |= {index for index, (epoch, _) in enumerate(points) if epoch == chosen}
    return [points[index] for index in sorted(kept)]
