"""What descriptors of texture share: codes of pixels, their histograms by cell, statistics over time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from adabench.models.extractors.cells import cell_histograms, refuse_small
from adabench.models.extractors.extractor import Extractor, check_statistics, over_time
from adabench.models.extractors.grey import grey_sequences, lengthened
from adabench.structures import Clip

# Frames that are coded at once.
_CHUNK = 64


class CodedFrames(Extractor):
    """Statistics over time of histograms of codes, a code a pixel; a subclass writes `codes`.

    Args:
        bins: codes are below it.
        grid: cells a side, each with a histogram of its own.
        border: pixels at each edge that have no code.
        reach: frames that a code is made of; a sequence with fewer repeats its last one.
        statistics: some of ``mean``, ``deviation``, ``maximum``, ``minimum``.
    """

    def __init__(
        self, *, bins: int, grid: int, border: int, statistics: Sequence[str], reach: int = 1
    ) -> None:
        self.bins = bins
        self.grid = grid
        self.border = border
        self.reach = reach
        self.statistics = check_statistics(f"{type(self).__name__}.statistics", statistics)

    @abstractmethod
    def codes(self, grey: Tensor) -> Tensor:
        """Map frames (L, H, W), uint8, to K codes a pixel, (L - reach + 1, K, H', W'), long."""

    def __call__(self, clip: Clip) -> ArrayLike:
        """Return (K * grid² * bins * statistics,), of shares of a cell's pixels."""
        name = type(self).__name__
        sequences = grey_sequences(clip, name)
        refuse_small(name, sequences, self.grid, self.border)
        parts = [part for frames in sequences for part in self._cut(frames)]
        found = [cell_histograms(self.codes(part), self.bins, self.grid) for part in parts]
        return over_time(torch.cat(found), self.statistics).numpy()

    def _cut(self, frames: Tensor) -> Iterator[Tensor]:
        frames, more = lengthened(frames, self.reach), self.reach - 1
        for start in range(0, len(frames) - more, _CHUNK):
            yield frames[start : start + _CHUNK + more]
