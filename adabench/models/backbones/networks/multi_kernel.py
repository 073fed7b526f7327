"""MSN, blocks of several kernels side by side (de Melo, Granger & Hadid 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from adabench.models.backbones.networks.stages import (
    VGGFACE2,
    Residual,
    Stage,
    StagedVideo,
    conv_norm,
)
from adabench.registry import MODELS

#: Of each stage: channels within a block and behind it, as multiples of the first stage's.
WITHIN, BEHIND = (1, 2, 8, 16), (4, 8, 16, 32)
#: Sides of each stage's kernels; the last two have one size.
KERNELS = ((3, 5, 7), (3, 5, 7), (3,), (3,))
#: Halves time, height and width before each stage.
POOLED = (False, False, True, True)


class MultiKernel(nn.Module):
    """Convolutions of several sizes between two over time alone, the last one without ReLU."""

    def __init__(self, given: int, width: int, out: int, kernels: Sequence[int]) -> None:
        super().__init__()
        self.first = conv_norm(given, width, (3, 1, 1))
        self.scales = nn.ModuleList(conv_norm(width, width, side) for side in kernels)
        self.last = conv_norm(width * len(kernels), out, (3, 1, 1), relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, T, H, W) to (N, out, T, H, W)."""
        x = self.first(x)
        out: Tensor = self.last(torch.cat([scale(x) for scale in self.scales], 1))
        return out


@MODELS.register_module()
class MultiKernel3d(StagedVideo):
    """MSN over segments (de Melo, Granger & Hadid 2020, "A deep multiscale spatiotemporal network").

    A stem that halves time, and four stages of :class:`MultiKernel`, the last two behind a pooling of
    time and space; kernels of 3, 5 and 7 stand in the first two. A block goes past a 1 × 1 × 1
    convolution, every one. Published: segments of 16 frames of 112 × 112 pixels, every 8th frame; with
    its head of 512 and 512 channels 77,716,673 parameters. Frames have 16 pixels a side or more, less
    VGGFace2's mean. Arguments and errors are those of :class:`StagedVideo`.
    """

    colours = VGGFACE2
    depths = (3, 4, 12, 3)
    frames = 16
    least = 8

    @classmethod
    def stage(cls, number: int, blocks: int, width: int, frames: int) -> Stage:
        """Return a stage."""
        del frames
        within, out = width * WITHIN[number], width * BEHIND[number]

        def make(given: int, place: int) -> nn.Module:
            del place
            inner = MultiKernel(given, within, out, KERNELS[number])
            return Residual(inner, conv_norm(given, out, 1, relu=False))

        return Stage(blocks, out, make, pool=POOLED[number])
