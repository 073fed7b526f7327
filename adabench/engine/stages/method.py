"""A stage that trains a whole method on the run's own track and keeps its backbone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from adabench.bounds import Natural
from adabench.config.experiment import Experiment, Views
from adabench.config.fields.protocols import ProtocolSection
from adabench.config.fields.training import Training
from adabench.config.references import needed, seed_of, seeded
from adabench.data.files import atomic_path
from adabench.engine.building import build_signals, build_untrained, part_versions, preflight
from adabench.engine.caches.signals import tables_digest
from adabench.engine.stages.stage import RESULT, Stage, StageContext
from adabench.engine.training.selection import counts_of, selection_of
from adabench.hints import validated
from adabench.models.signals import FrameSignals
from adabench.models.weights import local_checksums
from adabench.records.schema.sections import Contract
from adabench.registry import STAGES


@STAGES.register_module()
class MethodTraining(Stage):
    """Trains a method as a run of its own would be, selects it on the validation data, never tests.

    A later part loads its backbone by ``weights="stage:NAME"``. It trains on the track of the run
    that names it, so a model per task has one such training per task.

    Args:
        method: configs of the four parts; they may refer to stages before this one.
        views: as a config's ``views``.
        training: as a config's ``training``.
        seed: of this training, whatever the run's; ``"run"`` takes the run's, so that each of a
            row's seeds has a training of its own; ``"draw"`` is one of five, by the corpus's draw.
    """

    leaves = ("backbone",)

    def __init__(
        self,
        *,
        method: Mapping[str, Any],
        views: Mapping[str, Any],
        training: Mapping[str, Any],
        seed: Natural | Literal["run", "draw"] = 0,
    ) -> None:
        self.method = dict(method)
        self.views = validated(Views, views, "views")
        self.training = validated(Training, training, "training")
        self.seed = seed
        # Until it is found: a result of an earlier adabench doesn't say.
        self.contract = Contract(
            outcome="not checked", reasons=["it was made before this was kept"]
        )

    def experiment(self, run: Experiment) -> Experiment:
        """Return this stage as an experiment on the track of ``run``, its data and its protocol."""
        wanted = needed(self.method, run.stages)
        stages = seeded(run.stages, run.seed, run.draw)
        own = run.model_copy(
            update={
                "name": "stage",
                "method": {"name": "stage", **self.method},
                "fusion": "joint",
                "views": self.views,
                "training": self.training,
                "semantics": None,
                "stages": {k: v for k, v in stages.items() if k in wanted},
                "paper_compat": False,
                "hooks": (),
                "data": run.corpora,
                "seed": seed_of({"seed": self.seed}, run.seed, run.draw),
                "overrides": (),
            }
        )
        beside = {"semantics": run.semantics, "signals": run.signals}
        if not any(beside.values()):
            return own
        reads = build_untrained(own).backbone.reads
        read = {name: section if name in reads else None for name, section in beside.items()}
        wanted |= needed([*read.values()], run.stages)
        within = {k: v for k, v in stages.items() if k in wanted}
        return own.model_copy(update={**read, "stages": within})

    def check(self, experiment: Experiment) -> None:
        """Build the method once without weights."""
        preflight(self.experiment(experiment))

    def depends_on(self, context: StageContext) -> Any:
        """Return the training's hash and seed, corpus, parts' versions, earlier stages, weights.

        Where the protocol is more than the corpus's own splits, also the clips that it learns from:
        who falls where depends on more than the protocol's fields.
        """
        own = self.experiment(context.experiment)
        earlier = {name: context.earlier[name].key for name in own.stages}
        by_splits = isinstance(own.protocol, ProtocolSection)
        return [
            own.hash(),
            own.seed,
            context.corpus.checksum,
            part_versions(self.method),
            earlier,
            *local_checksums(self.method),
            *local_checksums(own.semantics or {}),
            *_tables(own, context),
            *([] if by_splits else [context.read.divided.learnt_from()]),
        ]

    def run(self, folder: Path, context: StageContext) -> dict[str, float]:
        """Train, resuming what an earlier call left in ``folder``."""
        own = self.experiment(context.experiment)
        assessor, done, self.contract = context.fit(own, context.read.seen_by(own), folder)
        content = {"backbone": assessor.backbone.state_dict()}
        # Through a stream, so that the temporary name does not get into the file.
        with atomic_path(folder / RESULT) as temporary, temporary.open("wb") as stream:
            torch.save(content, stream)
        counts = counts_of(selection_of(self.training, done))
        if "value" not in done.best:
            return counts
        return {f"dev {done.best['metric']}": float(done.best["value"]), **counts}


def _tables(experiment: Experiment, context: StageContext) -> list[str]:
    """Return the digest of the tables that signals are read from, if they are."""
    source = build_signals(experiment)
    if source is None or isinstance(source, FrameSignals):
        return []
    corpus = context.read.parts.source or context.corpus
    return [tables_digest(corpus, Path(context.data.root))]
