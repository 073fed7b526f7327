"""The Haar wavelet transform in two dimensions and its inverse, with the channels last.

Both are orthonormal, so each is the other's gradient. Values and the treatment of odd sizes are
those of ``pywt.dwt2(x, "haar", mode="symmetric")`` and ``pywt.idwt2``.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def _split(x: Tensor) -> tuple[Tensor, Tensor]:
    half = 0.5 * x
    a, b = half[:, 0::2, 0::2], half[:, 0::2, 1::2]
    c, d = half[:, 1::2, 0::2], half[:, 1::2, 1::2]
    top, bottom, top_edge, bottom_edge = a + b, c + d, a - b, c - d
    low = top + bottom
    details = torch.cat([top - bottom, top_edge + bottom_edge, top_edge - bottom_edge], dim=-1)
    return low, details


def _merge(low: Tensor, details: Tensor) -> Tensor:
    clips, rows, columns, channels = low.shape
    horizontal, vertical, diagonal = (0.5 * details).chunk(3, dim=-1)
    half = 0.5 * low
    top, bottom = half + horizontal, half - horizontal
    top_edge, bottom_edge = vertical + diagonal, vertical - diagonal
    x = low.new_empty(clips, 2 * rows, 2 * columns, channels)
    torch.add(top, top_edge, out=x[:, 0::2, 0::2])
    torch.sub(top, top_edge, out=x[:, 0::2, 1::2])
    torch.add(bottom, bottom_edge, out=x[:, 1::2, 0::2])
    torch.sub(bottom, bottom_edge, out=x[:, 1::2, 1::2])
    return x


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        del ctx
        return _split(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        del ctx
        return _Merge.apply(*grads)


class _Merge(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, low: Tensor, details: Tensor) -> Tensor:
        del ctx
        return _merge(low, details)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        del ctx
        return _Split.apply(*grads)


def haar_dwt(x: Tensor) -> tuple[Tensor, Tensor]:
    """Split maps into a low band and three detail bands of half the size.

    An odd side is first made even by repeating its last row or column.

    Args:
        x: (N, H, W, C).

    Returns:
        LL (N, ⌈H/2⌉, ⌈W/2⌉, C) and [LH, HL, HH] side by side, (N, ⌈H/2⌉, ⌈W/2⌉, 3C): differences
        between rows (PyWavelets' cH), between columns (cV), and of both (cD).
    """
    bottom, right = x.shape[1] % 2, x.shape[2] % 2
    if bottom or right:
        planes = F.pad(x.permute(0, 3, 1, 2), (0, right, 0, bottom), mode="replicate")
        x = planes.permute(0, 2, 3, 1)
    return _Split.apply(x)


def haar_idwt(low: Tensor, details: Tensor, size: tuple[int, int] | None = None) -> Tensor:
    """Undo :func:`haar_dwt`.

    Args:
        low: (N, h, w, C).
        details: (N, h, w, 3C).
        size: (H, W) of the map, when a side was odd; default (2h, 2w).

    Returns:
        (N, H, W, C).
    """
    x = _Merge.apply(low, details)
    return x if size is None else x[:, : size[0], : size[1]]
