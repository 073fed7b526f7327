"""Every unit alike."""

from __future__ import annotations

from torch import Tensor

from adabench.models.roles import Selector
from adabench.registry import MODELS
from adabench.structures import Selection, Units, UnitSpec


def even_weights(valid: Tensor) -> Tensor:
    """Return weights (B, M) that are equal over valid units and sum to 1."""
    kept = valid.float()
    return kept / kept.sum(-1, keepdim=True).clamp_min(1.0)


@MODELS.register_module()
class KeepAll(Selector):
    """Every valid unit counts the same."""

    def __init__(self, *, units: UnitSpec) -> None:
        super().__init__()
        del units

    def forward(self, units: Units) -> Selection:
        """Map units (B, M, D) to equal weights."""
        weight = even_weights(units.valid)
        return Selection(weight=weight, relevance=weight)
