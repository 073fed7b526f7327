"""Small Dep-MAP models and random batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import adabench_plugins.depmap  # noqa: F401 - registers the parts
import pytest
import torch

from adabench.models import Assessor
from adabench.registry import MODELS
from adabench.structures import Inputs, Semantics, Truth

# timm starts each residual block as the identity, whose inner weights get no gradient at first.
TRUNK: dict[str, Any] = {
    "type": "TimmFrames",
    "name": "resnet18",
    "scales": 4,
    "options": {"channels": (32, 64, 128, 256), "zero_init_last": False},
}


@pytest.fixture
def trunk() -> dict[str, Any]:
    return {**TRUNK}


@pytest.fixture
def build() -> Callable[..., Assessor]:
    """Build Dep-MAP at MSR width 16; keywords replace the parts' arguments."""

    def make(
        *,
        seed: int = 0,
        backbone: dict[str, Any] | None = None,
        aggregator: dict[str, Any] | None = None,
        selector: dict[str, Any] | None = None,
    ) -> Assessor:
        torch.manual_seed(seed)
        model = MODELS.build(
            {
                "type": "Assessor",
                "backbone": {"type": "ESA", "trunk": TRUNK, **(backbone or {})},
                "aggregator": {"type": "MSR", "width": 16, **(aggregator or {})},
                "selector": {"type": "PrototypeMAP", **(selector or {})},
                "head": {"type": "UnitRegressor"},
            }
        )
        model.head.fit_scale(torch.tensor([4.0, 12.0, 25.0, 40.0]))
        model.progress = 0.5
        return model

    return make


@pytest.fixture
def make_inputs() -> Callable[..., Inputs]:
    """Make inputs of noise."""

    def make(clips: int = 2, frames: int = 4, size: int = 64, seed: int = 1) -> Inputs:
        source = torch.Generator().manual_seed(seed)
        return Inputs(
            valid=torch.ones(clips, frames, dtype=torch.bool),
            index=torch.arange(frames).repeat(clips, 1),
            frames=torch.rand(clips, frames, 3, size, size, generator=source),
            semantics=Semantics(
                text=torch.randn(clips, frames, 512, generator=source),
                image=torch.randn(clips, frames, 768, generator=source),
            ),
        )

    return make


@pytest.fixture
def truth() -> Truth:
    return Truth(score=torch.tensor([5.0, 33.0]), level=torch.tensor([0, 3]))
