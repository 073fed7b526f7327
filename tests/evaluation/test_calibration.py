"""Calibration against numpy's own line and moments."""

import doctest
import math

import numpy as np
import pytest

from adabench.evaluation import calibration as module
from adabench.evaluation import calibration_of, score_metrics
from adabench.evaluation.calibration import derived_calibration, possible_sigmas


def test_line_shift_and_spread_are_numpys():
    draw = np.random.default_rng(0)
    target = draw.uniform(0, 45, 60)
    for slope, noise in ((0.2, 1.0), (1.0, 8.0), (-0.5, 3.0)):
        prediction = 20 + slope * target + noise * draw.normal(size=60)
        found = calibration_of(prediction, target)
        line = np.polyfit(prediction, target, 1)
        assert [found["slope"], found["intercept"]] == pytest.approx(line.tolist(), abs=1e-6)
        assert found["bias"] == pytest.approx(prediction.mean() - target.mean())
        assert found["sigma_ratio"] == pytest.approx(prediction.std() / target.std())


def test_what_is_constant_has_no_line_or_no_ratio():
    found = calibration_of([17.3] * 3, [1.0, 2.0, 6.0])
    assert (found["slope"], found["intercept"]) == (None, None)
    assert found["bias"] == pytest.approx(14.3)
    assert found["sigma_ratio"] == pytest.approx(0.0, abs=1e-12)
    assert calibration_of([1.0, 2.0], [5.0, 5.0])["sigma_ratio"] is None


def test_its_example_holds():
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize(
    ("rmse", "pcc", "ccc", "ratio", "slope"),
    [
        (5.68, 0.92, 0.83, 0.66, 1.40),
        (6.25, 0.95, 0.79, 0.60, 1.60),
        (8.73, 0.90, 0.47, 0.29, 3.1),
    ],
)
def test_printed_metrics_tell_how_shrunken_predictions_are(rmse, pcc, ccc, ratio, slope):
    found = derived_calibration(rmse, pcc, ccc, 11.4)
    assert found.sigma_ratio == pytest.approx(ratio, abs=0.006)
    assert found.slope == pytest.approx(slope, abs=0.02)


@pytest.mark.parametrize("slope", [0.3, 1.0, -0.5])
def test_what_is_derived_is_what_is_measured(slope):
    draw = np.random.default_rng(0)
    target = draw.uniform(0, 45, 60)
    prediction = 20 + slope * target + 4 * draw.normal(size=60)
    metrics = {name.lower(): value for name, value in score_metrics(prediction, target).items()}
    del metrics["mae"]
    found = derived_calibration(**metrics, sigma=target.std())
    measured = calibration_of(prediction, target)
    assert found.slope == pytest.approx(measured["slope"])
    assert found.sigma_ratio == pytest.approx(measured["sigma_ratio"])
    low, high = possible_sigmas(**metrics)
    assert low - 1e-9 <= target.std() <= high + 1e-9


def test_rounded_metrics_of_real_predictions_are_never_called_impossible():
    draw = np.random.default_rng(0)
    for _ in range(300):
        target = draw.uniform(0, 45, 20)
        prediction = draw.normal(0, 20) + draw.normal() * target + draw.normal(0, 8, 20)
        metrics = {n.lower(): round(v, 2) for n, v in score_metrics(prediction, target).items()}
        del metrics["mae"]
        low, high = possible_sigmas(**metrics, rounding=0.005)
        assert low <= target.std() <= high


def test_metrics_that_no_predictions_have():
    assert possible_sigmas(6.0, 0.7, 0.75) is None
    assert possible_sigmas(6.0, 0.7, -0.5) is None
    assert possible_sigmas(6.0, 0.749, 0.75, rounding=0.005) is not None
    _, high = possible_sigmas(1.0, 0.9, 0.5)
    assert high < 2
    # A perfect prediction goes with any labels, and with no error.
    assert possible_sigmas(0.0, 1.0, 1.0) == (0.0, math.inf)
    assert possible_sigmas(1.0, 1.0, 1.0) is None


def test_nothing_follows_from_a_prediction_that_says_nothing():
    assert derived_calibration(11.0, 0.0, 0.0, 11.0) is None
    assert derived_calibration(11.0, 0.3, -0.1, 11.0) is None
    low, high = possible_sigmas(11.0, 0.0, 0.0)
    assert (low, high) == (0.0, 11.0)
