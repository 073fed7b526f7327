"""What the hooks do in a training: the best is kept, divergence stops it, everyone knows the epoch."""

import random

import numpy as np
import pytest
import torch
from toy_training import EPOCHS, STEPS, Points, equal, run, stop, weights

from adabench.engine.files import checkpoints
from adabench.engine.training import hooks
from adabench.engine.training.hooks import seed_everything


def test_seeds_of_several_numbers():
    def drawn(*entropy):
        seed_everything(*entropy)
        return float(torch.rand(1)), float(np.random.rand()), random.random()  # noqa: NPY002

    assert drawn(1, 2) == drawn(1, 2)
    assert len({drawn(1, 2), drawn(2, 1), drawn(1, 3), drawn(12)}) == 4


def test_the_best_is_the_best_on_the_validation_data_and_not_the_last(tmp_path):
    model, done = run(tmp_path, told=[5.0, 2.0, 3.0, 2.0])
    assert done.best == {"metric": "RMSE", "value": 2.0, "epoch": 2}
    assert done.checkpoint == tmp_path / checkpoints.BEST
    stored = torch.load(done.checkpoint, weights_only=True)
    assert stored["meta"]["epoch"] == 2
    assert stored["meta"]["adabench"]["best"] == done.best
    assert stored["meta"]["adabench"]["development"] == done.development == {"RMSE": 2.0}
    assert "optimizer" not in stored
    last = weights(tmp_path / checkpoints.LAST)
    assert equal(last, model.state_dict())
    assert not equal(stored["state_dict"], last)


def test_the_bests_weights_are_those_after_its_epoch(tmp_path):
    run(tmp_path / "whole", told=[5.0, 2.0, 3.0, 4.0])
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", told=[5.0, 2.0], at={6: stop})
    best = weights(tmp_path / "whole" / checkpoints.BEST)
    assert equal(best, weights(tmp_path / "cut" / checkpoints.LAST))


def test_a_larger_value_may_be_better(tmp_path):
    assert run(tmp_path, told=[1.0, 4.0, 2.0, 3.0], greater=True)[1].best["epoch"] == 2


def test_the_dataset_is_told_the_epoch_it_draws_for(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(
        Points,
        "__getitem__",
        lambda self, item: told.append(self.epoch) or (self.x[item], self.y[item]),
    )
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, at={2 * STEPS: stop}, told=[5.0, 4.0])
    told.clear()
    run(tmp_path, resume=True, told=[3.0, 2.0])
    # twelve points an epoch, then as many of the validation's, which draws nothing
    assert told == [2] * 12 + [0] * 12 + [3] * 12 + [0] * 12


def test_progress_runs_from_0_to_1(tmp_path):
    model, done = run(tmp_path)
    assert model.seen == [i / (EPOCHS * STEPS) for i in range(EPOCHS * STEPS)]
    assert 0 <= done.waiting <= 1
    assert done.seconds > 0


def test_a_loss_that_is_no_number_stops_at_once_and_keeps_the_best(tmp_path):
    at = {7: lambda: float("nan")}
    with pytest.raises(FloatingPointError, match=r"training\.optimiser\.lr") as error:
        run(tmp_path, at=at, told=[3.0, 2.0, 1.0, 1.0])
    assert str(tmp_path) in str(error.value)
    assert checkpoints.identity_of(tmp_path / checkpoints.BEST)["best"]["value"] == 2.0
    for name in (checkpoints.BEST, checkpoints.LAST):
        assert all(value.isfinite().all() for value in weights(tmp_path / name).values())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_metric_that_is_no_number_stops_and_keeps_the_best(tmp_path, value):
    with pytest.raises(FloatingPointError, match=r"RMSE is .* after epoch 3: training diverged"):
        run(tmp_path, told=[3.0, 2.0, value, 1.0])
    for name in (checkpoints.BEST, checkpoints.LAST):
        stored = torch.load(tmp_path / name, weights_only=True)
        assert stored["meta"]["epoch"] == 2
        assert stored["meta"]["adabench"]["best"]["value"] == 2.0


def test_the_bar_is_closed_when_training_is_cut(tmp_path, monkeypatch):
    closed = []
    monkeypatch.setattr(hooks.Progress, "close", lambda self: closed.append(self.what))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, at={1: stop}, what="training a toy")
    assert closed == ["training a toy"]
