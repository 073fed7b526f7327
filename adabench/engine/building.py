"""Building a method's network from its config, and telling a mistake in it before anything long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from adabench.config.experiment import Experiment
from adabench.config.references import in_order, resolve
from adabench.data.augment import build_augment
from adabench.data.manifest import ClipRecord
from adabench.data.views import SegmentView, refuse_unfit
from adabench.engine.caches.features import segments_of
from adabench.engine.corpora import track_scale
from adabench.engine.foreign_hooks import build_hooks
from adabench.engine.optimisation import check_groups, check_training
from adabench.evaluation.scale import BDI_II, Scale
from adabench.models import Assessor, Backbone, SegmentBackbone
from adabench.models.weights import read_weights
from adabench.registry import MODELS, SEMANTICS, STAGES, TRANSFORMS


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
    return MODELS.build({"type": "Assessor", **method, "scale": scale})


def build_untrained(experiment: Experiment) -> Assessor:
    """Build the method's network at random: no stage, no weights file, nothing fetched."""
    scale = track_scale(experiment.track_, experiment.data)
    blank = {k: v for k, v in without_weights(experiment.method).items() if k != "name"}
    with torch.random.fork_rng(devices=[]):
        return MODELS.build({"type": "Assessor", **blank, "scale": scale})


def without_weights(value: Any) -> Any:
    """Return a nested config whose every ``weights`` entry is None."""
    if isinstance(value, dict):
        return {k: None if k == "weights" else without_weights(v) for k, v in value.items()}
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
    _check_training(experiment)
    for name in in_order(experiment.stages):
        STAGES.build(dict(experiment.stages[name])).check(experiment)
    # Only the names matter here: a stage that is missing is told before the others are trained.
    resolve([experiment.method, experiment.semantics], dict.fromkeys(experiment.stages, Path()))
    if experiment.semantics is not None:
        SEMANTICS.check(experiment.semantics)
    views = experiment.views
    if views is not None:
        build_augment(views.augment)
        for config in (views.train, views.test, views.select):
            if config is not None:
                TRANSFORMS.build(config)
    MODELS.check({"type": "Assessor", **experiment.method})
    _check_weights(experiment.method)
    if experiment.method.get("type", "Assessor") == "Assessor":
        untrained = build_untrained(experiment)
        if experiment.training is not None:
            check_groups(experiment.training, untrained)
        _check_segments(experiment, untrained.backbone.frozen_part())
        check_lengths(experiment, untrained.backbone)


def _check_training(experiment: Experiment) -> None:
    """Refuse a schedule or a hook that can't be used."""
    if experiment.training is not None:
        validates = bool(getattr(experiment.protocol, "validate_", True))
        check_training(experiment.training, validates=validates)
    build_hooks(experiment.hooks)


def _check_weights(value: Any) -> None:
    """Refuse a missing weights file at once."""
    if isinstance(value, dict):
        weights = value.get("weights")
        if isinstance(weights, (list, tuple)):
            raise ValueError(
                f"weights names one file, got the list {list(weights)}; a path with a comma is quoted "
                "within the option: --cfg-options \"…weights='/data/a,b/FILE'\""
            )
        if (
            isinstance(weights, str)
            and weights not in _hubs(value)
            and not weights.startswith("stage:")
        ):
            read_weights(Path(weights))
        for item in value.values():
            _check_weights(item)


def _hubs(part: dict[str, Any]) -> tuple[str | None, ...]:
    """Return the words that name no file as the weights of a part."""
    kind = MODELS.find(part["type"]) if isinstance(part.get("type"), str) else None
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
