"""Attention over units that sees their neighbours."""

from __future__ import annotations

from torch import nn

from adabench.bounds import Count
from adabench.models.roles import Selector
from adabench.models.selectors.attention_mil import softmax_weights
from adabench.models.selectors.keep_all import even_weights
from adabench.registry import MODELS
from adabench.structures import Selection, Units, UnitSpec


@MODELS.register_module()
class AttentivePool(Selector):
    """Temporal attentive pooling (Uddin & Sohn 2022): a convolution over units, two layers, a softmax.

    Their residual path adds the plain mean: half of the weight is shared out evenly.

    Args:
        units: what it reads, in their order.
        hidden: channels of the convolution and of the layer after it.
        kernel: units that the convolution sees, an odd number.
        residual: add the plain mean.

    Raises:
        ValueError: an even kernel.
    """

    def __init__(
        self, *, units: UnitSpec, hidden: Count = 64, kernel: Count = 3, residual: bool = True
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"AttentivePool.kernel is an odd number of units; got {kernel}")
        self.residual = residual
        self.near = nn.Conv1d(units.dim, hidden, kernel, padding=kernel // 2)
        self.score = nn.Sequential(
            nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def forward(self, units: Units) -> Selection:
        """Map units (B, M, D) to weights (B, M)."""
        x = units.x.masked_fill(~units.valid[..., None], 0.0)
        near = self.near(x.transpose(1, 2)).transpose(1, 2)
        attention = softmax_weights(self.score(near).squeeze(-1), units.valid)
        weight = (attention + even_weights(units.valid)) / 2 if self.residual else attention
        return Selection(weight=weight, relevance=attention)
