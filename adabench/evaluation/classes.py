"""Metrics of two classes, labels 0 and 1: of a corpus whose scale is of classes, beside the usual four.

A prediction is the probability of class 1; from one half on it says 1.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from adabench.evaluation.session_metric import SessionMetric
from adabench.registry import METRICS

_HALF = 0.5


class ClassMetric(SessionMetric):
    """A metric of two classes.

    Raises:
        ValueError: labels that are not 0 and 1, or sessions of one class alone.
    """

    direction: ClassVar[Literal["lower", "higher"]] = "higher"

    @staticmethod
    def check(label: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which sessions are of class 1."""
        found = np.unique(label)
        if not np.isin(found, (0.0, 1.0)).all():
            raise ValueError(
                "labels are not 0 and 1; a corpus whose scale is of classes has this metric by itself"
            )
        if len(found) < 2:
            raise ValueError(f"all {label.size} sessions are of one class")
        return label == 1.0


@METRICS.register_module()
class BalancedAccuracy(ClassMetric):
    """Mean of the shares of each class's sessions that are told right.

    >>> BalancedAccuracy()(np.array([0.2, 0.4, 0.6, 0.3]), np.array([0.0, 0.0, 1.0, 1.0]))
    0.75
    """

    def __call__(self, prediction: NDArray[np.float64], label: NDArray[np.float64]) -> float:
        """Return the mean, 0 to 1."""
        true, told = self.check(label), prediction >= _HALF
        return float((told[true].mean() + (~told[~true]).mean()) / 2)


@METRICS.register_module()
class MacroF1(ClassMetric):
    """Mean of both classes' F1, ``2 TP / (2 TP + FP + FN)``."""

    def __call__(self, prediction: NDArray[np.float64], label: NDArray[np.float64]) -> float:
        """Return the mean, 0 to 1."""
        true, told = self.check(label), prediction >= _HALF
        return float((_f1(true, told) + _f1(~true, ~told)) / 2)


@METRICS.register_module()
class AreaUnderROC(ClassMetric):
    """How often a session of class 1 is predicted higher than one of class 0; ties count half.

    >>> AreaUnderROC()(np.array([0.2, 0.4, 0.6, 0.4]), np.array([0.0, 0.0, 1.0, 1.0]))
    0.875
    """

    def __call__(self, prediction: NDArray[np.float64], label: NDArray[np.float64]) -> float:
        """Return the share of such pairs, 0 to 1."""
        true = self.check(label)
        difference = prediction[true][:, None] - prediction[~true]
        return float(((difference > 0) + _HALF * (difference == 0)).mean())


@METRICS.register_module()
class Brier(ClassMetric):
    """Mean squared difference of label and probability; a prediction outside 0 to 1 counts as its end."""

    direction: ClassVar[Literal["lower", "higher"]] = "lower"

    def __call__(self, prediction: NDArray[np.float64], label: NDArray[np.float64]) -> float:
        """Return the mean, 0 to 1."""
        self.check(label)
        return float(np.mean((prediction.clip(0.0, 1.0) - label) ** 2))


#: Those that every record of two classes has.
CLASS_METRICS: Final = (BalancedAccuracy(), MacroF1(), AreaUnderROC(), Brier())


def _f1(true: NDArray[np.bool_], told: NDArray[np.bool_]) -> float:
    hits = int((true & told).sum())
    return 2 * hits / (int(true.sum()) + int(told.sum()))
