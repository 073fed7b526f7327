"""MTE, the multi-scale temporal behaviour encoder: windows of 1 to S segments (Eq 1 and 7)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from adabench.models import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec


def windows(vector: Tensor, size: int) -> Tensor:
    """Concatenate ``size`` steps in a row: (B, N, D) to (B, N - size + 1, size · D), stride 1."""
    count = vector.shape[1] - size + 1
    return torch.cat([vector[:, i : i + count] for i in range(size)], dim=-1)


def window_valid(valid: Tensor, size: int) -> Tensor:
    """Whether all steps of a window are valid: (B, N) to (B, N - size + 1)."""
    return valid.unfold(1, size, 1).all(-1)


def window_spans(span: Tensor, size: int) -> Tensor:
    """From the first step's start to the last one's stop: (B, N, 2) to (B, N - size + 1, 2)."""
    count = span.shape[1] - size + 1
    return torch.stack([span[:, :count, 0], span[:, size - 1 :, 1]], dim=-1)


@MODELS.register_module()
class MTE(Aggregator):
    """Units of 1 to ``scales`` consecutive steps, an MLP a scale (Eq 7).

    N steps give M = Σ_s (N - s + 1) units, scale after scale, over the scales s ≤ N.

    Args:
        features: what it reads; steps are segments behind VAT, frames behind most backbones.
        scales: S.
        dim: channels D of a unit.
        hidden: width of the MLPs' hidden layer.
        normalise: put a layer norm in front of each MLP, so that vectors of any length will do.
    """

    def __init__(
        self,
        *,
        features: FeatureSpec,
        scales: int = 3,
        dim: int = 256,
        hidden: int = 512,
        normalise: bool = True,
    ) -> None:
        super().__init__()
        for name, value in (("scales", scales), ("dim", dim), ("hidden", hidden)):
            if value < 1:
                raise ValueError(f"MTE.{name} is at least 1; got {value}")
        self._spec = UnitSpec(dim=dim, per_step=False, features=features)
        self.encoders = nn.ModuleList(
            _encoder(size * features.vector, hidden, dim, normalise)
            for size in range(1, scales + 1)
        )

    @property
    def spec(self) -> UnitSpec:
        """``dim`` channels; units are not the backbone's steps."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map vectors (B, N, D) to units (B, M, dim)."""
        vector = features.vector.masked_fill(~features.valid[..., None], 0.0)
        steps = vector.shape[1]
        encoders = [(s, e) for s, e in enumerate(self.encoders, start=1) if s <= steps]
        scale = [torch.full((steps - s + 1,), s, device=vector.device) for s, _ in encoders]
        return Units(
            x=torch.cat([encode(windows(vector, s)) for s, encode in encoders], dim=1),
            valid=torch.cat([window_valid(features.valid, s) for s, _ in encoders], dim=1),
            span=torch.cat([window_spans(features.span, s) for s, _ in encoders], dim=1),
            scale=torch.cat(scale),
            features=features,
        )


def _encoder(channels: int, hidden: int, dim: int, normalise: bool) -> nn.Sequential:
    norm: list[nn.Module] = [nn.LayerNorm(channels)] if normalise else []
    return nn.Sequential(*norm, nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, dim))
