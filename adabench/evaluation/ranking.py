"""Do measured rows of a table stand in the order in which a paper prints them?

Kendall's tau-b says how far two orders agree: the share of pairs of rows in the same order less the
share in the opposite one, ties discounted (Kendall 1945). Measured values carry the chance of who was
tested, so the figure comes with an interval over persons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adabench.evaluation.intervals import resample_persons
from adabench.evaluation.metrics import Metric, ccc, mae, pcc, rmse

METRICS: dict[str, Metric] = {"RMSE": rmse, "MAE": mae, "PCC": pcc, "CCC": ccc}

FEWEST_ROWS = 3
SAMPLES = 1000
#: Tails outside the 95 % interval.
TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class RankAgreement:
    """How far two orders of the same rows agree.

    Attributes:
        tau: Kendall's tau-b in [-1, 1]; 1 is the same order, -1 the reverse.
        low, high: its 95 % percentile interval over persons. Chance can only break a perfect order,
            so the interval can lie below a tau of 1.
    """

    tau: float
    low: float
    high: float


def rank_agreement(
    reported: Sequence[float],
    predictions: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[str],
    *,
    metric: str = "RMSE",
    samples: int = SAMPLES,
    seed: int = 0,
) -> RankAgreement:
    """Compare the order of reported values with that of measured ones.

    A row's measured value is the mean over its seeds of the metric. Where all rows measure the same,
    tau is undefined and counts as 0: such rows have no order.

    Args:
        reported: (R,) the metric of each row as a paper prints it.
        predictions: (R, K, N) in points: rows, seeds, sessions.
        labels: (N,) true scores.
        groups: (N,) the person of each session. Persons are resampled with replacement, each with
            all sessions, and every row meets the same resample.
        metric: ``RMSE``, ``MAE``, ``PCC`` or ``CCC``.
        samples: number of resamples.
        seed: the same seed gives the same interval.

    Raises:
        ValueError: fewer than 3 rows or 2 persons, shapes that don't fit, an unknown metric, numbers
            that are not finite, reported values that are all equal, or ``samples`` below 1.

    >>> labels = [5.0, 15.0, 25.0, 35.0]
    >>> off = [[[x + shift for x in labels]] for shift in (3.0, 2.0, 1.0)]
    >>> rank_agreement([9.0, 8.0, 7.0], off, labels, ["a", "b", "c", "d"], samples=10)
    RankAgreement(tau=1.0, low=1.0, high=1.0)
    """
    # scipy.stats takes a second to import, and planning a suite imports this package.
    from scipy.stats import kendalltau

    printed = np.asarray(reported, dtype=np.float64)
    predicted = np.asarray(predictions, dtype=np.float64)
    true = np.asarray(labels, dtype=np.float64)
    _check(printed, predicted, true, groups)
    if metric not in METRICS:
        raise ValueError(f"metric is one of {', '.join(METRICS)}; got {metric!r}")
    if samples < 1:
        raise ValueError(f"samples must be 1 or more, got {samples}")

    def tau(sessions: NDArray[np.int64]) -> float:
        measured = [
            np.mean([METRICS[metric](one[sessions], true[sessions]) for one in row])
            for row in predicted
        ]
        found = float(kendalltau(printed, measured).statistic)
        return 0.0 if np.isnan(found) else found

    drawn = [tau(sessions) for sessions in resample_persons(groups, samples, seed)]
    low, high = np.quantile(drawn, TAILS)
    return RankAgreement(tau=tau(np.arange(len(true))), low=float(low), high=float(high))


def _check(
    printed: NDArray[np.float64],
    predicted: NDArray[np.float64],
    true: NDArray[np.float64],
    groups: Sequence[str],
) -> None:
    if printed.ndim != 1 or len(printed) < FEWEST_ROWS:
        raise ValueError(
            f"an order needs {FEWEST_ROWS} rows or more; reported has shape {printed.shape}"
        )
    if predicted.ndim != 3 or len(predicted) != len(printed) or not predicted.shape[1]:
        raise ValueError(
            f"predictions must be (rows, seeds, sessions) with the {len(printed)} rows of reported "
            f"and a seed or more; got {predicted.shape}"
        )
    sessions = predicted.shape[2]
    if true.shape != (sessions,) or len(groups) != sessions:
        raise ValueError(
            f"labels and groups must name each of the {sessions} sessions of predictions; labels "
            f"has shape {true.shape}, and groups has {len(groups)} entries"
        )
    for name, values in (("reported", printed), ("predictions", predicted), ("labels", true)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds a number that is not finite; leave such a row out")
    if np.ptp(printed) == 0:
        raise ValueError(f"reported values are all {printed[0]}: they have no order to agree with")
    if len(set(groups)) < 2:
        raise ValueError("one person says nothing about the spread over persons; groups needs two")
