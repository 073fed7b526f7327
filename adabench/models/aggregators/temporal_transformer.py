"""A transformer over a clip's steps."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from adabench.bounds import Count, Share
from adabench.models.aggregators.units import step_units
from adabench.models.roles import Aggregator, IncompatiblePartsError
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec


def sinusoids(steps: int, width: int) -> Tensor:
    """Return the position vectors (steps, width) of Vaswani et al. 2017, section 3.5."""
    place = torch.arange(steps, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    found = torch.zeros(steps, width)
    found[:, 0::2] = torch.sin(place * rate)
    found[:, 1::2] = torch.cos(place * rate[: width // 2])
    return found


@MODELS.register_module()
class TemporalTransformer(Aggregator):
    """A transformer's encoder (Vaswani et al. 2017), its norms in front of each layer.

    Args:
        features: what it reads.
        width: channels of a unit; a linear layer brings the steps to it.
        heads: of the attention; they share the width among them.
        layers: one above the other.
        expansion: hidden width of a layer's MLP, as a multiple of ``width``.
        positions: add sinusoids of the step's number; without them the order of steps is not seen.
        dropout: in each layer, in training.
    """

    def __init__(
        self,
        *,
        features: FeatureSpec,
        width: Count = 64,
        heads: Count = 4,
        layers: Count = 2,
        expansion: Count = 2,
        positions: bool = True,
        dropout: Share = 0.1,
    ) -> None:
        super().__init__()
        if width % heads:
            raise IncompatiblePartsError(f"width {width} is no multiple of its {heads} heads")
        self.embed = nn.Linear(features.vector, width)
        layer = nn.TransformerEncoderLayer(
            width,
            heads,
            expansion * width,
            dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encode = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.positions = positions
        self._spec = UnitSpec(dim=width, per_step=True, features=features)

    @property
    def spec(self) -> UnitSpec:
        """``width`` channels, a unit a step."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map vectors (B, T', D) to units (B, T', width)."""
        x = self.embed(features.vector.masked_fill(~features.valid[..., None], 0.0))
        if self.positions:
            x = x + sinusoids(*x.shape[1:]).to(x)
        # Of a clip without a step all are looked at, since a softmax over nothing is no number.
        hidden = ~features.valid & features.valid.any(1, keepdim=True)
        return step_units(self.encode(x, src_key_padding_mask=hidden), features)
