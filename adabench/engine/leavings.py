"""Whether stages leave what the parts that name them read: told before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adabench.config.experiment import Experiment
from adabench.config.reading.parts import parts_within
from adabench.config.references import REFERENCE
from adabench.models.assessor import learnt_as
from adabench.registry import MODELS, SEMANTICS, SIGNALS

# Key of a stage's result → what that is, and which of the repository's stages leave it.
_TOLD = {
    "trunk": ("a trunk of single frames", "ExpressionPretrain"),
    "au_head": ("a trunk's heads of action units, gaze and pose", "ExpressionPretrain"),
    "backbone": ("a whole backbone", "MethodTraining, or ClipPretrain without an aggregator"),
    "aggregator": ("an aggregator", "ClipPretrain with an aggregator"),
}


def refuse_missing(experiment: Experiment, leaves: Mapping[str, Sequence[str] | None]) -> None:
    """Refuse a part that reads of a stage what that does not leave.

    Args:
        experiment: whose parts, those of its stages among them.
        leaves: stage → the keys of its result; None of one that doesn't tell.

    Raises:
        ValueError: naming the part's field, what it reads, what the stage leaves, and the remedy.
    """
    for field, kind, name in _references(experiment):
        read, left = _read(kind), leaves[name]
        if read is None or left is None or read in left:
            continue
        others = sorted(f"{REFERENCE}{n}" for n, own in leaves.items() if read in (own or ()))
        what, makers = _TOLD.get(read, (read, "that leaves it"))
        raise ValueError(
            f"{field}: {kind.__name__} reads {what}, and stage {name!r}, of type "
            f"{experiment.stages[name]['type']}, leaves {', '.join(_TOLD.get(k, (k,))[0] for k in left)}: "
            f"name {' or '.join(map(repr, others)) or f'a stage of type {makers}'}"
        )


def _references(experiment: Experiment) -> Iterator[tuple[str, type, str]]:
    """Yield (field, type of the part, stage) of every part that reads a stage's result."""
    sections: dict[str, Any] = {
        "method": experiment.method,
        "semantics": experiment.semantics,
        "signals": experiment.signals,
        "stages": experiment.stages,
    }
    for place, part in (found for s, own in sections.items() for found in parts_within(own, s)):
        name = str(part["type"])
        kinds = (registry.find(name) for registry in (MODELS, SEMANTICS, SIGNALS))
        kind = next((found for found in kinds if found is not None), None)
        for key in ("weights", "stage"):
            value = part.get(key)
            if kind is not None and isinstance(value, str) and value.startswith(REFERENCE):
                yield f"{place}.{key}", kind, value.removeprefix(REFERENCE)


def _read(kind: type) -> str | None:
    """Return the key of a stage's result that a part, or a source of signals, reads."""
    own: str | None = getattr(kind, "learnt_as", None)
    return own or learnt_as(kind)
