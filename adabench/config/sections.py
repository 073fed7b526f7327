"""Sections within a config's plain dicts, of stages and of generated corpora, held to their fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from adabench.config.experiment import Experiment, Views
from adabench.config.fields.generated import expression_parameters, synthface_parameters
from adabench.config.fields.protocols import CrossCorpusSection
from adabench.config.fields.training import Training
from adabench.config.local_files import KNOWN
from adabench.config.references import REFERENCE, missing_stage
from adabench.config.starts import DRAWN
from adabench.hints import did_you_mean, validated

# Type of the repository's own stages → what they take of a config's sections.
_OF_STAGES: dict[str, dict[str, Any]] = {
    "ExpressionPretrain": {"training": Training},
    "ClipPretrain": {"training": Training},
    "MethodTraining": {"training": Training, "views": Views},
}


def check_sections(experiment: Experiment) -> None:
    """Refuse what a stage or a generated corpus would refuse once it is made.

    Raises:
        ValueError: naming the field, what was expected and what came.
    """
    stages = experiment.stages
    for place, text in _texts({**experiment.sections(), "stages": stages}):
        if not text.startswith(REFERENCE):
            _check_named(place, text, stages)
        elif text.removeprefix(REFERENCE) not in stages:
            near = did_you_mean(text.removeprefix(REFERENCE), stages)
            raise ValueError(f"{place}: {missing_stage(text, stages)}.{near}")
    synthface_parameters(experiment.data.synthface)
    if isinstance(experiment.protocol, CrossCorpusSection):
        differing = {**experiment.data.synthface, **experiment.protocol.synthface}
        synthface_parameters(differing, "protocol.synthface")
    for name, stage in stages.items():
        kind = str(stage.get("type"))
        for key, model in _OF_STAGES.get(kind, {}).items():
            if key in stage:
                validated(model, stage[key], f"stages.{name}.{key}")
        if kind in DRAWN and isinstance(stage.get("expressions"), dict):
            expression_parameters(stage["expressions"], f"stages.{name}.expressions")


def _check_named(place: str, text: str, stages: Mapping[str, Any]) -> None:
    """Refuse the bare name of a stage, or one much like it, where its weights are meant."""
    if place.rpartition(".")[2] not in ("weights", "stage") or text in KNOWN or "/" in text:
        return
    near = get_close_matches(text, stages, n=1)
    if near and not Path(text).exists():
        meant = REFERENCE + near[0]
        raise ValueError(
            f"{place}: {text!r} names no file; a stage's weights are named by {REFERENCE}NAME. Did you "
            f"mean {meant!r}?"
        )


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield (place, text) of every text in a config."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{place}[{index}]")
