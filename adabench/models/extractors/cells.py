"""Histograms of codes over a grid of cells, where descriptors of texture keep what is where."""

from __future__ import annotations

import torch
from torch import Tensor


def refuse_small(reader: str, frames: Tensor, grid: int, border: int) -> None:
    """Refuse frames with fewer pixels than cells.

    Args:
        reader: the extractor, for the message.
        frames: (…, H, W).
        grid: cells a side.
        border: pixels at each edge that have no code.

    Raises:
        ValueError: naming the extractor's field and the remedy.
    """
    height, width = frames.shape[-2:]
    if min(height, width) - 2 * border < grid:
        raise ValueError(
            f"{reader}.grid={grid} divides frames of at least {grid + 2 * border} pixels a side (no "
            f"code is taken within {border} of an edge); got {height}x{width}: take fewer cells, or "
            "larger frames (data.size)"
        )


def cell_histograms(codes: Tensor, bins: int, grid: int) -> Tensor:
    """Map codes (N, K, H, W), long, to their shares of each cell's pixels (N, K * grid² * bins).

    Row y is of cell row ⌊y * grid / H⌋, and columns alike, so that cells differ by a pixel at most.
    """
    count, maps, height, width = codes.shape
    rows, columns = (torch.arange(side) * grid // side for side in (height, width))
    cell = rows[:, None] * grid + columns
    places = torch.arange(count * maps).view(count, maps, 1, 1) * grid**2 + cell
    found = (places * bins + codes).flatten().bincount(minlength=count * maps * grid**2 * bins)
    pixels = cell.flatten().bincount()
    shares = found.view(count, maps, grid**2, bins).double() / pixels[:, None]
    return shares.flatten(1)
