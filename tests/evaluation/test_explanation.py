"""Relevance of frames against plain loops."""

import doctest
import math

import numpy as np
import pytest

from adabench.evaluation import explanation, frame_relevance, join_views


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


@pytest.mark.parametrize("span", [[-1, 2], [3, 3], [2, 5]])
def test_a_span_that_leaves_the_clip_is_refused(span):
    with pytest.raises(ValueError, match="clip of 4 frames"):
        frame_relevance([1.0], [span], 4)


def test_views_are_joined_side_by_side():
    first, second = some_units(0), some_units(1)
    joined = join_views([first, second])
    assert [len(part) for part in joined] == [2 * len(first[0])] * 4
    # The phases of a strided view see different frames of one clip.
    even = ([0.9, 0.1], [[0, 1], [2, 3]], [1, 1], [True, True])
    odd = ([0.8, 0.2], [[1, 2], [3, 4]], [1, 1], [True, True])
    relevance, span, _, _ = join_views([even, odd])
    assert frame_relevance(relevance, span, 4).tolist() == [0.9, 0.8, 0.1, 0.2]


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"span \(1, 2\)"):
        frame_relevance([1.0, 2.0], [[0, 1]], 3)
    with pytest.raises(ValueError, match="not finite"):
        frame_relevance([np.nan], [[0, 1]], 3)
    with pytest.raises(ValueError, match="at least one view"):
        join_views([])


def test_docstring_examples_hold():
    assert doctest.testmod(explanation).failed == 0
