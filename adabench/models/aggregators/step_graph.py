"""A clip's steps as a graph."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from adabench.bounds import Count, Share
from adabench.models.aggregators.graph_attention import GraphNetwork
from adabench.models.aggregators.pooling import masked_mean
from adabench.models.aggregators.units import clip_unit, step_units
from adabench.models.roles import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec


def edges_in_time(kind: str, steps: int, device: torch.device) -> Tensor:
    """Return which step hears which (T', T') bool, by their order: [i, j] is an edge from j to i."""
    place = torch.arange(steps, device=device)
    later = place[:, None] - place
    if kind == "causal":
        return later >= 0
    if kind == "next5+10":
        return (later >= 0) & (later <= 5) | (later == 10)
    return torch.ones_like(later, dtype=torch.bool)


@torch.no_grad()
def nearest_steps(x: Tensor, valid: Tensor, count: int) -> Tensor:
    """Return which step hears which (B, T', T') bool: the ``count`` nearest valid ones beside itself.

    Args:
        x: (B, T', D), nearest by Euclidean distance.
        valid: (B, T') bool.
        count: of neighbours; of a clip that has fewer all.
    """
    steps = x.shape[1]
    own = torch.eye(steps, dtype=torch.bool, device=x.device)
    # Differences, not products: whether two steps are near does not depend on how large they are.
    far = torch.cdist(x.float(), x.float(), compute_mode="donot_use_mm_for_euclid_dist")
    far = far.masked_fill(own | ~valid[:, None], torch.inf)
    near = far.topk(min(count, steps - 1), largest=False).indices
    return torch.zeros_like(far, dtype=torch.bool).scatter(-1, near, True)


@MODELS.register_module()
class StepGraph(Aggregator):
    """Graph attention over steps (GAT: Velickovic et al. 2018; SEG of Xu et al. 2024).

    A step always hears itself. Xu et al. print 5 layers, 16 heads, a width of 128, ``next5+10`` and the mean.

    Args:
        features: what it reads.
        edges: ``next5+10`` leads from a step to the next 5 and to the 10th after it; ``causal`` to all
            later ones; ``full`` to all; ``knn`` to each step from those nearest to its vector.
        width: channels of a unit, a multiple of ``heads``.
        heads: of each layer but the last, which has one; they share the width among them.
        layers: one above the other.
        neighbours: of a step, with ``knn``.
        out: ``steps`` makes each node a unit, ``mean`` their mean the clip's only one.
        dropout: on each layer's input and attention, in training.

    Raises:
        ValueError: a width that the heads can't share.
    """

    def __init__(
        self,
        *,
        features: FeatureSpec,
        edges: Literal["next5+10", "causal", "full", "knn"] = "next5+10",
        width: Count = 64,
        heads: Count = 4,
        layers: Count = 2,
        neighbours: Count = 5,
        out: Literal["steps", "mean"] = "steps",
        dropout: Share = 0.1,
    ) -> None:
        super().__init__()
        self.edges, self.neighbours, self.out = edges, neighbours, out
        self.network = GraphNetwork(
            features.vector, width, heads=heads, layers=layers, dropout=dropout, name="StepGraph"
        )
        self._spec = UnitSpec(dim=width, per_step=out == "steps", features=features)

    @property
    def spec(self) -> UnitSpec:
        """``width`` channels, a unit a step or one a clip."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map vectors (B, T', D) to units (B, T', width), or (B, 1, width) of their mean."""
        valid, steps = features.valid, features.valid.shape[1]
        x = features.vector.masked_fill(~valid[..., None], 0.0)
        if self.edges == "knn":
            edges = nearest_steps(x, valid, self.neighbours)
        else:
            edges = edges_in_time(self.edges, steps, x.device)
        own = torch.eye(steps, dtype=torch.bool, device=x.device)
        nodes = self.network(x, edges & valid[:, None] | own)
        if self.out == "mean":
            return clip_unit(masked_mean(nodes, valid), features)
        return step_units(nodes, features)
