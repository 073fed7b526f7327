"""The curve of a training as a file: a row an epoch.

It lies beside the run's checkpoints, and of a corpus whose labels may be passed on beside its record.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from adabench.data.files import write_text

#: What the names of losses and of validation metrics begin with.
TRAIN: Final = "train/"
VAL: Final = "val/"

Row = dict[str, float]


def write_curve(path: Path, rows: Sequence[Row]) -> None:
    """Write a curve; what a row lacks stays empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _columns(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())


def _columns(rows: Sequence[Row]) -> list[str]:
    names = dict.fromkeys(name for row in rows for name in row)
    kinds = [[n for n in names if n.startswith(prefix)] for prefix in (TRAIN, VAL)]
    return ["epoch", "rate", *kinds[0], *kinds[1], "seconds"]


def read_curve(path: Path) -> list[Row]:
    """Return a curve's rows, in their order; a row has what is not empty.

    Raises:
        ValueError: a file that is none.
    """
    try:
        return parse_curve(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def parse_curve(text: str) -> list[Row]:
    """Return the rows of a curve's text, as `read_curve` does.

    Raises:
        ValueError: naming the line that is damaged.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows: list[Row] = []
    try:
        for cells in reader:
            row: Row = {name: float(value) for name, value in cells.items() if value}
            if "epoch" not in row:
                raise ValueError("no epoch")
            row["epoch"] = int(row["epoch"])
            rows.append(row)
    except (TypeError, ValueError, OverflowError, csv.Error) as error:
        raise ValueError(f"damaged at line {reader.line_num}: {error}") from error
    return rows
