"""Building a method's network from its config, and telling a mistake in it before anything long."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import torch

from adabench.config.experiment import Experiment
from adabench.config.fields.protocols import source_track
from adabench.config.reading.mistakes import told_at
from adabench.config.reading.parts import Known, check_parts
from adabench.config.references import in_order, referenced, resolve
from adabench.data.augment import Changed, build_augment
from adabench.data.manifest import ClipRecord
from adabench.data.views import SegmentView, refuse_unfit
from adabench.engine.caches.features import segments_of
from adabench.engine.data.corpora import track_scale
from adabench.engine.leavings import refuse_missing
from adabench.engine.training.foreign_hooks import build_hooks
from adabench.engine.training.optimisation import check_groups, check_training
from adabench.evaluation.scale import BDI_II, Scale
from adabench.hints import did_you_mean
from adabench.models import Assessor, Backbone, SegmentBackbone
from adabench.models.signals import FrameSignals, SignalSource
from adabench.models.weights import read_weights
from adabench.plugins.signatures import signatures_of_loaded
from adabench.registry import MODELS, SEMANTICS, SIGNALS, STAGES, TRANSFORMS


def build_assessor(
    experiment: Experiment, checkpoints: Mapping[str, Path], scale: Scale = BDI_II
) -> Assessor:
    """Build the method's network.

    Args:
        experiment: whose method.
        checkpoints: of its stages, by name.
        scale: of the corpus's scores.
    """
    method = {k: v for k, v in resolve(experiment.method, checkpoints).items() if k != "name"}
    return MODELS.build(
        {"type": "Assessor", **method, "scale": scale, "signals": signal_names(experiment)}
    )


def build_untrained(experiment: Experiment) -> Assessor:
    """Build the method's network at random: no stage, no weights file, nothing fetched."""
    scale = track_scale(experiment.track_, experiment.data)
    blank = {k: v for k, v in without_weights(experiment.method).items() if k != "name"}
    with torch.random.fork_rng(devices=[]):
        return MODELS.build(
            {"type": "Assessor", **blank, "scale": scale, "signals": signal_names(experiment)}
        )


def build_signals(
    experiment: Experiment, checkpoints: Mapping[str, Path] | None = None
) -> SignalSource | None:
    """Build the source of signals; None where the config names none.

    Args:
        experiment: whose.
        checkpoints: of its stages, by name; without them it can be asked for its names only.

    Raises:
        TypeError: a type that is no source of signals.
    """
    if experiment.signals is None:
        return None
    config = dict(experiment.signals)
    source = SIGNALS.build(config if checkpoints is None else resolve(config, checkpoints))
    if not isinstance(source, SignalSource):
        raise TypeError(
            f"signals: {type(source).__name__} is no source of signals (a subclass of "
            "adabench.models.signals.SignalSource)"
        )
    return source


def signal_names(experiment: Experiment) -> tuple[str, ...]:
    """Return the names of a run's signals; none where it has none."""
    source = build_signals(experiment)
    return () if source is None else source.names


def check_reads(experiment: Experiment, reader: str, reads: Collection[str]) -> None:
    """Refuse signals that nothing gives, and augmentations of what is not read.

    Args:
        experiment: whose source of signals, whose augmentations.
        reader: the backbone or extractor, for messages.
        reads: what it reads.

    Raises:
        ValueError: naming the field and the remedy.
    """
    if "signals" in reads and experiment.signals is None:
        raise ValueError(
            f"signals is missing: {reader} reads signals; name their source, e.g. "
            "signals=dict(type='TrunkSignals', stage='stage:trunk')"
        )
    augment = None if experiment.views is None else experiment.views.augment
    for changed in get_args(Changed):
        part = build_augment(augment, changed)
        if part is not None and changed not in reads:
            name = type(part.parts[0]).__name__
            raise ValueError(
                f"views.augment: {name} changes {changed}, and {reader} reads {', '.join(reads)} "
                "only: leave it out (views.augment=None for none at all)"
            )


def without_weights(value: Any) -> Any:
    """Return a nested config whose every ``weights`` entry is None."""
    if isinstance(value, dict):
        return {k: None if k == "weights" else without_weights(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(without_weights, value))
    return value


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


def preflight(experiment: Experiment) -> None:
    """Build every part once without weights, so that a mistake is told before anything long starts."""
    stages = in_order(experiment.stages)
    # Only the names matter here: a stage that is missing is told before the others are trained.
    beside = [experiment.semantics, experiment.signals]
    resolve([experiment.method, *beside], dict.fromkeys(stages, Path()))
    check_parts(experiment, Known(signatures_of_loaded(), is_all=False))
    _check_training(experiment)
    leaves: dict[str, tuple[str, ...] | None] = {}
    for name in stages:
        stage = dict(experiment.stages[name])
        # The weights of a method that it trains are looked at as those of a run are.
        _check_weights({k: v for k, v in stage.items() if k != "method"}, f"stages.{name}")
        with told_at(f"stages.{name}", stage):
            built = STAGES.build(stage)
            built.check(experiment)
        leaves[name] = built.leaves
    refuse_missing(experiment, leaves)
    _check_semantics(experiment.semantics)
    _check_signals(experiment)
    _check_views(experiment)
    method = {"type": "Assessor", **experiment.method}
    with told_at("method", method):
        MODELS.check(method)
        _check_weights(experiment.method, "method")
        if method["type"] == "Assessor":
            untrained = build_untrained(experiment)
    if method["type"] == "Assessor":
        backbone = untrained.backbone
        check_reads(experiment, type(backbone).__name__, backbone.reads)
        if experiment.training is not None:
            check_groups(experiment.training, untrained)
        _check_segments(experiment, backbone.frozen_part())
        check_lengths(experiment, backbone)


def _check_signals(experiment: Experiment) -> None:
    """Refuse columns of a generated corpus, and labels that a trunk's stage does not learn."""
    source = build_signals(experiment)
    if source is None:
        return
    learnt_from = source_track(experiment.protocol)
    for track in (experiment.track_, *([] if learnt_from is None else [learnt_from])):
        if track.is_demo and not isinstance(source, FrameSignals):
            raise ValueError(
                f"signals: track {track.name!r} is of a generated corpus, and what that writes in "
                "OpenFace's layout is its truth, which no method may read: take what a pretrained "
                "trunk sees, signals=dict(type='TrunkSignals', stage='stage:trunk')"
            )
    named = referenced(experiment.signals)
    if isinstance(source, FrameSignals) and not named:
        # A file of weights is opened now, not once stages are trained.
        source.fingerprint()
    for name in named:
        columns = getattr(STAGES.build(dict(experiment.stages[name])), "columns", source.names)
        missing = [one for one in source.names if one not in columns]
        if missing:
            raise ValueError(
                f"signals.columns: stage {name!r} learns no {missing[0]!r}."
                f"{did_you_mean(missing[0], columns)} It learns: {', '.join(columns)}"
            )


def _check_semantics(config: dict[str, Any] | None) -> None:
    """Build an encoder once, unless it stands on a stage that is yet to be trained."""
    if config is None:
        return
    with told_at("semantics", config):
        SEMANTICS.check(config)
        if not referenced(config):
            SEMANTICS.build(dict(config))
            _check_weights(config, "semantics")


def _check_views(experiment: Experiment) -> None:
    """Build every view once, and what changes the frames of those of training."""
    if experiment.views is None:
        return
    for name, config in experiment.views.model_dump().items():
        if name != "variants" and config is not None:
            with told_at(f"views.{name}", config):
                if name != "augment":
                    TRANSFORMS.build(config)
                for changed in get_args(Changed) if name == "augment" else ():
                    build_augment(config, changed)


def _check_training(experiment: Experiment) -> None:
    """Refuse a schedule or a hook that can't be used."""
    if experiment.training is not None:
        validates = bool(getattr(experiment.protocol, "validate_", True))
        check_training(experiment.training, validates=validates)
    build_hooks(experiment.hooks)


def _check_weights(value: Any, place: str) -> None:
    """Refuse a missing weights file at once."""
    if isinstance(value, dict):
        weights = value.get("weights")
        if (
            isinstance(weights, str)
            and weights not in _hubs(value)
            and not weights.startswith("stage:")
        ):
            with told_at(f"{place}.weights"):
                read_weights(Path(weights))
        for key, item in value.items():
            _check_weights(item, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            _check_weights(item, f"{place}[{number}]")


def _hubs(part: dict[str, Any]) -> tuple[str | None, ...]:
    """Return the words that name no file as the weights of a part."""
    name = part.get("type")
    kind = (MODELS.find(name) or SEMANTICS.find(name)) if isinstance(name, str) else None
    return ("timm", getattr(kind, "hub", None))


def check_lengths(
    experiment: Experiment,
    backbone: Backbone,
    rates: Mapping[str, float] | None = None,
    *,
    uses: Sequence[str] = ("train", "test", "select"),
) -> None:
    """Refuse views whose segments a backbone can't take.

    Args:
        experiment: whose views.
        backbone: with or without its weights.
        rates: view → frames a second of its clips; without one, views told in seconds are passed over.
        uses: the views that are shown to it.

    Raises:
        ValueError: naming the view, and the lengths and sizes that would do.
    """
    views = experiment.views
    readers = [part for part in backbone.modules() if isinstance(part, SegmentBackbone)]
    if views is None or not readers:
        return
    for name in uses:
        if (config := getattr(views, name)) is None:
            continue
        view = TRANSFORMS.build(config)
        if rates is not None and name in rates:
            view = view.at(rates[name])
        if not view.segment_length and not isinstance(view, SegmentView):
            raise ValueError(
                f"views.{name} gives single frames, and {type(readers[0]).__name__} sees segments: "
                "set it to dict(type='SegmentView', length=…)"
            )
        for part in readers if view.segment_length else ():
            try:
                part.refuse_segments(view.segment_length, experiment.data.size)
            except ValueError as error:
                raise ValueError(f"views.{name}, data.size: {error}") from error


def refuse_unfit_views(
    *shown: tuple[str, dict[str, Any] | None, Sequence[ClipRecord]],
) -> dict[str, float]:
    """Refuse views that can't show some clips; return the rates of those told in seconds.

    Args:
        shown: a view's name in ``views``, its config or None, and the clips that it shows.

    Raises:
        ValueError: naming view and clip.
    """
    rates: dict[str, float] = {}
    for name, config, clips in shown:
        view = None if config is None else TRANSFORMS.build(config)
        if view is None or not clips:
            continue
        try:
            refuse_unfit(view, clips)
        except ValueError as error:
            raise ValueError(f"views.{name}: {error}") from error
        if view.at(clips[0].fps) is not view:
            rates[name] = clips[0].fps
    return rates


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
                "same length and overlap (seconds, stride and short too), or set cache=False"
            )
