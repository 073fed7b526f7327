"""What the literature's staged 3D networks share: stem, loop over stages, shortcut; blocks differ."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from adabench.bounds import Count
from adabench.models.backbones.video_network import Exactly, VideoNetwork
from adabench.models.weights import load_network

#: RGB of VGGFace2 (Cao et al. 2018), on which some were pretrained; what they divide by falls out in
#: the stem's batch norm.
VGGFACE2 = (0.5141, 0.4074, 0.3588), (1.0, 1.0, 1.0)

#: A number of all three axes (time, height, width), or one of each.
Size = int | tuple[int, int, int]
#: Maps channels that come in, and a block's number in its stage, to the block.
MakeBlock = Callable[[int, int], nn.Module]


def conv_norm(
    given: int, width: int, kernel: Size, *, stride: Size = 1, groups: int = 1, relu: bool = True
) -> nn.Sequential:
    """Return a convolution that keeps the size at stride 1, batch norm, and ReLU where asked for."""
    sides = (kernel,) * 3 if isinstance(kernel, int) else kernel
    time, height, across = sides
    padding = (time // 2, height // 2, across // 2)
    layers = [
        nn.Conv3d(given, width, sides, stride, padding, groups=groups, bias=False),
        nn.BatchNorm3d(width),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class Residual(nn.Module):
    """ReLU of what a block finds and of what goes past it."""

    def __init__(self, inner: nn.Module, past: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.past = past

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, T, H, W) to the block's (N, C', T', H', W')."""
        out: Tensor = (self.inner(x) + self.past(x)).relu()
        return out


@dataclass(frozen=True)
class Stage:
    """A row of blocks of one kind.

    Attributes:
        blocks: how many.
        out: channels that each gives.
        make: returns one.
        pool: halve time, height and width by their maxima first.
    """

    blocks: int
    out: int
    make: MakeBlock
    pool: bool = False


def staged(stages: Sequence[Stage], *, stem: int, time_stride: int) -> nn.Sequential:
    """Return stem and stages of a network from (N, 3, T, H, W) to its last map.

    Args:
        stages: in order.
        stem: channels of the 7 × 7 × 7 convolution before them, which halves height and width.
        time_stride: of the stem's pooling, which halves height and width once more.
    """
    first = conv_norm(3, stem, 7, stride=(1, 2, 2))
    layers: OrderedDict[str, nn.Module] = OrderedDict(stem=first)
    layers["pool"] = nn.MaxPool3d(3, (time_stride, 2, 2), 1)
    given = stem
    for number, stage in enumerate(stages, 1):
        row: list[nn.Module] = [nn.MaxPool3d(2)] if stage.pool else []
        for place in range(stage.blocks):
            row.append(stage.make(given, place))
            given = stage.out
        layers[f"stage{number}"] = nn.Sequential(*row)
    return nn.Sequential(layers)


class _BuiltFor(Exactly):
    """Segments of the length that a network was built for."""

    def refusal(self, length: int, side: int) -> str | None:
        told = super().refusal(length, side)
        return None if told is None else f"{told}, or length={length} beside type"


class StagedVideo(VideoNetwork):
    """A staged network over segments; a subclass has :meth:`stage` and what was published of it.

    Args:
        width: channels within the blocks of the first stage, to which those of the others keep theirs.
        stem: channels before the stages.
        blocks: of each of the four stages; None takes the published.
        length: frames a segment; None takes the published. Segments of another length are refused.
        weights: None starts at random; a path loads a local file of the network's state dict.
        frozen: keep weights and statistics as they are; such a part's output may be cached.
        size: height and width to which frames are scaled; None leaves them.
        maps: give the last map, its mean over time, beside the vector.
        normalise: scale frames by the published mean and standard deviation.

    Attributes:
        colours: mean and standard deviation of RGB frames in [0, 1].
        depths: blocks of each stage.
        frames: a segment has.
        least: the fewest that it takes.
        time_stride: of the stem's pooling.

    Raises:
        ValueError: other than four stages, a length below the least; weights that are damaged or belong
            to another network.
        FileNotFoundError: weights that are not there, naming file and remedy.
    """

    learnt_as = "backbone"
    colours: ClassVar[tuple[Sequence[float], Sequence[float]]]
    depths: ClassVar[tuple[int, int, int, int]]
    frames: ClassVar[int]
    least: ClassVar[int] = 1
    time_stride: ClassVar[int] = 2

    def __init__(
        self,
        *,
        width: Count = 32,
        stem: Count = 64,
        blocks: Sequence[Count] | None = None,
        length: Count | None = None,
        weights: str | Path | None = None,
        frozen: bool = False,
        size: Count | None = None,
        maps: bool = True,
        normalise: bool = True,
    ) -> None:
        title, frames = type(self).__name__, self.frames if length is None else length
        counts = self.depths if blocks is None else tuple(blocks)
        if len(counts) != len(self.depths) or min(counts) < 1:
            raise ValueError(
                f"{title}.blocks are those of each of 4 stages, at least 1; got {list(counts)}"
            )
        if frames < self.least:
            raise ValueError(f"{title}.length is at least {self.least} frames; got {frames}")
        stages = [self.stage(number, count, width, frames) for number, count in enumerate(counts)]
        net = staged(stages, stem=stem, time_stride=self.time_stride)
        if weights is not None:
            load_network(net, Path(weights))
        mean, std = self.colours if normalise else ((0.0,) * 3, (1.0,) * 3)
        super().__init__(
            net,
            title=title,
            mean=mean,
            std=std,
            frozen=frozen,
            size=size,
            maps=maps,
            exactly=_BuiltFor(frames),
        )

    @classmethod
    @abstractmethod
    def stage(cls, number: int, blocks: int, width: int, frames: int) -> Stage:
        """Return a stage.

        Args:
            number: which, from 0.
            blocks: how many it has.
            width: channels within the blocks of the first one.
            frames: a segment has.

        Raises:
            ValueError: a width that can't be.
        """
