"""What a method starts from: weights learnt on drawn faces, on other faces or images, or none.

Rows that start from different things differ in more than their method, so that tables set them apart.
Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from adabench.config.experiment import Experiment
from adabench.config.references import referenced

Start = Literal["drawn faces", "drawn faces, noisy units", "foreign weights", "nothing"]

#: Types of the stages that learn from drawn expressions: of the renderer that draws generated corpora.
DRAWN = ("ExpressionPretrain", "ClipPretrain")

# What a method of several starts is called by, the closest to a drawn corpus first.
_ORDER: tuple[Start, ...] = (
    "drawn faces",
    "drawn faces, noisy units",
    "foreign weights",
    "nothing",
)


def starts_from(experiment: Experiment) -> Start:
    """Return what a run's method starts from, stages and what it reads beside frames included.

    Of several it is the one that is closest to a drawn corpus. An encoder of semantics that names no
    stage is a foreign network.
    """
    read: list[Any] = [experiment.method, experiment.signals]
    found = set(_starts([*read, experiment.semantics], experiment.stages, frozenset()))
    if experiment.semantics is not None and not referenced(experiment.semantics):
        found.add("foreign weights")
    return next((start for start in _ORDER if start in found), "nothing")


def _starts(
    value: Any, stages: Mapping[str, Mapping[str, Any]], seen: frozenset[str]
) -> Iterator[Start]:
    """Yield the starts of all weights in a nested config, those of the stages it refers to among them."""
    for name in referenced(value) - seen:
        stage = stages.get(name, {})
        yield from _starts(stage, stages, seen | {name})
        if stage.get("type") in DRAWN:
            yield "drawn faces, noisy units" if stage.get("noise") else "drawn faces"
    if any(not weights.startswith("stage:") for weights in _weights(value)):
        yield "foreign weights"


def _weights(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("weights"), str):
            yield value["weights"]
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _weights(item)
