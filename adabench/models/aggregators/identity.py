"""Every step as a unit."""

from __future__ import annotations

from adabench.models.aggregators.units import step_units
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
        return step_units(features.vector, features)
