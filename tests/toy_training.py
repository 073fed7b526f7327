"""A toy network on twelve points, trained as methods are; a training can be cut at any step."""

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import Dataset

from adabench.config.experiment import Training
from adabench.engine.training.fit import Validation, fit, make_loader
from adabench.engine.training.hooks import seed_everything

EPOCHS, STEPS = 4, 3
IDENTITY = {"config": "toy", "config_hash": "0123", "seed": 0}


class Points(Dataset):
    """Twelve points, moved by noise that depends on (epoch, item), as a view of a clip would."""

    def __init__(self):
        self.epoch = 0
        self.x = torch.linspace(-1, 1, 12)[:, None] * torch.tensor([[1.0, 0.5, -2.0]])
        self.y = self.x.sum(1, keepdim=True).sin()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, item):
        noise = torch.randn(3, generator=torch.Generator().manual_seed(1000 * self.epoch + item))
        return self.x[item] + 0.01 * noise, self.y[item]


def stack(samples):
    x, y = zip(*samples, strict=True)
    return {"x": torch.stack(x), "y": torch.stack(y)}


class Toy(BaseModel):
    """Dropout draws random numbers, batch norm keeps statistics: both have to survive a resume.

    ``at`` maps the number of a training step to what gives a factor of its loss.
    """

    def __init__(self, at=None):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1)
        )
        self.at = at or {}
        self.steps = 0
        self.seen = []
        self.progress = 0.0

    def forward(self, x, y, mode="tensor"):
        if mode != "loss":
            return [(self.net(x), y)]
        self.seen.append(self.progress)
        factor = self.at.get(self.steps, lambda: 1.0)()
        self.steps += 1
        return {"loss": factor * nn.functional.mse_loss(self.net(x), y)}


class Error(BaseMetric):
    """RMSE of a prediction; ``told`` replaces it, validation by validation."""

    default_prefix = ""

    def __init__(self, told=None):
        super().__init__(collect_device="cpu")
        self.told = iter(told) if told is not None else None

    def process(self, data_batch, data_samples):
        self.results.extend(float(v) for p, y in data_samples for v in (p - y).square())

    def compute_metrics(self, results):
        if self.told is not None:
            value = next(self.told)
            return {"RMSE": value() if callable(value) else value}
        return {"RMSE": float(torch.tensor(results).mean().sqrt())}


def schedule(**changed):
    return Training.model_validate(
        {
            "epochs": EPOCHS,
            "batch_size": 4,
            "optimiser": {"type": "AdamW", "lr": 0.05},
            "threads": 1,
            **changed,
        }
    )


def run(
    folder,
    *,
    at=None,
    model=None,
    told=None,
    validates=True,
    greater=False,
    seed=0,
    workers=0,
    levels=None,
    training=None,
    **options,
):
    """Train a toy and return (model, what fit returned)."""
    seed_everything(seed)
    model = model or Toy(at)
    learnt, scored = (
        make_loader(Points(), 4, stack, shuffle=drawn, seed=seed, workers=workers, levels=order)
        for drawn, order in ((True, levels), (False, None))
    )
    validation = Validation(scored, Error(told), greater=greater) if validates else None
    settings = {"identity": {**IDENTITY, "seed": seed}, **options}
    schedules = schedule(workers=workers, **(training or {}))
    done = fit(model, learnt, validation, training=schedules, folder=folder, **settings)
    return model, done


def stop():
    raise KeyboardInterrupt


def weights(path):
    return torch.load(path, weights_only=True)["state_dict"]


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)
