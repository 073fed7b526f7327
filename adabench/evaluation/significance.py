"""Is one method better than another, or was it chance who was tested, and on which draw?

Two statements, of which each has its own p value.

*On these draws* (or: on this corpus): training sets and test sets are taken as they are, and what is
tested is who the persons happen to be. A person can have several sessions, and these are alike: under
the null hypothesis the two methods' errors on a *person* can be exchanged, all sessions together
(Winkler et al. 2015, whole-block exchange). Nothing is said of other corpora.

*Beyond these draws*: methods fare differently on different corpora, and that difference does not
shrink with the number of persons. So each draw gives one paired difference, and these have a t
distribution with one degree of freedom less than there are draws. Pooling persons over draws
would call three to five times as many differences as there may be by chance.

What is tested is the figure by which a table is sorted, an RMSE (`sign_flips.rmse_differences`). The first
statement is made by `sign_flips` and `confidence_set`, the second here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adabench.evaluation.intervals import CONFIDENCE, Interval
from adabench.evaluation.sign_flips import TIE

#: A difference is called one from this p value down.
LEVEL = 0.05

#: How often a difference of the size that a table can tell apart is called one.
POWER = 0.8

#: Fewer draws give an interval and no verdict.
FEWEST_DRAWS = 5

#: A smaller p value is told as being below this.
SMALLEST_TOLD = 0.0001

# Of an interval that holds a root: below rounding.
_HALVINGS = 60


@dataclass(frozen=True)
class MeanDifference:
    """The mean of paired differences, one a draw or fold, and what it says of others.

    Attributes:
        difference: their mean; negative where the first of the pair is better.
        interval: 95 %, by Student's t; None for a single difference.
        p: two-sided; None where no verdict is given.
    """

    difference: float
    interval: Interval | None
    p: float | None


def p_words(p: float, name: str = "p") -> str:
    """Return a p value for a reader: four decimals, and what is smaller as below the smallest of them.

    Args:
        p: in [0, 1].
        name: what stands before it; without one, the number alone.

    >>> p_words(0.01234), p_words(0.00004), p_words(0.00004, name="")
    ('p = 0.0123', 'p < 0.0001', '< 0.0001')
    """
    if p < SMALLEST_TOLD:
        return f"{name} < {SMALLEST_TOLD}".strip()
    return f"{name} = {p:.4f}" if name else f"{p:.4f}"


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Correct p values for their number (Holm 1979), so that they compare with one level.

    The k-th smallest of M is multiplied by M - k + 1, is at least as large as the one before it, and
    at most 1. The chance to call any difference that is not there then stays below the level.

    Args:
        p: (M,) in [0, 1].

    Raises:
        ValueError: if p is no (M,) array or holds something that is no probability.

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p must be (M,) probabilities; got shape {values.shape}: {values}")
    order = np.argsort(values, kind="stable")
    factor = np.arange(len(values), 0, -1)
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(1, np.maximum.accumulate(values[order] * factor))
    return corrected


def beyond_draws(differences: ArrayLike) -> MeanDifference:
    """What paired differences of draws say of draws to come: Student's t with D - 1 degrees of freedom.

    Args:
        differences: (D,) of a pair, one a draw, each a mean over the draw's test set and its runs.

    Returns:
        With p from `FEWEST_DRAWS` draws on; below, the interval alone.

    Raises:
        ValueError: for another shape, no draw, or numbers that are not finite.

    >>> found = beyond_draws([1.0, 2.0, 3.0, 2.0, 2.0])
    >>> round(found.difference, 2), round(found.p, 4)
    (2.0, 0.0032)
    """
    values = _vector(differences)
    return _student(values, 1 / len(values), has_verdict=len(values) >= FEWEST_DRAWS)


def beyond_folds(differences: ArrayLike, test_to_train: float) -> MeanDifference:
    """The corrected resampled t test of repeated folds (Nadeau and Bengio 2003, section 3.3).

    Training sets of folds overlap, so that their differences vary less than those of new training
    sets: the variance of the mean is taken as ``(1 / J + n_test / n_train)`` of the folds' variance.

    Args:
        differences: (J,) of a pair, one a fold of each repetition.
        test_to_train: tested sessions of a fold over those it was trained on.

    Raises:
        ValueError: as `beyond_draws`, or a ratio that is not above 0.

    >>> found = beyond_folds([1.0, 2.0, 3.0, 2.0, 2.0], test_to_train=1 / 4)
    >>> round(found.difference, 2), round(found.p, 4)
    (2.0, 0.0135)
    """
    values = _vector(differences)
    if not test_to_train > 0:
        raise ValueError(f"test_to_train is tested over trained on, above 0; got {test_to_train}")
    return _student(values, 1 / len(values) + test_to_train, has_verdict=len(values) > 1)


def detectable(
    deviation: float, count: int, *, level: float = LEVEL, power: float = POWER
) -> float:
    """Return which true mean difference a paired t test calls with a probability of ``power``.

    Args:
        deviation: of the differences.
        count: how many there are, 3 or more.
        level: of the test, two-sided.
        power: above the level, below 1.

    Raises:
        ValueError: for values out of these ranges.

    >>> round(detectable(1.0, 5), 2)
    1.68
    """
    if deviation < 0 or count < 3 or not 0 < level < power < 1:
        raise ValueError(
            "expected a deviation of 0 or more, 3 differences or more and 0 < level < power < 1; got "
            f"deviation {deviation}, {count} differences, level {level}, power {power}"
        )
    return float(_noncentrality(count - 1, level, power) * deviation / np.sqrt(count))


@lru_cache
def _noncentrality(free: int, level: float, power: float) -> float:
    """Of Student's t that a two-sided test calls with this power, by bisection.

    scipy.optimize would take longer to import than a table takes.
    """
    from scipy.special import nctdtr, stdtrit

    critical = stdtrit(free, 1 - level / 2)

    def called(shift: float) -> float:
        return float(1 - nctdtr(free, shift, critical) + nctdtr(free, shift, -critical))

    # Far out the distribution is not computed, so the root is bracketed from below.
    low, high = 0.0, 1.0
    while called(high) < power:
        low, high = high, high * 1.2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if called(middle) < power else (low, middle)
    return (low + high) / 2


def _student(
    values: NDArray[np.float64], variance_factor: float, *, has_verdict: bool
) -> MeanDifference:
    from scipy.special import stdtr, stdtrit

    mean, free = float(values.mean()), len(values) - 1
    if not free:
        return MeanDifference(mean, None, None)
    error = float(np.sqrt(variance_factor * values.var(ddof=1)))
    half = float(stdtrit(free, (1 + CONFIDENCE) / 2)) * error
    p = None
    if has_verdict and error > TIE * abs(mean):
        p = float(2 * stdtr(free, -abs(mean) / error))
    elif has_verdict:
        # Differences without any spread: the same everywhere, or none.
        p = 0.0 if abs(mean) > 0 else 1.0
    return MeanDifference(mean, (mean - half, mean + half), p)


def _vector(differences: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError(
            f"differences must be (D,) finite numbers, one a draw or fold; got shape {values.shape}"
        )
    return values
