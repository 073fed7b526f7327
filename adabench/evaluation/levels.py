"""The four severity levels of the BDI-II (Beck, Steer and Brown 1996)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_SCORE = 0
MAX_SCORE = 63

LEVEL_NAMES = ("minimal", "mild", "moderate", "severe")

#: The lowest score of each level but the first: 0-13, 14-19, 20-28, 29-63.
LEVEL_THRESHOLDS = (14, 20, 29)


def severity_level(score: ArrayLike) -> NDArray[np.int64]:
    """Severity level of BDI-II scores: 0 minimal, 1 mild, 2 moderate, 3 severe.

    A fractional score belongs to the level whose lowest score it has reached (13.9 is minimal).

    Args:
        score: scores in [0, 63], of any shape.

    Returns:
        Levels in 0..3, in the shape of ``score``.

    Raises:
        ValueError: if a score is outside [0, 63] or not a number.

    >>> severity_level([13, 14, 28, 29])
    array([0, 1, 2, 3])
    """
    values = np.asarray(score, dtype=np.float64)
    outside = ~((values >= MIN_SCORE) & (values <= MAX_SCORE))
    if outside.any():
        raise ValueError(
            f"a BDI-II score lies in [{MIN_SCORE}, {MAX_SCORE}], "
            f"but {int(outside.sum())} of {values.size} do not, the first being "
            f"{values[outside].flat[0]}; clip predictions before asking for their level"
        )
    return np.searchsorted(LEVEL_THRESHOLDS, values, side="right").astype(np.int64)


def level_bounds(level: int) -> tuple[int, int]:
    """Lowest and highest score of a level, both inclusive.

    Raises:
        ValueError: if ``level`` is not 0, 1, 2 or 3.

    >>> level_bounds(2)
    (20, 28)
    """
    if level not in range(len(LEVEL_NAMES)):
        raise ValueError(f"a severity level is one of 0..{len(LEVEL_NAMES) - 1}, got {level!r}")
    low = MIN_SCORE if level == 0 else LEVEL_THRESHOLDS[level - 1]
    high = MAX_SCORE if level == len(LEVEL_THRESHOLDS) else LEVEL_THRESHOLDS[level] - 1
    return low, high
