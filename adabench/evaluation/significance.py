"""Is one method better than another, or was it chance who was tested?

A person can have several sessions, and these are alike. Under the null hypothesis the two methods'
errors on a *person* can be exchanged, all sessions together; exchanging sessions would count them as
independent and find differences that are not there (Winkler et al. 2015, whole-block exchange).

Errors are one number a session (absolute errors in points, say). What is tested is who the
persons happen to be. Whether training again would find the same is not in any of these p values:
errors are means over seeds, and the spread over seeds is shown beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adabench.evaluation.intervals import CONFIDENCE, DRAWS, Interval, resample_persons

#: A difference is called one from this p value down.
LEVEL = 0.05

#: Random sign patterns, or all patterns where there are no more of them than this.
PATTERNS = 9999

# Sums of the same differences in another order differ by rounding; this counts as a tie.
_TIE = 1e-12

# Numbers of a block of the null distribution, 32 MB.
_BLOCK = 4_000_000


@dataclass(frozen=True)
class PairedEffect:
    """How far two methods' errors lie apart on the same sessions.

    Attributes:
        difference: mean over sessions of first less second; negative where the first is better.
        interval: its 95 % percentile bootstrap interval over persons; None for a single person.
        d_z: Cohen's d for pairs, the mean over persons of their difference (itself the mean over a
            person's sessions) by its sample deviation; None where persons don't differ.
    """

    difference: float
    interval: Interval | None
    d_z: float | None


@dataclass(frozen=True)
class Friedman:
    """Do methods differ in rank over blocks?

    Attributes:
        ranks: (methods,) mean over blocks, 1 for the smallest value; ties share their mean rank.
        statistic: Friedman's chi-squared, corrected for ties.
        p: share of the ways to order each block's ranks with a statistic as large.
    """

    ranks: NDArray[np.float64]
    statistic: float
    p: float


def permutation_p(
    first: ArrayLike,
    second: ArrayLike,
    person: Sequence[str],
    *,
    patterns: int = PATTERNS,
    seed: int = 0,
) -> float:
    """Two-sided p value of the paired permutation test of two methods' errors, by scipy.

    The statistic is the mean difference over sessions. All sessions of a person switch together.
    With P persons there are 2^P ways to switch; up to ``patterns`` they are all taken, and p is
    exact. Beyond, ``patterns`` random ones and the observed one are, so that p is never 0.

    Args:
        first, second: (N,) errors, one a session.
        person: (N,) the subject of each session.
        patterns: number of random sign patterns, 1 or more.
        seed: the same seed gives the same p.

    Raises:
        ValueError: for other shapes, no session, errors that are not finite, or ``patterns`` below 1.

    >>> permutation_p([1.0, 2.0, 3.0], [4.0, 6.0, 8.0], ["a", "b", "c"])
    0.25
    """
    # scipy.stats takes a second to import, and planning a suite imports this package.
    from scipy.stats import permutation_test

    errors = _checked(np.stack(_pair(first, second)), person, patterns)
    one, other = _sums_of_persons(errors, person)
    if len(one) == 1:
        # Both ways to switch one person are as extreme; scipy asks for two observations.
        return 1.0

    def mean_difference(
        one: NDArray[np.float64], other: NDArray[np.float64], axis: int = -1
    ) -> NDArray[np.float64]:
        return np.asarray(np.sum(one - other, axis=axis) / errors.shape[1])

    found = permutation_test(
        (one, other),
        mean_difference,
        permutation_type="samples",
        vectorized=True,
        n_resamples=patterns,
        batch=1000,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def against_constant(
    predictions: ArrayLike, truth: ArrayLike, person: Sequence[str], *, constant: float
) -> dict[str, float]:
    """Hold predictions against one number for all sessions.

    Args:
        predictions, truth: (N,) points, one a session.
        person: (N,) the subject of each session.
        constant: points.

    Returns:
        ``rmse`` of the predictions, ``constant``, that of the number, and ``p`` of `permutation_p` of
        their squared errors.

    Raises:
        ValueError: as `permutation_p`.
    """
    predicted, label = _pair(predictions, truth)
    own, other = (predicted - label) ** 2, (constant - label) ** 2
    return {
        "rmse": float(np.sqrt(own.mean())),
        "constant": float(np.sqrt(other.mean())),
        "p": permutation_p(own, other, person),
    }


def sign_flip_p(
    differences: ArrayLike, person: Sequence[str], *, patterns: int = PATTERNS, seed: int = 0
) -> NDArray[np.float64]:
    """p values of many pairs at once: `permutation_p` as one matrix product of signs.

    Pairs share their random patterns. A random p is at least ``1 / (patterns + 1)``, which after a
    correction for thousands of pairs would tell nothing apart. Where Hoeffding's inequality (1963,
    theorem 2) proves the exact p below that, its bound is returned: ``2 exp(-(sum d)^2 / 2 sum d^2)``
    over the persons' differences d, still an upper limit of the exact p.

    Args:
        differences: (R, N) the differences of R pairs of errors, one a session.
        person, patterns, seed: as in `permutation_p`.

    Returns:
        (R,) two-sided p values, uncorrected.

    Raises:
        ValueError: as `permutation_p`.

    >>> sign_flip_p([[3.0, 4.0, 5.0], [1.0, -1.0, 0.0]], ["a", "b", "c"])
    array([0.25, 1.  ])
    """
    sums = _sums_of_persons(_checked(differences, person, patterns), person)
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


def pairwise_p(
    errors: ArrayLike, person: Sequence[str], *, patterns: int = PATTERNS, seed: int = 0
) -> NDArray[np.float64]:
    """p values of all pairs of rows, corrected over all pairs (Holm).

    Args:
        errors: (R, N) of R methods, one a session.
        person, patterns, seed: as in `permutation_p`.

    Returns:
        (R, R), symmetric, 1 on the diagonal. Time and memory grow with R^2.

    Raises:
        ValueError: as `permutation_p`.
    """
    values = _checked(errors, person, patterns)
    upper = np.triu_indices(len(values), 1)
    differences = values[upper[0]] - values[upper[1]]
    corrected = np.ones((len(values), len(values)))
    corrected[upper] = holm(sign_flip_p(differences, person, patterns=patterns, seed=seed))
    corrected.T[upper] = corrected[upper]
    return corrected


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


def paired_effect(
    first: ArrayLike,
    second: ArrayLike,
    person: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> PairedEffect:
    """Mean difference of two methods' errors, its interval over persons, and Cohen's d_z.

    Args:
        first, second, person: as in `permutation_p`.
        draws: number of resamples of the interval, 1 or more.
        seed: the same seed gives the same interval.

    Raises:
        ValueError: as `permutation_p`.
    """
    one, other = _pair(first, second)
    (differences,) = _checked((one - other)[None], person, draws)
    interval = None
    if len(set(person)) > 1:
        means = [differences[drawn].mean() for drawn in resample_persons(person, draws, seed)]
        low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        interval = (float(low), float(high))
    sums = _sums_of_persons(differences[None], person)
    counts = _sums_of_persons(np.ones((1, len(person))), person)
    return PairedEffect(float(differences.mean()), interval, _d_z((sums / counts)[0]))


def friedman(values: ArrayLike, *, patterns: int = PATTERNS, seed: int = 0) -> Friedman:
    """Friedman's test (1937) of methods over blocks, by scipy.

    The chi-squared distribution fits with many blocks only, and a benchmark has few tracks. So p
    comes from permuting the ranks within each block: all ways where there are no more than
    ``patterns``, else that many random ones and the observed one.

    Args:
        values: (blocks, methods), smaller is better; 2 blocks and 3 methods or more.
        patterns: number of random arrangements, 1 or more.
        seed: the same seed gives the same p.

    Raises:
        ValueError: for other shapes, values that are not finite, or ``patterns`` below 1.
    """
    from scipy.stats import friedmanchisquare, permutation_test, rankdata

    table = _blocks(values)
    if patterns < 1:
        raise ValueError(f"patterns must be 1 or more, got {patterns}")
    ranks = rankdata(table, axis=1)
    if np.all(ranks == ranks[0, 0]):
        return Friedman(ranks.mean(axis=0), 0.0, 1.0)

    def spread(*columns: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        """Grows with Friedman's statistic; blocks' ties don't change when ranks are permuted."""
        return np.sum([column.sum(axis=axis) ** 2 for column in columns], axis=0)

    found = permutation_test(
        tuple(ranks.T),
        spread,
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        n_resamples=patterns,
        batch=1000,
        rng=np.random.default_rng(seed),
    )
    statistic = float(friedmanchisquare(*table.T).statistic)
    return Friedman(ranks.mean(axis=0), statistic, float(found.pvalue))


def nemenyi(values: ArrayLike) -> NDArray[np.float64]:
    """p values of all pairs of methods after Friedman's test (Nemenyi 1963), by scikit-posthocs.

    Args:
        values: as in `friedman`.

    Returns:
        (methods, methods), symmetric, 1 on the diagonal; below 0.05 where average ranks differ by
        more than `critical_difference`.

    Raises:
        ValueError: as `friedman`.
    """
    # It imports seaborn and pyplot, which takes two seconds.
    from scikit_posthocs import posthoc_nemenyi_friedman

    return np.asarray(posthoc_nemenyi_friedman(_blocks(values)), dtype=np.float64)


def critical_difference(methods: int, blocks: int, *, level: float = LEVEL) -> float:
    """Return the difference of average ranks from which on Nemenyi's test tells methods apart.

    ``q sqrt(k (k + 1) / 6 N)`` for k methods and N blocks, q being the studentised range's quantile
    by the root of 2 (Demšar 2006, equation in section 3.2.2).

    Raises:
        ValueError: for fewer than 2 methods, no block, or a level outside (0, 1).

    >>> round(critical_difference(4, 14), 2)
    1.25
    """
    from scipy.stats import studentized_range

    if methods < 2 or blocks < 1 or not 0 < level < 1:
        raise ValueError(
            "a critical difference needs 2 methods, 1 block and a level in (0, 1); "
            f"got {methods} methods, {blocks} blocks and level {level}"
        )
    quantile = studentized_range.ppf(1 - level, methods, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(methods * (methods + 1) / (6 * blocks)))


def _pair(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise ValueError(
            f"a pair's errors must be (N,) arrays of one length; got {one.shape} and {other.shape}"
        )
    return one, other


def _checked(values: ArrayLike, person: Sequence[str], patterns: int) -> NDArray[np.float64]:
    errors = np.asarray(values, dtype=np.float64)
    if errors.ndim != 2 or errors.shape[1] != len(person) or not len(person):
        raise ValueError(
            "errors must hold one column a session and person the subject of each: "
            f"{len(person)} persons for errors of shape {errors.shape}"
        )
    if not np.isfinite(errors).all():
        raise ValueError("errors hold a number that is not finite; leave such a row out")
    if patterns < 1:
        raise ValueError(f"the number of patterns or draws must be 1 or more, got {patterns}")
    return errors


def _blocks(values: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] < 3:
        raise ValueError(
            f"ranks need (2 blocks or more, 3 methods or more); values has shape {table.shape}"
        )
    if not np.isfinite(table).all():
        raise ValueError("values hold a number that is not finite; leave that method or block out")
    return table


def _sums_of_persons(values: NDArray[np.float64], person: Sequence[str]) -> NDArray[np.float64]:
    """Sum (R, N) values over each person's sessions: (R, P)."""
    names, owner = np.unique(np.asarray(person, dtype=str), return_inverse=True)
    return values @ np.eye(len(names))[owner]


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


def _d_z(means: NDArray[np.float64]) -> float | None:
    if len(means) < 2 or np.ptp(means) <= _TIE * np.max(np.abs(means)):
        return None
    return float(means.mean() / means.std(ddof=1))
