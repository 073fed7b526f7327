"""What a config says of generated corpora: the generator's parameters, from a preset and differences."""

from __future__ import annotations

from typing import Any

from adabench.hints import validated
from adabench.synthface import ExpressionParameters, SynthfaceParameters

PRESETS = ("demo", "tables", "tiny")


def synthface_parameters(
    section: dict[str, Any], place: str = "data.synthface"
) -> SynthfaceParameters:
    """Return the parameters that a ``data.synthface`` describes.

    Args:
        section: ``preset``, ``seed`` and values that differ from the preset.
        place: of it, for messages.

    Raises:
        ValueError: an unknown preset, or a value that does not fit.
    """
    return _preset(SynthfaceParameters, section, place)


def expression_parameters(
    section: dict[str, Any], place: str = "expressions"
) -> ExpressionParameters:
    """Return the parameters of the expression clips that a pretraining stage names.

    Arguments and errors as of `synthface_parameters`.
    """
    return _preset(ExpressionParameters, section, place)


def _preset(kind: Any, section: dict[str, Any], place: str) -> Any:
    """Build generator parameters from ``preset``, ``seed`` and values that differ from the preset."""
    values = dict(section)
    preset = values.pop("preset", "demo")
    known = [name for name in PRESETS if hasattr(kind, name)]
    if preset not in known:
        told = ", ".join(map(repr, known))
        raise ValueError(f"{place}.preset: expected one of {told}; got {preset!r}")
    drawn = getattr(kind, preset)(0).model_dump()
    return validated(kind, {**drawn, "seed": 0, **values}, place)
