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

What is tested is the figure by which a table is sorted, an RMSE (`rmse_differences`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adabench.evaluation.intervals import CONFIDENCE, Interval

#: A difference is called one from this p value down.
LEVEL = 0.05

#: How often a difference of the size that a table can tell apart is called one.
POWER = 0.8

#: Fewer draws give an interval and no verdict.
FEWEST_DRAWS = 5

#: Random sign patterns, or all patterns where there are no more of them than this.
PATTERNS = 9999

#: The same for a whole table, whose pairs are many.
TABLE_PATTERNS = 1999

# Sums of the same differences in another order differ by rounding; this counts as a tie.
_TIE = 1e-12

# Of an interval that holds a root: below rounding.
_HALVINGS = 60

# Numbers of a block of the null distribution, 32 MB.
_BLOCK = 4_000_000

# Of a table's pairs in all patterns: some seconds. Larger tables take fewer patterns, down to these.
_MOST, _FEWEST = 100_000_000, 199


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


def squared_errors(errors: ArrayLike) -> NDArray[np.float64]:
    """Return squared errors by session of several runs together: their mean's root is the mean RMSE.

    A row's figure is the mean of its runs' RMSE, which is no mean over sessions. Each run's squared
    errors are divided by its RMSE, averaged over runs, and multiplied by the mean RMSE; of a single run
    they are its squared errors.

    Args:
        errors: (S, N) of S runs on N sessions, points.

    Returns:
        (N,) points squared.

    Raises:
        ValueError: for another shape, none, or errors that are not finite.

    >>> float(np.sqrt(squared_errors([[3.0, 3.0], [5.0, 5.0]]).mean()))
    4.0
    """
    values = np.asarray(errors, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise ValueError(
            f"errors must be (runs, sessions), one of each or more; got {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("errors hold a number that is not finite; leave such a row out")
    rmse = np.sqrt((values**2).mean(axis=1, keepdims=True))
    share = np.divide(values**2, rmse, out=np.zeros_like(values), where=rmse > 0)
    return np.asarray(rmse.mean() * share.mean(axis=0))


def rmse_differences(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Return what each session adds to the difference of two RMSE: their mean is that difference.

    ``(e1² - e2²) / (RMSE1 + RMSE2)``, exactly. Exchanging the two turns its sign, so that it can be
    tested as any paired difference.

    Args:
        first, second: (N,) squared errors, as `squared_errors` gives them.

    >>> float(rmse_differences([25.0, 25.0], [9.0, 9.0]).mean())
    2.0
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    both = np.sqrt(one.mean()) + np.sqrt(other.mean())
    return (one - other) / both if both > 0 else np.zeros_like(one)


def against_constant(
    predictions: ArrayLike, truth: ArrayLike, person: Sequence[str], *, constant: float
) -> dict[str, float]:
    """Hold predictions against one number for all sessions.

    Args:
        predictions, truth: (N,) points, one a session.
        person: (N,) the subject of each session.
        constant: points.

    Returns:
        ``rmse`` of the predictions, ``constant``, that of the number, and ``p`` of `sign_flip_p` of
        the difference of the two.

    Raises:
        ValueError: as `sign_flip_p`.
    """
    predicted, label = np.asarray(predictions, np.float64), np.asarray(truth, np.float64)
    own, other = (predicted - label) ** 2, (constant - label) ** 2
    return {
        "rmse": float(np.sqrt(own.mean())),
        "constant": float(np.sqrt(other.mean())),
        "p": float(sign_flip_p(rmse_differences(own, other)[None], person)[0]),
    }


def sign_flip_p(
    differences: ArrayLike, person: Sequence[str], *, patterns: int = PATTERNS, seed: int = 0
) -> NDArray[np.float64]:
    """Two-sided p values of paired sign-flip tests over persons, of many pairs at once.

    The statistic is the sum of a pair's differences; all sessions of a person switch together. With P
    persons there are 2^P ways to switch; up to ``patterns`` they are all taken, and p is exact.
    Beyond, ``patterns`` random ones and the observed one are, so that p is never 0.

    Pairs share their random patterns. A random p is at least ``1 / (patterns + 1)``, which after a
    correction for thousands of pairs would tell nothing apart. Where Hoeffding's inequality (1963,
    theorem 2) proves the exact p below that, its bound is returned: ``2 exp(-(sum d)^2 / 2 sum d^2)``
    over the persons' differences d, still an upper limit of the exact p.

    Args:
        differences: (R, N) of R pairs, one a session.
        person: (N,) the subject of each session; a person of two draws is two.
        patterns: number of random sign patterns, 1 or more.
        seed: the same seed gives the same p.

    Returns:
        (R,) p values, uncorrected.

    Raises:
        ValueError: for other shapes, no session, numbers that are not finite, or ``patterns`` below 1.

    >>> sign_flip_p([[3.0, 4.0, 5.0], [1.0, -1.0, 0.0]], ["a", "b", "c"])
    array([0.25, 1.  ])
    """
    sums = sums_of_persons(_checked(differences, person, patterns), person)
    observed = np.abs(sums.sum(axis=1)) - _TIE * np.abs(sums).sum(axis=1)
    signs, is_exact = _sign_patterns(sums.shape[1], patterns, seed)
    rows = max(1, _BLOCK // len(signs))
    as_extreme = np.concatenate(
        [
            np.count_nonzero(
                np.abs(signs @ sums[start : start + rows].T) >= observed[start : start + rows],
                axis=0,
            )
            for start in range(0, len(sums), rows)
        ]
        or [np.zeros(0)]
    )
    if is_exact:
        return as_extreme / len(signs)
    bound = _hoeffding(sums)
    return np.where(bound * (patterns + 1) < 1, bound, (as_extreme + 1) / (patterns + 1))


@dataclass(frozen=True, eq=False)
class Block:
    """All rows on one draw, or on the one corpus that there is.

    Attributes:
        squared: (R, N) of R rows, as `squared_errors` gives them.
        person: (N,) the subject of each session.
        unit: what an RMSE is divided by, the constant's on this draw; points by default.
    """

    squared: NDArray[np.float64]
    person: Sequence[str]
    unit: float = 1.0

    @property
    def figures(self) -> NDArray[np.float64]:
        """(R,) each row's RMSE in units."""
        return np.asarray(np.sqrt(self.squared.mean(axis=1)) / self.unit)


def confidence_set(
    blocks: Sequence[Block], *, patterns: int = TABLE_PATTERNS, seed: int = 0
) -> NDArray[np.float64]:
    """Which rows may be the best: the model confidence set (Hansen, Lunde and Nason 2011).

    A row's figure is the mean over draws of its RMSE in units. Whoever picks the best of many rows picks
    a lucky one, so all pairs are looked at together: the largest of their statistics
    ``|sum d| / sqrt(sum d²)``, d being what each person adds to the difference (`rmse_differences`),
    is held against its distribution where every person's differences of all pairs switch their signs
    together. The row that is worst by the same statistic leaves, and the rest are looked at again. A
    row's p value is the largest of the steps up to its leaving. Of rows that are all equally good, any
    has a p value below a level with a chance of that level, however many they are.

    Args:
        blocks: one a draw, of the same rows; persons of two draws are two.
        patterns: as in `sign_flip_p`; a table of hundreds of rows takes fewer.
        seed: the same seed gives the same p values.

    Returns:
        (R,) p values; 1 for the row with the smallest figure.

    Raises:
        ValueError: as `sign_flip_p`, no block, or blocks of different numbers of rows.

    >>> row = [1.0, 4.0, 1.0]
    >>> confidence_set([Block(np.array([row, row, [9.0, 16.0, 9.0]]), ["a", "b", "c"])])
    array([1.  , 1.  , 0.25])
    """
    if len({len(block.squared) for block in blocks}) != 1:
        raise ValueError("blocks must be one or more, of the same rows")
    sums = [_added(block, patterns, 1 / len(blocks)) for block in blocks]
    weights = [_pair_weights(block) for block in blocks]
    figure = np.mean([block.figures for block in blocks], axis=0)
    scale = np.sqrt(sum(map(_pair_squares, sums, weights)))
    statistic = _over(figure[:, None] - figure, scale)
    cost = len(blocks) * len(figure) ** 2 // 2
    patterns = min(patterns, max(_MOST // cost, _FEWEST)) if cost else patterns
    signs, is_exact = _sign_patterns(sum(own.shape[1] for own in sums), patterns, seed)
    ends = np.cumsum([own.shape[1] for own in sums])[:-1]
    parts = zip(np.split(signs, ends, axis=1), sums, strict=True)
    flipped = [own_signs @ own.T for own_signs, own in parts]
    largest, observed = np.zeros(len(signs)), 0.0
    inside: list[int] = []
    steps: list[float] = []
    leaving = _leaving(statistic)
    for row in reversed(leaving):
        if inside:
            drawn = sum(
                (own[:, [row]] - own[:, inside]) * weight[row, inside]
                for own, weight in zip(flipped, weights, strict=True)
            )
            pairs = _over(np.abs(np.asarray(drawn)), scale[row, inside])
            largest = np.maximum(largest, pairs.max(axis=1))
            observed = max(observed, float(np.abs(statistic[row, inside]).max()))
        count = np.count_nonzero(largest >= observed - _TIE)
        steps.append(count / len(signs) if is_exact else (count + 1) / (len(signs) + 1))
        inside.append(row)
    p = np.empty(len(leaving))
    p[leaving] = np.maximum.accumulate(steps[::-1])
    return p


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


def d_z(differences: ArrayLike, person: Sequence[str]) -> float | None:
    """Cohen's d for pairs: the mean over persons of their difference by its sample deviation.

    Args:
        differences: (N,) one a session; a person's is the mean over that person's sessions.
        person: as in `sign_flip_p`.

    Returns:
        None where persons don't differ.

    Raises:
        ValueError: as `sign_flip_p`.
    """
    values = _checked(np.asarray(differences, dtype=np.float64)[None], person, 1)
    counts = sums_of_persons(np.ones((1, len(person))), person)
    means = (sums_of_persons(values, person) / counts)[0]
    if len(means) < 2 or np.ptp(means) <= _TIE * np.max(np.abs(means)):
        return None
    return float(means.mean() / means.std(ddof=1))


def sums_of_persons(values: NDArray[np.float64], person: Sequence[str]) -> NDArray[np.float64]:
    """Sum (R, N) values over each person's sessions: (R, P), persons by name."""
    names, owner = np.unique(np.asarray(person, dtype=str), return_inverse=True)
    sums = np.zeros((len(values), len(names)))
    np.add.at(sums.T, owner, values.T)
    return sums


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
    if has_verdict and error > _TIE * abs(mean):
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


def _leaving(statistic: NDArray[np.float64]) -> list[int]:
    """The rows in the order in which they leave, the worst of those that are left each time."""
    left = statistic.copy()
    most, at = left.max(axis=1), _last_largest(left)
    order: list[int] = []
    for _ in range(len(left)):
        worst = int(np.argmax(most))
        order.append(worst)
        left[:, worst] = -np.inf
        # Whom the worst one did not flatter stands as before.
        again = np.flatnonzero(at == worst)
        most[again], at[again] = left[again].max(axis=1), _last_largest(left[again])
        most[order] = -np.inf
    return order


def _last_largest(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Of each row where its largest value stands: of equal ones the last, as the first leave first."""
    return np.asarray(values.shape[1] - 1 - values[:, ::-1].argmax(axis=1))


def _added(block: Block, patterns: int, share: float) -> NDArray[np.float64]:
    """(R, P): what persons add to the block's squared errors, in units and with the block's share."""
    values = _checked(block.squared, block.person, patterns)
    sums = sums_of_persons(values, block.person) * (share / (values.shape[1] * block.unit))
    # What all rows share cancels in a difference, and would cost digits.
    return np.asarray(sums - sums.mean(axis=0))


def _pair_weights(block: Block) -> NDArray[np.float64]:
    """(R, R): 1 / (RMSE of one + RMSE of the other), points; 0 where both are 0."""
    rmse = np.sqrt(block.squared.mean(axis=1))
    both = rmse[:, None] + rmse
    return np.divide(1.0, both, out=np.zeros_like(both), where=both > 0)


def _pair_squares(sums: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R, R): the sum over persons of each pair's squared differences."""
    return np.array([((sums - row) ** 2).sum(axis=1) for row in sums]) * weights**2


def _over(values: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide; rows that are the same differ by nothing."""
    scale = np.broadcast_to(scale, values.shape)
    return np.divide(values, scale, out=np.zeros_like(values), where=scale > _TIE)


def _checked(values: ArrayLike, person: Sequence[str], patterns: int) -> NDArray[np.float64]:
    errors = np.asarray(values, dtype=np.float64)
    if errors.ndim != 2 or errors.shape[1] != len(person) or not len(person):
        raise ValueError(
            "values must hold one column a session and person the subject of each: "
            f"{len(person)} persons for values of shape {errors.shape}"
        )
    if not np.isfinite(errors).all():
        raise ValueError("values hold a number that is not finite; leave such a row out")
    if patterns < 1:
        raise ValueError(f"the number of patterns must be 1 or more, got {patterns}")
    return errors


def _sign_patterns(persons: int, patterns: int, seed: int) -> tuple[NDArray[np.float64], bool]:
    """Signs (S, P), all of them or random ones, and whether they are all."""
    # The same rule as scipy's; a shift by more would overflow.
    if persons < 63 and 2**persons <= patterns:
        bits = np.arange(2**persons)[:, None] >> np.arange(persons) & 1
        return np.where(bits == 1, 1.0, -1.0), True
    drawn = np.random.default_rng(seed).integers(2, size=(patterns, persons))
    return np.where(drawn == 1, 1.0, -1.0), False


def _hoeffding(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = (sums**2).sum(axis=1)
    exponent = np.divide(
        sums.sum(axis=1) ** 2, 2 * squares, out=np.zeros(len(sums)), where=squares > 0
    )
    return 2 * np.exp(-exponent)
