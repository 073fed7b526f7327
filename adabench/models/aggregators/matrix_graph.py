"""Graphs whose nodes are maps: over a frame's scales, over the frames, and over scales again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from adabench.bounds import Count
from adabench.models.aggregators.maps import valid_map
from adabench.models.aggregators.pooling import masked_mean
from adabench.models.aggregators.units import clip_unit
from adabench.models.roles import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec

# Groups of a norm, where the width allows as many.
_GROUPS = 32


def _norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(_GROUPS, width), width)


class ScaleGraph(nn.Module):
    """Each scale becomes the gated sum of all, a group norm and a ReLU.

    A gate is a 3×3 convolution of both maps, the other resized to the nearest, and a sigmoid; each
    ordered pair of scales has weights of its own, itself with itself too.
    """

    def __init__(self, scales: int, width: int) -> None:
        super().__init__()
        self.gates = nn.ModuleList(
            nn.Conv2d(2 * width, width, 3, padding=1) for _ in range(scales * scales)
        )
        self.norms = nn.ModuleList(_norm(width) for _ in range(scales))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map one map (N, width, H_i, W_i) a scale to as many of the same sizes."""
        found, gates = [], iter(self.gates)
        for own, norm in zip(maps, self.norms, strict=True):
            total = torch.zeros_like(own)
            for other in maps:
                near = functional.interpolate(other, size=own.shape[-2:])
                total = total + next(gates)(torch.cat([own, near], dim=1)).sigmoid() * near
            found.append(functional.relu(norm(total)))
        return found


class FrameGraph(nn.Module):
    """A frame hears itself and each earlier one through a gate per pixel and channel.

    x'_i = W₁ x_i + b + Σ_{j ≤ i} σ(W₃ x_i + W₄ x_j + c) ⊙ W₂ x_j, all W 1×1 convolutions (the residual
    gated form of Bresson & Laurent 2017); then a group norm and a ReLU.
    """

    def __init__(self, width: int, readout: str) -> None:
        super().__init__()
        self.readout = readout
        self.stay, self.ask = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.tell, self.answer = (nn.Conv2d(width, width, 1, bias=False) for _ in range(2))
        self.norm = _norm(width)

    def forward(self, maps: Tensor, valid: Tensor) -> Tensor:
        """Map (B, T', width, H, W) to the last valid frame's node, or the mean of all: (B, width, H, W)."""
        grid, place = valid.shape, torch.arange(valid.shape[1], device=valid.device)
        told = self.tell(maps.flatten(0, 1)).unflatten(0, grid)
        answer = self.answer(maps.flatten(0, 1)).unflatten(0, grid)

        def node(own: Tensor, heard: Tensor) -> Tensor:
            gate = (self.ask(own)[:, None] + answer).sigmoid()
            total = (gate * told).masked_fill(~heard[..., None, None, None], 0.0).sum(1)
            return functional.relu(self.norm(self.stay(own) + total))

        if self.readout == "last":
            last = (place * valid).amax(1)
            return node(maps[torch.arange(len(maps), device=last.device), last], valid)
        nodes = [node(maps[:, i], valid & (place <= i)) for i in range(grid[1])]
        size = maps.shape[2:]
        return masked_mean(torch.stack(nodes, 1).flatten(2), valid).unflatten(-1, size)


@MODELS.register_module()
class MatrixGraph(Aggregator):
    """Graphs of maps (DepMGNN: Wu et al. 2025): the clip's only unit.

    Each scale's map comes to one width; a :class:`ScaleGraph` in each frame, a :class:`FrameGraph` in each
    scale, of which one node goes on, and a :class:`ScaleGraph` over those. A scale's vector is a 1×1
    convolution and the mean over space; the scales are added up, weighed by a learnt vector of length 1.
    ``Units.extra["scales"]`` (B, scales, width) holds the means behind the frame graphs, for an auxiliary
    head.

    Args:
        features: what it reads.
        width: channels of a node.
        out: channels of the unit.
        readout: ``last`` takes the node of a clip's last valid step, ``mean`` that of all, at a cost
            that grows with the square of the steps.
    """

    needs_maps = True

    def __init__(
        self,
        *,
        features: FeatureSpec,
        width: Count = 256,
        out: Count = 512,
        readout: Literal["last", "mean"] = "last",
    ) -> None:
        super().__init__()
        scales = len(features.maps)
        self.unify = nn.ModuleList(nn.Conv2d(c, width, 1) for c in features.maps)
        self.before, self.behind = ScaleGraph(scales, width), ScaleGraph(scales, width)
        self.over_time = nn.ModuleList(FrameGraph(width, readout) for _ in range(scales))
        self.project = nn.ModuleList(nn.Linear(width, out) for _ in range(scales))
        self.weight = nn.Parameter(torch.ones(scales))
        self._spec = UnitSpec(dim=out, per_step=False, features=features)

    @property
    def spec(self) -> UnitSpec:
        """``out`` channels, one unit a clip."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map maps (B, T', C_i, H_i, W_i) to the clip's unit (B, 1, out)."""
        valid = features.valid
        every = [valid_map(features, place).flatten(0, 1) for place in range(len(self.unify))]
        frames = self.before([unify(m) for unify, m in zip(self.unify, every, strict=True)])
        nodes = [
            graph(m.unflatten(0, valid.shape), valid)
            for graph, m in zip(self.over_time, frames, strict=True)
        ]
        # A mean and a 1×1 convolution may change places, and the mean first is cheaper.
        pooled = [m.mean((-2, -1)) for m in self.behind(nodes)]
        vectors = [project(x) for project, x in zip(self.project, pooled, strict=True)]
        share = functional.normalize(self.weight, dim=0)
        units = clip_unit((torch.stack(vectors, -1) * share).sum(-1), features)
        units.extra["scales"] = torch.stack([m.mean((-2, -1)) for m in nodes], 1)
        return units
