"""Metrics and intervals by their moments: some ten and a hundred times as fast as one by one.

Differences of sums lose digits, and what is constant gives no number here. So these can confirm
what a record says; where they do not, `adabench.evaluation` decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adabench.evaluation.intervals import CONFIDENCE, DRAWS, Interval, resample_persons

#: A record's numbers may differ by this much from recomputed ones.
TOLERANCE: Final = 1e-6

Scores = NDArray[np.float64]


def confirms_metrics(given: Mapping[str, float | None], predicted: Scores, true: Scores) -> bool:
    """Whether the metrics surely follow from ``(N,)`` predictions and true scores, N > 0.

    False says nothing: the metrics may still be right.
    """
    moments = _columns(predicted, true).sum(axis=1) / len(true)
    shift = float(predicted.mean() - true.mean())
    expected = _from_moments(moments, shift)
    return all(
        value is not None and bool(abs(expected[name] - value) <= TOLERANCE)
        for name, value in given.items()
    )


def confirms_intervals(
    given: Mapping[str, Interval], predicted: Scores, true: Scores, subjects: Sequence[str]
) -> bool:
    """Whether the intervals surely follow from ``(N,)`` predictions, true scores and subjects.

    False says nothing: the intervals may still be right.
    """
    moments = _shares(tuple(subjects)) @ _columns(predicted, true).T
    values = _from_moments(moments.T, float(predicted.mean() - true.mean()))
    tail = (1 - CONFIDENCE) / 2
    return all(
        np.allclose(np.quantile(values[name], [tail, 1 - tail]), ends, rtol=0, atol=TOLERANCE)
        for name, ends in given.items()
    )


def _columns(predicted: Scores, true: Scores) -> Scores:
    """``(7, N)``: what the metrics need the means of. Centred, which loses fewer digits."""
    left, right, error = predicted - predicted.mean(), true - true.mean(), predicted - true
    columns = (left, right, left * left, right * right, left * right, error * error, np.abs(error))
    return np.stack(columns)


def _from_moments(moments: NDArray[np.float64], shift: float) -> dict[str, Any]:
    """Metrics of ``(7,)`` means, or of ``(7, draws)``; ``shift`` is between the two centres."""
    p, t, pp, tt, pt, square, absolute = moments
    with np.errstate(divide="ignore", invalid="ignore"):
        variance_p, variance_t, covariance = pp - p * p, tt - t * t, pt - p * t
        distance = p - t + shift
        return {
            "RMSE": np.sqrt(square),
            "MAE": absolute,
            "PCC": covariance / np.sqrt(variance_p * variance_t),
            "CCC": 2 * covariance / (variance_p + variance_t + distance * distance),
        }


@lru_cache(maxsize=64)
def _shares(subjects: tuple[str, ...]) -> NDArray[np.float64]:
    """``(draws, N)``: each session's share of each resample, the same for all runs of a corpus."""
    drawings = resample_persons(subjects, DRAWS, seed=0)
    counts = np.stack([np.bincount(drawn, minlength=len(subjects)) for drawn in drawings])
    return counts / counts.sum(axis=1, keepdims=True)
