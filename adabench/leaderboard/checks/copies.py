"""Predictions that two configs share, which no two trainings do by chance."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from adabench.records.schema.record import Record

K = TypeVar("K", bound=Hashable)

#: Two predictions that correlate by more are one but for a shift and a scale.
CORRELATED: Final = 0.9999

# Of fewer sessions, a correlation says nothing.
_FEWEST: Final = 5


def predictions_of(record: Record) -> tuple[float, ...]:
    """Return a record's predictions by session; none of a bound, which another may well equal."""
    if record.kind == "bound":
        return ()
    entries = sorted(record.entries, key=lambda entry: entry.session)
    return tuple(entry.prediction for entry in entries)


def copies(predictions: Mapping[K, Sequence[float]]) -> Iterator[tuple[K, K]]:
    """Yield pairs whose predictions are the same but for a shift and a scale.

    Args:
        predictions: of the same sessions in the same order, points; those of few sessions, and
            constants, are like no other.
    """
    units = {
        key: unit for key, values in predictions.items() if (unit := _unit(values)) is not None
    }
    # Unit vectors that correlate by r lie sqrt(2 - 2r) apart, so their first numbers lie no farther.
    reach = np.sqrt(2 - 2 * CORRELATED)
    near: list[K] = []
    for key in sorted(units, key=lambda key: units[key][0]):
        near = [other for other in near if units[key][0] - units[other][0] <= reach]
        yield from ((other, key) for other in near if units[other] @ units[key] > CORRELATED)
        near.append(key)


def copy_remark(path: Path) -> str:
    """Say of a record that its predictions are another's."""
    return (
        f"its predictions are those of {path} but for a shift and a scale, though its config is "
        "another: is it a copy, or has the difference between the two no effect?"
    )


def _unit(values: Sequence[float]) -> NDArray[np.float64] | None:
    if len(values) < _FEWEST:
        return None
    centred = np.asarray(values) - np.mean(values)
    length = np.linalg.norm(centred)
    return centred / length if length > 1e-6 else None
