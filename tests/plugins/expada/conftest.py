"""Small parts of ExpADA and random batches of segments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import adabench_plugins.depmap
import adabench_plugins.expada  # noqa: F401 - both register parts, and parts mix
import pytest
import torch

from adabench.structures import Features, FeatureSpec, Inputs, Truth, Units
from adabench.testing import example_batch

# timm starts each residual block as the identity, whose inner weights get no gradient at first.
TRUNK: dict[str, Any] = {
    "type": "TimmFrames",
    "name": "resnet18",
    "scales": 1,
    "options": {"channels": (8, 8, 16, 16), "stem_width": 8, "zero_init_last": False},
}


@pytest.fixture
def trunk() -> dict[str, Any]:
    return {**TRUNK}


@pytest.fixture
def vat() -> dict[str, Any]:
    """Config of a VAT for frames of 64 px, whose deepest map is 2 × 2."""
    return {"type": "VAT", "trunk": TRUNK, "map_size": 2, "width": 32, "heads": 4, "dropout": 0.0}


@pytest.fixture
def segments() -> tuple[Inputs, Truth]:
    """Clips of 3, 1 and 2 segments of 4 frames at 64 px, and their truth."""
    return example_batch(segment=4, size=64)


@pytest.fixture
def make_features() -> Callable[..., Features]:
    """Make features of segments of 8 frames, noise of ``dim`` channels; padding too."""

    def make(*lengths: int, dim: int = 6, seed: int = 0, steps: int = 0) -> Features:
        count = max(steps, *lengths)
        source = torch.Generator().manual_seed(seed)
        valid = torch.arange(count) < torch.tensor(lengths)[:, None]
        start = 8 * torch.arange(count).expand(len(lengths), -1)
        return Features(
            vector=torch.randn(len(lengths), count, dim, generator=source),
            valid=valid,
            span=torch.stack([start, start + 8], -1) * valid[..., None],
        )

    return make


@pytest.fixture
def make_units(make_features) -> Callable[..., Units]:
    """Make units of one scale; ``lengths`` are the clips' valid units."""

    def make(*lengths: int, dim: int = 6, seed: int = 0, steps: int = 0) -> Units:
        features = make_features(*lengths, dim=dim, seed=seed, steps=steps)
        return Units(
            x=features.vector,
            valid=features.valid,
            span=features.span,
            scale=torch.ones(features.valid.shape[1], dtype=torch.long),
            features=features,
        )

    return make


@pytest.fixture
def spec() -> FeatureSpec:
    return FeatureSpec(vector=6)
