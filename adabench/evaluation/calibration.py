"""How predictions lie to labels: the line of labels on predictions, the shift, the spread."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from adabench.evaluation.metrics import score_metrics

# A CCC of 1 leaves no error, and of a printed 1.00 nobody knows which it was.
_NEARLY_ONE: Final = 1 - 1e-9

# Concordances tried between the ends of what may have been rounded: the widest may lie within.
_STEPS: Final = 21


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


class DerivedCalibration(NamedTuple):
    """What RMSE, PCC and CCC tell of calibration, with the deviation of the labels.

    Attributes:
        slope: of the label on the prediction.
        sigma_ratio: deviation of the predictions over that of the labels.
    """

    slope: float
    sigma_ratio: float


def derived_calibration(
    rmse: float, pcc: float, ccc: float, sigma: float
) -> DerivedCalibration | None:
    """Return the calibration of predictions of which only the metrics are known.

    With σ_p and σ_y, the deviations of predictions and labels, and their bias b,
    ``RMSE² = b² + σ_p² + σ_y² − 2 PCC σ_p σ_y`` and ``CCC = 2 PCC σ_p σ_y / (σ_p² + σ_y² + b²)``
    (Lin 1989), so that ``σ_p = CCC RMSE² / (2 PCC σ_y (1 − CCC))``. The bias then follows too, but
    from a small difference of large numbers, of which two decimals leave nothing.

    Args:
        rmse, sigma: points; sigma is the population deviation of the labels.
        pcc, ccc: in [-1, 1].

    Returns:
        None where nothing follows: a PCC or CCC of 0, of unlike signs, or a CCC of 1.

    >>> found = derived_calibration(5.68, 0.92, 0.83, 11.4)
    >>> round(found.slope, 2), round(found.sigma_ratio, 2)
    (1.4, 0.66)
    """
    if pcc * ccc <= 0 or ccc >= 1 or rmse <= 0 or sigma <= 0:
        return None
    ratio = ccc * rmse**2 / (2 * pcc * (1 - ccc)) / sigma**2
    return DerivedCalibration(slope=pcc / ratio, sigma_ratio=ratio)


def possible_sigmas(
    rmse: float, pcc: float, ccc: float, rounding: float = 0.0
) -> tuple[float, float] | None:
    """Return between which deviations of the labels these metrics are possible; None where nowhere.

    By the equations of `derived_calibration`, ``S = σ_p² + σ_y² + b² = RMSE² / (1 − CCC)``, and
    ``b² ≥ 0`` asks for ``σ_y² + σ_p² ≤ S`` with ``σ_p σ_y = CCC S / (2 PCC)``: σ_y² lies within
    ``S (1 ± √(1 − (CCC / PCC)²)) / 2``, and nowhere where CCC is larger than PCC.

    Args:
        rmse, pcc, ccc: as printed.
        rounding: how far each may lie from the number that was printed, half a unit of its last
            digit; the widest interval over these is returned.

    Returns:
        Points.

    >>> low, high = possible_sigmas(5.68, 0.92, 0.83)
    >>> round(low, 2), round(high, 2)
    (7.35, 11.65)
    """
    sign = -1.0 if ccc < 0 else 1.0
    nearest, furthest = abs(ccc) - rounding, min(abs(ccc) + rounding, _NEARLY_ONE)
    correlation = min(sign * pcc + rounding, 1.0)
    if nearest <= 0:
        # Predictions may say nothing, and then all of the error may be the labels' deviation.
        return 0.0, (rmse + rounding) / math.sqrt(1 - furthest)
    if correlation < nearest:
        return None
    if nearest > furthest:
        return None if rmse > rounding else (0.0, math.inf)
    found = [
        _sigmas(error, concordance / correlation, sign * concordance)
        for concordance in np.linspace(nearest, min(furthest, correlation), _STEPS).tolist()
        for error in (max(rmse - rounding, 0.0), rmse + rounding)
    ]
    return min(low for low, _ in found), max(high for _, high in found)


def _sigmas(rmse: float, share: float, ccc: float) -> tuple[float, float]:
    """Return the ends of σ_y where CCC is this share of PCC."""
    total = rmse**2 / (1 - ccc)
    reach = math.sqrt(max(1 - share**2, 0.0))
    return math.sqrt(total * (1 - reach) / 2), math.sqrt(total * (1 + reach) / 2)
