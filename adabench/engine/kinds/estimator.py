"""A run of a method that is no network."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adabench.config.experiment import Experiment
from adabench.data.manifest import ClipRecord
from adabench.engine.contract import contract_told, refuse, with_stages
from adabench.engine.data.material import calibrating
from adabench.engine.data.rundata import RunData, open_data
from adabench.engine.estimating import EstimatorBench, check_estimator_run, set_up_estimator
from adabench.engine.files import checkpoints, estimator_file
from adabench.engine.kinds.method_run import MethodRun
from adabench.engine.metric import average, refuse_infinite
from adabench.engine.recording.reporting import Facts, alone_seconds, flags_with_weights, stage_uses
from adabench.engine.testing.calibrated import Predicted
from adabench.engine.testing.decoy import ask_by
from adabench.engine.testing.evaluation import (
    Evaluation,
    count_multiply_adds,
    measure_speed,
    peak_memory_mb,
    seen_view,
)
from adabench.engine.training.hooks import seed_everything
from adabench.engine.workbench import Use, carried_of, identity_of
from adabench.evaluation.controls import CONSTANT
from adabench.records.schema.sections import Cost, Decoy, Selection
from adabench.structures import ViewId
from adabench.testing import ContractReport, check_estimator


class EstimatorRun(MethodRun):
    """An `EstimatorMethod`, fitted on the training clips; the validation clips select nothing."""

    bench: EstimatorBench
    contract: ContractReport
    evaluation: Evaluation
    decoy: Decoy
    cost: Cost
    notes: tuple[str, ...]

    @classmethod
    def check_method(cls, experiment: Experiment) -> None:
        """Build the method once without weights."""
        check_estimator_run(experiment)

    @classmethod
    def make_features(cls, experiment: Experiment, data: RunData) -> None:
        """Make the stages and caches of the extractor."""
        set_up_estimator(experiment, data)

    @classmethod
    def score(cls, experiment: Experiment, checkpoint: Path) -> tuple[RunData, Evaluation, Facts]:
        """Predict with the estimator of an ``estimator.skops``."""
        found = estimator_file.identity_of(checkpoint)
        checkpoints.compare(
            checkpoint, found, identity_of(experiment), ("config_hash", "seed", "draw")
        )
        cls.check_method(experiment)
        data = open_data(experiment)
        # Its training was asked about the contract; this record says nothing of it.
        bench = set_up_estimator(experiment, data, allow_broken=True)
        bench.method.estimator = estimator_file.load(checkpoint)
        evaluation = _evaluate(bench)
        facts = Facts(
            kind=_kind(experiment),
            clips=_told(bench, evaluation),
            flags=flags_with_weights(experiment, bench.stages),
            decoy=_ask(bench, evaluation),
        )
        return data, evaluation, facts

    def prepare(self) -> None:
        """Make stages and caches."""
        allow = self.place.allow_broken
        self.bench = set_up_estimator(self.experiment, self.data, self.timings, allow_broken=allow)

    def fit(self) -> None:
        """Fit it on the training clips, a row each, and keep it in the work folder."""
        clips = self.bench.clips("train")
        scores = np.array([clip.score for clip in clips], dtype=np.float64)
        seed_everything(self.experiment.seed)
        with self.timings("training"):
            rows = self.bench.rows("train")
            features = None if isinstance(rows, int) else rows
            self.bench.method.fit(features, scores, [clip.subject for clip in clips])
        path = self.place.work_dir / estimator_file.FITTED
        method, carried = self.bench.method, carried_of(self.experiment, self.data)
        unkept = estimator_file.save(method.estimator, path, carried)
        told = [unkept, "" if method.chosen is None else str(method.chosen)]
        self.notes = tuple(note for note in told if note)

    def predict(self) -> dict[str, float]:
        """Return session → points of the estimator, which is held to the contract first.

        Raises:
            ContractError: it breaks the contract, with every finding.
        """
        asked: Use = "validate" if self.data.parts.validate else "train"
        with self.timings("contract"):
            rows = self.bench.rows(asked)
            if isinstance(rows, int):
                # As many rows as are predicted: of another number it might know what not to tell.
                rows = self.bench.rows("test")
            again = None if isinstance(rows, int) else self.bench.first_again(asked)
            self.contract = check_estimator(self.bench.method, rows, again)
        refuse(self.contract, allow_broken=self.place.allow_broken)
        with self.timings("evaluation"):
            self.evaluation = _evaluate(self.bench)
            self.decoy = _ask(self.bench, self.evaluation)
            self.cost = _cost(self.bench)
        return self.evaluation.sessions

    def calibration(self) -> Predicted | None:
        """Return the predictions of the sessions that calibrators are fitted on."""
        if not calibrating(self.experiment, self.data.parts):
            return None
        with self.timings("evaluation"):
            return Predicted(_evaluate(self.bench, "calibrate").sessions)

    def keep(self, intervals: Sequence[Mapping[str, Any]]) -> None:
        """Keep calibrators in the file of the fitted estimator, if there is one."""
        path = self.place.work_dir / estimator_file.FITTED
        if path.is_file():
            carried = {**carried_of(self.experiment, self.data), "intervals": list(intervals)}
            estimator_file.save(self.bench.method.estimator, path, carried)

    @classmethod
    def kept(cls, checkpoint: Path) -> Sequence[Mapping[str, Any]]:
        """Return the calibrators in a fitted estimator's file."""
        return estimator_file.identity_of(checkpoint).get("intervals", ())

    def facts(self, labels: Mapping[str, float]) -> Facts:
        """Its time and cost, what a search chose, and whether it is the control of every method."""
        del labels
        bench, seconds = self.bench, self.timings.seconds
        return Facts(
            kind=_kind(self.experiment),
            stages=stage_uses(self.experiment, bench.stages),
            caches=bench.caches,
            view=seen_view(bench.dataset("test")) if bench.reads_clips else None,
            selection=_selection(bench),
            clips=_told(bench, self.evaluation),
            decoy=self.decoy,
            cost=self._whole_cost(),
            timing=seconds,
            flags=flags_with_weights(self.experiment, bench.stages),
            contract=with_stages(contract_told(self.contract), bench.stage_contracts),
            notes=self.notes,
        )

    def _whole_cost(self) -> Cost:
        if not self.bench.reads_clips:
            return self.cost
        bench, seconds = self.bench, self.timings.seconds
        spent = {
            "peak_memory_mb": peak_memory_mb(),
            "wall_seconds": sum(seconds.values()),
            "alone_seconds": alone_seconds(seconds, bench.stages, bench.material, bench.source),
        }
        return self.cost.model_copy(update=spent)


def _kind(experiment: Experiment) -> str | None:
    """Return ``control`` for the one that every method is held against."""
    return "control" if experiment.method["name"] == CONSTANT else None


def _evaluate(bench: EstimatorBench, use: Use = "test") -> Evaluation:
    """Predict the clips of one use.

    Raises:
        FloatingPointError: a prediction that is no finite number.
    """
    started = time.perf_counter()
    scores = bench.method.predict(bench.rows(use)).tolist()
    clips, sessions = average(
        [(_id(clip), score) for clip, score in zip(bench.clips(use), scores, strict=True)]
    )
    refuse_infinite(sessions, "scale features by what fit has seen, with a StandardScaler")
    seconds = time.perf_counter() - started
    return Evaluation(sessions, clips, seconds, first_views=tuple(scores))


def _told(bench: EstimatorBench, evaluation: Evaluation) -> dict[str, float]:
    """Return clip → score, where a row is of a clip."""
    return evaluation.clips if bench.reads_clips else {}


def _ask(bench: EstimatorBench, evaluation: Evaluation) -> Decoy:
    """Ask for a decoy; an estimator to which no clip is shown can't be asked."""
    if not bench.reads_clips:
        return Decoy(outcome="not asked", reason="it is given no clip, only how many there are")

    def predict(names: Mapping[str, ClipRecord], backwards: bool) -> list[float]:
        rows = bench.rows_named("test", names)
        if isinstance(rows, int):
            raise TypeError("an extractor gives rows of numbers")
        return bench.method.predict(rows[::-1] if backwards else rows).tolist()

    return ask_by(bench.clips("test"), predict, evaluation.first_views)


def _selection(bench: EstimatorBench) -> Selection | None:
    """Say what was searched; the development labels are not looked at."""
    if not bench.reads_clips:
        return None
    search = bench.method.search
    if search is None:
        return Selection(looks=0, budget=1, rule="fitted once, nothing selected")
    rule = "lowest RMSE over clips, on folds of the training persons"
    return Selection(looks=0, budget=search.tried, rule=rule)


def _cost(bench: EstimatorBench) -> Cost:
    """Return what a clip costs from its frames on, without any cache."""
    if bench.method.extractor is None:
        return Cost()
    dataset, method = bench.dataset("test", frames=True), bench.method

    def score(item: int) -> int:
        clip = dataset[item]
        rows = method.extract([clip])
        assert rows is not None
        method.predict(rows)
        return len(clip.index)

    part = bench.method.extractor.frozen_part()
    return Cost(
        parameters=0 if part is None else sum(p.numel() for p in part.parameters()),
        multiply_adds=count_multiply_adds(lambda: score(0)),
        frames_per_second=measure_speed(score, len(dataset)),
    )


def _id(clip: ClipRecord) -> ViewId:
    return ViewId(clip.clip, clip.session, clip.subject, clip.task)
