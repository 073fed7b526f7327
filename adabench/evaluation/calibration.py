"""How predictions lie to labels: the line of labels on predictions, the shift, the spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from adabench.evaluation.metrics import score_metrics


def calibration_of(prediction: ArrayLike, target: ArrayLike) -> dict[str, float | None]:
    """Return intercept and slope of the label on the prediction, bias, and ratio of deviations.

    Args:
        prediction: ``(N,)`` predicted scores, points.
        target: ``(N,)`` true scores, points.

    Returns:
        ``intercept`` (points) and ``slope`` by least squares, None where all predictions are equal;
        ``bias``, the mean prediction less the mean label; ``sigma_ratio``, the deviation of the
        predictions over that of the labels, None where all labels are equal.

    Raises:
        ValueError: as `adabench.evaluation.metrics.rmse`.

    >>> found = calibration_of([1.0, 3.0], [2.0, 6.0])
    >>> {name: round(value, 6) + 0.0 for name, value in found.items()}
    {'intercept': 0.0, 'slope': 2.0, 'bias': -2.0, 'sigma_ratio': 0.5}
    """
    # The PCC of a constant is 0 by definition, whatever rounding made of its copies.
    correlation = score_metrics(prediction, target)["PCC"]
    predicted = np.asarray(prediction, dtype=np.float64)
    true = np.asarray(target, dtype=np.float64)
    spread, spread_true = float(predicted.std()), float(true.std())
    smallest = 1e-6 * max(1.0, float(np.abs(predicted).max()))
    slope = correlation * spread_true / spread if spread > smallest else None
    return {
        "intercept": None if slope is None else float(true.mean() - slope * predicted.mean()),
        "slope": slope,
        "bias": float(predicted.mean() - true.mean()),
        "sigma_ratio": spread / spread_true if spread_true > 0 else None,
    }
