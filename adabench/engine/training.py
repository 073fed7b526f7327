"""Training of one network with mmengine's Runner; methods and pretraining stages share it."""

from __future__ import annotations

import difflib
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.optim import OPTIMIZERS
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

from adabench.config.experiment import Training
from adabench.engine import checkpoints, loaders
from adabench.engine.hooks import KeepBest, KeepLast, Progress, Reseed, seed_everything
from adabench.engine.loaders import Loader


@dataclass(frozen=True)
class Fit:
    """What a training gave.

    Attributes:
        checkpoint: the best one; the last where nothing validates.
        best: ``metric``, ``value`` and ``epoch`` of the best; ``epoch`` alone of the last.
        seconds: wall time of this call, resumed epochs not counted.
        waiting: share of the training steps' time spent waiting for data, 0 to 1.
        development: all that the validation measured at the best epoch; empty where nothing validates.
    """

    checkpoint: Path
    best: dict[str, Any]
    seconds: float
    waiting: float
    development: dict[str, float] = field(default_factory=dict)


def set_threads(threads: int) -> None:
    """Fix torch's CPU threads; the order of sums, hence the last bits, depends on their number.

    0 takes what the environment's ``OMP_NUM_THREADS`` says, or one a core.
    """
    told = os.environ.get("OMP_NUM_THREADS", "")
    torch.set_num_threads(threads or int(told if told.isdigit() else 0) or os.cpu_count() or 1)


def make_loader(
    dataset: Dataset[Any],
    batch_size: int,
    collate: Callable[[list[Any]], Any],
    *,
    shuffle: bool,
    seed: int,
    workers: int,
) -> DataLoader[Any]:
    """Return a loader whose order depends on (seed, epoch) alone."""
    return Loader(
        dataset,
        batch_size=batch_size,
        sampler=DefaultSampler(dataset, shuffle=shuffle, seed=seed),
        collate_fn=collate,
        num_workers=workers,
        timeout=loaders.PATIENCE if workers else 0,
        pin_memory=torch.cuda.is_available(),
    )


def _schedulers(training: Training) -> list[dict[str, Any]]:
    warm = min(training.warmup_epochs, training.epochs - 1)
    cosine = {
        "type": "CosineAnnealingLR",
        "T_max": training.epochs - warm,
        "begin": warm,
        "end": training.epochs,
        "by_epoch": True,
        "convert_to_iter_based": True,
    }
    if not warm:
        return [cosine]
    rise = {"type": "LinearLR", "start_factor": 0.01, "begin": 0, "end": warm, "by_epoch": True}
    return [{**rise, "convert_to_iter_based": True}, cosine]


def check_optimiser(training: Training) -> None:
    """Refuse an optimiser that is none of torch's kind in mmengine's registry; nothing is imported.

    Raises:
        ValueError: with the nearest name, and all that exist.
    """
    known = {
        name: kind
        for name, kind in OPTIMIZERS.module_dict.items()
        if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)
    }
    name = training.optimiser["type"]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"training.optimiser.type: no optimiser is called {name!r}.{hint} "
            f"Known: {', '.join(sorted(known))}."
        )


def _optim_wrapper(training: Training) -> dict[str, Any]:
    wrapper: dict[str, Any] = {"type": "OptimWrapper", "optimizer": dict(training.optimiser)}
    if training.amp:
        wrapper["type"] = "AmpOptimWrapper"
    if training.clip_grad:
        wrapper["clip_grad"] = {"max_norm": training.clip_grad}
    return wrapper


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
) -> Fit:
    """Train, validate, keep the best; without validation, keep the last.

    Args:
        model: trained in place; afterwards it holds the last weights, not the best.
        train, validation: what is learnt from, and what selects; None selects nothing.
        training: the schedule.
        folder: where ``last.pth`` and ``best.pth`` go.
        identity: plain values kept in the checkpoints; ``config_hash`` and ``seed`` agree on a resume.
        resume: go on from ``last.pth`` if it is there.
        what: title of the progress bar.

    Raises:
        ValueError: ``last.pth`` of another config, ``best.pth`` of another run, or no such optimiser.
        FloatingPointError: training diverged.
    """
    check_optimiser(training)
    go_on, identity = _open_folder(folder, identity, resume)
    set_threads(training.threads)
    seed_everything(identity["seed"])
    keep = _keep(validation, training, folder, identity)
    with Progress(what, keep) as progress:
        hooks = [Reseed(identity["seed"]), keep, progress]
        options = _runner_options(training, validation, folder, identity, resume=go_on)
        runner = Runner(model=model, train_dataloader=train, custom_hooks=hooks, **options)
        started = time.perf_counter()
        runner.train()
    _refuse_other(best := folder / checkpoints.BEST, {**identity, "best": keep.best})
    seconds = time.perf_counter() - started
    return Fit(best, keep.best, seconds, progress.share_waiting, keep.development)


def _open_folder(
    folder: Path, identity: dict[str, Any], resume: bool
) -> tuple[bool, dict[str, Any]]:
    """Make the folder ready; say whether training goes on from its last checkpoint, and as which run."""
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / checkpoints.LAST
    if resume and last.is_file():
        found = checkpoints.check_identity(last, identity, ("config_hash", "seed"))
        return True, {**identity, "run": found.get("run")}
    for name in (checkpoints.LAST, checkpoints.BEST):
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


def _runner_options(
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
        "optim_wrapper": _optim_wrapper(training),
        "param_scheduler": _schedulers(training),
        # adabench.engine.hooks writes the checkpoints and tells of progress.
        "default_hooks": {"checkpoint": None, "logger": None},
        "log_level": "ERROR",
        "default_scope": "adabench",
    }
