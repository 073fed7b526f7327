"""STA-DRN, blocks that attend over time and over space (Pan et al. 2024)."""

from __future__ import annotations

from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn

from adabench.models.backbones.networks.stages import (
    Residual,
    Stage,
    StagedVideo,
    conv_norm,
)
from adabench.registry import MODELS

#: Groups of the convolutions in the middle, over which attention is shared out.
GROUPS = 2
#: Channels behind a block, as a multiple of those within.
EXPANSION = 4


class GroupAttention(nn.Module):
    """Weights of each channel that sum to 1 over the groups."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Conv3d(width, width, 1, groups=GROUPS)
        self.norm = nn.BatchNorm3d(width)
        if self.score.bias is not None:
            # The batch norm takes any bias off again, so that it gets no gradient.
            self.score.bias.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, T, H, W) to weights (N, C, T, H, W)."""
        score = self.norm(self.score(x)).unflatten(1, (GROUPS, -1))
        return score.float().softmax(1).flatten(1, 2).to(score.dtype)


class STA(nn.Module):
    """A bottleneck whose middle is (a_s · a_t) (x_s + x_t), two grouped convolutions with attention.

    ``a_t`` is found of x_t's mean over space, ``a_s`` of x_s's mean over time.
    """

    def __init__(self, given: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.first = conv_norm(given, width, 1)
        self.temporal = conv_norm(width, width, 3, stride=stride, groups=GROUPS)
        self.spatial = conv_norm(width, width, 3, stride=stride, groups=GROUPS)
        self.over_time = GroupAttention(width)
        self.over_space = GroupAttention(width)
        self.last = conv_norm(width, EXPANSION * width, 1, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, T, H, W) to (N, 4 · width, T', H', W')."""
        x = self.first(x)
        temporal, spatial = self.temporal(x), self.spatial(x)
        time = self.over_time(temporal.mean((3, 4), keepdim=True))
        space = self.over_space(spatial.mean(2, keepdim=True))
        out: Tensor = self.last(space * time * (spatial + temporal))
        return out


@MODELS.register_module()
class STA3d(StagedVideo):
    """STA-DRN over segments (Pan et al. 2024): a 3D ResNet of :class:`STA` blocks.

    Time is halved from the second stage on. A block goes past a 3 × 3 × 3 convolution where its shape
    changes. Published: segments of 64 frames of 224 × 224 pixels, every 3rd frame; with its linear
    layer 31,269,569 parameters, and of ``width`` 16, as the published script builds it, 7,822,785.
    ``width`` is even, for two groups. Frames are scaled by ImageNet's mean and deviation. Arguments and
    errors are those of :class:`StagedVideo`.
    """

    colours = IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    depths = (4, 4, 4, 4)
    frames = 64
    time_stride = 1

    @classmethod
    def stage(cls, number: int, blocks: int, width: int, frames: int) -> Stage:
        """Return a stage."""
        del frames
        if width % GROUPS:
            raise ValueError(f"STA3d.width is a multiple of its {GROUPS} groups; got {width}")
        within = width * 2**number
        out = EXPANSION * within

        def make(given: int, place: int) -> nn.Module:
            stride = 2 if place == 0 and number > 0 else 1
            same = stride == 1 and given == out
            past = nn.Identity() if same else conv_norm(given, out, 3, stride=stride, relu=False)
            return Residual(STA(given, within, stride=stride), past)

        return Stage(blocks, out, make)
