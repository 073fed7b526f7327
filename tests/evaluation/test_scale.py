"""Scales of scores: the BDI-II, the PHQ-8, classes, and those that a file describes."""

import doctest

import numpy as np
import pytest

from adabench.evaluation import BDI_II, PHQ_8, Level, Scale, scale
from adabench.evaluation.scale import scale_from

HAMD = {
    "name": "HAMD-17",
    "low": 0,
    "high": 52,
    "levels": [{"name": "none", "low": 0}, {"name": "mild", "low": 8}],
}
CLASSES = Scale.of_classes("depressed", ("no", "yes"))


def test_every_whole_score_falls_into_its_level():
    expected = [0] * 14 + [1] * 6 + [2] * 9 + [3] * 35
    found = BDI_II.level(np.arange(64))
    assert found.tolist() == expected
    assert found.dtype == np.int64
    assert PHQ_8.level([0, 4, 5, 9, 10, 14, 15, 19, 20, 24]).tolist() == [
        *(0, 0, 1, 1, 2, 2, 3, 3, 4, 4)
    ]
    assert CLASSES.level([0, 1]).tolist() == [0, 1]


def test_shape_is_kept_and_a_scalar_works():
    assert BDI_II.level(np.full((2, 3), 25)).shape == (2, 3)
    assert int(BDI_II.level(14)) == 1
    assert BDI_II.level([]).shape == (0,)


def test_fractions_belong_to_the_level_they_have_reached():
    assert BDI_II.level([13.99, 14.0, 19.5, 28.99, 29.0]).tolist() == [0, 1, 1, 2, 3]


@pytest.mark.parametrize("score", [-0.1, 63.5, np.nan, np.inf])
def test_scores_off_the_scale_are_refused(score):
    with pytest.raises(ValueError, match=r"a BDI-II score lies in \[0, 63\], but 1 of 2 do not"):
        BDI_II.level([5.0, score])


def test_a_score_is_read_as_its_scale_writes_it():
    assert BDI_II.parse("63") == 63
    assert type(BDI_II.parse("63")) is int
    half = Scale("Half", 0, 1.5, (Level("a", 0), Level("b", 0.5)), whole=False)
    assert half.parse("0.25") == 0.25
    for given, wrong in ((BDI_II, "64"), (BDI_II, "3.5"), (PHQ_8, "25"), (half, "1.6"), (half, "")):
        with pytest.raises(ValueError, match=f"expected a.* from 0 to {given.high:g}, got"):
            given.parse(wrong)


@pytest.mark.parametrize("given", [BDI_II, PHQ_8, CLASSES, scale_from(HAMD)])
def test_plain_values_give_the_scale_back(given):
    assert scale_from(given.plain()) == given


def test_units_are_named_after_the_scale():
    assert (PHQ_8.points, CLASSES.points) == ("PHQ-8 points", "depressed probability")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"high": 0}, "high is 0, not above low"),
        ({"levels": HAMD["levels"][:1]}, "expected two levels or more, got 1"),
        ({"levels": [*HAMD["levels"], {"name": "mild", "low": 9}]}, "needs a name of its own"),
        ({"levels": [{"name": "a", "low": 1}, {"name": "b", "low": 2}]}, r"begin at \[1, 2\]"),
        ({"levels": [{"name": "a", "low": 0}, {"name": "b", "low": 53}]}, "to at most 52"),
        ({"levels": [{"name": "a", "low": 0}, {"name": "b", "low": 7.5}]}, "scores are whole"),
        ({"levels": {"none": 0}}, "levels: expected a list of name and low"),
        ({"hihg": 3}, r"unknown key 'hihg' \(did you mean 'high'\?\)"),
        ({"high": "52"}, "high: expected a number"),
        ({"name": ""}, "name: expected a text"),
        ({"classes": ["no", "yes"]}, "classes beside low, high or levels"),
    ],
)
def test_a_wrong_description_is_told_by_its_field(change, told):
    with pytest.raises(ValueError, match=told):
        scale_from({**HAMD, **change})


def test_classes_are_two():
    with pytest.raises(ValueError, match="expected two classes, got 3"):
        scale_from({"name": "x", "classes": ["a", "b", "c"]})
    with pytest.raises(ValueError, match="high missing"):
        scale_from({key: value for key, value in HAMD.items() if key != "high"})


def test_docstring_examples_hold():
    assert doctest.testmod(scale).failed == 0
