"""Local binary patterns of single frames."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from adabench.bounds import Count
from adabench.models.extractors.coded_frames import CodedFrames
from adabench.models.extractors.optional import need_package
from adabench.registry import MODELS


def pattern_count(points: int) -> int:
    """Return how many codes `uniform_patterns` tells apart: 59 of 8 points."""
    return points * (points - 1) + 3


def uniform_patterns(images: Tensor, points: int, radius: int) -> Tensor:
    """Map images of whole numbers (N, H, W) to uniform patterns (N, H - 2 radius, W - 2 radius), long.

    Bit p says whether point p of a circle around a pixel, interpolated, is as bright or brighter. A
    pattern whose bits change at most twice around the circle has a code of its own, all others share
    one. Pixels without a whole circle have no code.
    """
    from skimage.feature import local_binary_pattern

    # One tall image: what reaches from one into the next lies within the border that is cut off.
    tall = images.reshape(-1, images.shape[2]).numpy()
    codes = local_binary_pattern(tall, points, radius, "nri_uniform").reshape(images.shape)
    inner = slice(radius, -radius)
    return torch.from_numpy(codes).long()[:, inner, inner]


@MODELS.register_module()
class LBP(CodedFrames):
    """Uniform local binary patterns of each frame (Ojala 2002; over a grid of cells: Ahonen 2006).

    It sees no difference between frames of which one is brighter by the same amount everywhere. It
    needs scikit-image.

    Args:
        points: P around a pixel.
        radius: R of their circle, pixels.
        grid: cells a side, each with a histogram of its own.
        statistics: over the frames; some of ``mean``, ``deviation``, ``maximum``, ``minimum``.

    Raises:
        ValueError: an unknown statistic, or scikit-image is not installed.
    """

    def __init__(
        self,
        *,
        points: Count = 8,
        radius: Count = 1,
        grid: Count = 4,
        statistics: Sequence[str] = ("mean", "deviation"),
    ) -> None:
        need_package("LBP", "skimage", "scikit-image")
        bins = pattern_count(points)
        super().__init__(bins=bins, grid=grid, border=radius, statistics=statistics)
        self.points = points
        self.radius = radius

    def codes(self, grey: Tensor) -> Tensor:
        """Map frames (L, H, W) to patterns (L, 1, H - 2R, W - 2R)."""
        return uniform_patterns(grey, self.points, self.radius)[:, None]
