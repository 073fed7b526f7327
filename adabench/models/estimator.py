"""Methods that are no network: a scikit-learn regressor over a clip's features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adabench.models.extractors.extractor import Extractor
from adabench.models.regressors import build_regressor
from adabench.models.search import PLACE as SEARCH
from adabench.models.search import Chosen, Search
from adabench.registry import MODELS
from adabench.structures import Clip

#: The mean of the training scores, for every clip.
MEAN = {"type": "DummyRegressor", "strategy": "mean"}


@MODELS.register_module()
class EstimatorMethod:
    """A scikit-learn regressor, beside the ``Assessor`` under the same protocol, record and table.

    Args:
        estimator: ``dict(type='SVR', C=1.0)`` names one of scikit-learn's regressors and its
            arguments, a list of such a pipeline, whose other steps are transformers; an object with
            ``fit`` and ``predict`` is taken as it is. By default the constant predictor: the mean of
            the training scores, for every clip.
        extractor: what turns a clip into features (D,): an `Extractor`, or the config of a
            registered one. None for an estimator that reads no features.
        search: ``dict(grid=dict(C=[1, 10]), folds=5)`` chooses parameters by cross-validation over
            the training persons; None takes the estimator's own.

    Attributes:
        chosen: what the search chose, once fitted.

    Raises:
        UnknownTypeError: scikit-learn has no such regressor; the nearest names are given.
        TypeError, ValueError: an estimator, extractor or search that can't be used as one.
    """

    def __init__(
        self,
        *,
        estimator: Mapping[str, Any] | Sequence[Mapping[str, Any]] | Any = MEAN,
        extractor: Mapping[str, Any] | Extractor | None = None,
        search: Mapping[str, Any] | None = None,
    ) -> None:
        self.estimator = build_regressor(estimator)
        self.extractor = _build_extractor(extractor)
        self.search = _build_search(self.estimator, search)
        self.chosen: Chosen | None = None

    @property
    def needs_features(self) -> bool:
        """False for the constant predictor and its kin."""
        from sklearn.dummy import DummyRegressor

        return not isinstance(self.estimator, DummyRegressor)

    def extract(self, clips: Iterable[Clip]) -> NDArray[np.float64] | None:
        """Return the features (N, D) of ``clips``, a row each, or None without an extractor.

        Raises:
            ValueError: an extractor that gives something else than (D,) finite numbers for a clip.
        """
        if self.extractor is None:
            return None
        rows: list[NDArray[np.float64]] = []
        for clip in clips:
            row = np.asarray(self.extractor(clip), dtype=np.float64)
            self._check_row(row, rows[0] if rows else row, clip.id.clip)
            rows.append(row)
        return np.stack(rows)

    def _check_row(self, row: NDArray[np.float64], first: NDArray[np.float64], clip: str) -> None:
        name = type(self.extractor).__name__
        if row.ndim != 1 or row.shape != first.shape:
            wanted = f"as for the first clip, {first.shape}" if first.ndim == 1 else "(D,)"
            raise ValueError(
                f"method.extractor: {name} gives {row.shape} for clip {clip}; expected {wanted}"
            )
        if not np.isfinite(row).all():
            raise ValueError(
                f"method.extractor: {name} gives a number that is not finite for clip {clip}"
            )

    def fit(
        self, features: ArrayLike | None, scores: ArrayLike, persons: Sequence[str] | None = None
    ) -> EstimatorMethod:
        """Fit on the training split.

        Args:
            features: (N, D), or None for an estimator that reads none.
            scores: (N,) points.
            persons: (N,) whose row it is, which a search needs.

        Raises:
            ValueError: shapes that don't match, a number that is not finite, or values that the
                estimator can't be fitted on.
        """
        target = np.asarray(scores, dtype=np.float64)
        if target.ndim != 1 or target.size == 0:
            raise ValueError(f"scores are (N,) with N at least 1; got {target.shape}")
        if not np.isfinite(target).all():
            raise ValueError("a training score is not finite; leave clips without a label out")
        matrix = self._matrix(features, len(target))
        if len(matrix) != len(target):
            raise ValueError(f"features {matrix.shape} and scores {target.shape} differ in N")
        try:
            self._learn(matrix, target, persons)
        except ValueError as error:
            raise ValueError(
                f"method.estimator can't be fitted on features {matrix.shape}: {error}"
            ) from error
        return self

    def _learn(
        self,
        features: NDArray[np.float64],
        scores: NDArray[np.float64],
        persons: Sequence[str] | None,
    ) -> None:
        if self.search is None:
            self.estimator.fit(features, scores)
        elif persons is None:
            raise ValueError("method.search divides persons into folds; name whose row each is")
        else:
            self.estimator, self.chosen = self.search.choose(
                self.estimator, features, scores, persons
            )

    def predict(self, features: ArrayLike | int) -> NDArray[np.float64]:
        """Predict scores (N,) in points.

        Args:
            features: (N, D), or the number N for an estimator that reads none.
        """
        if isinstance(features, (int, np.integer)):
            matrix = self._matrix(None, int(features))
        else:
            matrix = self._matrix(features, 0)
        return np.asarray(self.estimator.predict(matrix), dtype=np.float64).reshape(-1)

    def _matrix(self, features: ArrayLike | None, count: int) -> NDArray[np.float64]:
        if features is None:
            if self.needs_features:
                name = type(self.estimator).__name__
                raise ValueError(f"{name} needs features (N, D); name an extractor for it")
            return np.zeros((count, 1))
        matrix = np.asarray(features, dtype=np.float64)
        if matrix.ndim != 2:
            raise ValueError(f"features are (N, D); got {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise ValueError(f"features {matrix.shape} hold a number that is not finite")
        return matrix


def _build_search(estimator: Any, search: Mapping[str, Any] | None) -> Search | None:
    if search is None:
        return None
    odd = [key for key in search if key not in ("grid", "folds")]
    if odd or "grid" not in search:
        raise ValueError(
            f"{SEARCH} is dict(grid=dict(PARAMETER=[VALUE, …]), folds=5); got {dict(search)!r}"
        )
    return Search(estimator, **search)


def _build_extractor(extractor: Mapping[str, Any] | Extractor | None) -> Extractor | None:
    built = MODELS.build(dict(extractor)) if isinstance(extractor, Mapping) else extractor
    if built is not None and not isinstance(built, Extractor):
        raise TypeError(
            f"method.extractor: {type(built).__name__} is no extractor (a subclass of "
            "adabench.models.Extractor)"
        )
    return built
