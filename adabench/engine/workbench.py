"""Everything a run stands on: corpus, splits, stages, method and caches, built from an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch.utils.data import DataLoader

from adabench.batching import collate
from adabench.config.experiment import Experiment, Training, Views
from adabench.config.preparations import CORPUS, FEATURES
from adabench.config.protocols import CrossCorpusSection
from adabench.config.references import in_order
from adabench.data.dataset import ClipDataset
from adabench.data.manifest import ClipRecord
from adabench.data.prepared import PreparedCorpus
from adabench.data.protocol import Parts, divide, shuffle_labels
from adabench.data.tracks import get_track
from adabench.engine.caches.features import FeatureCache, SemanticsCache, segments_of
from adabench.engine.corpora import ensure_corpus
from adabench.engine.hooks import seed_everything
from adabench.engine.material import Material, build_encoder, make_material, refuse_unlike
from adabench.engine.stages.stage import Stage, StageResult, ensure_stages, resolve
from adabench.engine.training import make_loader
from adabench.models import Assessor, Backbone
from adabench.models.weights import read_weights
from adabench.registry import MODELS, SEMANTICS, STAGES, TRANSFORMS

Timer = Callable[[str], AbstractContextManager[Any]]
Use = Literal["train", "validate", "test"]


def _untimed(part: str) -> AbstractContextManager[Any]:
    del part
    return nullcontext()


def gather(experiment: Experiment, timer: Timer = _untimed) -> tuple[PreparedCorpus, Parts]:
    """Open (or generate and prepare) the track's corpus and divide it by the protocol.

    A run that is a control gets its training labels shuffled.
    """
    with timer("corpus"):
        corpus = ensure_corpus(experiment.track_, experiment.data)
        parts = divided(experiment, corpus)
    if experiment.shuffle_labels:
        parts = replace(parts, train=shuffle_labels(parts.train, experiment.seed))
    return corpus, parts


def divided(experiment: Experiment, corpus: PreparedCorpus) -> Parts:
    """Divide a run's corpus by its protocol; the one that a cross-corpus run learns from is opened.

    Raises:
        LeakError, ValueError, FileNotFoundError: as `divide` and `ensure_corpus`.
    """
    section, tasks = experiment.protocol, experiment.track_.tasks
    if not isinstance(section, CrossCorpusSection):
        return divide(corpus, section.build(), tasks)
    data = experiment.data
    synthface = {**data.synthface, **section.synthface}
    track = get_track(section.source)
    source = ensure_corpus(track, data.model_copy(update={"synthface": synthface}))
    return divide(corpus, section.build(), tasks, source=source, source_tasks=track.tasks)


@dataclass
class Workbench:
    """A network method with its data, ready to train or test.

    Attributes:
        experiment: what was asked for.
        corpus, parts: the data.
        stages: by name.
        assessor: the method.
        features: the cache of its frozen part, or None when frames are read.
        semantics: the cache of semantic vectors, or None.
        encoder: what made those vectors, as the record says it.
        source: where training and validation clips are read, if in another corpus.
    """

    experiment: Experiment
    corpus: PreparedCorpus
    parts: Parts
    stages: dict[str, StageResult]
    assessor: Assessor
    features: FeatureCache | None
    semantics: SemanticsCache | None
    encoder: str | None
    source: Material | None = None

    @property
    def material(self) -> Material:
        """Where the test clips are read, and the others too unless there is a source."""
        return Material(self.corpus, self.features, self.semantics)

    @property
    def views(self) -> Views:
        """The experiment's views, which a network needs."""
        if self.experiment.views is None:
            raise ValueError("views is missing: a network needs views.train and views.test")
        return self.experiment.views

    @property
    def training(self) -> Training:
        """The experiment's schedule, which a network needs."""
        if self.experiment.training is None:
            raise ValueError(
                "training is missing: a network needs its epochs, batch size, optimiser"
            )
        return self.experiment.training

    def dataset(self, use: Use, *, frames: bool | None = None) -> ClipDataset:
        """Return the clips of one use; ``frames`` True reads them beside the cache."""
        training = use == "train"
        clips: Sequence[ClipRecord] = getattr(self.parts, use)
        read = self.material if use == "test" or self.source is None else self.source
        reads = "frames" in self.assessor.backbone.reads and read.features is None
        # A feature cache holds augmented versions of the training clips itself.
        augment = self.views.augment if training and read.features is None else None
        return ClipDataset(
            read.corpus,
            clips,
            TRANSFORMS.build(self._view(use)),
            training=training,
            labels=use != "test",
            seed=self.experiment.seed,
            augment=TRANSFORMS.build(augment) if augment is not None else None,
            frames=reads if frames is None else frames,
            features=None if frames else read.features,
            semantics=read.semantics,
        )

    def _view(self, use: Use) -> dict[str, Any]:
        views = self.views
        return {
            "train": views.train,
            "validate": views.select or views.test,
            "test": views.test,
        }[use]

    def loader(self, use: Use) -> DataLoader[Any]:
        """Return batches of one use."""
        return make_loader(
            self.dataset(use),
            self.training.batch_size,
            collate,
            shuffle=use == "train",
            seed=self.experiment.seed,
            workers=self.training.workers,
        )


def set_up(experiment: Experiment, timer: Timer = _untimed) -> Workbench:
    """Build what a network method needs, in order: corpus, stages, method, caches.

    Raises:
        ValueError, FileNotFoundError: naming the field or file and the remedy.
        IncompatiblePartsError, UnknownTypeError: a method that can't be built.
    """
    if experiment.is_pooled:
        raise ValueError(
            f"{experiment.name} is a run of several folds, with a model each: choose one of them "
            "with --cfg-options protocol.fold=1"
        )
    preflight(experiment)
    corpus, parts = gather(experiment, timer)
    with timer("pretraining"):
        stages = ensure_stages(experiment, corpus)
    seed_everything(experiment.seed)
    assessor = build_assessor(experiment, stages)
    with timer("features"):
        encoder = build_encoder(experiment, assessor, stages)
        read_by = partial(make_material, experiment, assessor, encoder)
        if parts.source is None:
            read, source = read_by(corpus, parts), None
        else:
            read = read_by(corpus, replace(parts, train=(), validate=()))
            source = read_by(parts.source, replace(parts, test=()))
            refuse_unlike(read, source)
    scores = torch.tensor([float(c.score) for c in parts.train if c.score is not None])
    assessor.head.fit_scale(scores)
    return Workbench(
        experiment,
        corpus,
        parts,
        stages,
        assessor,
        read.features,
        read.semantics,
        None if read.semantics is None else read.semantics.description,
        source,
    )


def make_ready(experiment: Experiment, until: str) -> None:
    """Make what runs share and go no further, so that runs side by side need not wait or repeat it.

    Args:
        experiment: of one of the runs.
        until: ``corpus``, the name of a stage, or ``features``: corpus, stages and caches.

    Raises:
        ValueError: no such stage; otherwise as `set_up`.
    """
    known = (CORPUS, *experiment.stages, FEATURES)
    if until not in known:
        raise ValueError(f"--prepare takes one of {', '.join(known)}; got {until!r}")
    if until == FEATURES:
        set_up(experiment)
        return
    preflight(experiment)
    corpus, _ = gather(experiment)
    if until != CORPUS:
        ensure_stages(experiment, corpus, until)


def preflight(experiment: Experiment) -> None:
    """Build every part once without weights, so that a mistake is told before anything long starts."""
    for name in in_order(experiment.stages):
        stage: Stage = STAGES.build(dict(experiment.stages[name]))
        stage.check(experiment)
    # Only the names matter here: a stage that is missing is told before the others are trained.
    planned = {name: StageResult(name, Path()) for name in experiment.stages}
    resolve([experiment.method, experiment.semantics], planned)
    if experiment.semantics is not None:
        SEMANTICS.type_of(experiment.semantics)
    if experiment.views is not None:
        TRANSFORMS.build(experiment.views.train)
        TRANSFORMS.build(experiment.views.test)
        if experiment.views.select is not None:
            TRANSFORMS.build(experiment.views.select)
        if experiment.views.augment is not None:
            TRANSFORMS.build(experiment.views.augment)
    _local_weights(experiment.method)
    if experiment.method.get("type", "Assessor") == "Assessor":
        _check_segments(experiment, build_untrained(experiment).backbone.frozen_part())


def _check_segments(experiment: Experiment, part: Backbone | None) -> None:
    """Refuse views of other segments than the cache of a frozen part will hold."""
    views = experiment.views
    if part is None or views is None or not experiment.cache:
        return
    kept = segments_of(part, TRANSFORMS.build(views.test))
    if kept is None:
        return
    for name, config in (("train", views.train), ("select", views.select)):
        view = kept if config is None else TRANSFORMS.build(config)
        if not kept.has_segments_of(view):
            raise ValueError(
                f"views.{name} cuts clips into other segments than views.test, and the output of a "
                f"frozen {type(part).__name__} is kept for one kind of segments: give all views the "
                "same length and overlap, or set cache=False"
            )


def part_versions(value: Any) -> list[list[Any]]:
    """Return the version of every registered part in a nested config, in its order."""
    if isinstance(value, (list, tuple)):
        return [found for item in value for found in part_versions(item)]
    if not isinstance(value, Mapping):
        return []
    own: list[list[Any]] = []
    if isinstance(value.get("type"), str):
        own = [[value["type"], getattr(MODELS.require(value["type"]), "version", 1)]]
    return own + [found for item in value.values() for found in part_versions(item)]


def build_untrained(experiment: Experiment) -> Assessor:
    """Build the method's network at random: no stage, no weights file, nothing fetched."""
    blank = {k: v for k, v in without_weights(experiment.method).items() if k != "name"}
    with torch.random.fork_rng(devices=[]):
        return MODELS.build({"type": "Assessor", **blank})


def _local_weights(value: Any) -> None:
    """Refuse a missing weights file at once."""
    if isinstance(value, dict):
        weights = value.get("weights")
        if isinstance(weights, str) and weights != "timm" and not weights.startswith("stage:"):
            read_weights(Path(weights))
        for item in value.values():
            _local_weights(item)


def without_weights(value: Any) -> Any:
    """Return a nested config whose every ``weights`` entry is None."""
    if isinstance(value, dict):
        return {k: None if k == "weights" else without_weights(v) for k, v in value.items()}
    return value


def build_assessor(experiment: Experiment, stages: dict[str, StageResult]) -> Assessor:
    """Build the method's network."""
    method = {k: v for k, v in resolve(experiment.method, stages).items() if k != "name"}
    return MODELS.build({"type": "Assessor", **method})
