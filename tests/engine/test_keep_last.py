"""Training without validation: the last epoch's weights, exact resumes."""

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import Dataset

from adabench.config.experiment import Training
from adabench.engine import checkpoints
from adabench.engine.hooks import seed_everything
from adabench.engine.training import fit, make_loader

EPOCHS, STEPS = 4, 3


class Points(Dataset):
    """Twelve points, moved by noise of (epoch, item)."""

    def __init__(self):
        self.epoch = 0
        self.x = torch.linspace(-1, 1, 12)[:, None]

    def __len__(self):
        return len(self.x)

    def __getitem__(self, item):
        noise = torch.randn(1, generator=torch.Generator().manual_seed(100 * self.epoch + item))
        return self.x[item] + 0.01 * noise, self.x[item].square()


def stack(samples):
    x, y = zip(*samples, strict=True)
    return {"x": torch.stack(x), "y": torch.stack(y)}


class Curve(BaseModel):
    """Draws random numbers in dropout; ``at`` maps a training step to what happens before it."""

    def __init__(self, at):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1))
        self.at = at
        self.steps = 0
        self.progress = 0.0

    def forward(self, x, y, mode="tensor"):
        self.at.get(self.steps, lambda: None)()
        self.steps += 1
        return {"loss": nn.functional.mse_loss(self.net(x), y)}


def run(folder, *, at=None, resume=False, **training):
    seed_everything(0)
    model = Curve(at or {})
    done = fit(
        model,
        train=make_loader(Points(), 4, stack, shuffle=True, seed=0, workers=0),
        validate=None,
        metric=None,
        training=Training(
            epochs=EPOCHS,
            batch_size=4,
            optimiser={"type": "AdamW", "lr": 0.05},
            threads=1,
            **training,
        ),
        seed=0,
        folder=folder,
        identity={"config": "curve", "config_hash": "0123", "seed": 0},
        resume=resume,
    )
    return model, done


def stop():
    raise KeyboardInterrupt


def weights(path):
    return torch.load(path, weights_only=True)["state_dict"]


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


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


def test_batches_and_metric_come_together(tmp_path):
    loader = make_loader(Points(), 4, stack, shuffle=False, seed=0, workers=0)
    with pytest.raises(TypeError, match="come together, or neither does"):
        fit(
            Curve({}),
            train=loader,
            validate=loader,
            metric=None,
            training=Training(epochs=1, batch_size=4, optimiser={"type": "SGD", "lr": 0.1}),
            seed=0,
            folder=tmp_path,
            identity={},
        )
