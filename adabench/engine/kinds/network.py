"""A run of a network: its stages and caches made, trained, tested once with the best checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adabench.config.experiment import Experiment
from adabench.config.local_files import by_content
from adabench.engine import checkpoints
from adabench.engine.building import preflight
from adabench.engine.contract import refuse
from adabench.engine.decoy import ask_decoy
from adabench.engine.evaluation import (
    Evaluation,
    count_parameters,
    evaluate,
    frames_per_second,
    multiply_adds,
    peak_memory_mb,
    seen_view,
)
from adabench.engine.kinds.method_run import MethodRun, Place
from adabench.engine.reporting import Facts, contract_told, flags_of
from adabench.engine.timings import Timings
from adabench.engine.training import Fit
from adabench.engine.workbench import Workbench, fit_method, identity_of, set_up
from adabench.models.weights import file_checksum
from adabench.records.record import METRIC_NAMES
from adabench.records.sections import Cost, Decoy, Flags, Metrics, Selection, StageUse
from adabench.testing import ContractReport


class NetworkRun(MethodRun):
    """An `Assessor`."""

    bench: Workbench
    contract: ContractReport
    done: Fit
    evaluation: Evaluation
    decoy: Decoy
    work: int
    speed: float

    @classmethod
    def check(cls, experiment: Experiment, place: Place) -> None:
        """Refuse a folder of another config, and a method that can't be built."""
        last = place.work_dir / checkpoints.LAST
        if place.resume and last.is_file():
            checkpoints.check_identity(last, identity_of(experiment), ("config_hash", "seed"))
        preflight(experiment)

    def prepare(self) -> None:
        """Make stages, network and caches."""
        allow = self.place.allow_broken
        self.bench = set_up(self.experiment, self.data, self.timings, allow_broken=allow)

    def fit(self) -> None:
        """Hold the method to the contract and train it, selecting by the validation RMSE if there is one.

        Raises:
            ContractError: it breaks the contract, with every finding.
        """
        with self.timings("contract"):
            self.contract = self.bench.contract()
        refuse(self.contract, allow_broken=self.place.allow_broken)
        with self.timings("training"):
            self.done = fit_method(self.bench, self.place.work_dir, self.place.resume)

    def predict(self) -> dict[str, float]:
        """Return session → points of the best checkpoint, which is held to the contract first."""
        checkpoints.load_model(self.bench.assessor, self.done.checkpoint)
        with self.timings("contract"):
            self.contract = self.contract.joined(self.bench.contract(trained=True))
        refuse(self.contract, allow_broken=self.place.allow_broken)
        with self.timings("evaluation"):
            self.evaluation = evaluate(self.bench)
            self.decoy = ask_decoy(self.bench)
            self.work, self.speed = multiply_adds(self.bench), frames_per_second(self.bench)
        return self.evaluation.sessions

    def facts(self, labels: Mapping[str, float]) -> Facts:
        """Cost, time, relevance, pretrained weights, which epoch was tested."""
        notes = [
            _epoch_note(self.bench.training.epochs, self.done.best),
            f"share of the training steps spent waiting for data: {self.done.waiting:.3f}",
            *([f"semantics: {self.bench.encoder}"] if self.bench.encoder else []),
        ]
        return Facts(
            stages=tuple(_stages(self.bench)),
            caches=self.bench.caches,
            view=seen_view(self.bench),
            kept_share=self.evaluation.kept_share,
            selection=_selection(self.bench, self.done),
            clips=self.evaluation.clips,
            cost=self._cost(),
            timing=self.timings.seconds,
            relevance_auc=self._areas(labels),
            flags=flags_of_bench(self.bench),
            decoy=self.decoy,
            contract=contract_told(self.contract),
            notes=tuple(notes),
        )

    def _areas(self, labels: Mapping[str, float]) -> dict[str, float]:
        """Return how well relevance finds key frames, where these are known."""
        if self.evaluation.relevance is None:
            return {}
        return self.evaluation.relevance.areas(
            {clip.clip: labels[clip.session] for clip in self.data.parts.test},
            self.data.corpus.scale,
        )

    def _cost(self) -> Cost:
        return Cost(
            parameters=count_parameters(self.bench),
            multiply_adds=self.work,
            frames_per_second=self.speed,
            peak_memory_mb=peak_memory_mb(),
            wall_seconds=sum(self.timings.seconds.values()),
            alone_seconds=_alone(self.bench, self.timings),
        )


def flags_of_bench(bench: Workbench) -> Flags:
    """Return the flags of a network: pretrained weights and semantics in use among them."""
    weights = _find_weights(bench.experiment.method)
    found: dict[str, Any] = {}
    if bench.semantics is not None:
        found["semantics"] = str((bench.experiment.semantics or {}).get("type"))
    if weights is not None:
        found["pretrained"] = by_content(weights, "weights")
        path = weights
        if weights.startswith("stage:"):
            path = str(bench.stages[weights.removeprefix("stage:")].path)
        if Path(path).is_file():
            found["pretrained_checksum"] = file_checksum(Path(path))
    return flags_of(bench.experiment, **found)


def _find_weights(value: Any) -> str | None:
    """Return the first ``weights`` entry of a nested config, the trunk's."""
    if isinstance(value, Mapping):
        if isinstance(value.get("weights"), str):
            return value["weights"]
        for item in value.values():
            found = _find_weights(item)
            if found is not None:
                return found
    return None


def _stages(bench: Workbench) -> Iterator[StageUse]:
    """Yield what was trained beforehand, as the record says it."""
    for name, stage in bench.stages.items():
        cfg = bench.experiment.stages[name]
        yield StageUse(
            name=name,
            type=cfg["type"],
            key=stage.key,
            seed=cfg.get("seed"),
            seconds=stage.seconds,
        )


def _selection(bench: Workbench, done: Fit) -> Selection:
    """Say how the tested weights were chosen; the development labels are read at each validation."""
    training = bench.training
    found = {name: done.development[name] for name in METRIC_NAMES if name in done.development}
    return Selection(
        metrics=Metrics(**found) if found else None,
        epoch=done.best["epoch"],
        epochs=training.epochs,
        looks=math.ceil(training.epochs / training.validate_every) if "value" in done.best else 0,
    )


def _epoch_note(epochs: int, best: Mapping[str, Any]) -> str:
    """Say which epoch's weights were tested, and why these."""
    if "value" not in best:
        return f"no validation data: the weights after the last of {epochs} epochs, unselected"
    return (
        f"best of {epochs} epochs on the validation data: epoch {best['epoch']}, "
        f"RMSE {best['value']:.2f}"
    )


def _alone(bench: Workbench, timings: Timings) -> float:
    """Seconds of a run that finds nothing: what it found counts with what it took to make."""
    own = sum(timings.seconds.get(part, 0.0) for part in ("training", "evaluation"))
    stages = [stage.seconds for stage in bench.stages.values()]
    read = [bench.material, *([] if bench.source is None else [bench.source])]
    return own + sum(stages) + sum(material.seconds for material in read)
