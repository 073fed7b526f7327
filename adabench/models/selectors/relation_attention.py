"""Attention in two steps: each unit by itself, then beside the whole."""

from __future__ import annotations

import torch
from torch import nn

from adabench.models.roles import Selector
from adabench.models.selectors.attention_mil import softmax_weights
from adabench.registry import MODELS
from adabench.structures import Selection, Units, UnitSpec


@MODELS.register_module()
class RelationAttention(Selector):
    """Self-attention, then relation attention (Meng et al. 2019, Eq 2 to 5; Liu et al. 2023 over parts).

    α = σ(q0 · h) weighs a unit h by itself; with the mean h' of the units under α,
    β = σ(q1 · (h ‖ h')) weighs it beside the whole; its weight is its share of the clip's α β.

    Args:
        units: what it reads.
    """

    def __init__(self, *, units: UnitSpec) -> None:
        super().__init__()
        self.alone = nn.Linear(units.dim, 1)
        self.beside = nn.Linear(2 * units.dim, 1)

    def forward(self, units: Units) -> Selection:
        """Map units (B, M, D) to weights (B, M)."""
        x = units.x.masked_fill(~units.valid[..., None], 0.0)
        # Logarithms: where all of a clip's factors are tiny their shares are still right.
        alone = nn.functional.logsigmoid(self.alone(x).squeeze(-1))
        whole = (
            (softmax_weights(alone, units.valid)[..., None] * x).sum(1, keepdim=True).expand_as(x)
        )
        beside = nn.functional.logsigmoid(self.beside(torch.cat([x, whole], -1)).squeeze(-1))
        weight = softmax_weights(alone + beside, units.valid)
        return Selection(weight=weight, relevance=weight)
