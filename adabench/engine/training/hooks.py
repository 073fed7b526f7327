"""mmengine hooks of a training: exact resumes, best-on-dev checkpoints, one progress bar."""

from __future__ import annotations

import random
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from tqdm import tqdm

from adabench.engine.files import checkpoints


def seed_everything(*entropy: int) -> None:
    """Seed Python, numpy and torch from a tuple of numbers."""
    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries below may draw from the global generator
    torch.manual_seed(seed)


class Reseed(Hook):
    """Seeds every epoch from (seed, epoch), so that a resumed run draws what the first would have.

    Random states are not in mmengine's checkpoints.
    """

    priority = "VERY_HIGH"

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed, and tell the dataset which epoch it draws for."""
        seed_everything(self.seed, runner.epoch)
        dataset = runner.train_dataloader.dataset
        if hasattr(dataset, "epoch"):
            dataset.epoch = runner.epoch

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Tell the model how far training is, 0 to 1."""
        del batch_idx, data_batch
        model = runner.model.module if hasattr(runner.model, "module") else runner.model
        model.progress = runner.iter / max(1, runner.max_iters)


class KeepBest(Hook):
    """After each validation writes ``best.pth`` if it is the best so far, then ``last.pth``.

    Written in this order and atomically, a run cut at any moment resumes from ``last.pth`` to the
    same best. mmengine's own hook saves before validation and deletes the old best before it writes
    the new one.

    Args:
        folder: of the checkpoints.
        identity: plain values kept in them.
        metric: what is compared.
        greater: whether a larger value is better.
    """

    priority = "VERY_LOW"

    def __init__(self, folder: Path, identity: dict[str, Any], metric: str, greater: bool) -> None:
        self.folder = folder
        self.identity = identity
        self.metric = metric
        self.sign = 1.0 if greater else -1.0
        self.best: dict[str, Any] = {}
        #: All that the validation measured at the best epoch.
        self.development: dict[str, float] = {}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Take the best so far from the checkpoint that is resumed."""
        del runner
        told = checkpoint["meta"]["adabench"]
        self.best = dict(told.get("best", {}))
        self.development = dict(told.get("development", {}))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keep checkpoints loadable weights-only."""
        del runner
        checkpoints.plain_message_hub(checkpoint)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Stop where the loss is no number any more: the weights are lost from there on."""
        del batch_idx, data_batch
        loss = float(outputs["loss"].detach())
        if np.isnan(loss):
            raise FloatingPointError(
                f"the training loss is {loss} in epoch {runner.epoch + 1}: training diverged; "
                f"lower training.optimiser.lr. The best checkpoint so far is kept in {self.folder}"
            )

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Compare and write."""
        value = float((metrics or {})[self.metric])
        if not np.isfinite(value):
            raise FloatingPointError(
                f"validation {self.metric} is {value} after epoch {runner.epoch}: training diverged; "
                f"lower training.optimiser.lr. The best checkpoint so far is kept in {self.folder}"
            )
        better = not self.best or self.sign * value > self.sign * self.best["value"]
        if better:
            self.best = {"metric": self.metric, "value": value, "epoch": runner.epoch}
            self.development = {name: float(found) for name, found in (metrics or {}).items()}
        if not is_main_process():
            return
        identity = {**self.identity, "best": self.best, "development": self.development}
        if better:
            checkpoints.save(runner, self.folder / checkpoints.BEST, identity, optimiser=False)
        checkpoints.save(runner, self.folder / checkpoints.LAST, identity)


class KeepLast(KeepBest):
    """Where nothing validates: writes ``last.pth``, and at the end ``best.pth`` with the same weights.

    Args:
        folder: of the checkpoints.
        identity: plain values kept in them.
        every: epochs from one ``last.pth`` to the next.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], every: int) -> None:
        super().__init__(folder, identity, metric="", greater=False)
        self.every = every
        self._begun = 0

    def before_train(self, runner: Runner) -> None:
        """Remember where this call begins."""
        self._begun = runner.epoch

    def before_train_epoch(self, runner: Runner) -> None:
        """Keep what the epochs before have given."""
        if runner.epoch > self._begun and runner.epoch % self.every == 0 and is_main_process():
            checkpoints.save(runner, self.folder / checkpoints.LAST, self._told())

    def after_train(self, runner: Runner) -> None:
        """Keep the end, unless this call found it."""
        if runner.epoch == self._begun:
            return
        self.best = {"epoch": runner.epoch}
        if not is_main_process():
            return
        checkpoints.save(runner, self.folder / checkpoints.BEST, self._told(), optimiser=False)
        checkpoints.save(runner, self.folder / checkpoints.LAST, self._told())

    def _told(self) -> dict[str, Any]:
        return {**self.identity, "best": self.best}


class StopEarly(Hook):
    """Stops where enough epochs have brought no better validation.

    What it goes by is the best so far, which a resumed training knows.

    Args:
        keep: the hook that knows the best.
        epochs: after the best one.
    """

    # After `keep` has compared.
    priority = "LOWEST"

    def __init__(self, keep: KeepBest, epochs: int) -> None:
        self.keep = keep
        self.epochs = epochs

    def before_train(self, runner: Runner) -> None:
        """Do not go on with a training that had stopped."""
        self._look(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Look whether it is time."""
        del metrics
        self._look(runner)

    def _look(self, runner: Runner) -> None:
        best = self.keep.best
        if best and runner.epoch - best["epoch"] >= self.epochs:
            runner.train_loop.stop_training = True


class WholeEpochs(Hook):
    """Ends an accumulation of gradients with its epoch.

    mmengine carries what is left into the next one, and no checkpoint holds gradients.
    """

    def before_train(self, runner: Runner) -> None:
        """Silence the remark that the rate moves before the first step: it is meant to."""
        del runner
        warnings.filterwarnings("ignore", "Detected call of `scheduler.step", UserWarning)

    def before_train_epoch(self, runner: Runner) -> None:
        """Count the steps of this epoch alone."""
        steps = len(runner.train_dataloader)
        runner.optim_wrapper.initialize_count_status(runner.model, 0, steps)


class Progress(Hook):
    """One progress bar over all training steps, with time left and the validation's best.

    It also measures how long steps wait for data.

    Args:
        what: its title.
        keep: the hook that knows the best.
    """

    priority = "LOWEST"

    def __init__(self, what: str, keep: KeepBest) -> None:
        self.what = what
        self.keep = keep
        self.waiting = 0.0
        self.stepping = 0.0
        self._bar: Any = None
        self._mark = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the bar, whether training ended or was cut."""
        self.close()

    @property
    def share_waiting(self) -> float:
        """Share of the steps' time that was spent waiting for data, 0 to 1."""
        spent = self.waiting + self.stepping
        return self.waiting / spent if spent else 0.0

    def before_train(self, runner: Runner) -> None:
        """Open the bar where training begins or goes on."""
        self._bar = tqdm(
            total=runner.max_iters,
            initial=runner.iter,
            desc=self.what,
            unit="step",
            mininterval=1.0,
            disable=not is_main_process(),
        )

    def before_train_epoch(self, runner: Runner) -> None:
        """Start waiting for the first batch."""
        del runner
        self._mark = time.perf_counter()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """The batch is here."""
        del runner, batch_idx, data_batch
        now = time.perf_counter()
        self.waiting += now - self._mark
        self._mark = now

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """The step is done."""
        del runner, batch_idx, data_batch
        loss = float(outputs["loss"].detach())
        now = time.perf_counter()
        self.stepping += now - self._mark
        self._mark = now
        self._bar.set_postfix_str(self._state(loss), refresh=False)
        self._bar.update()

    def _state(self, loss: float) -> str:
        best = self.keep.best
        if "metric" not in best:
            return f"loss {loss:.3f}"
        return f"loss {loss:.3f}, best {best['metric']} {best['value']:.3f} after epoch {best['epoch']}"

    def close(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
