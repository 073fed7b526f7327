"""What a run's clips are read from: a corpus, and the caches of what frozen parts compute of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mmengine.device import get_device

from adabench.config.experiment import Experiment
from adabench.config.references import resolve
from adabench.data.augment import augments_of
from adabench.data.manifest import ClipRecord
from adabench.data.prepared import PreparedCorpus
from adabench.data.protocol import Parts
from adabench.engine.caches.features import FeatureCache
from adabench.engine.caches.semantics import SemanticsCache
from adabench.engine.caches.signals import SignalsCache
from adabench.engine.data.corpora import cache_root, seconds_to_make
from adabench.models import Assessor, Backbone
from adabench.models.semantics.encoders import SemanticEncoder
from adabench.models.signals import SignalSource
from adabench.registry import SEMANTICS, TRANSFORMS


@dataclass
class Material:
    """The clips of one corpus, and what is read in place of their frames.

    Attributes:
        corpus: the frames.
        features: the cache of the method's frozen part, or None when frames are read.
        semantics: the cache of semantic vectors, or None.
        signals: the cache of named signals, or None.
    """

    corpus: PreparedCorpus
    features: FeatureCache | None = None
    semantics: SemanticsCache | None = None
    signals: SignalsCache | None = None

    @property
    def caches(self) -> list[str]:
        """Names of the folders that are read in place of frames, and of those behind them."""
        within = self.features and self.features.source
        kept = [self.features, within, self.semantics, self.signals]
        return [cache.arrays.folder.name for cache in kept if cache is not None]

    @property
    def told(self) -> dict[str, str]:
        """What semantic vectors and signals are, as the record says it, by kind."""
        found = {}
        if self.semantics is not None:
            found["semantics"] = self.semantics.description
        if self.signals is not None:
            found["signals"] = self.signals.description
        return found

    @property
    def seconds(self) -> float:
        """What corpus and caches took to make, whenever that was."""
        kept = (self.features, self.semantics, self.signals)
        seconds = sum(cache.seconds for cache in kept if cache is not None)
        return seconds_to_make(self.corpus) + seconds


def make_material(
    experiment: Experiment,
    frozen: Backbone | None,
    encoder: SemanticEncoder | None,
    source: SignalSource | None,
    corpus: PreparedCorpus,
    parts: Parts,
    *,
    augmented: bool = True,
) -> Material:
    """Fill the caches of a corpus.

    Args:
        experiment: of the run.
        frozen: the part whose output is cached, or None.
        encoder: of semantic vectors, or None.
        source: of signals, or None.
        corpus: whose clips are read.
        parts: these clips.
        augmented: cache those to train on in their augmented versions too.
    """
    features = _feature_cache(experiment, frozen, corpus, parts, augmented)
    material = Material(corpus, features)
    root = cache_root(corpus, Path(experiment.data.root))
    clips = _read(experiment, parts)
    if encoder is not None:
        material.semantics = SemanticsCache(encoder, corpus, root, features, clips)
        material.semantics.fill(corpus, clips, "caching semantic vectors")
    if source is not None:
        material.signals = SignalsCache(source, corpus, root, clips)
        material.signals.fill(corpus, clips, "caching signals")
    return material


def calibrating(experiment: Experiment, parts: Parts) -> tuple[ClipRecord, ...]:
    """Return the clips that a run's calibrators are fitted on; none where it has no calibrator."""
    return parts.calibrate if experiment.intervals else ()


def _read(experiment: Experiment, parts: Parts) -> list[ClipRecord]:
    return [*parts.train, *parts.validate, *parts.test, *calibrating(experiment, parts)]


def refuse_unlike(tested: Material, learnt_from: Material) -> None:
    """Raise ValueError where two corpora's semantic vectors are made of different things."""
    first, second = tested.semantics, learnt_from.semantics
    if first is None or second is None or first.action_units == second.action_units:
        return
    with_units, without = (
        material.corpus.name
        for material in ((tested, learnt_from) if first.action_units else (learnt_from, tested))
    )
    raise ValueError(
        f"semantics: the text of {with_units} is made of OpenFace's action units, and {without} has "
        "none: prepare both with OpenFace's output, or set semantics.action_units=False"
    )


def _feature_cache(
    experiment: Experiment,
    part: Backbone | None,
    corpus: PreparedCorpus,
    parts: Parts,
    augmented: bool,
) -> FeatureCache | None:
    if part is None or not experiment.cache:
        return None
    filled = partial(_filled_cache, experiment, augmented=augmented)
    within = part.cached_through()
    source = None if within is None else filled(within, corpus, parts)
    return filled(part, corpus, parts, source)


def _filled_cache(
    experiment: Experiment,
    part: Backbone,
    corpus: PreparedCorpus,
    parts: Parts,
    source: FeatureCache | None = None,
    *,
    augmented: bool,
) -> FeatureCache:
    views = experiment.views
    cache = FeatureCache(
        part,
        corpus,
        cache_root(corpus, Path(experiment.data.root)),
        get_device(),
        augment=augments_of(views.augment, "frames") if views and augmented else None,
        variants=views.variants if views else 1,
        view=TRANSFORMS.build(views.test) if views else None,
        source=source,
    )
    name = type(part).__name__
    clips = _read(experiment, parts)
    cache.fill(corpus, clips, f"caching {name}'s features")
    cache.fill_variants(corpus, parts.train, f"caching {name}'s features of augmented clips")
    if source is not None:
        cache.seconds += source.seconds
    return cache


def build_encoder(
    experiment: Experiment, assessor: Assessor, checkpoints: Mapping[str, Path]
) -> SemanticEncoder | None:
    """Return what makes semantic vectors, or None for a method that reads none.

    Raises:
        ValueError: the config names no encoder for a method that needs one.
    """
    if "semantics" not in assessor.backbone.reads:
        return None
    if experiment.semantics is None:
        raise ValueError(
            f"semantics is missing: {type(assessor.backbone).__name__} reads semantic vectors; name "
            "their encoder, e.g. semantics=dict(type='OpenClipSemantics')"
        )
    return SEMANTICS.build(resolve(dict(experiment.semantics), checkpoints))
