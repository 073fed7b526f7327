"""Which rows of a table may be the best, whoever picked the best of them: the model confidence set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adabench.evaluation.sign_flips import TIE, checked, sign_patterns, sums_of_persons

#: The same for a whole table, whose pairs are many.
TABLE_PATTERNS = 1999

# Of a table's pairs in all patterns: some seconds. Larger tables take fewer patterns, down to these.
_MOST, _FEWEST = 100_000_000, 199


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
    signs, is_exact = sign_patterns(sum(own.shape[1] for own in sums), patterns, seed)
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
        count = np.count_nonzero(largest >= observed - TIE)
        steps.append(count / len(signs) if is_exact else (count + 1) / (len(signs) + 1))
        inside.append(row)
    p = np.empty(len(leaving))
    p[leaving] = np.maximum.accumulate(steps[::-1])
    return p


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
    values = checked(block.squared, block.person, patterns)
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
    return np.divide(values, scale, out=np.zeros_like(values), where=scale > TIE)
