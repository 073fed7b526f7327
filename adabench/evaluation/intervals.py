"""Bootstrap intervals over persons.

A person can have several sessions, and these are alike. Resampling sessions would count them as
independent and give intervals that are too narrow, so whole persons are drawn with replacement,
each with all of its sessions (the cluster bootstrap, Davison and Hinkley 1997, section 3.8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adabench.evaluation.metrics import CONSTANT_TOLERANCE, Metric, score_metrics

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
    predicted, true = _checked(metric, prediction, target, person, confidence, draws)
    if len(set(person)) == 1:
        return None
    drawings = resample_persons(person, draws, seed)
    values = [metric(predicted[drawn], true[drawn]) for drawn in drawings]
    return _percentiles(values, (1 - confidence) / 2)


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
    predicted, true = _checked(score_metrics, prediction, target, person, confidence, draws)
    if len(set(person)) == 1:
        return {}
    values = _metrics_of_draws(predicted, true, _counts(tuple(person), draws, seed))
    tail = (1 - confidence) / 2
    return {name: _percentiles(found, tail) for name, found in values.items()}


def calibration_intervals(
    prediction: ArrayLike,
    target: ArrayLike,
    person: Sequence[str],
    *,
    confidence: float = CONFIDENCE,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Interval]:
    """Intervals of ``bias`` and ``slope``, as `adabench.evaluation.calibration` defines them.

    Arguments and errors as in `bootstrap_interval`; an empty dict for a single person, and no slope
    where a resample has equal predictions alone.
    """
    predicted, true = _checked(score_metrics, prediction, target, person, confidence, draws)
    if len(set(person)) == 1:
        return {}
    counts, tail = _counts(tuple(person), draws, seed), (1 - confidence) / 2
    weight = counts / counts.sum(axis=1, keepdims=True)
    found = {"bias": _percentiles(weight @ (predicted - true), tail)}
    if not _is_constant(predicted, counts).any():
        left, right = _centred(predicted, weight), _centred(true, weight)
        covariance = (weight * left.deviation * right.deviation).sum(axis=1)
        slope = covariance / (weight * left.deviation**2).sum(axis=1)
        found["slope"] = _percentiles(slope, tail)
    return found


#: So many runs or more, and an interval resamples them too.
FEWEST_SEEDS = 5


def mean_rmse_draws(
    errors: ArrayLike,
    person: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    seed_of_runs: int = 1,
) -> NDArray[np.float64]:
    """The mean RMSE of runs in bootstrap resamples of persons, crossed with the runs themselves.

    All runs meet the same persons, so persons and runs are drawn each for itself, with replacement
    (the pigeonhole bootstrap, Owen 2007). Few runs say too little of their spread, and what is drawn
    of them is too narrow by about (S - 1) / S in variance: from `FEWEST_SEEDS` on they are drawn,
    below persons alone are.

    Args:
        errors: (S, N) of S runs on N sessions, points.
        person: (N,) the subject of each session.
        draws: number of resamples, 1 or more.
        seed: of the persons' drawing; two rows with one seed meet the same resamples.
        seed_of_runs: of the runs'; rows that are trained apart take different ones.

    Returns:
        (draws,) points.

    Raises:
        ValueError: for shapes that don't fit, errors that are not finite, or ``draws`` below 1.
    """
    values = np.asarray(errors, dtype=np.float64)
    if values.ndim != 2 or not values.size or values.shape[1] != len(person) or draws < 1:
        raise ValueError(
            "errors must be (runs, sessions) with the subject of each session, and draws 1 or more; "
            f"got {values.shape}, {len(person)} subjects and {draws} draws"
        )
    if not np.isfinite(values).all():
        raise ValueError("errors hold a number that is not finite; leave such a row out")
    counts = _counts(tuple(person), draws, seed)
    weight = counts / counts.sum(axis=1, keepdims=True)
    rmse = np.sqrt(weight @ (values**2).T)
    runs = len(values)
    if runs < FEWEST_SEEDS:
        return np.asarray(rmse.mean(axis=1))
    drawn = np.random.default_rng([seed, seed_of_runs]).integers(runs, size=(draws, runs))
    return np.asarray(np.take_along_axis(rmse, drawn, axis=1).mean(axis=1))


def percentile_interval(values: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """The interval that holds the middle share ``confidence`` of resampled values."""
    return _percentiles(values, (1 - confidence) / 2)


def _checked(
    metrics: Callable[[ArrayLike, ArrayLike], object],
    prediction: ArrayLike,
    target: ArrayLike,
    person: Sequence[str],
    confidence: float,
    draws: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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
    return predicted, true


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


@lru_cache(maxsize=16)
def _counts(person: tuple[str, ...], draws: int, seed: int) -> NDArray[np.float64]:
    """``(draws, N)``: how often each session is in each resample; all runs of a corpus share it."""
    drawings = resample_persons(person, draws, seed)
    return np.stack([np.bincount(drawn, minlength=len(person)) for drawn in drawings]).astype(float)


def _metrics_of_draws(
    predicted: NDArray[np.float64], true: NDArray[np.float64], counts: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """`score_metrics` of every resample at once, ``(draws,)`` each, by its weights and two passes."""
    weight = counts / counts.sum(axis=1, keepdims=True)
    error = predicted - true
    left, right = _centred(predicted, weight), _centred(true, weight)
    varied = ~(_is_constant(predicted, counts) | _is_constant(true, counts))
    variances = [(weight * side.deviation**2).sum(axis=1) for side in (left, right)]
    covariance = (weight * left.deviation * right.deviation).sum(axis=1)
    both = variances[0] + variances[1] + (left.mean - right.mean) ** 2
    product = np.sqrt(variances[0]) * np.sqrt(variances[1])
    zero = np.zeros(len(counts))
    correlation = np.divide(covariance, product, out=zero.copy(), where=varied & (product > 0))
    return {
        "RMSE": np.sqrt(weight @ error**2),
        "MAE": weight @ np.abs(error),
        "PCC": correlation.clip(-1, 1),
        "CCC": np.divide(2 * covariance, both, out=zero, where=varied),
    }


class _Centred(NamedTuple):
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


def _centred(values: NDArray[np.float64], weight: NDArray[np.float64]) -> _Centred:
    """The mean of each resample, ``(draws,)``, and what differs from it, ``(draws, N)``."""
    mean = weight @ values
    return _Centred(mean, values - mean[:, None])


def _is_constant(values: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """``(draws,)``: whether a resample holds one number alone, rounding aside."""
    drawn = counts > 0
    high = np.where(drawn, values, -np.inf).max(axis=1)
    low = np.where(drawn, values, np.inf).min(axis=1)
    return high - low <= CONSTANT_TOLERANCE * np.maximum(np.abs(high), np.abs(low))


def _percentiles(values: ArrayLike, tail: float) -> Interval:
    low, high = np.quantile(np.asarray(values), [tail, 1 - tail])
    return float(low), float(high)
