import numpy as np
import pytest

from adabench.synthface import SynthfaceParameters, bounds, bounds_over_draws, draw_sessions
from adabench.synthface.bounds import BOUNDS, soft_conjunction, strided
from adabench.synthface.sheet import still

PARAMETERS = SynthfaceParameters(seed=2, sessions=(50, 4, 50), seconds=(6.0, 8.0))
SHORT = SynthfaceParameters(seed=0, seconds=(8.0, 8.0))


def shares(world: str, frames: int | None = None) -> dict[str, float]:
    parameters = SHORT.model_copy(update={"world": world})
    found = bounds_over_draws(parameters, 3, 100, frames=(frames,))[frames]
    assert all(values.shape == (3,) for values in found.values())
    return {name: float((v / found["constant"]).mean()) for name, v in found.items()}


@pytest.fixture(scope="module")
def sparse() -> dict[str, float]:
    return shares("sparse")


def test_bounds_stand_in_their_order(sparse):
    assert sparse["oracle"] < sparse["soft_top"] < sparse["soft_mean"] < sparse["constant"] == 1.0
    assert sparse["moments"] < 1.0
    assert sparse["mean"] < 1.0


def test_selection_has_headroom(sparse):
    assert 0.70 < sparse["mean"] < 0.97
    assert sparse["soft_mean"] > 0.60
    assert sparse["oracle"] / sparse["mean"] < 0.50


def test_in_diffuse_moments_tell_and_the_drawn_rates_tell_more():
    diffuse = shares("diffuse")
    assert not {"soft_mean", "soft_top", "hard_mean"} & diffuse.keys()
    assert diffuse["oracle"] < diffuse["moments"] < 0.95


def test_in_none_nothing_tells():
    assert all(0.9 < value < 1.2 for value in shares("none").values())


def test_fewer_frames_show_less(sparse):
    seen = shares("sparse", 8)
    assert seen["constant"] == 1.0
    assert seen["oracle"] > sparse["oracle"]
    assert seen["soft_top"] > sparse["soft_top"]


def test_a_step_s_frames_are_spread_over_the_clip():
    assert strided(200, 4).tolist() == [25, 75, 125, 175]
    assert strided(5, None).tolist() == strided(5, 9).tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="frames: expected at least 1"):
        strided(5, 0)


def test_every_bound_predicts_the_test_sessions():
    found = bounds(PARAMETERS, task="Freeform")
    scores = {s.name: s.score for s in draw_sessions(PARAMETERS) if s.split == "test"}
    assert list(found) == list(BOUNDS["sparse"])
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
