"""Calibration against numpy's own line and moments."""

import doctest

import numpy as np
import pytest

from adabench.evaluation import calibration as module
from adabench.evaluation import calibration_of


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
