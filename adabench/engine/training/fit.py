"""Training of one network with mmengine's Runner; methods and pretraining stages share it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

from adabench.config.fields.training import Training
from adabench.engine.cpu import set_up_cpu
from adabench.engine.files import checkpoints
from adabench.engine.training import loaders
from adabench.engine.training.curve import Curve
from adabench.engine.training.hooks import (
    KeepBest,
    KeepLast,
    Progress,
    Reseed,
    StopEarly,
    WholeEpochs,
    seed_everything,
)
from adabench.engine.training.loaders import Loader
from adabench.engine.training.optimisation import (
    check_groups,
    check_training,
    loggers,
    optim_wrapper,
    schedulers,
)
from adabench.engine.training.samplers import LevelSampler
from adabench.records.files.curve import Row
from adabench.records.files.side_files import CURVE

# Losses and metrics are logged over steps alike.
_LOGGER = {"type": "LoggerHook", "log_metric_by_epoch": False}


@dataclass(frozen=True)
class Fit:
    """What a training gave.

    Attributes:
        checkpoint: the best one; the last where nothing validates.
        best: ``metric``, ``value`` and ``epoch`` of the best; ``epoch`` alone of the last.
        epochs: that were trained; fewer than the schedule's where it stopped early.
        seconds: wall time of this call, resumed epochs not counted.
        waiting: share of the training steps' time spent waiting for data, 0 to 1.
        development: all that the validation measured at the best epoch; empty where nothing validates.
        curve: its rows, of resumed epochs too; none of epochs before there were curves.
    """

    checkpoint: Path
    best: dict[str, Any]
    epochs: int
    seconds: float
    waiting: float
    development: dict[str, float] = field(default_factory=dict)
    curve: Sequence[Row] = ()


def make_loader(
    dataset: Dataset[Any],
    batch_size: int,
    collate: Callable[[list[Any]], Any],
    *,
    shuffle: bool,
    seed: int,
    workers: int,
    levels: Sequence[int] | None = None,
) -> DataLoader[Any]:
    """Return a loader whose order depends on (seed, epoch) alone.

    Args:
        dataset: of items.
        batch_size: items a batch.
        collate: makes a batch of items.
        shuffle: whether the order is drawn anew in each epoch.
        seed: of the order.
        workers: processes that read.
        levels: of each item; an epoch then has as many items of each, shuffled.
    """
    sampler: Any = DefaultSampler(dataset, shuffle=shuffle, seed=seed)
    return Loader(
        dataset,
        batch_size=batch_size,
        sampler=sampler if levels is None else LevelSampler(levels, seed),
        collate_fn=collate,
        num_workers=workers,
        timeout=loaders.PATIENCE if workers else 0,
        pin_memory=torch.cuda.is_available(),
    )


@dataclass(frozen=True)
class Validation:
    """What selects a checkpoint.

    Attributes:
        batches: that are scored after every few epochs.
        metric: what scores them.
        name: which of the metric's values selects.
        greater: whether a larger one is better.
    """

    batches: DataLoader[Any]
    metric: BaseMetric
    name: str = "RMSE"
    greater: bool = False


def fit(
    model: BaseModel,
    train: DataLoader[Any],
    validation: Validation | None,
    *,
    training: Training,
    folder: Path,
    identity: dict[str, Any],
    resume: bool = False,
    what: str = "training",
    hooks: Sequence[Hook] = (),
) -> Fit:
    """Train, validate, keep the best; without validation, keep the last. Both write ``curve.csv``.

    Args:
        model: trained in place; afterwards it holds the last weights, not the best.
        train, validation: what is learnt from, and what selects; None selects nothing.
        training: the schedule.
        folder: where ``last.pth``, ``best.pth`` and ``curve.csv`` go.
        identity: plain values kept in the checkpoints; ``config_hash`` and ``seed`` agree on a resume.
        resume: go on from ``last.pth`` if it is there.
        what: title of the progress bar.
        hooks: that run beside those of adabench, after them where the priority is the same.

    Raises:
        ValueError: a checkpoint of another config or run, a schedule that can't be followed.
        FloatingPointError: training diverged.
    """
    check_training(training, validates=validation is not None)
    check_groups(training, model)
    go_on, identity = _open_folder(folder, identity, resume)
    set_up_cpu(training.threads)
    seed_everything(identity["seed"])
    keep = _keep(validation, training, folder, identity)
    options = _runner_options(model, training, validation, folder, identity, resume=go_on)
    options["train_dataloader"] = train
    return _run(options, keep, [*_hooks_of(training, keep), *hooks], folder, identity, what)


def _run(
    options: dict[str, Any],
    keep: KeepBest,
    hooks: Sequence[Hook],
    folder: Path,
    identity: dict[str, Any],
    what: str,
) -> Fit:
    """Train with mmengine's Runner, its curve kept and its progress shown."""
    curve = Curve(folder / CURVE)
    with Progress(what, keep) as progress:
        own = [Reseed(identity["seed"]), curve, keep, progress]
        runner = Runner(custom_hooks=[*own, *hooks], **options)
        started = time.perf_counter()
        runner.train()
    _refuse_other(best := folder / checkpoints.BEST, {**identity, "best": keep.best})
    seconds = time.perf_counter() - started
    return Fit(
        checkpoint=best,
        best=keep.best,
        epochs=runner.epoch,
        seconds=seconds,
        waiting=progress.share_waiting,
        development=keep.development,
        curve=curve.rows,
    )


def _open_folder(
    folder: Path, identity: dict[str, Any], resume: bool
) -> tuple[bool, dict[str, Any]]:
    """Make the folder ready; say whether training goes on from its last checkpoint, and as which run."""
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / checkpoints.LAST
    if resume and last.is_file():
        found = checkpoints.check_identity(last, identity, ("config_hash", "seed", "draw"))
        return True, {**identity, "run": found.get("run")}
    for name in (checkpoints.LAST, checkpoints.BEST, CURVE):
        (folder / name).unlink(missing_ok=True)
    return False, {**identity, "run": uuid.uuid4().hex}


def _refuse_other(best: Path, expected: dict[str, Any]) -> None:
    """Refuse a best checkpoint that this training did not write."""
    found = checkpoints.identity_of(best)
    for name in ("config_hash", "seed", "run", "best"):
        if found.get(name) != expected[name]:
            raise ValueError(
                f"checkpoint {best} was not written by this training: its {name} is "
                f"{found.get(name)!r}, this one's is {expected[name]!r}; another run wrote to its "
                "folder meanwhile: train again in a folder of its own (--work-dir)"
            )


def _keep(
    validation: Validation | None, training: Training, folder: Path, identity: dict[str, Any]
) -> KeepBest:
    if validation is None:
        return KeepLast(folder, identity, training.validate_every)
    return KeepBest(folder, identity, validation.name, validation.greater)


def _hooks_of(training: Training, keep: KeepBest) -> list[Hook]:
    """Return what only some schedules need."""
    found: list[Hook] = []
    if training.accumulate > 1:
        found.append(WholeEpochs())
    if training.patience:
        found.append(StopEarly(keep, training.patience * training.validate_every))
    return found


def _runner_options(
    model: BaseModel,
    training: Training,
    validation: Validation | None,
    folder: Path,
    identity: dict[str, Any],
    *,
    resume: bool,
) -> dict[str, Any]:
    """Return mmengine's settings of a training; of a validation it takes three or none."""
    validates = {}
    if validation is not None:
        validates = {
            "val_dataloader": validation.batches,
            "val_cfg": {"type": "ValLoop"},
            "val_evaluator": Evaluator([validation.metric]),
        }
    return {
        # Two runners that start within a second would share a message hub under mmengine's own name.
        "experiment_name": f"{identity['config']}-{uuid.uuid4().hex[:8]}",
        "randomness": {"seed": identity["seed"]},
        "work_dir": str(folder / "log"),
        "load_from": str(folder / checkpoints.LAST) if resume else None,
        "resume": resume,
        "train_cfg": {
            "type": "EpochBasedTrainLoop",
            "max_epochs": training.epochs,
            "val_interval": training.validate_every,
        },
        **validates,
        "model": model,
        "optim_wrapper": optim_wrapper(training, model),
        "param_scheduler": schedulers(training),
        # adabench.engine.training.hooks writes the checkpoints and tells of progress.
        "default_hooks": {"checkpoint": None, "logger": dict(_LOGGER) if training.log else None},
        **loggers(training),
        "log_level": "ERROR",
        "default_scope": "adabench",
    }
