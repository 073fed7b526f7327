"""Scoring of predictions by session."""

import numpy as np
import pytest
import torch

from adabench.engine.metric import SessionScores, average
from adabench.evaluation.metrics import score_metrics
from adabench.structures import Assessment, Selection, ViewId

WEIGHT = torch.ones(1, 1)


def view(session, task, phase=0, phases=1):
    return ViewId(f"{session}_{task}", session, session[:1], task, phase, phases)


def batch(*pairs):
    ids, scores = zip(*pairs, strict=True)
    return list(ids), Assessment(torch.tensor(scores), Selection(weight=WEIGHT, relevance=WEIGHT))


def test_views_make_clips_and_clips_make_sessions():
    clips, sessions = average(
        [
            (view("a", "F", 0, 3), 1.0),
            (view("a", "F", 1, 3), 2.0),
            (view("a", "F", 2, 3), 6.0),
            (view("a", "N"), 10.0),
            (view("b", "F"), 4.0),
        ]
    )
    assert clips == {"a_F": 3.0, "a_N": 10.0, "b_F": 4.0}
    # each task counts the same, however many views it has
    assert sessions == {"a": 6.5, "b": 4.0}


def test_a_view_that_comes_twice_counts_once():
    pairs = [(view("a", "F", 0, 2), 1.0), (view("a", "F", 1, 2), 3.0)]
    assert average(pairs + pairs[:1]) == average(pairs)


def test_the_order_does_not_change_a_bit():
    random = np.random.default_rng(0)
    pairs = [(view("a", "F", i, 50), float(random.normal(20, 9))) for i in range(50)]
    shuffled = [pairs[i] for i in random.permutation(50)]
    assert average(shuffled) == average(pairs)


def test_metrics_over_sessions():
    labels = {"a": 3.0, "b": 20.0, "c": 41.0}
    metric = SessionScores(labels)
    metric.process(None, [batch((view("b", "F"), 18.0), (view("a", "F", 0, 2), 2.0))])
    metric.process(None, [batch((view("a", "F", 1, 2), 8.0)), batch((view("c", "F"), 30.0))])
    found = metric.evaluate(4)
    assert metric.predictions == {"a": 5.0, "b": 18.0, "c": 30.0}
    assert metric.clips == {"a_F": 5.0, "b_F": 18.0, "c_F": 30.0}
    expected = score_metrics(np.array([5.0, 18.0, 30.0]), np.array([3.0, 20.0, 41.0]))
    assert found == expected
    assert set(found) == {"RMSE", "MAE", "PCC", "CCC"}


def test_the_next_evaluation_starts_empty():
    metric = SessionScores({"a": 3.0})
    for score in (1.0, 9.0):
        metric.process(None, [batch((view("a", "F"), score))])
        assert metric.evaluate(1)["MAE"] == abs(score - 3.0)


def test_a_session_without_a_prediction_is_named():
    metric = SessionScores({"a": 3.0, "b": 1.0, "c": 2.0})
    metric.process(None, [batch((view("a", "F"), 1.0))])
    with pytest.raises(RuntimeError, match="2 sessions got no prediction, the first b"):
        metric.evaluate(1)


def test_a_session_without_a_label_is_left_out():
    metric = SessionScores({"a": 3.0})
    metric.process(None, [batch((view("a", "F"), 4.0), (view("b", "F"), 50.0))])
    assert metric.evaluate(2)["RMSE"] == 1.0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_prediction_that_is_no_number_is_told_as_divergence(value):
    metric = SessionScores({"a": 3.0, "b": 4.0})
    metric.process(None, [batch((view("a", "F"), 3.0), (view("b", "F"), value))])
    with pytest.raises(FloatingPointError, match=r"the first b: training diverged; lower training"):
        metric.evaluate(2)
