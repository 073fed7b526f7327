"""Bootstrap intervals over persons.

A person can have several sessions, and these are alike. Resampling sessions would count them as
independent and give intervals that are too narrow, so whole persons are drawn with replacement,
each with all of its sessions (the cluster bootstrap, Davison and Hinkley 1997, section 3.8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adabench.evaluation.metrics import Metric, score_metrics

Interval = tuple[float, float]

CONFIDENCE = 0.95
DRAWS = 2000


def bootstrap_interval(
    metric: Metric,
    prediction: ArrayLike,
    target: ArrayLike,
    person: Sequence[str],
    *,
    confidence: float = CONFIDENCE,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval | None:
    """Percentile bootstrap interval of one metric over persons.

    Args:
        metric: function of prediction and target, as in `adabench.evaluation.metrics`.
        prediction: ``(N,)`` predicted scores, one a session.
        target: ``(N,)`` true scores.
        person: ``(N,)`` the subject of each session.
        confidence: share of the resamples inside the interval, in (0, 1).
        draws: number of resamples.
        seed: the same seed gives the same interval.

    Returns:
        ``(low, high)``, or None for a single person: one person says nothing about the spread over
        persons, and an interval of width 0 would claim the opposite.

    Raises:
        ValueError: if lengths differ, or ``confidence`` or ``draws`` is out of range, or `metric`
            refuses the scores.
    """

    def named(predicted: ArrayLike, true: ArrayLike) -> dict[str, float]:
        return {"metric": metric(predicted, true)}

    found = _intervals(named, prediction, target, person, confidence, draws, seed)
    return found.get("metric")


def metric_intervals(
    prediction: ArrayLike,
    target: ArrayLike,
    person: Sequence[str],
    *,
    confidence: float = CONFIDENCE,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Interval]:
    """Intervals of RMSE, MAE, PCC and CCC on shared resamples, as a result record holds them.

    Arguments and errors as in `bootstrap_interval`; an empty dict for a single person.
    """
    return _intervals(score_metrics, prediction, target, person, confidence, draws, seed)


def _intervals(
    metrics: Callable[[ArrayLike, ArrayLike], dict[str, float]],
    prediction: ArrayLike,
    target: ArrayLike,
    person: Sequence[str],
    confidence: float,
    draws: int,
    seed: int,
) -> dict[str, Interval]:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    if draws < 1:
        raise ValueError(f"draws must be 1 or more, got {draws}")
    predicted = np.asarray(prediction, dtype=np.float64)
    true = np.asarray(target, dtype=np.float64)
    metrics(predicted, true)
    if predicted.shape != (len(person),):
        raise ValueError(
            f"person must name the subject of every score: {len(person)} persons for "
            f"prediction of shape {predicted.shape} and target of shape {true.shape}"
        )
    if len(set(person)) == 1:
        return {}
    drawings = resample_persons(person, draws, seed)
    values = [metrics(predicted[drawn], true[drawn]) for drawn in drawings]
    tail = (1 - confidence) / 2
    return {name: _percentiles([value[name] for value in values], tail) for name in values[0]}


def resample_persons(person: Sequence[str], draws: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield the numbers of the sessions of persons drawn with replacement, ``draws`` times.

    Args:
        person: (N,) the subject of each session.
        draws: how often.
        seed: of the drawing.
    """
    names, owner = np.unique(np.asarray(person, dtype=str), return_inverse=True)
    sessions = [np.flatnonzero(owner == index) for index in range(len(names))]
    generator = np.random.default_rng(seed)
    for _ in range(draws):
        drawn = generator.integers(len(sessions), size=len(sessions))
        yield np.concatenate([sessions[index] for index in drawn])


def _percentiles(values: list[float], tail: float) -> Interval:
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
