"""Parallel dilated convolutions over a clip's steps, in blocks between which steps are halved."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from adabench.bounds import Count
from adabench.models.aggregators.pooling import fold, fragment_units, masked_max
from adabench.models.roles import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec

# Dilations of the two convolutions that weigh channels, and kernels of the three that weigh steps.
_CHANNEL_DILATIONS = (1, 2)
_STEP_KERNELS = (1, 3, 5)


def _convolution(channels: int, width: int, kernel: int, dilation: int = 1) -> nn.Conv1d:
    pad = dilation * (kernel // 2)
    return nn.Conv1d(channels, width, kernel, padding=pad, dilation=dilation)


class _Parallel(nn.Module):
    """Convolutions of several dilations side by side, and a GELU."""

    def __init__(self, channels: int, width: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        each = width // len(dilations)
        self.branches = nn.ModuleList(_convolution(channels, each, kernel, d) for d in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, T') to (B, width, T')."""
        return functional.gelu(torch.cat([branch(x) for branch in self.branches], dim=1))


class _ChannelGate(nn.Module):
    """Weighs channels step by step: dilated convolutions at full width and length, nothing squeezed."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (_convolution(width, width, 3, d) for d in _CHANNEL_DILATIONS)

    def forward(self, x: Tensor, kept: Tensor) -> Tensor:
        """Weigh (B, width, T'); ``kept`` (B, 1, T') is 0 on padding."""
        inner = functional.gelu(self.first(x * kept))
        weighed: Tensor = x * self.second(inner * kept).sigmoid()
        return weighed


class _StepGate(nn.Module):
    """Weighs steps channel by channel: the sum of depthwise convolutions of several lengths."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lengths = nn.ModuleList(
            nn.Conv1d(width, width, k, padding=k // 2, groups=width) for k in _STEP_KERNELS
        )

    def forward(self, x: Tensor, kept: Tensor) -> Tensor:
        """Weigh (B, width, T'); ``kept`` (B, 1, T') is 0 on padding."""
        score = torch.stack([near(x * kept) for near in self.lengths]).sum(0)
        return x * score.sigmoid()


@MODELS.register_module()
class InceptionTCN(Aggregator):
    """Blocks of parallel dilated convolutions with maxima over two steps between them (MSFE-CTA, 2026).

    Behind the last block channels are weighed, then steps. A unit covers 2^(blocks − 1) steps. Open in
    what is known of the paper, and chosen here: the gates' place, their convolutions over the
    full width, GELU, no norm.

    Args:
        features: what it reads.
        width: channels of a block, shared evenly among its dilations.
        blocks: one behind the other.
        kernel: steps that a convolution joins, an odd number.
        dilations: of the convolutions side by side.

    Raises:
        ValueError: an even kernel, no dilation or one below 1, a width that they can't share.
    """

    def __init__(
        self,
        *,
        features: FeatureSpec,
        width: Count = 64,
        blocks: Count = 3,
        kernel: Count = 3,
        dilations: Sequence[int] = (1, 2, 4, 8),
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"InceptionTCN.kernel is an odd number of steps; got {kernel}")
        if not dilations or min(dilations) < 1:
            raise ValueError(
                f"InceptionTCN.dilations are one or more numbers above 0; got {tuple(dilations)}"
            )
        if width % len(dilations):
            raise ValueError(
                f"InceptionTCN.width is a multiple of its {len(dilations)} dilations; got {width}"
            )
        channels = [features.vector] + [width] * (blocks - 1)
        self.blocks = nn.ModuleList(_Parallel(c, width, kernel, dilations) for c in channels)
        self.channel_gate, self.step_gate = _ChannelGate(width), _StepGate(width)
        self.size = 2 ** (blocks - 1)
        self._spec = UnitSpec(dim=width, per_step=blocks == 1, features=features)

    @property
    def spec(self) -> UnitSpec:
        """``width`` channels, a unit for 2^(blocks − 1) steps."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map vectors (B, T', D) to units (B, ⌈T' / 2^(blocks − 1)⌉, width)."""
        x, valid = features.vector, features.valid
        for number, block in enumerate(self.blocks):
            if number:
                x, valid = masked_max(fold(x, 2), fold(valid, 2)), fold(valid, 2).any(2)
            x = x.masked_fill(~valid[..., None], 0.0)
            x = block(x.transpose(1, 2)).transpose(1, 2)
        kept = valid[:, None].to(x.dtype)
        x = self.step_gate(self.channel_gate(x.transpose(1, 2), kept), kept)
        return fragment_units(x.transpose(1, 2), features, self.size)
