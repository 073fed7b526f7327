"""First and second order of a map: its mean, and the principal components of its channels."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from adabench.bounds import Count
from adabench.models.aggregators.maps import map_place, valid_map
from adabench.models.aggregators.units import clip_unit, step_units
from adabench.models.roles import Aggregator, IncompatiblePartsError
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec

# Added to a channel's variance, a share of their mean and a least: what doesn't vary has no correlation.
_FLAT, _LEAST = 1e-2, 1e-8
# Added to the eigenvalues, whose sum is 1, while they are multiplied, so that columns stay apart.
_RIDGE = 1e-2


def cosines(channels: int, count: int) -> Tensor:
    """Return the first ``count`` orthonormal cosines over channels (channels, count)."""
    place = (torch.arange(channels) + 0.5) * (math.pi / channels)
    found = torch.cos(place[:, None] * torch.arange(count))
    return found / found.norm(dim=0)


def two_orders(x: Tensor, kept: Tensor, start: Tensor, products: int) -> tuple[Tensor, Tensor]:
    """Return the mean and the weighted leading components of samples.

    The eigenvectors of a matrix have no sign, and their order and gradient break where eigenvalues meet.
    In their place stand the columns of orthogonal iteration, a fixed number of products with R, the
    channels' correlation over their number, from a fixed start, times √C R: a smooth function of R whatever
    its eigenvalues. The more products, the nearer to √C times eigenvectors times eigenvalues, which are
    shares of 1, turned towards the start.

    Args:
        x: (N, C, P) float32, P samples of C channels.
        kept: (N, P) bool, which samples count.
        start: (C, k) orthonormal columns.
        products: with R, 1 or more.

    Returns:
        (N, C) and (N, C, k).
    """
    kept, count = kept[:, None], kept.sum(-1).clamp_min(1)[:, None]
    mean = x.masked_fill(~kept, 0.0).sum(-1) / count
    centred = (x - mean[..., None]).masked_fill(~kept, 0.0)
    variance = centred.square().sum(-1) / count
    variance = variance + _FLAT * variance.mean(1, keepdim=True) + _LEAST
    scaled = centred / (variance * count * x.shape[1]).sqrt()[..., None]
    columns = start.expand(len(x), -1, -1)
    for _ in range(products):
        columns, upper = torch.linalg.qr(_times(scaled, columns) + _RIDGE * columns)
        turned = upper.diagonal(dim1=-2, dim2=-1) < 0
        # Householder's columns may point either way; those of Gram and Schmidt are continuous.
        columns = torch.where(turned[:, None], -columns, columns)
    return mean, _times(scaled, columns) * x.shape[1] ** 0.5


def _times(scaled: Tensor, columns: Tensor) -> Tensor:
    """Return Z Zᵀ times columns, without making it."""
    product: Tensor = scaled @ (scaled.transpose(1, 2) @ columns)
    return product


@MODELS.register_module()
class TwoOrderVector(Aggregator):
    """A map's mean beside the leading components of its channels' correlation (Niu et al. 2022, SE-TOV).

    Each component is an eigenvector times its eigenvalue, in the safe form of :func:`two_orders`.

    Args:
        features: what it reads.
        components: k, at most the channels.
        over: ``step`` takes the positions of a step's map as samples; ``clip`` those of all steps
            together, for the clip's only unit, or without maps the steps' vectors.
        products: with the correlation, from which components are found.
        depth: which of the backbone's maps is read, 1 the finest; None the coarsest.

    Raises:
        IncompatiblePartsError: more components than channels; a map that the backbone doesn't have.
    """

    start: Tensor

    def __init__(
        self,
        *,
        features: FeatureSpec,
        components: Count = 4,
        over: Literal["step", "clip"] = "step",
        products: Count = 4,
        depth: Count | None = None,
    ) -> None:
        super().__init__()
        self.over, self.products = over, products
        on_vectors = over == "clip" and depth is None and not features.maps
        self.place = None if on_vectors else map_place(features, depth, "TwoOrderVector")
        channels = features.vector if self.place is None else features.maps[self.place]
        if components > channels:
            raise IncompatiblePartsError(
                f"TwoOrderVector.components is at most the {channels} channels; got {components}"
            )
        self.register_buffer("start", cosines(channels, components))
        self._spec = UnitSpec(
            dim=channels * (1 + components), per_step=over == "step", features=features
        )

    @property
    def spec(self) -> UnitSpec:
        """C (1 + k) channels: the mean, then for each channel its k components."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map maps (B, T', C, H, W) to units (B, T', C (1 + k)), or (B, 1, C (1 + k)) of the clip."""
        if self.place is None:
            x = features.vector.masked_fill(~features.valid[..., None], 0.0)[..., None]
        else:
            x = valid_map(features, self.place).flatten(3)
        clips, _, channels, positions = x.shape
        kept = features.valid[..., None].expand(-1, -1, positions)
        if self.over == "clip":
            x = x.transpose(1, 2).reshape(clips, channels, -1)
            found = self._vector(x, kept.flatten(1))
            return clip_unit(found, features)
        found = self._vector(x.flatten(0, 1), kept.flatten(0, 1))
        return step_units(found.unflatten(0, features.valid.shape), features)

    def _vector(self, x: Tensor, kept: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            mean, components = two_orders(x.float(), kept, self.start, self.products)
            return torch.cat([mean, components.flatten(1)], dim=-1)
