"""Attention over units, learnt with the score."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from adabench.bounds import Count
from adabench.models.roles import Selector
from adabench.registry import MODELS
from adabench.structures import Selection, Units, UnitSpec


def softmax_weights(score: Tensor, valid: Tensor) -> Tensor:
    """Return the softmax of scores (B, M, …) over valid units (B, M), 0 elsewhere, in float32."""
    padding = ~valid.reshape(*valid.shape, *[1] * (score.ndim - valid.ndim))
    # The least finite number instead of -inf: a clip without any unit then gives zeros, not NaN.
    least = torch.finfo(torch.float32).min
    return score.float().masked_fill(padding, least).softmax(1).masked_fill(padding, 0.0)


@MODELS.register_module()
class AttentionMIL(Selector):
    """Attention of multiple-instance learning (Ilse, Tomczak & Welling 2018, Eq 8 and 9).

    The weight of a unit h is the softmax over the clip of w · (tanh(V h) ⊙ σ(U h)).

    Args:
        units: what it reads.
        hidden: rows of V and U.
        gated: multiply by σ(U h) (Eq 9); off is Eq 8.
    """

    def __init__(self, *, units: UnitSpec, hidden: Count = 64, gated: bool = True) -> None:
        super().__init__()
        self.value = nn.Linear(units.dim, hidden)
        self.gate = nn.Linear(units.dim, hidden) if gated else None
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, units: Units) -> Selection:
        """Map units (B, M, D) to weights (B, M)."""
        inner = torch.tanh(self.value(units.x))
        if self.gate is not None:
            inner = inner * torch.sigmoid(self.gate(units.x))
        weight = softmax_weights(self.score(inner).squeeze(-1), units.valid)
        return Selection(weight=weight, relevance=weight)
