"""How often a prediction is near enough."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from adabench.evaluation.session_metric import SessionMetric
from adabench.registry import METRICS


@METRICS.register_module()
class WithinPoints(SessionMetric):
    """Share of sessions that are predicted within some points of their label.

    Args:
        points: how far off a prediction may be.

    >>> WithinPoints(points=5)(np.array([3.0, 20.0]), np.array([8.0, 14.0]))
    0.5
    """

    direction: ClassVar[Literal["lower", "higher"]] = "higher"

    def __init__(self, *, points: float = 5.0) -> None:
        if not points > 0:
            raise ValueError(f"WithinPoints.points is above 0; got {points!r}")
        self.points = points

    @property
    def name(self) -> str:
        """``WithinPoints@5``."""
        return f"WithinPoints@{self.points:g}"

    def __call__(self, prediction: NDArray[np.float64], label: NDArray[np.float64]) -> float:
        """Return the share, 0 to 1."""
        return float(np.mean(np.abs(prediction - label) <= self.points))
