"""A metric of one's own: a number that follows from sessions' predictions and labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray


class SessionMetric(ABC):
    """Scores the sessions of a test, beside RMSE, MAE, PCC and CCC, which every record has.

    It is a function of what a record keeps, so tables compute it for older records too.

    Attributes:
        unit: of the value, as a table shows it; empty for a share or a correlation.
        direction: which values are better, ``lower`` or ``higher``.
    """

    unit: ClassVar[str] = ""
    direction: ClassVar[Literal["lower", "higher"]]

    @property
    def name(self) -> str:
        """What records and tables call it: another for other arguments, in letters, digits and ``@+-/``."""
        return type(self).__name__

    @abstractmethod
    def __call__(self, prediction: NDArray[np.float64], label: NDArray[np.float64]) -> float:
        """Return the value.

        Args:
            prediction, label: (N,) of the N sessions in the same order, points of the corpus's scale.
        """
