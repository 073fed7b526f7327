"""Measures of relevance against plain loops and scikit-learn; chance by shifting, ceilings by search."""

import doctest
import itertools
import math
import sys

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from adabench.evaluation import (
    ceiling_localisation,
    chance_localisation,
    clip_localisation,
    frame_relevance,
    localisation,
    mean_localisation,
)
from adabench.evaluation.localisation import MEASURES, MOST_SHIFTS, Located


def slowly(relevance, key):
    """Each measure as its definition reads."""
    covered = ~np.isnan(relevance)
    values, wanted = relevance[covered], key[covered]
    if wanted.all() or not wanted.any():
        return dict.fromkeys(MEASURES, math.nan)
    largest = [frame for frame, value in enumerate(values) if value == values.max()]
    positive = [max(value, 0.0) for value in values]
    on_key = sum(value for value, is_key in zip(positive, wanted, strict=True) if is_key)
    return {
        "roc_area": roc_auc_score(wanted, values),
        "pr_area": average_precision_score(wanted, values),
        "pointing": sum(wanted[frame] for frame in largest) / len(largest),
        "share": on_key / sum(positive) if sum(positive) else math.nan,
    }


def slow_chance(relevance, key):
    shifted = [slowly(np.roll(relevance, step), key) for step in range(len(key))]
    return {
        name: np.nanmean([one[name] for one in shifted])
        if not all(math.isnan(one[name]) for one in shifted)
        else math.nan
        for name in MEASURES
    }


def episodes(generator, frames):
    key = np.zeros(frames, dtype=bool)
    for start in generator.integers(0, frames - 8, frames // 24):
        key[start : start + generator.integers(3, 8)] = True
    return key


def grid(frames=48, length=4, scales=(1, 2, 3)):
    """Spans of units over one, two and three segments, and how many each has."""
    units = [
        (start, start + steps * length, steps)
        for steps in scales
        for start in range(0, frames - steps * length + 1, length)
    ]
    made = np.array(units)
    return made[:, :2], made[:, 2]


CASES = ("distinct", "ties", "gaps", "negative", "constant")


def relevance_of(case, generator, frames=48):
    values = generator.normal(size=frames)
    if case == "ties":
        values = generator.integers(0, 4, frames) / 3
    if case == "gaps":
        values[generator.random(frames) < 0.4] = np.nan
    if case == "constant":
        values = np.full(frames, 0.1)
    return -np.abs(values) if case == "negative" else values


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("case", CASES)
def test_each_measure_and_its_chance_are_those_of_a_slow_computation(case, seed):
    generator = np.random.default_rng(seed)
    key, relevance = episodes(generator, 48), relevance_of(case, generator)
    exact = {"abs": 1e-12, "nan_ok": True}
    assert localisation(relevance, key) == pytest.approx(slowly(relevance, key), **exact)
    got = chance_localisation(relevance, key)
    assert got == pytest.approx(slow_chance(relevance, key), **exact)


@pytest.mark.parametrize(("frames", "count"), [(60, 100), (MOST_SHIFTS + 50, 40)])
def test_relevance_without_knowledge_is_at_its_chance(frames, count):
    generator = np.random.default_rng(0)
    span, scale = grid(frames)
    valid = np.ones(len(span), dtype=bool)
    clips = [
        clip_localisation(
            generator.random(len(span)), span, scale, valid, episodes(generator, frames)
        )
        for _ in range(count)
    ]
    for label, measures in mean_localisation(clips).items():
        for name, found in measures.measures.items():
            noise = np.std([clip[label][name].value for clip in clips]) / math.sqrt(len(clips))
            assert found.value == pytest.approx(found.chance, abs=4 * noise)
            assert found.ceiling > found.chance + 0.05


def test_even_relevance_gives_chance_however_it_is_shifted():
    generator = np.random.default_rng(0)
    key = episodes(generator, 48)
    share = key.mean()
    expected = dict(zip(MEASURES, (0.5, share, share, share), strict=True))
    assert localisation(np.full(48, 0.1), key) == pytest.approx(expected)
    assert chance_localisation(np.full(48, 0.1), key) == pytest.approx(expected)


def test_a_long_clip_is_shifted_by_a_sample_that_is_the_same_each_time():
    generator = np.random.default_rng(0)
    frames = 4 * MOST_SHIFTS
    relevance, key = np.sin(np.arange(frames) / 40), np.arange(frames) % 100 < 20
    found = chance_localisation(relevance + generator.normal(size=frames), key)
    again = np.random.default_rng(0).normal(size=frames)
    assert chance_localisation(relevance + again, key) == found
    assert found["roc_area"] == pytest.approx(0.5, abs=0.02)
    assert found["share"] == pytest.approx(key.mean(), abs=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_no_relevance_of_units_that_do_not_overlap_has_a_larger_area_than_the_ceiling(seed):
    generator = np.random.default_rng(seed)
    key = generator.random(15) < 0.4
    key[:2] = True, False
    span = [[0, 4], [4, 7], [7, 9], [9, 15]]
    best = max(
        localisation(frame_relevance(order, span, 15), key)["roc_area"]
        for order in itertools.product(range(4), repeat=4)
    )
    assert ceiling_localisation(span, key)["roc_area"] == pytest.approx(best)


@pytest.mark.parametrize("seed", range(5))
def test_no_relevance_has_a_larger_share_on_key_frames_than_the_ceiling(seed):
    generator = np.random.default_rng(seed)
    span, _ = grid(24)
    key = episodes(generator, 24)
    ceiling = ceiling_localisation(span, key)["share"]
    alone = np.eye(len(span))
    tried = [localisation(frame_relevance(unit, span, 24), key)["share"] for unit in alone]
    assert ceiling == pytest.approx(max(tried))
    mixed = generator.dirichlet(np.full(len(span), 0.1), 200)
    assert max(localisation(frame_relevance(r, span, 24), key)["share"] for r in mixed) <= ceiling


@pytest.mark.parametrize("seed", range(5))
def test_a_ceiling_is_never_below_what_was_reached(seed):
    generator = np.random.default_rng(seed)
    span, scale = grid()
    for relevance in generator.normal(size=(20, len(span))):
        key = episodes(generator, 48)
        # As a method would that knows nearly all.
        shares = np.array([key[start:stop].mean() for start, stop in span])
        for guess in (relevance, shares + 0.05 * relevance):
            found = clip_localisation(guess, span, scale, np.ones(len(span), dtype=bool), key)
            located = [one for measures in found.values() for one in measures.values()]
            # A scale without relevance above 0 has no share.
            assert 12 <= len(located) <= 16
            assert all(one.value <= one.ceiling for one in located)


def test_measures_of_a_clip_are_those_of_its_scales():
    generator = np.random.default_rng(0)
    span, scale = grid()
    relevance, key = generator.random(len(span)), episodes(generator, 48)
    padded = clip_localisation(
        np.append(relevance, np.nan),
        np.vstack([span, [99, 0]]),
        np.append(scale, 4),
        np.append(np.ones(len(span), dtype=bool), False),
        key,
    )
    assert list(padded) == ["all", "scale1", "scale2", "scale3"]
    for label, measures in padded.items():
        kept = scale == int(label[-1]) if label != "all" else scale > 0
        frames = frame_relevance(relevance[kept], span[kept], 48)
        expected = slowly(frames, key)
        assert {name: one.value for name, one in measures.items()} == pytest.approx(expected)
        assert {name: one.chance for name, one in measures.items()} == pytest.approx(
            slow_chance(frames, key)
        )


def test_units_of_one_scale_are_all_of_them_and_one_without_time_has_no_scale():
    span, _ = grid(scales=(1,))
    key = np.arange(48) < 10
    relevance, valid = np.arange(len(span)), np.ones(len(span), dtype=bool)
    found = clip_localisation(relevance, span, np.ones(len(span)), valid, key)
    assert found["all"] == found["scale1"]
    assert set(clip_localisation(relevance, span, np.zeros(len(span)), valid, key)) == {"all"}


@pytest.mark.parametrize("key", [np.zeros(8, dtype=bool), np.ones(8, dtype=bool)])
def test_without_key_frames_or_others_there_is_nothing_to_measure(key):
    assert all(math.isnan(value) for value in localisation(np.arange(8.0), key).values())
    assert all(math.isnan(value) for value in chance_localisation(np.arange(8.0), key).values())
    assert all(math.isnan(value) for value in ceiling_localisation([[0, 4], [4, 8]], key).values())
    assert clip_localisation([1.0, 2.0], [[0, 4], [4, 8]], [1, 1], [True, True], key) == {}
    nothing = np.full(8, np.nan)
    assert all(math.isnan(value) for value in chance_localisation(nothing, key).values())


def test_without_relevance_above_zero_there_is_no_share_but_the_rest():
    key = np.arange(8) < 3
    found = clip_localisation([-1.0, 0.0], [[0, 4], [4, 8]], [1, 1], [True, True], key)
    assert set(found["all"]) == set(MEASURES) - {"share"}


def test_means_are_over_the_clips_that_have_a_label():
    one, two = Located(0.4, 0.5, 0.8), Located(0.6, 0.3, 1.0)
    clips = [
        {"all": {"roc_area": one, "share": one}, "scale10": {"roc_area": two}},
        {"all": {"roc_area": two}, "scale2": {"roc_area": one}},
        {},
    ]
    means = mean_localisation(clips)
    assert list(means) == ["all", "scale2", "scale10"]
    assert means["all"].clips == 2
    assert means["all"].measures["roc_area"] == pytest.approx((0.5, 0.4, 0.9))
    assert means["all"].measures["share"] == one
    assert means["scale10"].measures == {"roc_area": two}
    assert mean_localisation([]) == {}


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        localisation([1.0, 2.0], [True, False, True])
    with pytest.raises(ValueError, match=r"span \[2, 5\) must hold a frame"):
        ceiling_localisation([[0, 2], [2, 5]], [True, False, True])
    with pytest.raises(ValueError, match=r"scale \(3,\)"):
        clip_localisation([1.0], [[0, 1]], [1, 1, 1], [True], [True, False])
    with pytest.raises(ValueError, match="not finite"):
        clip_localisation([np.nan], [[0, 1]], [1], [True], [True, False])


def test_docstring_examples_hold():
    results = doctest.testmod(sys.modules["adabench.evaluation.localisation"])
    assert results.attempted > 0
    assert results.failed == 0
