"""A training that stops where validations no longer get better, cut or not."""

import pytest
from toy_training import STEPS, run, stop

from adabench.engine.files import checkpoints
from adabench.records.files.curve import read_curve
from adabench.records.files.side_files import CURVE

VALUES = [5.0, 4.0, 4.5, 3.0, 3.5, 3.0, 3.2, 2.0]
TRAINING = {"epochs": len(VALUES), "patience": 2}


def trained(folder, values=VALUES, **options):
    training = {**TRAINING, **options.pop("training", {})}
    model, done = run(folder, told=values, training=training, **options)
    return model.steps // STEPS, done


def test_it_stops_after_so_many_without_a_better_one(tmp_path):
    epochs, done = trained(tmp_path)
    # Epoch 4 is the best; 5 and 6 are not better, an equal one included.
    assert epochs == done.epochs == 6
    assert done.best == {"metric": "RMSE", "value": 3.0, "epoch": 4}
    assert len(read_curve(tmp_path / CURVE)) == 6


@pytest.mark.parametrize(("patience", "epochs"), [(0, 8), (1, 3), (3, 7), (8, 8)])
def test_how_many_is_the_config_s(tmp_path, patience, epochs):
    trained_epochs, done = trained(tmp_path, training={"patience": patience})
    assert trained_epochs == done.epochs == epochs


def test_rare_validations_count_as_validations(tmp_path):
    epochs, done = trained(tmp_path, [5.0, 6.0, 7.0, 1.0], training={"validate_every": 2})
    assert epochs == done.epochs == 6
    assert done.best["epoch"] == 2


@pytest.mark.parametrize("step", [0, 2, 9, 13, 14, 17])
def test_one_that_was_cut_stops_at_the_same_epoch(tmp_path, step):
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, at={step: stop})
    kept = step // STEPS
    epochs, done = trained(tmp_path, VALUES[kept:], resume=True)
    assert (epochs, done.epochs) == (6 - kept, 6)
    assert done.best["epoch"] == 4


def test_one_that_had_stopped_does_not_go_on(tmp_path, monkeypatch):
    save = checkpoints.save

    def cut(runner, path, identity, optimiser=True):
        save(runner, path, identity, optimiser)
        if path.name == checkpoints.LAST and runner.epoch == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "save", cut)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path)
    monkeypatch.undo()
    for _ in range(2):
        epochs, done = trained(tmp_path, [], resume=True)
        assert (epochs, done.epochs, done.best["epoch"]) == (0, 6, 4)
