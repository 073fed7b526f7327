"""A network method with its stages, caches and data, ready to train or test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch.utils.data import DataLoader

from adabench.batching import collate
from adabench.config.experiment import Experiment, Views
from adabench.config.fields.training import Training
from adabench.data.augment import build_augment
from adabench.data.dataset import ClipDataset
from adabench.data.manifest import ClipRecord
from adabench.data.prepared import PreparedCorpus
from adabench.data.protocol import Parts
from adabench.data.sealed import session_labels
from adabench.engine.building import (
    build_assessor,
    build_signals,
    build_untrained,
    check_lengths,
    refuse_unfit_views,
)
from adabench.engine.caches.features import FeatureCache
from adabench.engine.caches.semantics import SemanticsCache
from adabench.engine.caches.signals import check_tables
from adabench.engine.contract import (
    REMEDY,
    contract_told,
    hold,
    hold_first,
    hold_trained,
    refuse,
    with_stages,
)
from adabench.engine.data.material import (
    Material,
    build_encoder,
    calibrating,
    make_material,
    refuse_unlike,
)
from adabench.engine.data.rundata import RunData, Timer, untimed
from adabench.engine.files.checkpoints import load_model
from adabench.engine.metric import SessionScores
from adabench.engine.stages.stage import StageResult, ensure_stages
from adabench.engine.training.fit import Fit, Validation, fit, make_loader
from adabench.engine.training.foreign_hooks import build_hooks
from adabench.engine.training.hooks import seed_everything
from adabench.models import Assessor
from adabench.models.signals import SignalSource
from adabench.records.schema.scale import scale_form
from adabench.records.schema.sections import Contract
from adabench.registry import TRANSFORMS
from adabench.testing import ContractError, ContractReport

Use = Literal["train", "validate", "test", "calibrate"]

#: What is predicted of clips whose labels are shut.
PREDICTED: tuple[Use, ...] = ("test", "calibrate")


@dataclass
class Workbench:
    """A network method with its data, ready to train or test.

    Attributes:
        experiment: what was asked for.
        data: the clips.
        stages: by name.
        assessor: the method.
        material: where the test clips are read, and the others too unless there is a source.
        source: where training and validation clips are read, if in another corpus.
    """

    experiment: Experiment
    data: RunData
    stages: dict[str, StageResult]
    assessor: Assessor
    material: Material
    source: Material | None = None

    @property
    def corpus(self) -> PreparedCorpus:
        """The corpus whose clips are tested."""
        return self.data.corpus

    @property
    def parts(self) -> Parts:
        """The clips by what they serve."""
        return self.data.parts

    @property
    def learnt_from(self) -> Material:
        """Where the training and validation clips are read."""
        return self.material if self.source is None else self.source

    @property
    def features(self) -> FeatureCache | None:
        """The cache of its frozen part, or None when frames are read."""
        return self.material.features

    @property
    def semantics(self) -> SemanticsCache | None:
        """The cache of semantic vectors, or None."""
        return self.material.semantics

    @property
    def told(self) -> dict[str, str]:
        """What semantic vectors and signals are, as the record says it, by kind."""
        return self.material.told

    @property
    def caches(self) -> list[str]:
        """Names of the cache folders that are read."""
        own = self.material.caches
        return sorted({*own, *([] if self.source is None else self.source.caches)})

    @property
    def stage_contracts(self) -> dict[str, Contract | None]:
        """What was found of the methods of its stages, by name."""
        return {name: stage.contract for name, stage in self.stages.items()}

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

    def dataset(self, use: Use, *, frames: bool | None = None, **decoy: Any) -> ClipDataset:
        """Return the clips of one use; ``frames`` True reads them beside the cache.

        ``names``, ``one_view`` and ``backwards`` are handed on to the dataset.
        """
        training = use == "train"
        clips: Sequence[ClipRecord] = getattr(self.parts, use)
        read = self.material if use in PREDICTED else self.learnt_from
        reads = "frames" in self.assessor.backbone.reads and read.features is None
        # A feature cache holds augmented versions of the training clips itself.
        augment = self.views.augment if training else None
        return ClipDataset(
            read.corpus,
            clips,
            TRANSFORMS.build(self._view(use)),
            training=training,
            labels=use not in PREDICTED,
            seed=self.experiment.seed,
            epochs=self.training.epochs if training else 1,
            augment=build_augment(augment) if read.features is None else None,
            frames=reads if frames is None else frames,
            features=None if frames else read.features,
            semantics=read.semantics,
            signals=read.signals,
            signal_augment=build_augment(augment, "signals"),
            **decoy,
        )

    def named_loader(
        self, names: Mapping[str, ClipRecord], *, backwards: bool = False
    ) -> DataLoader[Any]:
        """Return batches of one view of each test clip, under the names of others."""
        dataset = self.dataset("test", names=names, one_view=True, backwards=backwards)
        return self._loader(dataset, shuffle=False)

    def contract(self, *, trained: bool = False) -> ContractReport:
        """Hold the method to the contract, as it is: before training, or with a trained checkpoint.

        What would take long on the CPU is asked on the first batch of training.
        """
        if trained:
            use: Use = "validate" if self.parts.validate else "train"
            return hold_trained(self.assessor, self.dataset(use))
        checkpoints = {name: stage.path for name, stage in self.stages.items()}
        rebuild = partial(build_assessor, self.experiment, checkpoints, self.corpus.scale)
        dataset = self.dataset("train")
        report = hold(self.assessor, dataset, rebuild)
        if report.outcome == "broken" or not report.deferred:
            return report
        first = next(iter(self._loader(dataset, shuffle=True, workers=0)))
        return report.joined(hold_first(self.assessor, first, dataset))

    def _view(self, use: Use) -> dict[str, Any]:
        views = self.views
        return {
            "train": views.train,
            "validate": views.select or views.test,
            "test": views.test,
            "calibrate": views.test,
        }[use]

    def loader(self, use: Use) -> DataLoader[Any]:
        """Return batches of one use."""
        dataset = self.dataset(use)
        if use != "train" or self.training.sampler == "random":
            return self._loader(dataset, shuffle=use == "train")
        return self._loader(dataset, shuffle=True, levels=_levels(dataset))

    def _loader(
        self,
        dataset: ClipDataset,
        *,
        shuffle: bool,
        workers: int | None = None,
        levels: Sequence[int] | None = None,
    ) -> DataLoader[Any]:
        return make_loader(
            dataset,
            self.training.batch_size,
            collate,
            shuffle=shuffle,
            seed=self.experiment.seed,
            workers=self.training.workers if workers is None else workers,
            levels=levels,
        )


def _levels(dataset: ClipDataset) -> list[int]:
    clips = dataset.clips
    bare = sum(clip.score is None for clip in clips)
    if bare:
        raise ValueError(
            f"training.sampler='level': {bare} of {len(clips)} training clips have no score, hence no "
            "level"
        )
    scores = [clip.score for clip in dataset.item_clips if clip.score is not None]
    return [int(dataset.corpus.scale.level(score)) for score in scores]


def set_up(
    experiment: Experiment,
    data: RunData,
    timer: Timer = untimed,
    *,
    allow_broken: bool = False,
) -> Workbench:
    """Build what a network method needs, in order: stages, method, caches.

    Args:
        experiment: the run; `preflight` tells its mistakes before anything long.
        data: its corpus, divided.
        timer: of the parts ``pretraining`` and ``features``.
        allow_broken: train stages whose method breaks the contract.

    Raises:
        ContractError: the method of a stage breaks the contract.
        ValueError, FileNotFoundError: naming the field or file and the remedy.
        IncompatiblePartsError, UnknownTypeError: a method that can't be built.
    """
    refuse_pooled(experiment)
    _refuse_views(experiment, data.parts)
    check_signals(experiment, data)
    with timer("pretraining"):
        stages = ensure_run_stages(experiment, data, allow_broken=allow_broken)
    seed_everything(experiment.seed)
    checkpoints = {name: stage.path for name, stage in stages.items()}
    assessor = build_assessor(experiment, checkpoints, data.corpus.scale)
    with timer("features"):
        encoder = build_encoder(experiment, assessor, checkpoints)
        frozen = assessor.backbone.frozen_part()
        signals = _signals_read(experiment, assessor, checkpoints)
        read, source = materials(partial(make_material, experiment, frozen, encoder, signals), data)
    bench = Workbench(experiment, data, stages, assessor, read, source)
    _fit_scales(bench)
    return bench


def _signals_read(
    experiment: Experiment, assessor: Assessor, checkpoints: Mapping[str, Path]
) -> SignalSource | None:
    reads = "signals" in assessor.backbone.reads
    return build_signals(experiment, checkpoints) if reads else None


def _fit_scales(bench: Workbench) -> None:
    """Give head and backbone the scale of what they learn: of the training clips alone."""
    train, assessor = bench.parts.train, bench.assessor
    scores = torch.tensor([float(c.score) for c in train if c.score is not None])
    assessor.head.fit_scale(scores)
    signals = bench.learnt_from.signals
    if signals is not None:
        assessor.backbone.fit_signals(*signals.statistics(train))


def refuse_pooled(experiment: Experiment) -> None:
    """Refuse all folds together where one model is asked for."""
    if experiment.is_pooled:
        raise ValueError(
            f"{experiment.name} is a run of several folds, with a model each: choose one of them "
            "with --cfg-options protocol.fold=1"
        )


def check_signals(experiment: Experiment, data: RunData) -> None:
    """Refuse clips without the signals that are asked for, before any stage."""
    source, parts = build_signals(experiment), data.parts
    learnt = [*parts.train, *parts.validate]
    check_tables(source, parts.source or data.corpus, learnt)
    check_tables(source, data.corpus, [*parts.test, *calibrating(experiment, parts)])


def _refuse_views(experiment: Experiment, parts: Parts) -> None:
    """Refuse views that can't show the run's clips, or not as the method takes them."""
    views = experiment.views
    if views is None:
        return
    rates = refuse_unfit_views(
        ("train", views.train, parts.train),
        ("select", views.select, parts.validate),
        ("test", views.test if views.select is None else None, parts.validate),
        ("test", views.test, parts.test),
        ("test", views.test, calibrating(experiment, parts)),
    )
    # What is told in frames was asked before the data was opened.
    if rates:
        check_lengths(experiment, build_untrained(experiment).backbone, rates)


def materials(
    read_by: Callable[[PreparedCorpus, Parts], Material], data: RunData
) -> tuple[Material, Material | None]:
    """Return what the tested clips are read from, and what those learnt from, if another."""
    parts = data.parts
    if parts.source is None:
        return read_by(data.corpus, parts), None
    tested = read_by(data.corpus, replace(parts, train=(), validate=()))
    source = read_by(parts.source, replace(parts, test=(), calibrate=()))
    refuse_unlike(tested, source)
    return tested, source


def ensure_run_stages(
    experiment: Experiment,
    data: RunData,
    until: str | None = None,
    *,
    allow_broken: bool = False,
) -> dict[str, StageResult]:
    """Find or train the stages of a run; arguments and errors as `ensure_stages` and `set_up`.

    One that is found and broke the contract when it was made, allowed to, is refused like a new one.
    """
    fit_stage = partial(_fit_for_stage, allow_broken=allow_broken)
    found = ensure_stages(experiment, data, fit_stage, until)
    for stage in found.values():
        if stage.contract is not None and stage.contract.outcome == "broken" and not allow_broken:
            raise ContractError(
                f"stage {stage.name!r} ({stage.path.parent}) broke the contract when it was made: "
                f"{'; '.join(stage.contract.reasons)}\n{REMEDY}"
            )
    return found


def _fit_for_stage(
    experiment: Experiment, data: RunData, folder: Path, *, allow_broken: bool
) -> tuple[Assessor, Fit, Contract]:
    bench = set_up(experiment, data, allow_broken=allow_broken)
    refuse(report := bench.contract(), allow_broken=allow_broken)
    done = fit_method(bench, folder, resume=True)
    load_model(bench.assessor, done.checkpoint)
    refuse(report := report.joined(bench.contract(trained=True)), allow_broken=allow_broken)
    return bench.assessor, done, with_stages(contract_told(report), bench.stage_contracts)


def fit_method(bench: Workbench, work_dir: Path, resume: bool = False) -> Fit:
    """Train a workbench's assessor, selecting by the validation RMSE over sessions if there are any."""
    labels = session_labels(bench.parts.validate)
    validation = Validation(bench.loader("validate"), SessionScores(labels)) if labels else None
    return fit(
        bench.assessor,
        bench.loader("train"),
        validation,
        training=bench.training,
        folder=work_dir,
        identity=carried_by(bench),
        resume=resume,
        what=f"training {bench.experiment.method['name']}",
        hooks=build_hooks(bench.experiment.hooks),
    )


def carried_by(bench: Workbench) -> dict[str, Any]:
    """Return what a checkpoint says of itself, as plain values, so that it can be used by itself.

    Beside its identity these are the resolved config, how the faces it learnt from were prepared,
    the scale, and the mean of its training scores.
    """
    return {
        **carried_of(bench.experiment, bench.data),
        "semantics": _semantics_carried(bench),
        **_signals_carried(bench),
    }


def carried_of(experiment: Experiment, data: RunData) -> dict[str, Any]:
    """Return what any method's checkpoint says of itself, as `carried_by`."""
    learnt_from = data.parts.source or data.corpus
    scores = session_labels(data.parts.train)
    return {
        **identity_of(experiment),
        "resolved": experiment.told(),
        "preparation": {
            "corpus": learnt_from.name,
            "checksum": learnt_from.checksum,
            **learnt_from.description.prepare,
        },
        "scale": scale_form(data.corpus.scale).model_dump(mode="json"),
        "training_mean": sum(scores.values()) / len(scores),
    }


def _semantics_carried(bench: Workbench) -> dict[str, Any] | None:
    """Return the encoder of semantic vectors: its weights, or which language model it is."""
    encoder = None if bench.semantics is None else bench.semantics.encoder
    return None if encoder is None else {"told": bench.told["semantics"], **encoder.carried()}


def _signals_carried(bench: Workbench) -> dict[str, Any]:
    """Return the source of signals, with the weights that see them; nothing where none is read."""
    source = None if bench.material.signals is None else bench.material.signals.source
    return {} if source is None else {"signals": source.carried()}


def identity_of(experiment: Experiment) -> dict[str, Any]:
    """Return what a checkpoint of this run is known by."""
    return {
        "config": experiment.name,
        "config_hash": experiment.hash(),
        "decided": experiment.settings(),
        "seed": experiment.seed,
        "draw": experiment.draw,
        "method": experiment.method["name"],
    }
