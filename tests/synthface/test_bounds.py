import numpy as np
import pytest

from adabench.synthface import SynthfaceParameters, bounds, bounds_over_draws, draw_sessions
from adabench.synthface.bounds import BOUNDS, soft_conjunction
from adabench.synthface.sheet import still

PARAMETERS = SynthfaceParameters(seed=2, sessions=(50, 4, 50))


@pytest.fixture(scope="module")
def means() -> dict[str, float]:
    draws = bounds_over_draws(3, 100)
    assert all(values.shape == (3,) for values in draws.values())
    return {name: float(values.mean()) for name, values in draws.items()}


def test_bounds_stand_in_their_order(means):
    assert means["oracle"] < means["soft_top"] < means["soft_mean"] < means["constant"]
    assert means["quantiles"] < means["constant"]
    assert means["mean"] < means["constant"]


def test_selection_has_headroom(means):
    # the targets for 10 draws are tighter; 3 draws of 100 sessions leave some play
    assert 0.75 < means["mean"] / means["constant"] < 0.97
    assert means["quantiles"] / means["constant"] > 0.70
    assert means["soft_mean"] / means["constant"] > 0.60
    assert means["oracle"] / means["mean"] < 0.50


def test_every_bound_predicts_the_test_sessions():
    found = bounds(PARAMETERS, task="Freeform")
    scores = {s.name: s.score for s in draw_sessions(PARAMETERS) if s.split == "test"}
    assert list(found) == list(BOUNDS)
    for name, bound in found.items():
        assert bound.name == name
        assert bound.truth == scores
        assert bound.predictions.keys() == scores.keys()
        assert all(0.0 <= value <= 63.0 for value in bound.predictions.values())


def test_the_constant_is_the_train_mean():
    constant = bounds(PARAMETERS, task="Northwind")["constant"]
    train = [s.score for s in draw_sessions(PARAMETERS) if s.split == "train"]
    np.testing.assert_allclose(list(constant.predictions.values()), np.mean(train))
    truth = np.array(list(constant.truth.values()))
    assert constant.rmse() == pytest.approx(np.sqrt(np.mean((truth - np.mean(train)) ** 2)))


def test_a_session_scores_the_mean_of_its_tasks():
    small = SynthfaceParameters(seed=3, sessions=(8, 4, 4))
    both = bounds(small)["constant"]
    assert both.predictions.keys() == both.truth.keys()
    assert len(both.truth) == 4


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="task"):
        bounds(PARAMETERS, task="Interview")


def test_the_soft_conjunction_needs_all_signals():
    key = {"AU01": 0.5, "AU04": 0.4, "AU15": 0.6, "gaze_down": 0.8, "head_down": 0.7}
    assert soft_conjunction(still(key)).tolist() == [0.4]
    for name in key:
        assert soft_conjunction(still({**key, name: 0.0})).tolist() == [0.0]
