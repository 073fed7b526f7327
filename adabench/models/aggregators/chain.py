"""Aggregators one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import nn

from adabench.evaluation.scale import BDI_II, Scale
from adabench.models.assessor import build_part
from adabench.models.roles import Aggregator, IncompatiblePartsError, Part
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec


@MODELS.register_module()
class Chain(Aggregator):
    """Each aggregator reads the units of the one before it as its steps.

    Args:
        features: what the first one reads.
        parts: their configs, in order. One whose units are of several scales can only be the last.
        scale: of the scores, for those that take it.

    Raises:
        ValueError: no part.
        IncompatiblePartsError: a part that can't follow the one before it, or one with losses or a
            memory of its own, which would go unheard.
    """

    def __init__(
        self, *, features: FeatureSpec, parts: Sequence[dict[str, Any]], scale: Scale = BDI_II
    ) -> None:
        super().__init__()
        if not parts:
            raise ValueError("Chain.parts is one or more aggregators; got none")
        self.parts = nn.ModuleList()
        self.specs: list[UnitSpec] = []
        before, given = "the backbone", features
        for cfg in parts:
            part = cast(Aggregator, build_part("aggregator", cfg, before, scale, features=given))
            _refuse_unheard(part)
            self.parts.append(part)
            self.specs.append(part.spec)
            # Maps are a step's, so that they end where units are no more steps.
            maps = part.spec.maps if part.spec.per_step else ()
            before, given = type(part).__name__, FeatureSpec(vector=part.spec.dim, maps=maps)
        per_step = all(spec.per_step for spec in self.specs)
        self._spec = UnitSpec(
            dim=given.vector,
            per_step=per_step,
            features=features,
            maps=given.maps if per_step else (),
        )

    @property
    def spec(self) -> UnitSpec:
        """The last part's channels; a unit is a step where that holds of each part."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map features (B, T', …) to the last part's units (B, M, D), scales in the backbone's steps."""
        given, steps = features, features.valid.new_ones(1, dtype=torch.long)
        for part, spec in zip(self.parts, self.specs, strict=True):
            units: Units = part(given)
            steps = units.scale * steps.amax()
            maps = units.maps if spec.per_step else ()
            given = Features(vector=units.x, valid=units.valid, span=units.span, maps=maps)
        maps = given.maps if self.spec.per_step else ()
        return replace(units, scale=steps, features=features, maps=maps)


def _refuse_unheard(part: Aggregator) -> None:
    name = type(part).__name__
    for method in ("loss", "update"):
        if getattr(type(part), method) is not getattr(Part, method):
            raise IncompatiblePartsError(
                f"{name} has a {method} of its own, which Chain does not call"
            )
