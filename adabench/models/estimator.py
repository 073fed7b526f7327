"""Methods that are no network: a scikit-learn regressor over a clip's features."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adabench.registry import MODELS, UnknownTypeError
from adabench.structures import Clip

Extractor = Callable[[Clip], ArrayLike]

#: The mean of the training scores, for every clip.
MEAN = {"type": "DummyRegressor", "strategy": "mean"}


@MODELS.register_module()
class EstimatorMethod:
    """A scikit-learn regressor, beside the ``Assessor`` under the same protocol, record and table.

    Args:
        estimator: ``dict(type='SVR', C=1.0)`` names one of scikit-learn's regressors and its
            arguments; an object with ``fit`` and ``predict`` is taken as it is. By default the
            constant predictor: the mean of the training scores, for every clip.
        extractor: what turns a clip into features (D,): a callable, or the config of a registered
            one. None for an estimator that reads no features.

    Raises:
        UnknownTypeError: scikit-learn has no such regressor; the nearest names are given.
        TypeError: an estimator or extractor that can't be used as one.
    """

    def __init__(
        self,
        *,
        estimator: Mapping[str, Any] | Any = MEAN,
        extractor: Mapping[str, Any] | Extractor | None = None,
    ) -> None:
        self.estimator = _build_estimator(estimator)
        self.extractor = _build_extractor(extractor)

    @property
    def needs_features(self) -> bool:
        """False for the constant predictor and its kin."""
        from sklearn.dummy import DummyRegressor

        return not isinstance(self.estimator, DummyRegressor)

    def extract(self, clips: Iterable[Clip]) -> NDArray[np.float64] | None:
        """Return the features (N, D) of ``clips``, or None without an extractor."""
        if self.extractor is None:
            return None
        return np.stack([np.asarray(self.extractor(clip), dtype=np.float64) for clip in clips])

    def fit(self, features: ArrayLike | None, scores: ArrayLike) -> EstimatorMethod:
        """Fit on the training split.

        Args:
            features: (N, D), or None for an estimator that reads none.
            scores: (N,) points.

        Raises:
            ValueError: shapes that don't match, or a number that is not finite.
        """
        target = np.asarray(scores, dtype=np.float64)
        if target.ndim != 1 or target.size == 0:
            raise ValueError(f"scores are (N,) with N at least 1; got {target.shape}")
        if not np.isfinite(target).all():
            raise ValueError("a training score is not finite; leave clips without a label out")
        matrix = self._matrix(features, len(target))
        if len(matrix) != len(target):
            raise ValueError(f"features {matrix.shape} and scores {target.shape} differ in N")
        self.estimator.fit(matrix, target)
        return self

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


@functools.cache
def _regressors() -> dict[str, type]:
    # scikit-learn takes a second to import, and most runs are of networks.
    from sklearn.utils import all_estimators

    return dict(all_estimators(type_filter="regressor"))


def _build_estimator(estimator: Mapping[str, Any] | Any) -> Any:
    if not isinstance(estimator, Mapping):
        usable = all(callable(getattr(estimator, name, None)) for name in ("fit", "predict"))
        if isinstance(estimator, type) or not usable:
            raise TypeError(
                "EstimatorMethod.estimator is dict(type='SVR', …) or a scikit-learn regressor; "
                f"got {estimator!r}"
            )
        return estimator
    arguments = dict(estimator)
    name = arguments.pop("type", None)
    found = _regressors().get(str(name))
    if found is None:
        known = sorted(_regressors())
        folded = {key.lower(): key for key in known}
        near = difflib.get_close_matches(str(name).lower(), folded, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(repr(folded[n]) for n in near)}?" if near else ""
        raise UnknownTypeError(
            f"scikit-learn has no regressor {name!r}.{hint} It has: {', '.join(known)}."
        )
    try:
        return found(**arguments)
    except TypeError as error:
        raise TypeError(f"EstimatorMethod.estimator {name}: {error}") from error


def _build_extractor(extractor: Mapping[str, Any] | Extractor | None) -> Extractor | None:
    built = MODELS.build(dict(extractor)) if isinstance(extractor, Mapping) else extractor
    if built is not None and not callable(built):
        raise TypeError(
            f"EstimatorMethod.extractor is called with a clip; a {type(built).__name__} can't be"
        )
    return built
