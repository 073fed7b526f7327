"""Every step as a unit."""

from __future__ import annotations

import torch

from adabench.models.roles import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec


@MODELS.register_module()
class Identity(Aggregator):
    """Every step is a unit, its vector unchanged."""

    def __init__(self, *, features: FeatureSpec) -> None:
        super().__init__()
        self._spec = UnitSpec(dim=features.vector, per_step=True, features=features)

    @property
    def spec(self) -> UnitSpec:
        """As many channels as the backbone's vector."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map vectors (B, T', D) to units (B, M=T', D)."""
        steps = features.vector.shape[1]
        return Units(
            x=features.vector,
            valid=features.valid,
            span=features.span,
            scale=torch.ones(steps, dtype=torch.long, device=features.vector.device),
            features=features,
        )
