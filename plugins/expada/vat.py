"""VAT, the video action transformer over segments (Girdhar et al. 2019), ExpADA's encoder."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adabench.models import Backbone, SegmentBackbone
from adabench.registry import MODELS
from adabench.structures import FeatureSpec, Inputs

from .heads import HeadBlock


def time_position(slot: Tensor, channels: int) -> Tensor:
    """Sinusoidal position (Vaswani et al. 2017) of places in time, sines and cosines in turn.

    Args:
        slot: (F,) a frame's place in its segment, from 0.
        channels: C, odd numbers too.

    Returns:
        (F, C) in [-1, 1].
    """
    pair = torch.arange(channels, device=slot.device) // 2
    angle = slot[:, None] / 10000.0 ** (2.0 * pair / channels)
    even = torch.arange(channels, device=slot.device) % 2 == 0
    return torch.where(even, angle.sin(), angle.cos())


@MODELS.register_module()
class VAT(SegmentBackbone):
    """One vector a segment: the middle frame asks, all frames of the segment answer.

    ``Features.vector`` (B, N, width) has unit length, zeros on padding. Only segments with a real
    frame enter the trunk, and only real frames the batch norm, so padding reaches no statistics.

    Args:
        trunk: config of the backbone that gives the maps; it may be frozen and its maps cached.
        map_size: side of the trunk's deepest map, 7 for 224 px and a stride of 32.
        width: channels of the vector.
        heads: attention heads, each with ``width / heads`` channels.
        blocks: attention and feed-forward blocks, one after the other.
        dropout: in the blocks.
        projections: give each head of each block linear layers for query, keys and values, as
            Girdhar et al. do; without, it attends by its slice of the frames' vectors itself.

    Raises:
        TypeError: ``trunk`` names no backbone.
        ValueError: a trunk without maps, or a width that the heads can't share.
    """

    def __init__(
        self,
        *,
        trunk: dict[str, Any],
        map_size: int = 7,
        width: int = 1024,
        heads: int = 16,
        blocks: int = 3,
        dropout: float = 0.3,
        projections: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("map_size", map_size), ("heads", heads), ("blocks", blocks)):
            if value < 1:
                raise ValueError(f"VAT.{name} is at least 1; got {value}")
        if width < heads or width % heads:
            raise ValueError(f"VAT.width is a multiple of heads={heads}; got {width}")
        self.trunk = _build_trunk(trunk)
        self.reads = self.trunk.reads
        self.map_size = map_size
        self.width = width
        self.heads = heads
        channels = self.trunk.spec.maps[-1]
        self.norm = nn.BatchNorm2d(channels)
        self.query = nn.Conv2d(channels, width, map_size, bias=False)
        self.settle = nn.LayerNorm(width, elementwise_affine=False)
        self.blocks = nn.ModuleList(
            HeadBlock(
                heads=heads, channels=width // heads, dropout=dropout, projections=projections
            )
            for _ in range(blocks)
        )

    @property
    def spec(self) -> FeatureSpec:
        """``width`` channels and no maps."""
        return FeatureSpec(vector=self.width)

    def frozen_part(self) -> Backbone | None:
        """Return what of the trunk may be cached."""
        return self.trunk.frozen_part()

    def encode(self, segments: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Map S segments (S, L, …) to vectors (S, width), without maps.

        Raises:
            ValueError: a map of another size.
        """
        return self._attend(self._maps(segments), segments.valid), ()

    def _maps(self, segments: Inputs) -> Tensor:
        maps = self.trunk(segments).maps[-1]
        side, came = self.map_size, tuple(maps.shape[-2:])
        if came != (side, side):
            remedy = (
                f"set map_size={came[0]}" if came[0] == came[1] else "give the trunk square frames"
            )
            raise ValueError(
                f"VAT's query convolution covers a map of map_size={side}, {side} × {side} cells; "
                f"the trunk's deepest map came with {came[0]} × {came[1]}: {remedy}"
            )
        return maps

    def _attend(self, maps: Tensor, real: Tensor) -> Tensor:
        """Map segments' maps (S, L, C, h, w) with real frames (S, L) to vectors (S, width)."""
        frames = self.norm(maps[real])
        position = time_position(real.nonzero()[:, 1], frames.shape[1]).to(frames.dtype)
        frames = (frames + position[:, :, None, None]).flatten(1)
        # The kernel covers the map, and as a matrix product that is 3 to 5 times faster on a CPU.
        frames = self.settle(F.relu(F.linear(frames, self.query.weight.flatten(1))))
        memory = frames.new_zeros(*real.shape, self.width)
        memory[real] = frames
        memory = memory.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        # Padding stands at the end, so the middle real frame is half-way to their number.
        middle = real.sum(-1) // 2
        query = memory[torch.arange(len(memory), device=memory.device), :, middle]
        for block in self.blocks:
            query = block(query, memory, real)
        return F.normalize(query.flatten(1).float(), dim=-1)


def _build_trunk(config: dict[str, Any]) -> Backbone:
    built = MODELS.build(config)
    name = type(built).__name__
    if not isinstance(built, Backbone):
        raise TypeError(f"VAT.trunk: {name} is no backbone")
    if not built.spec.maps:
        raise ValueError(
            f"VAT convolves the trunk's deepest map, and {name} gives a vector only; "
            "let the trunk give maps (TimmFrames: scales of 1 or more)"
        )
    return built
