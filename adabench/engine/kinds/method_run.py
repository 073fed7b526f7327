"""What a run asks of a method, whatever kind it is of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from adabench.config.experiment import Experiment
from adabench.engine.data.rundata import RunData
from adabench.engine.files.timings import Timings
from adabench.engine.recording.reporting import Facts
from adabench.engine.testing.calibrated import Predicted
from adabench.engine.testing.evaluation import Evaluation
from adabench.records.schema.record import Record


@dataclass(frozen=True)
class Place:
    """Where a run keeps what it makes.

    Attributes:
        work_dir: checkpoints, figure and the run's own copy of the record.
        results: the results folder.
        resume: go on where an earlier run in ``work_dir`` was cut.
        since: what was recorded before this time (seconds since the epoch) is run again.
        allow_broken: train and test a method that breaks the contract.
    """

    work_dir: Path
    results: Path
    resume: bool = False
    since: float = 0.0
    allow_broken: bool = False

    def of(self, member: Experiment) -> Place:
        """Return where a run that is joined keeps what it makes, in a folder of this one's."""
        folder = self.work_dir / member.name.rpartition("_")[2]
        return replace(self, work_dir=folder)


#: Runs another experiment on data that is open already and returns its record.
RunMember = Callable[[Experiment, Place, RunData], Record]


class MethodRun(ABC):
    """One method in one run: it is prepared, fits, predicts, and tells what the record says of it.

    Args:
        experiment: the run.
        data: its corpus, divided.
        place: its folders.
        timings: of its parts.
        run_member: how a run that it joins is run.

    Attributes:
        quantiles: session → the outer quantiles of what `predict` returned, where the head gives some.
    """

    quantiles: Mapping[str, tuple[float, float]] = MappingProxyType({})

    def __init__(
        self,
        experiment: Experiment,
        data: RunData,
        place: Place,
        timings: Timings,
        run_member: RunMember,
    ) -> None:
        self.experiment = experiment
        self.data = data
        self.place = place
        self.timings = timings
        self.run_member = run_member

    @classmethod
    def check(cls, experiment: Experiment, place: Place) -> None:
        """Refuse what can be told to be wrong before a corpus is opened, let alone made."""
        del place
        cls.check_method(experiment)

    @classmethod
    def check_method(cls, experiment: Experiment) -> None:
        """Refuse a method that can't be built."""
        del experiment

    @classmethod
    def make_features(cls, experiment: Experiment, data: RunData) -> None:
        """Make what `prepare` makes, for runs that share it."""
        del experiment, data

    @classmethod
    def score(cls, experiment: Experiment, checkpoint: Path) -> tuple[RunData, Evaluation, Facts]:
        """Predict the test clips with what an earlier run of the same config kept.

        Raises:
            ValueError: a checkpoint of another config, one that carries code, or a method of a kind
                that keeps none.
        """
        raise ValueError(
            f"{experiment.name} keeps no checkpoint, so {checkpoint} can't be scored; run "
            "tools/train.py instead"
        )

    @classmethod
    def kept(cls, checkpoint: Path) -> Sequence[Mapping[str, Any]]:
        """Return what `keep` kept beside a checkpoint; nothing of an older one."""
        del checkpoint
        return ()

    def prepare(self) -> None:  # noqa: B027 - an estimator has nothing to prepare
        """Find or make what it stands on: stages and caches."""

    @abstractmethod
    def fit(self) -> None:
        """Learn from ``data.parts.train``, select on ``data.parts.validate``."""

    @abstractmethod
    def predict(self) -> dict[str, float]:
        """Return session → points of ``data.parts.test``."""

    def calibration(self) -> Predicted | None:
        """Return the predictions of ``data.parts.calibrate``; None where there are none."""
        return None

    def keep(self, intervals: Sequence[Mapping[str, Any]]) -> None:
        """Keep fitted calibrators, as plain values, with what `score` reads."""
        del intervals

    @abstractmethod
    def facts(self, labels: Mapping[str, float]) -> Facts:
        """Return what the record says beside the predictions: cost, time, flags.

        Args:
            labels: session → points of the test clips, opened after `predict`.
        """
