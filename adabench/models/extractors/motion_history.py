"""Motion history histograms: how often motion lasts how long at a pixel."""

from __future__ import annotations

from typing import Literal

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from adabench.bounds import Count, Natural
from adabench.models.extractors.cells import cell_histograms, refuse_small
from adabench.models.extractors.extractor import Extractor
from adabench.models.extractors.grey import grey_sequences
from adabench.models.extractors.lbp import pattern_count, uniform_patterns
from adabench.models.extractors.optional import need_package
from adabench.registry import MODELS
from adabench.structures import Clip

# Of the patterns that code a count's surroundings.
_POINTS, _RADIUS = 8, 1


def run_counts(moves: Tensor, lengths: int) -> Tensor:
    """Count runs of motion.

    Args:
        moves: (N, L, H, W) bool, of N sequences.
        lengths: M, the longest run that is counted.

    Returns:
        (M, H, W) long: how many runs of just 1, 2, … M steps there are, with rest before and behind
        each; how long a run is that touches an end of its sequence is not known.
    """
    count, _, *sides = moves.shape
    found = torch.zeros(lengths, *sides, dtype=torch.long)
    unknown = lengths + 1
    run = torch.full((count, *sides), unknown)
    for moved in moves.unbind(1):
        for length in range(1, lengths + 1):
            found[length - 1] += (~moved & (run == length)).sum(0)
        run = torch.where(moved, (run + 1).clamp(max=unknown), 0)
    return found


@MODELS.register_module()
class MotionHistory(Extractor):
    """A motion history histogram (Meng 2013), and a code of each of its images.

    A pixel moves where its grey differs from the frame before by more than a threshold. For each
    length there is an image: how often a pixel's motion lasts that many frames, with rest before and
    behind. Of a clip that is seen in segments, runs are counted within each.

    Args:
        lengths: M, the longest run that is counted, frames; also the number of images.
        threshold: grey values, of 255, that a pixel changes by more than.
        code: ``patterns``, histograms by cell of an image's uniform local binary patterns (of 8 points
            around a pixel; they need scikit-image), which tell where there is more and where less;
            ``rate``, its mean by cell, in runs a pixel and frame, which tell how much.
        grid: cells a side.

    Raises:
        ValueError: another code, or scikit-image is needed and not installed.
    """

    def __init__(
        self,
        *,
        lengths: Count = 5,
        threshold: Natural = 20,
        code: Literal["patterns", "rate"] = "patterns",
        grid: Count = 4,
    ) -> None:
        if code not in ("patterns", "rate"):
            raise ValueError(f"MotionHistory.code is 'patterns' or 'rate'; got {code!r}")
        if code == "patterns":
            need_package("MotionHistory", "skimage", "scikit-image")
        self.lengths = lengths
        self.threshold = threshold
        self.code = code
        self.grid = grid

    def __call__(self, clip: Clip) -> ArrayLike:
        """Return (M * grid² * 59,) of patterns, as shares of a cell's, or (M * grid²,) of rates."""
        sequences = grey_sequences(clip, "MotionHistory")
        border = _RADIUS if self.code == "patterns" else 0
        refuse_small("MotionHistory", sequences, self.grid, border)
        moves = sequences.int().diff(dim=1).abs() > self.threshold
        images = run_counts(moves, self.lengths)
        if self.code == "rate":
            rates = images.double() / max(moves.shape[0] * moves.shape[1], 1)
            return adaptive_avg_pool2d(rates, self.grid).flatten().numpy()
        codes = uniform_patterns(images, _POINTS, _RADIUS)[:, None]
        return cell_histograms(codes, pattern_count(_POINTS), self.grid).flatten().numpy()
