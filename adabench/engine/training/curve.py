"""The curve of a training: a row an epoch in ``curve.csv``, whether it is cut and resumed or not."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from adabench.records.files.curve import TRAIN, VAL, Row, read_curve, write_curve

_logger = logging.getLogger(__name__)


class Curve(Hook):
    """Writes a training's curve after each epoch, atomically.

    The columns are ``epoch``, from 1; ``rate``, of learning; each loss, ``train/loss`` their sum;
    ``val/`` and each metric, where that epoch was validated; and ``seconds``. Rate and losses are
    means over the epoch's steps; a loss that a step lacks is 0 there, so that they add up. A resumed
    training goes on after the epoch of its checkpoint.

    Args:
        path: the file.
    """

    # Before the checkpoints: of what they hold, the file knows every epoch.
    priority = "LOW"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = []
        self._sums: dict[str, Tensor] = {}
        self._steps = 0
        self._begun = 0.0

    def before_train(self, runner: Runner) -> None:
        """Take the rows of the epochs that a resumed checkpoint has seen."""
        try:
            known = read_curve(self.path) if self.path.is_file() else []
        except ValueError as error:
            _logger.warning("%s: it is begun anew, and the epochs before are lost", error)
            known = []
        self.rows = [row for row in known if row["epoch"] <= runner.epoch]

    def before_train_epoch(self, runner: Runner) -> None:
        """Begin a row."""
        del runner
        self._sums, self._steps = {}, 0
        self._begun = time.perf_counter()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Note the rate of the step to come."""
        del batch_idx, data_batch
        self._steps += 1
        rates = runner.optim_wrapper.get_lr()
        # With groups of parameters the base is the rate that none of them changes.
        self._add("rate", torch.tensor(rates.get("base_lr", rates["lr"])[0], dtype=torch.float64))

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Add the step's losses."""
        del runner, batch_idx, data_batch
        for name in sorted(outputs, key=lambda name: name != "loss"):
            self._add(TRAIN + name, outputs[name].detach().double())

    def after_train_epoch(self, runner: Runner) -> None:
        """Write the row, not validated yet."""
        means = {name: float(total) / self._steps for name, total in self._sums.items()}
        self.rows.append({"epoch": runner.epoch + 1, **means})
        self._write({})

    def after_val_epoch(self, runner: Runner, metrics: Mapping[str, float] | None = None) -> None:
        """Write the row with what the validation measured."""
        del runner
        self._write({VAL + name: float(value) for name, value in (metrics or {}).items()})

    def _add(self, name: str, value: Tensor) -> None:
        self._sums[name] = self._sums[name] + value if name in self._sums else value

    def _write(self, measured: Row) -> None:
        self.rows[-1] |= {**measured, "seconds": round(time.perf_counter() - self._begun, 3)}
        if is_main_process():
            write_curve(self.path, self.rows)
