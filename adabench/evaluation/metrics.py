"""The four numbers every method is judged by: RMSE, MAE, PCC and CCC.

All functions take ``(N,)`` arrays in points, one entry a session or clip, and use population
moments (ddof 0), as the AVEC challenges do. A correlation with something constant is undefined; it
counts as 0 here, because a predictor that always says the same has learnt nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Metric = Callable[[ArrayLike, ArrayLike], float]

#: Rounding alone spreads the copies of one number by about this share of it.
CONSTANT_TOLERANCE = 1e-12


def rmse(prediction: ArrayLike, target: ArrayLike) -> float:
    """Root mean squared error, ``sqrt(mean((p - t)^2))``, in points.

    Args:
        prediction: ``(N,)`` predicted scores.
        target: ``(N,)`` true scores.

    Raises:
        ValueError: if the two are empty, not one-dimensional, of unequal length or not finite.

    >>> rmse([1.0, 3.0], [1.0, 1.0])
    1.4142135623730951
    """
    return _rmse(*_checked(prediction, target))


def mae(prediction: ArrayLike, target: ArrayLike) -> float:
    """Mean absolute error, ``mean(|p - t|)``, in points; arguments as in `rmse`.

    >>> mae([1.0, 3.0], [1.0, 1.0])
    1.0
    """
    return _mae(*_checked(prediction, target))


def pcc(prediction: ArrayLike, target: ArrayLike) -> float:
    """Pearson's correlation, ``cov(p, t) / (sd(p) sd(t))`` in [-1, 1]; arguments as in `rmse`.

    0 where either side is constant, one element included.

    >>> pcc([4.0, 4.0, 4.0], [1.0, 2.0, 3.0])
    0.0
    """
    return _pcc(*_checked(prediction, target))


def ccc(prediction: ArrayLike, target: ArrayLike) -> float:
    """Lin's concordance, ``2 cov(p, t) / (var(p) + var(t) + (mean(p) - mean(t))^2)`` in [-1, 1].

    Arguments as in `rmse`. The moments divide by N; torchmetrics divides by N - 1 and so prints
    another number. 0 where either side is constant, one element included.

    >>> round(ccc([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]), 6)
    0.571429
    """
    return _ccc(*_checked(prediction, target))


def score_metrics(prediction: ArrayLike, target: ArrayLike) -> dict[str, float]:
    """All four metrics under the names a result record uses: RMSE, MAE, PCC, CCC.

    Arguments and errors as in `rmse`.
    """
    checked = _checked(prediction, target)
    return {name: kernel(*checked) for name, kernel in _KERNELS.items()}


def _checked(
    prediction: ArrayLike, target: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    predicted = np.asarray(prediction, dtype=np.float64)
    true = np.asarray(target, dtype=np.float64)
    shapes = f"prediction has shape {predicted.shape}, target has shape {true.shape}"
    if predicted.ndim != 1 or predicted.shape != true.shape:
        raise ValueError(f"prediction and target must be (N,) arrays of one length: {shapes}")
    if predicted.size == 0:
        raise ValueError(f"a metric needs at least one score: {shapes}")
    for name, values in (("prediction", predicted), ("target", true)):
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise ValueError(
                f"{name} must be finite, but entry {bad[0]} is {values[bad[0]]} "
                f"({bad.size} such entries): {shapes}"
            )
    return predicted, true


def _is_constant(values: NDArray[np.float64]) -> bool:
    return bool(np.ptp(values) <= CONSTANT_TOLERANCE * np.max(np.abs(values)))


def _rmse(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((predicted - true) ** 2)))


def _mae(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    return float(np.mean(np.abs(predicted - true)))


def _pcc(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    if _is_constant(predicted) or _is_constant(true):
        return 0.0
    left, right = _direction(predicted), _direction(true)
    correlation = float(np.dot(left, right))
    return min(1.0, max(-1.0, correlation))


def _direction(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The deviations from the mean, scaled to length 1."""
    deviation = values - values.mean()
    # Squares of tiny deviations underflow; the largest one is divided out before they are taken.
    deviation /= np.max(np.abs(deviation))
    return deviation / np.linalg.norm(deviation)


def _ccc(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    if _is_constant(predicted) or _is_constant(true):
        return 0.0
    shift = predicted.mean() - true.mean()
    covariance = np.mean((predicted - predicted.mean()) * (true - true.mean()))
    return float(2 * covariance / (predicted.var() + true.var() + shift**2))


_KERNELS: dict[str, Callable[[NDArray[np.float64], NDArray[np.float64]], float]] = {
    "RMSE": _rmse,
    "MAE": _mae,
    "PCC": _pcc,
    "CCC": _ccc,
}
