"""Choosing an estimator's hyper-parameters by cross-validation over the persons of the training clips."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adabench.models.regressors import check_values, nearest

PLACE = "method.search"


@dataclass(frozen=True)
class Chosen:
    """What a search chose.

    Attributes:
        parameters: name → value.
        rmse: of that choice, BDI-II points, mean over the folds.
        tried: how many combinations were.
        folds: that the persons were divided into.
    """

    parameters: Mapping[str, Any]
    rmse: float
    tried: int
    folds: int

    def __str__(self) -> str:
        """Say it in a line."""
        told = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return (
            f"chosen by cross-validation over the training persons in {self.folds} folds, of "
            f"{self.tried} tried: {told} (RMSE {self.rmse:.2f})"
        )


class Search:
    """A grid, each of whose combinations is tried on every fold of persons.

    Args:
        estimator: what is searched for; its parameters as scikit-learn names them, those of a
            pipeline's step as ``svr__C``.
        grid: parameter → values.
        folds: nobody is in two of them.

    Raises:
        TypeError, ValueError: naming the place in the config, and what was expected.
    """

    def __init__(
        self, estimator: Any, *, grid: Mapping[str, Sequence[Any]], folds: int = 5
    ) -> None:
        if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
            raise ValueError(f"{PLACE}.folds is a whole number, at least 2; got {folds!r}")
        if not isinstance(grid, Mapping) or not grid:
            raise TypeError(f"{PLACE}.grid is dict(PARAMETER=[VALUE, …]); got {grid!r}")
        for name, values in grid.items():
            _check(estimator, name, values)
        self.grid = {name: list(values) for name, values in grid.items()}
        self.folds = folds

    @property
    def tried(self) -> int:
        """How many combinations there are."""
        return math.prod(map(len, self.grid.values()))

    def check_persons(self, persons: Sequence[str]) -> None:
        """Refuse fewer persons than folds.

        Raises:
            ValueError: with both numbers.
        """
        found = len(set(persons))
        if found < self.folds:
            raise ValueError(
                f"{PLACE}.folds is {self.folds}, and the training clips are of {found} persons; "
                f"set it to at most {found}"
            )

    def choose(
        self,
        estimator: Any,
        features: NDArray[np.float64],
        scores: ArrayLike,
        persons: Sequence[str],
    ) -> tuple[Any, Chosen]:
        """Return the estimator fitted with the best combination, and which that is.

        Args:
            estimator: not fitted.
            features: (N, D).
            scores: (N,) BDI-II points.
            persons: (N,) whose row it is.
        """
        from sklearn.model_selection import GridSearchCV, GroupKFold

        self.check_persons(persons)
        search = GridSearchCV(
            estimator,
            self.grid,
            scoring="neg_root_mean_squared_error",
            cv=GroupKFold(self.folds),
            error_score="raise",
        )
        search.fit(features, scores, groups=list(persons))
        chosen = Chosen(search.best_params_, -float(search.best_score_), self.tried, self.folds)
        return search.best_estimator_, chosen


def _check(estimator: Any, name: str, values: Any) -> None:
    from sklearn.base import clone

    place = f"{PLACE}.grid.{name}"
    known = estimator.get_params()
    if name not in known:
        what = type(estimator).__name__
        raise ValueError(
            f"{place}: {what} has no parameter {name!r}.{nearest(name, known)} "
            f"It has: {', '.join(sorted(known))}"
        )
    if not isinstance(values, list | tuple) or not values:
        raise TypeError(f"{place} is a list of values to try; got {values!r}")
    owner = name.rpartition("__")[0]
    for value in values:
        tried = clone(estimator).set_params(**{name: value})
        check_values(tried.get_params()[owner] if owner else tried, place)
