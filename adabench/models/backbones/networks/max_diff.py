"""MDN, blocks of maxima and differences over time (de Melo, Granger & Bordallo López 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adabench.models.backbones.differences import difference
from adabench.models.backbones.networks.stages import (
    VGGFACE2,
    Residual,
    Stage,
    StagedVideo,
    conv_norm,
)
from adabench.registry import MODELS

#: Channels of each stage, as multiples of the first one's.
WIDTHS = (1, 2, 4, 8)
#: Frames of each stage's maxima; a stage's first block has those of the stage before.
POOLS = ((2, 3, 4), (1, 2, 3), (1, 1, 2), (1, 1, 1))
#: Frames between those whose difference is taken.
LAGS = (1, 2)


class MaxDiff(nn.Module):
    """Maxima over a few frames (plus) and absolute differences of frames (minus), added.

    The published text doesn't say how the ends are padded: a maximum is taken over the frames from its
    own on, as many as are left, as differences are, which are zero where the later frame is missing.

    Args:
        given: channels that come in.
        width: channels that it gives.
        pools: frames of each maximum.
        stride: of time, height and width.
        frames: that come in. What works on differences that are always zero there, at as few frames
            as their lag, is left untrained.
    """

    def __init__(
        self, given: int, width: int, *, pools: Sequence[int], stride: int, frames: int
    ) -> None:
        super().__init__()
        self.pools = tuple(pools)
        self.plus, self.plus_joined = _branch(given, width, len(pools), stride)
        self.minus, self.minus_joined = _branch(given, width, len(LAGS), stride)
        self.last = conv_norm(width, width, 1, relu=False)
        self._set_aside(frames)

    def _set_aside(self, frames: int) -> None:
        for lag, layers in zip(LAGS, self.minus, strict=True):
            layers.requires_grad_(lag < frames)
        if frames <= min(LAGS):
            convolution, norm = self.minus_joined.children()
            convolution.requires_grad_(False)
            norm.get_parameter("weight").requires_grad_(False)

    def extra_repr(self) -> str:
        """Say what weights don't tell."""
        return f"pools={self.pools}"

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, T, H, W) to (N, width, T', H', W')."""
        maxima = [conv(_maximum(x, k)) for k, conv in zip(self.pools, self.plus, strict=True)]
        changes = [
            conv(difference(x, lag, 2).abs()) for lag, conv in zip(LAGS, self.minus, strict=True)
        ]
        both = self.plus_joined(torch.cat(maxima, 1)) + self.minus_joined(torch.cat(changes, 1))
        out: Tensor = self.last(both.relu())
        return out


def _branch(given: int, width: int, count: int, stride: int) -> tuple[nn.ModuleList, nn.Module]:
    """Return convolutions within frames, and what joins them."""
    each = nn.ModuleList(conv_norm(given, width, (1, 3, 3)) for _ in range(count))
    return each, conv_norm(width * count, width, 1, stride=stride, relu=False)


def _maximum(x: Tensor, frames: int) -> Tensor:
    """Return the maxima over as many frames from each on: (N, C, T, H, W), the same."""
    padded = F.pad(x, (0, 0, 0, 0, 0, frames - 1), value=float("-inf"))
    return F.max_pool3d(padded, (frames, 1, 1), 1)


@MODELS.register_module()
class MaxDiff3d(StagedVideo):
    """MDN over segments (de Melo, Granger & Bordallo López 2021): MDN-152.

    MSN's stem and four stages of :class:`MaxDiff`, each but the first halving time and space. A block
    goes past a 1 × 1 × 1 convolution, every one. Published: segments of 16 frames of 112 × 112 pixels,
    every 4th frame; with its layer of 256 channels and a linear one 52,181,377 parameters. Of 16
    frames two reach the third stage and one the fourth, behind their first blocks, so that differences
    are zero there, one frame apart in the fourth and two in both: longer segments give them work.
    Frames are less VGGFace2's mean. Arguments and errors are those of :class:`StagedVideo`.
    """

    colours = VGGFACE2
    depths = (3, 24, 45, 3)
    frames = 16

    @classmethod
    def stage(cls, number: int, blocks: int, width: int, frames: int) -> Stage:
        """Return a stage."""
        out = width * WIDTHS[number]

        def make(given: int, place: int) -> nn.Module:
            leads = place == 0 and number > 0
            inner = MaxDiff(
                given,
                out,
                pools=POOLS[number - leads],
                stride=1 + leads,
                # The stem has halved them, and so does each stage's first block behind itself.
                frames=-(-frames // 2 ** (number + 1 - leads)),
            )
            return Residual(inner, conv_norm(given, out, 1, stride=1 + leads, relu=False))

        return Stage(blocks, out, make)
