"""Severity levels of the BDI-II."""

import doctest

import numpy as np
import pytest

from adabench.evaluation import LEVEL_NAMES, level_bounds, levels, severity_level


def test_every_whole_score_falls_into_its_level():
    expected = [0] * 14 + [1] * 6 + [2] * 9 + [3] * 35
    found = severity_level(np.arange(64))
    assert found.tolist() == expected
    assert found.dtype == np.int64


def test_shape_is_kept_and_a_scalar_works():
    assert severity_level(np.full((2, 3), 25)).shape == (2, 3)
    assert int(severity_level(14)) == 1
    assert severity_level([]).shape == (0,)


def test_fractions_belong_to_the_level_they_have_reached():
    assert severity_level([13.99, 14.0, 19.5, 28.99, 29.0]).tolist() == [0, 1, 1, 2, 3]


@pytest.mark.parametrize("score", [-0.1, 63.5, np.nan, np.inf])
def test_scores_off_the_scale_are_refused(score):
    with pytest.raises(ValueError, match=r"\[0, 63\], but 1 of 2 do not"):
        severity_level([5.0, score])


def test_bounds_cover_the_scale_and_agree_with_the_levels():
    bounds = [level_bounds(level) for level in range(len(LEVEL_NAMES))]
    assert bounds == [(0, 13), (14, 19), (20, 28), (29, 63)]
    for level, (low, high) in enumerate(bounds):
        assert severity_level([low, high]).tolist() == [level, level]


@pytest.mark.parametrize("level", [-1, 4])
def test_an_unknown_level_is_refused(level):
    with pytest.raises(ValueError, match=r"one of 0\.\.3"):
        level_bounds(level)


def test_docstring_examples_hold():
    assert doctest.testmod(levels).failed == 0
