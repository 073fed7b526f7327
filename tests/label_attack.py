"""What somebody who has many records alone can compute of the labels: least squares over all of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
#: A row over (labels, their sum of squares, N times their deviation), a right side, its error.
Equation = tuple[Vector, float, float]

# Rows with larger weights than this say no more, and only spoil the numbers.
_SMALLEST_ERROR = 1e-7


def vectors_in(value: Any, number: int) -> Iterator[Vector]:
    """Yield whatever in a record may be a number for each session, wherever it stands."""
    items = list(value.values()) if isinstance(value, Mapping) else value
    if isinstance(items, list):
        if len(items) == number and all(isinstance(item, int | float) for item in items):
            yield np.array(items, dtype=np.float64)
        elif len(items) == number and all(isinstance(item, Mapping) for item in items):
            yield from (_column(items, name) for name in items[0])
        for item in items:
            yield from vectors_in(item, number)


def recovered(
    records: Sequence[Mapping[str, Any]],
    number: int,
    *,
    constants: Sequence[float],
    decimals: int | None = None,
) -> Vector:
    """Return an estimate of the labels from all equations that the records give.

    Args:
        records: as JSON.
        number: of sessions, N.
        constants: what the constant predictors among them say, which is the training part's mean and
            thus printed in papers; the first is the guess where nothing is said of a label.
        decimals: of the metrics; None for all of them.
    """
    error = _SMALLEST_ERROR if decimals is None else 0.3 * 10.0**-decimals
    rows: list[Equation] = []
    known = iter(constants)
    for record in records:
        vectors = [vector for vector in vectors_in(record, number) if np.isfinite(vector).all()]
        if record["method"] == "constant":
            vectors.append(np.full(number, next(known)))
        for vector in vectors:
            rows += _equations(vector, record, error)
    prior = np.hstack([np.eye(number), np.zeros((number, 2))])
    rows += [(row, constants[0], 15.0) for row in prior]
    scale = np.array([max(row[2], _SMALLEST_ERROR) for row in rows])
    left = np.stack([row[0] for row in rows]) / scale[:, None]
    right = np.array([row[1] for row in rows]) / scale
    # Unknowns of one size, so that none falls below the solver's threshold.
    size = np.concatenate([np.ones(number), [1000.0 * number, 10.0 * number]])
    solution = np.linalg.lstsq(left * size, right, rcond=1e-15)[0] * size
    return np.clip(solution[:number], 0, 63)


def _equations(p: Vector, record: Mapping[str, Any], error: float) -> Iterator[Equation]:
    """Yield what metrics, bias and slope say of the labels y where p was predicted.

    N RMSE² = p·p - 2 p·y + y·y, linear with y·y as an unknown; PCC, with N σ(y) as another;
    CCC with RMSE gives the covariance alone; a bias gives the sum.
    """
    n, metrics, zero = p.size, record["metrics"], np.zeros(2)
    rmse, pcc, ccc = metrics["RMSE"], metrics["PCC"], metrics["CCC"]
    centred = p - p.mean()
    yield np.r_[-2 * p, 1, 0], n * rmse**2 - p @ p, 2 * n * rmse * error
    if np.ptp(p) > 0:
        yield np.r_[centred, 0, -pcc * p.std()], 0.0, n * 12 * p.std() * error
        covariance = n * ccc * rmse**2 / (2 * (1 - ccc))
        slack = n * rmse**2 / (2 * (1 - ccc) ** 2) + n * ccc * rmse / (1 - ccc)
        yield np.r_[centred, zero], covariance, slack * error
    calibration = record.get("calibration") or {}
    if calibration.get("bias") is not None:
        yield np.r_[np.ones(n), zero], n * (p.mean() - calibration["bias"]), n * error
    if calibration.get("slope") is not None:
        squares = centred @ centred
        yield np.r_[centred, zero], calibration["slope"] * squares, squares * error


def _column(items: Sequence[Mapping[str, Any]], name: str) -> Vector:
    values = [item.get(name) for item in items]
    known = all(isinstance(value, int | float) for value in values)
    return np.array(values if known else [np.nan], dtype=np.float64)
