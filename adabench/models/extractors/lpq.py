"""Local phase quantisation: signs of a short-time Fourier transform at four low frequencies."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from adabench.bounds import Count, Share
from adabench.models.extractors.coded_frames import CodedFrames
from adabench.registry import MODELS

# The four frequencies, across and down, as multiples of 1 / window.
_FREQUENCIES = ((1, 0), (0, 1), (1, 1), (1, -1))
# What is less, of grey values, is rounding: a flat window has no phase, and gets the sign of 0.
_ROUNDING = 1e-6


def phase_filters(window: int, correlation: float) -> Tensor:
    """Return the filters (8, M, M), double, whose signs make a code: four real parts, four imaginary ones.

    Args:
        window: M, odd.
        correlation: ρ of neighbouring pixels; 0 leaves the coefficients as they are. Of pixels at a
            distance d it is ρ^d (equation 9), so that the coefficients' covariance D follows (12);
            they are whitened by D^-½.
    """
    place = torch.arange(window, dtype=torch.float64) - window // 2
    down, across = torch.meshgrid(place, place, indexing="ij")
    turns = torch.stack([(x * across + y * down) / window for x, y in _FREQUENCIES])
    filters = torch.cat([torch.cos(2 * math.pi * turns), torch.sin(2 * math.pi * turns)])
    if not correlation:
        return filters
    pixels = torch.stack([down.flatten(), across.flatten()], 1)
    covariance = correlation ** torch.cdist(pixels, pixels)
    rows = filters.flatten(1)
    values, vectors = torch.linalg.eigh(rows @ covariance @ rows.T)
    whitened = (vectors / values.sqrt()) @ vectors.T @ rows
    # Of length 1, so that rounding is of one size whatever ρ is; signs stay.
    return (whitened / whitened.norm(dim=1, keepdim=True)).view_as(filters)


@MODELS.register_module()
class LPQ(CodedFrames):
    """Local phase quantisation of each frame (Ojansivu & Heikkilä 2008), which blur hardly changes.

    The Fourier transform of a window around each pixel at the four lowest frequencies, 1 / window;
    the signs of its real and imaginary parts make a code of 8 bits. Frames brighter by the same amount
    everywhere have the same codes.

    Whitening is by the symmetric root D^-½ of the coefficients' covariance; the paper turns them into
    D's eigenvectors, which are not unique, since some of its eigenvalues are equal.

    Args:
        window: M, pixels, odd.
        correlation: ρ of neighbouring pixels, by which coefficients are decorrelated (the paper's is
            0.9); 0 for none.
        grid: cells a side, each with a histogram of its own.
        statistics: over the frames; some of ``mean``, ``deviation``, ``maximum``, ``minimum``.

    Raises:
        ValueError: a window without a middle or of one pixel, a correlation of 1, an unknown statistic.
    """

    def __init__(
        self,
        *,
        window: Count = 7,
        correlation: Share = 0.9,
        grid: Count = 4,
        statistics: Sequence[str] = ("mean", "deviation"),
    ) -> None:
        if window < 3 or not window % 2:
            raise ValueError(f"LPQ.window is an odd number of at least 3 pixels; got {window}")
        if correlation >= 1:
            raise ValueError(
                f"LPQ.correlation is less than 1, or all pixels were alike; got {correlation}"
            )
        super().__init__(bins=256, grid=grid, border=window // 2, statistics=statistics)
        self.filters = phase_filters(window, correlation)

    def codes(self, grey: Tensor) -> Tensor:
        """Map frames (L, H, W) to codes (L, 1, H - M + 1, W - M + 1)."""
        found = conv2d(grey.double()[:, None], self.filters[:, None])
        bits = (found > -_ROUNDING).long() << torch.arange(8).view(8, 1, 1)
        return bits.sum(1, keepdim=True)
