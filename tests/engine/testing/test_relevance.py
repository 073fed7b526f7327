"""Whether relevance finds the key frames."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from adabench.config.experiment import Data, Experiment
from adabench.engine.testing.relevance import Relevance, known_key_frames
from adabench.structures import Features, Selection, Units, ViewId

KEY = np.array([False, True, True, False, False, False])


def units(rows, scale):
    """Units of a batch: per clip (start, stop, relevance) or None on padding."""
    valid = torch.tensor([[unit is not None for unit in row] for row in rows])
    filled = [[unit or (0, 0, 99.0) for unit in row] for row in rows]
    span = torch.tensor([[unit[:2] for unit in row] for row in filled])
    relevance = torch.tensor([[float(unit[2]) for unit in row] for row in filled])
    x = torch.rand(*valid.shape, 3)
    features = Features(vector=x, valid=valid, span=span)
    made = Units(x=x, valid=valid, span=span, scale=torch.tensor(scale), features=features)
    return made, Selection(weight=valid.float(), relevance=relevance)


def view(clip, phase=0, phases=1):
    return ViewId(clip, "s", "p", "Freeform", phase, phases)


def area_of(relevance):
    return relevance.measures()["all"].roc_area.value


def area(frames, key=KEY):
    covered = ~np.isnan(frames)
    return roc_auc_score(key[covered], frames[covered])


def test_areas_of_units_by_hand():
    made, selection = units(
        [[(0, 2, 1.0), (2, 4, 2.0), (4, 6, 0.5), (0, 4, 3.0), (2, 6, 0.0)]], [1, 1, 1, 2, 2]
    )
    relevance = Relevance({"c": KEY})
    relevance.add([view("c")], made, selection)
    by_scale = {
        "scale1": np.array([1.0, 1.0, 2.0, 2.0, 0.5, 0.5]),
        "scale2": np.array([3.0, 3.0, 1.5, 1.5, 0.0, 0.0]),
        # Each frame's mean over all units on it.
        "all": np.array([2.0, 2.0, (2 + 3 + 0) / 3, (2 + 3 + 0) / 3, 0.25, 0.25]),
    }
    found = relevance.measures()
    assert found.keys() == by_scale.keys()
    for name, frames in by_scale.items():
        assert found[name].clips == 1
        assert found[name].roc_area.value == pytest.approx(area(frames), abs=1e-6)
        assert found[name].pr_area.value == pytest.approx(
            average_precision_score(KEY, frames), abs=1e-6
        )
        assert found[name].share.value == pytest.approx(frames[KEY].sum() / frames.sum(), abs=1e-6)
        assert found[name].roc_area.chance == 0.5
        assert found[name].share.chance == pytest.approx(KEY.mean(), abs=1e-6)
    # Two units are half key: what lies on a boundary their grid can't tell.
    assert found["scale1"].roc_area.ceiling == 0.75
    assert found["scale1"].pointing.ceiling == 0.5


def test_padding_has_no_part_in_it():
    made, selection = units(
        [[(0, 3, 1.0), (3, 6, 0.0)], [(0, 6, 1.0), None]],
        [1, 1],
    )
    relevance = Relevance({"a": KEY, "b": KEY})
    relevance.add([view("a"), view("b")], made, selection)
    first = area(np.array([1.0, 1, 1, 0, 0, 0]))
    # One even unit tells nothing: half of all pairs.
    assert area_of(relevance) == pytest.approx((first + 0.5) / 2)


def test_phases_of_a_clip_are_joined():
    relevance = Relevance({"c": KEY})
    even = [(0, 1, 0.0), (2, 3, 5.0), (4, 5, 1.0)]
    odd = [(1, 2, 3.0), (3, 4, 4.0), (5, 6, 2.0)]
    for phase, row in enumerate((even, odd)):
        relevance.add([view("c", phase, 2)], *units([row], [1, 1, 1]))
    assert area_of(relevance) == pytest.approx(area(np.array([0.0, 3, 5, 4, 1, 2])))
    alone = Relevance({"c": KEY})
    alone.add([view("c", 0, 2)], *units([even], [1, 1, 1]))
    assert area_of(alone) == 1.0


def test_a_view_that_comes_again_counts_once():
    row = [(0, 3, 1.0), (3, 6, 0.0)]
    relevance = Relevance({"c": KEY})
    relevance.add([view("c")], *units([row], [1, 1]))
    once = relevance.measures()
    relevance.add([view("c")], *units([row], [1, 1]))
    assert relevance.measures() == once


def test_clips_without_known_key_frames_are_passed_over():
    made, selection = units([[(0, 3, 1.0), (3, 6, 0.0)], [(0, 600, 1.0), (3, 6, 0.0)]], [1, 1])
    relevance = Relevance({"known": KEY})
    relevance.add([view("known"), view("unknown")], made, selection)
    alone = Relevance({"known": KEY})
    alone.add([view("known")], *units([[(0, 3, 1.0), (3, 6, 0.0)]], [1, 1]))
    assert relevance.measures() == alone.measures()
    nothing = Relevance({})
    nothing.add([view("known"), view("unknown")], made, selection)
    assert nothing.measures() == {}


def test_a_clip_without_key_frames_has_no_part_in_it():
    made, selection = units([[(0, 3, 1.0), (3, 6, 0.0)]], [1, 1])
    relevance = Relevance({"c": np.zeros(6, dtype=bool), "d": KEY})
    relevance.add([view("c")], made, selection)
    assert relevance.measures({"c": 40.0}) == {}
    relevance.add([view("d")], made, selection)
    found = relevance.measures({"c": 40.0, "d": 13.0})
    assert {name: own.clips for name, own in found.items()} == {"all": 1, "scale1": 1, "minimal": 1}


def test_areas_by_level_are_over_the_clips_of_that_level():
    views = {
        "a": [(0, 1, 0.0), (1, 3, 1.0), (3, 6, 0.0)],
        "b": [(0, 3, 1.0), (3, 6, 0.0)],
        "c": [(0, 1, 1.0), (1, 3, 0.0), (3, 6, 1.0)],
    }
    half = area(np.array([1.0, 1, 1, 0, 0, 0]))
    relevance = Relevance(dict.fromkeys((*views, "unlabelled"), KEY))
    for clip, row in {**views, "unlabelled": views["c"]}.items():
        relevance.add([view(clip)], *units([row], [1] * len(row)))
    found = relevance.measures({"a": 40.0, "b": 29.0, "c": 13.0})
    assert list(found) == ["all", "scale1", "minimal", "severe"]
    assert found["severe"].roc_area.value == pytest.approx((1.0 + half) / 2)
    assert found["minimal"].roc_area.value == 0.0
    assert [own.clips for own in found.values()] == [4, 4, 1, 2]


def test_units_without_time_have_no_scale():
    relevance = Relevance({"c": KEY})
    relevance.add([view("c")], *units([[(0, 3, 1.0), (3, 6, 0.0)]], [0, 0]))
    assert set(relevance.measures()) == {"all"}


def test_key_frames_are_known_where_the_corpus_is_generated():
    data = Data(synthface={"preset": "tiny", "seed": 3})
    run = Experiment(name="run", method={"name": "m"}, track="demo-freeform", data=data)
    found = known_key_frames(run)
    assert found
    assert all(key.dtype == bool for key in found.values())
    assert any(key.any() for key in found.values())
    more = known_key_frames(run, ("train", "test"))
    assert more.keys() > found.keys()
    assert known_key_frames(run.model_copy(update={"track": "avec14"})) == {}
