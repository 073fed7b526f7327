"""What a config says of generated corpora: the generator's parameters, from a preset and differences."""

from __future__ import annotations

from typing import Any

from adabench.config.experiment import Data
from adabench.synthface import ExpressionParameters, SynthfaceParameters


def synthface_parameters(data: Data) -> SynthfaceParameters:
    """Return the parameters that ``data.synthface`` describes.

    Raises:
        ValueError: an unknown preset, or a value that does not fit.
    """
    return _preset(SynthfaceParameters, data.synthface, "data.synthface")


def expression_parameters(section: dict[str, Any]) -> ExpressionParameters:
    """Return the parameters of the expression clips that a pretraining stage names."""
    return _preset(ExpressionParameters, section, "expressions")


def _preset(kind: Any, section: dict[str, Any], field: str) -> Any:
    """Build generator parameters from ``preset``, ``seed`` and values that differ from the preset."""
    values = dict(section)
    preset = values.pop("preset", "demo")
    seed = values.pop("seed", 0)
    if preset not in ("demo", "tiny"):
        raise ValueError(f"{field}.preset is 'demo' or 'tiny'; got {preset!r}")
    parameters = getattr(kind, preset)(seed)
    return kind.model_validate({**parameters.model_dump(), **values})
