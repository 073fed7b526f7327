"""A temporal convolutional network over a clip's steps."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from adabench.bounds import Count, Share
from adabench.models.aggregators.units import step_units
from adabench.models.roles import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec


class _Block(nn.Module):
    """Two dilated convolutions and what goes past them."""

    def __init__(
        self, channels: int, width: int, *, kernel: int, dilation: int, causal: bool, dropout: float
    ) -> None:
        super().__init__()
        reach = dilation * (kernel - 1)
        self.pad = (reach, 0) if causal else (reach // 2, reach - reach // 2)
        self.convolve = nn.ModuleList(
            weight_norm(nn.Conv1d(given, width, kernel, dilation=dilation))
            for given in (channels, width)
        )
        self.drop = nn.Dropout(dropout)
        self.past = nn.Conv1d(channels, width, 1) if channels != width else nn.Identity()

    def forward(self, x: Tensor, kept: Tensor) -> Tensor:
        """Map (B, C, T') to (B, width, T'); ``kept`` (B, 1, T') is 0 on padding."""
        inner = x
        for convolve in self.convolve:
            padded = functional.pad(inner * kept, self.pad)
            inner = self.drop(functional.relu(convolve(padded)))
        out: Tensor = functional.relu(inner + self.past(x))
        return out


@MODELS.register_module()
class TemporalConvolution(Aggregator):
    """A temporal convolutional network (Bai, Kolter & Koltun 2018, Fig 1): block i is dilated by 2^i.

    A unit sees ``1 + 2 (kernel - 1)(2^layers - 1)`` steps.

    Args:
        features: what it reads.
        width: channels of every block.
        layers: blocks, each of two convolutions with weight norm, ReLU and dropout.
        kernel: steps that a convolution joins.
        causal: see no later step, as the paper has it; an assessment knows the whole clip, so that
            the default looks both ways.
        dropout: after each convolution, in training.
    """

    def __init__(
        self,
        *,
        features: FeatureSpec,
        width: Count = 64,
        layers: Count = 4,
        kernel: Count = 3,
        causal: bool = False,
        dropout: Share = 0.0,
    ) -> None:
        super().__init__()
        channels = [features.vector] + [width] * layers
        self.blocks = nn.ModuleList(
            _Block(channels[i], width, kernel=kernel, dilation=2**i, causal=causal, dropout=dropout)
            for i in range(layers)
        )
        self._spec = UnitSpec(dim=width, per_step=True, features=features)

    @property
    def spec(self) -> UnitSpec:
        """``width`` channels, a unit a step."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map vectors (B, T', D) to units (B, T', width)."""
        kept = features.valid[:, None].to(features.vector.dtype)
        x = features.vector.masked_fill(~features.valid[..., None], 0.0).transpose(1, 2)
        for block in self.blocks:
            x = block(x, kept)
        return step_units(x.transpose(1, 2), features)
