"""An estimator method with its stages, caches and rows of numbers, ready to be fitted or asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from mmengine.device import get_device
from numpy.typing import NDArray

from adabench.config.experiment import Experiment
from adabench.config.reading.mistakes import told_at
from adabench.config.references import referenced, resolve
from adabench.data.dataset import ClipDataset
from adabench.data.manifest import ClipRecord
from adabench.data.protocol import Parts
from adabench.data.views import View
from adabench.engine.building import (
    build_signals,
    check_lengths,
    check_reads,
    preflight,
    refuse_unfit_views,
    without_weights,
)
from adabench.engine.caches.features import segments_of
from adabench.engine.cpu import set_up_cpu
from adabench.engine.data.material import Material, calibrating, make_material
from adabench.engine.data.rundata import RunData, Timer, untimed
from adabench.engine.stages.stage import StageResult
from adabench.engine.workbench import (
    PREDICTED,
    Use,
    check_signals,
    ensure_run_stages,
    materials,
    refuse_pooled,
)
from adabench.models import EstimatorMethod, Extractor
from adabench.records.schema.sections import Contract
from adabench.registry import MODELS, TRANSFORMS

# An extractor is shown no other view, in training too.
_SEEN = ("test",)

#: Features (N, D), or the number N for an estimator that reads none.
Rows = NDArray[np.float64] | int


def build_estimator(experiment: Experiment, checkpoints: Mapping[str, Path]) -> EstimatorMethod:
    """Build a method that is no network.

    Args:
        experiment: whose method.
        checkpoints: of its stages, by name.
    """
    method = resolve(experiment.method, checkpoints)
    return MODELS.build({k: v for k, v in method.items() if k != "name"})


def build_untrained_estimator(experiment: Experiment) -> EstimatorMethod:
    """Build the method without stage or weights."""
    blank = experiment.model_copy(update={"method": without_weights(experiment.method)})
    return build_estimator(blank, dict.fromkeys(experiment.stages, Path()))


def check_estimator_run(experiment: Experiment) -> None:
    """Build the method once without weights, so that a mistake is told before anything long starts.

    Raises:
        ValueError, TypeError, UnknownTypeError: naming the place in the config.
    """
    preflight(experiment)
    with told_at("method", experiment.method):
        method = build_untrained_estimator(experiment)
    if method.extractor is None:
        if method.needs_features:
            raise ValueError(
                f"method.extractor is missing: {type(method.estimator).__name__} needs features; name "
                "what gives them, e.g. method.extractor=dict(type='FrameStatistics')"
            )
        return
    extractor = method.extractor
    # An extractor sees no augmented view, so none is asked about.
    plain = experiment.model_copy(update={"views": None})
    check_reads(plain, type(extractor).__name__, extractor.reads)
    view, part = _view_of(experiment), extractor.frozen_part()
    if part is not None:
        segments_of(part, view)
        check_lengths(experiment, part, uses=_SEEN)


def _refuse_view(experiment: Experiment, parts: Parts) -> None:
    """Refuse a view that can't show the run's clips, or not as the extractor's backbone takes them."""
    views, extractor = experiment.views, build_untrained_estimator(experiment).extractor
    if views is None or extractor is None:
        return
    rates = refuse_unfit_views(
        *(("test", views.test, clips) for clips in _shown(experiment, parts))
    )
    part = extractor.frozen_part()
    if rates and part is not None:
        check_lengths(experiment, part, rates, uses=_SEEN)


def _shown(experiment: Experiment, parts: Parts) -> list[Sequence[ClipRecord]]:
    return [parts.train, parts.validate, parts.test, calibrating(experiment, parts)]


def _view_of(experiment: Experiment) -> View:
    if experiment.views is None:
        raise ValueError("views is missing: an extractor sees the frames of views.test")
    return TRANSFORMS.build(dict(experiment.views.test))


@dataclass
class EstimatorBench:
    """An estimator method with its data, ready to be fitted or asked.

    Attributes:
        experiment: what was asked for.
        data: the clips.
        method: the estimator and its extractor.
        stages: that the extractor refers to, by name.
        material: what the test clips are read from.
        source: where training and validation clips are read, if in another corpus.
    """

    experiment: Experiment
    data: RunData
    method: EstimatorMethod
    stages: dict[str, StageResult]
    material: Material
    source: Material | None = None
    _kept: dict[str, Rows] = field(default_factory=dict)

    @property
    def reads_clips(self) -> bool:
        """Whether the estimator is shown anything of a clip."""
        return self.method.extractor is not None

    @property
    def stage_contracts(self) -> dict[str, Contract | None]:
        """What was found of the methods of its stages, by name."""
        return {name: stage.contract for name, stage in self.stages.items()}

    @property
    def caches(self) -> list[str]:
        """Names of the cache folders that are read."""
        own = self.material.caches
        return sorted({*own, *([] if self.source is None else self.source.caches)})

    def clips(self, use: Use) -> Sequence[ClipRecord]:
        """Return the clips of one use, a row each; without an extractor, the first of each session."""
        clips: Sequence[ClipRecord] = getattr(self.data.parts, use)
        if use not in PREDICTED:
            clips = [clip for clip in clips if clip.score is not None]
        if self.method.extractor is not None:
            return clips
        first = {clip.session: clip for clip in reversed(clips)}
        return [first[session] for session in sorted(first)]

    def dataset(
        self,
        use: Use,
        *,
        names: Mapping[str, ClipRecord] | None = None,
        frames: bool = False,
    ) -> ClipDataset:
        """Return one view of each clip, without its score.

        Args:
            use: which clips.
            names: clip → under whose name it goes.
            frames: read frames in any case, not the cache.
        """
        read = self.material if use in PREDICTED or self.source is None else self.source
        features = None if frames else read.features
        reads = () if self.method.extractor is None else self.method.extractor.reads
        return ClipDataset(
            read.corpus,
            self.clips(use),
            _view_of(self.experiment),
            training=False,
            labels=False,
            frames=features is None and "frames" in reads,
            features=features,
            signals=read.signals,
            names=names,
            one_view=True,
        )

    def rows(self, use: Use) -> Rows:
        """Return what the estimator reads of the clips of one use; extracted once."""
        if use not in self._kept:
            self._kept[use] = self.rows_named(use, {})
        return self._kept[use]

    def rows_named(self, use: Use, names: Mapping[str, ClipRecord]) -> Rows:
        """Extract the rows of one use anew, clip → under whose name it goes."""
        if self.method.extractor is None:
            return len(self.clips(use))
        dataset = self.dataset(use, names=names)
        rows = self.method.extract(dataset[item] for item in range(len(dataset)))
        assert rows is not None
        return rows

    def first_again(self, use: Use) -> NDArray[np.float64] | None:
        """Extract the first row of one use once more, after all others: (1, D)."""
        return self.method.extract([self.dataset(use)[0]])


def set_up_estimator(
    experiment: Experiment,
    data: RunData,
    timer: Timer = untimed,
    *,
    allow_broken: bool = False,
) -> EstimatorBench:
    """Make what an estimator method stands on, in order: its extractor's stages, method, caches.

    Args:
        experiment: the run; `check_estimator_run` tells its mistakes before anything long.
        data: its corpus, divided.
        timer: of the parts ``pretraining`` and ``features``.
        allow_broken: train stages whose method breaks the contract.

    Raises:
        ValueError, FileNotFoundError: naming the field or file and the remedy.
    """
    refuse_pooled(experiment)
    if experiment.method.get("extractor") is None:
        method = build_estimator(experiment, {})
        return EstimatorBench(experiment, data, method, {}, Material(data.corpus))
    _refuse_view(experiment, data.parts)
    # Sums of an extractor's network depend on it.
    set_up_cpu(0 if experiment.training is None else experiment.training.threads)
    check_signals(experiment, data)
    with timer("pretraining"):
        stages = _stages_of(experiment, data, allow_broken)
    checkpoints = {name: stage.path for name, stage in stages.items()}
    method = build_estimator(experiment, checkpoints)
    if method.search is not None:
        method.search.check_persons([c.subject for c in data.parts.train if c.score is not None])
    with timer("features"):
        read, source = _materials_of(experiment, method.extractor, checkpoints, data)
    return EstimatorBench(experiment, data, method, stages, read, source)


def _materials_of(
    experiment: Experiment,
    extractor: Extractor | None,
    checkpoints: Mapping[str, Path],
    data: RunData,
) -> tuple[Material, Material | None]:
    """Fill the caches of what an extractor reads."""
    if extractor is None:
        return Material(data.corpus), None
    frozen = extractor.frozen_part()
    signals = build_signals(experiment, checkpoints) if "signals" in extractor.reads else None
    make = partial(make_material, experiment, frozen, None, signals, augmented=False)
    found = materials(make, data)
    if frozen is not None:
        frozen.to(get_device())
    return found


def _stages_of(experiment: Experiment, data: RunData, allow_broken: bool) -> dict[str, StageResult]:
    """Find or train the stages that the method refers to, and those that they stand on."""
    found: dict[str, StageResult] = {}
    for name in sorted(referenced([experiment.method, experiment.signals])):
        found |= ensure_run_stages(experiment, data, name, allow_broken=allow_broken)
    return found
