"""What backbones over segments share: segments cut, the valid ones run, their answers put in place."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

import torch
from torch import Tensor

from adabench.models.roles import Backbone
from adabench.structures import Features, Inputs


def segment_spans(index: Tensor, real: Tensor) -> Tensor:
    """Frames [first, last + 1) that segments cover: (B, N, L) and (B, N, L) bool to (B, N, 2).

    Segments without a real frame get [0, 0).
    """
    first = index.masked_fill(~real, torch.iinfo(index.dtype).max).amin(-1)
    last = index.masked_fill(~real, -1).amax(-1)
    covered = torch.stack([first, last + 1], dim=-1)
    return covered.masked_fill(~real.any(-1, keepdim=True), 0)


class SegmentBackbone(Backbone):
    """A backbone whose step is a segment; a plugin writes :attr:`spec` and :meth:`encode`.

    Only segments with a real frame are encoded, so padding reaches no statistics; the others are
    zero. ``Features.vector`` is (B, N, D) and each map (B, N, C, h, w) for N segments a clip.
    """

    per_segment = True

    @abstractmethod
    def encode(self, segments: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Map S segments (S, L, …) to vectors (S, D) and maps (S, C_i, h_i, w_i), finest first.

        Args:
            segments: each with a real frame; padding, ``segments.valid`` False, stands at its end.
                ``segments.features`` are those of a cached trunk within this backbone.
        """

    def refuse_segments(self, length: int, size: int) -> None:
        """Raise ValueError where segments of ``length`` frames of ``size`` pixels can't be taken.

        It is asked before anything long starts, on a backbone without its weights.
        """

    def forward(self, inputs: Inputs) -> Features:
        """Map inputs (B, T = N·L, …) to features (B, N, …); its own cached ones pass through.

        Raises:
            ValueError: inputs that are not cut into whole segments.
        """
        if inputs.features is not None and self.frozen_part() is self:
            return inputs.features
        length = self._segment_length(inputs)
        real = inputs.valid.unflatten(1, (-1, length))
        index = inputs.index.unflatten(1, (-1, length))
        valid = real.any(-1)
        cut = inputs.map(lambda tensor: tensor.unflatten(1, (-1, length))[valid])
        vector, maps = self.encode(replace(cut, segment_length=0))
        return Features(
            vector=_placed(vector, valid),
            valid=valid,
            span=segment_spans(index, real),
            maps=tuple(_placed(each, valid) for each in maps),
        )

    def _segment_length(self, inputs: Inputs) -> int:
        length, frames, name = inputs.segment_length, inputs.valid.shape[1], type(self).__name__
        if length < 1:
            raise ValueError(
                f"{name} reads segments, and these inputs of {frames} frames have "
                f"segment_length={length}; use SegmentView(length=…) as the view in training and at test"
            )
        if frames % length:
            raise ValueError(
                f"{name} reads whole segments: {frames} frames are no multiple of "
                f"segment_length={length}; use SegmentView, which fills the last segment"
            )
        return length


def _placed(found: Tensor, valid: Tensor) -> Tensor:
    """Return what was found of S segments (S, …) at their places (B, N, …), zero elsewhere."""
    placed = found.new_zeros(*valid.shape, *found.shape[1:])
    placed[valid] = found
    return placed
