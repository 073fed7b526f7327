"""A run of a network: its stages and caches made, trained, tested once with the best checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adabench.config.experiment import Experiment
from adabench.config.fields.training import Training
from adabench.engine.building import preflight
from adabench.engine.contract import contract_told, refuse, with_stages
from adabench.engine.cpu import set_up_cpu
from adabench.engine.data.material import calibrating
from adabench.engine.data.rundata import RunData, open_data
from adabench.engine.files import checkpoints
from adabench.engine.kinds.method_run import MethodRun, Place
from adabench.engine.recording.reporting import (
    Facts,
    alone_seconds,
    flags_with_weights,
    stage_uses,
    tested_worlds,
)
from adabench.engine.testing.calibrated import Predicted
from adabench.engine.testing.decoy import ask_decoy
from adabench.engine.testing.evaluation import (
    Evaluation,
    count_parameters,
    evaluate,
    frames_per_second,
    multiply_adds,
    peak_memory_mb,
    seen_view,
)
from adabench.engine.training.fit import Fit
from adabench.engine.training.selection import selection_of
from adabench.engine.workbench import Workbench, fit_method, identity_of, set_up
from adabench.records.drawn import drawn_file, drawn_words
from adabench.records.schema.localisation import Localisation
from adabench.records.schema.sections import Cost, Decoy, Flags
from adabench.testing import ContractReport

#: The curve of a training, drawn.
CURVE_FIGURE = "curve.png"


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
            checkpoints.check_identity(
                last, identity_of(experiment), ("config_hash", "seed", "draw")
            )
        cls.check_method(experiment)

    @classmethod
    def check_method(cls, experiment: Experiment) -> None:
        """Build every part once without weights."""
        preflight(experiment)

    @classmethod
    def make_features(cls, experiment: Experiment, data: RunData) -> None:
        """Make stages, network and caches."""
        set_up(experiment, data)

    @classmethod
    def score(cls, experiment: Experiment, checkpoint: Path) -> tuple[RunData, Evaluation, Facts]:
        """Predict with the weights of a ``best.pth`` or ``last.pth``."""
        # The record says which seed trained it, and stages may follow that.
        fields = ("config_hash", "seed", "draw")
        checkpoints.check_identity(checkpoint, identity_of(experiment), fields)
        cls.check_method(experiment)
        data = open_data(experiment)
        # Its training was asked about the contract; this record says nothing of it.
        bench = set_up(experiment, data, allow_broken=True)
        set_up_cpu(bench.training.threads)
        checkpoints.load_model(bench.assessor, checkpoint)
        evaluation = evaluate(bench)
        flags, decoy = flags_of_bench(bench), ask_decoy(bench, evaluation.first_views)
        return data, evaluation, Facts(clips=evaluation.clips, flags=flags, decoy=decoy)

    @classmethod
    def kept(cls, checkpoint: Path) -> Sequence[Mapping[str, Any]]:
        """Return the calibrators in a checkpoint."""
        return checkpoints.identity_of(checkpoint).get("intervals", ())

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
        if self.done.curve:
            self._draw_curve()

    def _draw_curve(self) -> None:
        # matplotlib takes a moment to import, which a run that fails early should not cost.
        from adabench.viz import training_curve

        worlds = tested_worlds(self.experiment)
        drawn = "" if worlds is None else f", {drawn_words(worlds)}"
        training_curve(
            self.done.curve,
            self.place.work_dir / drawn_file(CURVE_FIGURE, worlds),
            title=f"Training of {self.experiment.method['name']} on {self.experiment.track_.name}{drawn}",
            chosen=self.done.best["epoch"],
        )

    def predict(self) -> dict[str, float]:
        """Return session → points of the best checkpoint, which is held to the contract first."""
        checkpoints.load_model(self.bench.assessor, self.done.checkpoint)
        with self.timings("contract"):
            self.contract = self.contract.joined(self.bench.contract(trained=True))
        refuse(self.contract, allow_broken=self.place.allow_broken)
        with self.timings("evaluation"):
            self.evaluation = evaluate(self.bench)
            self.decoy = ask_decoy(self.bench, self.evaluation.first_views)
            self.work, self.speed = multiply_adds(self.bench), frames_per_second(self.bench)
        self.quantiles = self.evaluation.quantiles
        return self.evaluation.sessions

    def calibration(self) -> Predicted | None:
        """Return the predictions of the sessions that calibrators are fitted on."""
        if not calibrating(self.experiment, self.data.parts):
            return None
        with self.timings("evaluation"):
            found = evaluate(self.bench, "calibrate")
        return Predicted(found.sessions, found.quantiles)

    def keep(self, intervals: Sequence[Mapping[str, Any]]) -> None:
        """Keep calibrators in the checkpoint that was tested."""
        checkpoints.add(self.done.checkpoint, intervals=list(intervals))

    def facts(self, labels: Mapping[str, float]) -> Facts:
        """Cost, time, relevance, pretrained weights, which epoch was tested."""
        notes = [
            _epoch_note(self.bench.training, self.done),
            f"share of the training steps spent waiting for data: {self.done.waiting:.3f}",
            *(f"{kind}: {told}" for kind, told in self.bench.told.items()),
        ]
        return Facts(
            stages=stage_uses(self.bench.experiment, self.bench.stages),
            caches=self.bench.caches,
            view=seen_view(self.bench.dataset("test")),
            kept_share=self.evaluation.kept_share,
            selection=selection_of(self.bench.training, self.done),
            clips=self.evaluation.clips,
            cost=self._cost(),
            timing=self.timings.seconds,
            relevance_measures=self._relevance(labels),
            flags=flags_of_bench(self.bench),
            decoy=self.decoy,
            contract=with_stages(contract_told(self.contract), self.bench.stage_contracts),
            notes=tuple(notes),
        )

    def _relevance(self, labels: Mapping[str, float]) -> dict[str, Localisation]:
        """Return how well relevance finds key frames, where these are known."""
        if self.evaluation.relevance is None:
            return {}
        return self.evaluation.relevance.measures(
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
            alone_seconds=alone_seconds(
                self.timings.seconds, self.bench.stages, self.bench.material, self.bench.source
            ),
        )


def flags_of_bench(bench: Workbench) -> Flags:
    """Return the flags of a network: pretrained weights and semantics in use among them."""
    found: dict[str, Any] = {}
    if bench.semantics is not None:
        found["semantics"] = str((bench.experiment.semantics or {}).get("type"))
    return flags_with_weights(bench.experiment, bench.stages, **found)


def _epoch_note(training: Training, done: Fit) -> str:
    """Say which epoch's weights were tested, and why these."""
    if "value" not in done.best:
        return f"no validation data: the weights after the last of {done.epochs} epochs, unselected"
    stopped = ""
    if done.epochs < training.epochs:
        stopped = f"; stopped early: the schedule has {training.epochs} epochs"
    return (
        f"best of {done.epochs} epochs on the validation data: epoch {done.best['epoch']}, "
        f"RMSE {done.best['value']:.2f}{stopped}"
    )
