"""Clips as long as AVEC 2013's, joined of segments' vectors: a planted, sparse cue among noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.evaluation import BDI_II
from adabench.models import Backbone
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Inputs, Truth

#: Share of the segments that tell, how many of them in a row, and how far they lean to one side.
SHARE, RUN, STANDS_OUT = 0.25, 3, 3.0


@MODELS.register_module(force=True)
class SegmentVectors(Backbone):
    """Hands on the vectors that the inputs hold, as a frozen encoder with a filled cache does."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.width = width

    @property
    def spec(self) -> FeatureSpec:
        return FeatureSpec(vector=self.width)

    def forward(self, inputs: Inputs) -> Features:
        assert inputs.features is not None
        return inputs.features


@dataclass
class LongClips:
    """Vectors (B, N, D) of unit length, as VAT's are, whether a segment tells (B, N), scores (B,)."""

    vectors: Tensor
    tells: Tensor
    scores: Tensor

    def batch(self, clips: Tensor) -> tuple[Inputs, Truth]:
        """Inputs and truth of some clips, segments of 32 frames."""
        vectors, scores = self.vectors[clips], self.scores[clips]
        valid = torch.ones(vectors.shape[:2], dtype=torch.bool)
        start = 32 * torch.arange(vectors.shape[1]).expand(len(clips), -1)
        features = Features(
            vector=vectors, valid=valid, span=torch.stack([start, start + 32], dim=-1)
        )
        levels = torch.tensor([int(BDI_II.level(float(score))) for score in scores])
        index = torch.zeros(vectors.shape[:2], dtype=torch.long)
        return Inputs(valid=valid, index=index, features=features), Truth(scores, levels)


def long_clips(count: int, segments: int, width: int, seed: int) -> LongClips:
    """Draw clips: runs of segments lean along one direction, further the higher the score.

    The direction is the same for every seed. Scores are half minimal and spread over 0 to 45, as
    AVEC's.
    """
    source = torch.Generator().manual_seed(seed)
    fixed = torch.Generator().manual_seed(0)
    cue = torch.nn.functional.normalize(torch.randn(width, generator=fixed), dim=0)
    scores = (45 * torch.rand(count, generator=source).square()).round()
    tells = torch.zeros(count, segments, dtype=torch.bool)
    for clip in range(count):
        runs = max(1, round(SHARE * segments / RUN))
        for start in torch.randperm(segments - RUN + 1, generator=source)[:runs].tolist():
            tells[clip, start : start + RUN] = True
    lean = STANDS_OUT * (0.5 + scores / 45)[:, None] * tells
    noise = torch.randn(count, segments, width, generator=source)
    along = lean[..., None] * cue * math.sqrt(width) / 2
    return LongClips(torch.nn.functional.normalize(noise + along, dim=-1), tells, scores)
