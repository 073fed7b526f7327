"""How well intervals around predictions do: what they hold, how wide they are, what both cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from adabench.evaluation.conformal import Intervals
from adabench.evaluation.scale import BDI_II, Scale

# Of the exact interval around a coverage.
_CONFIDENCE = 0.95


class Coverage(NamedTuple):
    """How many labels intervals hold.

    Attributes:
        held: labels that lie within their interval, ends included.
        sessions: how many there are.
        share: held over sessions.
        low, high: exact 95 % interval of the share, sessions being independent (Clopper & Pearson 1934).
    """

    held: int
    sessions: int
    share: float
    low: float
    high: float


class IntervalQuality(NamedTuple):
    """What is to be known of intervals, over tested sessions.

    Attributes:
        coverage: of all.
        width: mean, points.
        score: mean interval score (Gneiting & Raftery 2007, Eq 43), points; less is better.
        by_prediction: level of severity that the prediction falls in → coverage.
        by_label: the same by the label's.
    """

    coverage: Coverage
    width: float
    score: float
    by_prediction: Mapping[str, Coverage]
    by_label: Mapping[str, Coverage]


def coverage_of(held: ArrayLike) -> Coverage:
    """Return the coverage of sessions of which it is known whether their interval holds the label.

    Args:
        held: (N,) bool, of one session or more.

    >>> found = coverage_of([True] * 9 + [False])
    >>> found.share, round(found.low, 3), round(found.high, 3)
    (0.9, 0.555, 0.997)
    """
    # scipy.stats has it too, and takes a second longer to import.
    from scipy.special import betaincinv

    each = np.asarray(held, dtype=bool)
    count, sessions, tail = int(each.sum()), each.size, (1 - _CONFIDENCE) / 2
    if not sessions:
        raise ValueError("coverage_of: no session to be covered")
    low = float(betaincinv(count, sessions - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, sessions - count, 1 - tail)) if count < sessions else 1.0
    return Coverage(count, sessions, count / sessions, low, high)


def interval_score(intervals: Intervals, score: ArrayLike, level: float) -> np.ndarray:
    """Return (N,) interval scores: the width, and 2/(1 - level) for each point outside.

    Args:
        intervals: of N sessions.
        score: (N,) labels, points.
        level: share of labels that the intervals are to hold.
    """
    true = np.asarray(score, dtype=np.float64)
    outside = np.maximum(intervals.low - true, 0) + np.maximum(true - intervals.high, 0)
    return np.asarray(intervals.high - intervals.low + 2 / (1 - level) * outside)


def interval_quality(
    intervals: Intervals,
    prediction: ArrayLike,
    score: ArrayLike,
    *,
    level: float,
    scale: Scale = BDI_II,
) -> IntervalQuality:
    """Return what intervals do on sessions whose labels are known.

    Args:
        intervals: of N sessions.
        prediction: (N,) points, which say the level that is predicted.
        score: (N,) labels, points.
        level: share of labels that the intervals are to hold.
        scale: whose levels these are.
    """
    true, predicted = np.asarray(score, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    held = (intervals.low <= true) & (true <= intervals.high)
    return IntervalQuality(
        coverage=coverage_of(held),
        width=float((intervals.high - intervals.low).mean()),
        score=float(interval_score(intervals, true, level).mean()),
        by_prediction=_by_level(held, predicted, scale),
        by_label=_by_level(held, true, scale),
    )


def _by_level(held: np.ndarray, points: np.ndarray, scale: Scale) -> dict[str, Coverage]:
    """Return level → coverage, of the levels that some session has."""
    place = scale.level(np.clip(points, scale.low, scale.high))
    return {
        level.name: coverage_of(held[place == index])
        for index, level in enumerate(scale.levels)
        if (place == index).any()
    }
