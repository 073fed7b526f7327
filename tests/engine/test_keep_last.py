"""Training without validation: the last epoch's weights, exact resumes."""

import pytest
import torch
import toy_training
from toy_training import EPOCHS, STEPS, equal, stop, weights

from adabench.engine.files import checkpoints


def run(folder, *, validate_every=1, **options):
    return toy_training.run(
        folder, validates=False, training={"validate_every": validate_every}, **options
    )


@pytest.fixture(scope="module")
def uncut(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uncut")
    run(folder)
    return folder


def test_the_last_epochs_weights_are_what_is_kept(tmp_path):
    model, done = run(tmp_path)
    assert done.best == {"epoch": EPOCHS}
    assert done.checkpoint == tmp_path / checkpoints.BEST
    assert equal(weights(done.checkpoint), model.state_dict())
    assert equal(weights(tmp_path / checkpoints.LAST), model.state_dict())
    kept = torch.load(done.checkpoint, weights_only=True)
    assert (kept["meta"]["epoch"], kept["meta"]["iter"]) == (EPOCHS, EPOCHS * STEPS)
    assert kept["meta"]["adabench"]["best"] == {"epoch": EPOCHS}
    assert "optimizer" not in kept


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("step", [0, 2, 3, 6, 10, 11])
def test_one_that_was_cut_resumes_exactly(tmp_path, uncut, step, every):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, at={step: stop}, validate_every=every)
    assert not (tmp_path / checkpoints.BEST).exists()
    torch.manual_seed(7)
    model, done = run(tmp_path, resume=True, validate_every=every)
    kept = step // STEPS // every * every
    assert model.steps == (EPOCHS - kept) * STEPS
    assert done.best == {"epoch": EPOCHS}
    for name in (checkpoints.LAST, checkpoints.BEST):
        assert equal(weights(tmp_path / name), weights(uncut / name))


def test_cut_between_best_and_last(tmp_path, uncut, monkeypatch):
    save = checkpoints.save

    def cut(runner, path, identity, optimiser=True):
        if path.name == checkpoints.LAST and runner.epoch == EPOCHS:
            raise KeyboardInterrupt
        save(runner, path, identity, optimiser)

    monkeypatch.setattr(checkpoints, "save", cut)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    monkeypatch.undo()
    run(tmp_path, resume=True)
    assert equal(weights(tmp_path / checkpoints.BEST), weights(uncut / checkpoints.BEST))


def test_resuming_a_finished_one_writes_nothing(tmp_path, uncut):
    run(tmp_path)
    before = [(tmp_path / n).stat().st_mtime_ns for n in (checkpoints.LAST, checkpoints.BEST)]
    model, done = run(tmp_path, resume=True)
    assert model.steps == 0
    assert done.best == {"epoch": EPOCHS}
    assert [
        (tmp_path / n).stat().st_mtime_ns for n in (checkpoints.LAST, checkpoints.BEST)
    ] == before
