"""Relevance of frames and its area, against plain loops and scikit-learn."""

import doctest
import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from adabench.evaluation import (
    clip_relevance_auc,
    explanation,
    frame_relevance,
    join_views,
    mean_relevance_auc,
    relevance_auc,
)


def some_units(seed=0, frames=40):
    """Units of one, two and three steps of four frames, the last ten frames uncovered."""
    generator = np.random.default_rng(seed)
    span, scale = [], []
    for steps in (1, 2, 3):
        for start in range(0, frames - 10 - 4 * steps + 1, 4):
            span.append((start, start + 4 * steps))
            scale.append(steps)
    count = len(span)
    return generator.random(count), np.array(span), np.array(scale), np.ones(count, dtype=bool)


def test_frame_relevance_equals_a_plain_loop():
    relevance, span, _, _ = some_units()
    got = frame_relevance(relevance, span, 40)
    for frame in range(40):
        over = [
            r for r, (start, stop) in zip(relevance, span, strict=True) if start <= frame < stop
        ]
        assert math.isnan(got[frame]) if not over else got[frame] == pytest.approx(np.mean(over))
    assert np.isnan(got[28:]).all()
    assert np.isfinite(got[:28]).all()


def test_equal_relevance_stays_equal_however_many_units_cover_a_frame():
    _, span, _, _ = some_units()
    got = frame_relevance(np.full(len(span), 0.1), span, 28)
    assert (got == 0.1).all()
    assert relevance_auc(got, np.arange(28) < 5) == 0.5


@pytest.mark.parametrize("span", [[-1, 2], [3, 3], [2, 5]])
def test_a_span_that_leaves_the_clip_is_refused(span):
    with pytest.raises(ValueError, match="clip of 4 frames"):
        frame_relevance([1.0], [span], 4)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("ties", [False, True])
def test_area_equals_scikit_learns(seed, ties):
    generator = np.random.default_rng(seed)
    relevance = generator.integers(0, 4, 60) / 3 if ties else generator.normal(size=60)
    key = generator.random(60) < 0.3
    assert relevance_auc(relevance, key) == pytest.approx(roc_auc_score(key, relevance), abs=1e-12)


def test_uncovered_frames_do_not_count():
    generator = np.random.default_rng(0)
    relevance, key = generator.normal(size=30), generator.random(30) < 0.5
    gaps = relevance.copy()
    gaps[::3] = np.nan
    kept = ~np.isnan(gaps)
    assert relevance_auc(gaps, key) == pytest.approx(roc_auc_score(key[kept], relevance[kept]))


@pytest.mark.parametrize(
    ("relevance", "key"),
    [
        ([0.1, 0.2], [True, True]),
        ([0.1, 0.2], [False, False]),
        ([math.nan, math.nan], [True, False]),
        ([math.nan, 0.3], [True, False]),
        ([], []),
    ],
)
def test_no_area_where_there_is_nothing_to_tell_apart(relevance, key):
    assert math.isnan(relevance_auc(relevance, key))


def test_areas_of_a_clip_are_those_of_its_scales():
    relevance, span, scale, valid = some_units()
    key = np.arange(40) % 7 < 2
    got = clip_relevance_auc(relevance, span, scale, valid, key)
    assert list(got) == ["all", "scale1", "scale2", "scale3"]
    assert got["all"] == relevance_auc(frame_relevance(relevance, span, 40), key)
    for steps in (1, 2, 3):
        chosen = scale == steps
        by_frame = frame_relevance(relevance[chosen], span[chosen], 40)
        covered = np.isfinite(by_frame)
        wanted = roc_auc_score(key[covered], by_frame[covered])
        assert got[f"scale{steps}"] == pytest.approx(wanted, abs=1e-12)


def test_padding_is_left_out_whatever_it_holds():
    relevance, span, scale, valid = some_units()
    key = np.arange(40) % 7 < 2
    padded = clip_relevance_auc(
        np.append(relevance, np.nan),
        np.vstack([span, [99, 0]]),
        np.append(scale, 4),
        np.append(valid, False),
        key,
    )
    assert padded == clip_relevance_auc(relevance, span, scale, valid, key)


def test_a_unit_without_time_counts_among_all_alone():
    got = clip_relevance_auc([0.4], [[0, 5]], [0], [True], [True, False, False, False, False])
    assert got == {"all": 0.5}


def test_views_are_joined_side_by_side():
    first, second = some_units(0), some_units(1)
    joined = join_views([first, second])
    assert [len(part) for part in joined] == [2 * len(first[0])] * 4
    # The phases of a strided view see different frames of one clip.
    even = ([0.9, 0.1], [[0, 1], [2, 3]], [1, 1], [True, True])
    odd = ([0.8, 0.2], [[1, 2], [3, 4]], [1, 1], [True, True])
    key = [True, True, False, False]
    assert clip_relevance_auc(*join_views([even, odd]), key) == {"all": 1.0, "scale1": 1.0}


def test_mean_is_over_the_clips_that_have_an_area():
    clips = [
        {"all": 0.5, "scale1": 0.4, "scale2": 1.0},
        {"all": 0.7, "scale1": math.nan},
        {"all": 0.9, "scale1": 0.8, "scale10": math.nan},
    ]
    got = mean_relevance_auc(clips)
    assert list(got) == ["all", "scale1", "scale2", "scale10"]
    assert got["all"] == pytest.approx(0.7)
    assert got["scale1"] == pytest.approx(0.6)
    assert got["scale2"] == 1.0
    assert math.isnan(got["scale10"])
    assert mean_relevance_auc([]) == {}


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"span \(1, 2\)"):
        frame_relevance([1.0, 2.0], [[0, 1]], 3)
    with pytest.raises(ValueError, match=r"scale \(3,\)"):
        clip_relevance_auc([1.0], [[0, 1]], [1, 1, 1], [True], [True, False])
    with pytest.raises(ValueError, match="not finite"):
        frame_relevance([np.nan], [[0, 1]], 3)
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        relevance_auc([1.0, 2.0], [True, False, True])
    with pytest.raises(ValueError, match="at least one view"):
        join_views([])


def test_docstring_examples_hold():
    assert doctest.testmod(explanation).failed == 0
