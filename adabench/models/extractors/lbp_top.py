"""Local binary patterns on three orthogonal planes of a volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from adabench.bounds import Count
from adabench.models.extractors.cells import cell_histograms, refuse_small
from adabench.models.extractors.extractor import Extractor, check_statistics, over_time
from adabench.models.extractors.grey import grey_sequences, lengthened
from adabench.models.extractors.lbp import pattern_count, uniform_patterns
from adabench.models.extractors.optional import need_package
from adabench.registry import MODELS
from adabench.structures import Clip

# How a volume (T, H, W) is turned so that its slices are XY, XT and YT planes.
_PLANES = ((0, 1, 2), (1, 0, 2), (2, 0, 1))


def plane_patterns(block: Tensor, points: int, radius: int) -> Tensor:
    """Map a volume (T, H, W) to the uniform patterns of its XY, XT and YT planes.

    Returns:
        (T - 2 radius, 3, H - 2 radius, W - 2 radius), long, of the pixels with all three circles.
    """
    inner = slice(radius, -radius)
    found = []
    for axes in _PLANES:
        codes = uniform_patterns(block.permute(axes), points, radius)[inner]
        found.append(codes.permute(*(axes.index(axis) for axis in range(3))))
    return torch.stack(found, 1)


@MODELS.register_module()
class LBPTOP(Extractor):
    """LBP-TOP (Zhao & Pietikäinen 2007) of blocks of frames, and statistics over the blocks.

    Uniform patterns on the planes XY, XT and YT, a histogram a plane and cell of the block's whole
    time. The circle has one radius in space and time. It needs scikit-image.

    A block is of frames that follow each other in the view: of a clip seen in segments a block lies
    within one. Blocks share no frame, but for the last, which ends with the frames; fewer frames
    than a block repeat their last one.

    Args:
        block: frames.
        points: P around a pixel.
        radius: R of their circle, pixels and frames.
        grid: cells a side.
        statistics: over the blocks; some of ``mean``, ``deviation``, ``maximum``, ``minimum``.

    Raises:
        ValueError: a block without a frame that has R others on each side, an unknown statistic, or
            scikit-image is not installed.
    """

    def __init__(
        self,
        *,
        block: Count = 5,
        points: Count = 8,
        radius: Count = 1,
        grid: Count = 4,
        statistics: Sequence[str] = ("mean", "deviation"),
    ) -> None:
        need_package("LBPTOP", "skimage", "scikit-image")
        if block < 2 * radius + 1:
            raise ValueError(
                f"LBPTOP.block is at least 2 * radius + 1 = {2 * radius + 1} frames; got {block}"
            )
        self.block = block
        self.points = points
        self.radius = radius
        self.grid = grid
        self.statistics = check_statistics("LBPTOP.statistics", statistics)

    def __call__(self, clip: Clip) -> ArrayLike:
        """Return (3 * grid² * (P (P - 1) + 3) * statistics,), of shares of a cell's codes."""
        sequences = grey_sequences(clip, "LBPTOP")
        refuse_small("LBPTOP", sequences, self.grid, self.radius)
        rows = [self._of(block) for frames in sequences for block in self._blocks(frames)]
        return over_time(torch.stack(rows), self.statistics).numpy()

    def _blocks(self, frames: Tensor) -> Iterator[Tensor]:
        frames = lengthened(frames, self.block)
        last = len(frames) - self.block
        for start in range(0, last + self.block, self.block):
            yield frames[min(start, last) :][: self.block]

    def _of(self, block: Tensor) -> Tensor:
        codes = plane_patterns(block, self.points, self.radius)
        return cell_histograms(codes, pattern_count(self.points), self.grid).mean(0)
