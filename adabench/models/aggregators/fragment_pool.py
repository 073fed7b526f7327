"""Fragments of a clip, pooled over their steps."""

from __future__ import annotations

from typing import Literal

from adabench.bounds import Count
from adabench.models.aggregators.pooling import POOLS, fold, fragment_units
from adabench.models.roles import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec


@MODELS.register_module()
class FragmentPool(Aggregator):
    """A unit is the median, mean or maximum of some steps in a row (Uddin et al. 2020: the median).

    The last fragment has what steps are left. Before a network over fragments it stands in a `Chain`.

    Args:
        features: what it reads.
        size: steps a fragment.
        kind: what is taken over its valid steps, channel by channel.
    """

    def __init__(
        self,
        *,
        features: FeatureSpec,
        size: Count = 8,
        kind: Literal["median", "mean", "max"] = "median",
    ) -> None:
        super().__init__()
        self.size, self.pool = size, POOLS[kind]
        self._spec = UnitSpec(dim=features.vector, per_step=False, features=features)

    @property
    def spec(self) -> UnitSpec:
        """As many channels as the backbone's vector."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map vectors (B, T', D) to units (B, ⌈T'/size⌉, D)."""
        pooled = self.pool(fold(features.vector, self.size), fold(features.valid, self.size))
        return fragment_units(pooled, features, self.size)
