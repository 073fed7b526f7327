"""Differences of RMSE tested over persons, on the draws or the corpus that there are: paired sign flips.

A person can have several sessions, and these are alike: under the null hypothesis the two methods' errors
on a *person* can be exchanged, all sessions together (Winkler et al. 2015, whole-block exchange).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Random sign patterns, or all patterns where there are no more of them than this.
PATTERNS = 9999

#: Sums of the same differences in another order differ by rounding; this counts as a tie.
TIE = 1e-12

# Numbers of a block of the null distribution, 32 MB.
_BLOCK = 4_000_000


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
    sums = sums_of_persons(checked(differences, person, patterns), person)
    observed = np.abs(sums.sum(axis=1)) - TIE * np.abs(sums).sum(axis=1)
    signs, is_exact = sign_patterns(sums.shape[1], patterns, seed)
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
    values = checked(np.asarray(differences, dtype=np.float64)[None], person, 1)
    counts = sums_of_persons(np.ones((1, len(person))), person)
    means = (sums_of_persons(values, person) / counts)[0]
    if len(means) < 2 or np.ptp(means) <= TIE * np.max(np.abs(means)):
        return None
    return float(means.mean() / means.std(ddof=1))


def sums_of_persons(values: NDArray[np.float64], person: Sequence[str]) -> NDArray[np.float64]:
    """Sum (R, N) values over each person's sessions: (R, P), persons by name."""
    names, owner = np.unique(np.asarray(person, dtype=str), return_inverse=True)
    sums = np.zeros((len(values), len(names)))
    np.add.at(sums.T, owner, values.T)
    return sums


def checked(values: ArrayLike, person: Sequence[str], patterns: int) -> NDArray[np.float64]:
    """Return (R, N) values, one column a session.

    Raises:
        ValueError: another shape, no session, numbers that are not finite, or no pattern.
    """
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


def sign_patterns(persons: int, patterns: int, seed: int) -> tuple[NDArray[np.float64], bool]:
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
