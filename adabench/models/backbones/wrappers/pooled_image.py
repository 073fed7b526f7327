"""One image a segment, made of its frames."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from adabench.models.backbones.segments import SegmentBackbone
from adabench.models.backbones.wrappers.trunk import build_trunk, frames_of, is_frozen, shown
from adabench.models.roles import Backbone
from adabench.registry import MODELS
from adabench.structures import FeatureSpec, Inputs

Pool = Literal["rank", "mean", "max", "middle"]

# The least range that is spread over [0, 1]: of less, it would be rounding that is seen.
_GREY_LEVEL = 1 / 255


def rank_image(frames: Tensor, valid: Tensor) -> Tensor:
    """Return the image of approximate rank pooling, spread over [0, 1].

    The sum of (2t − T − 1) x_t over the T valid frames (Bilen et al. 2018, dynamic images of frames that
    are not averaged over time first): what comes late is bright, what comes early dark. Each image is
    then stretched to the range of one, as there; where nothing changes it is grey.

    Args:
        frames: (S, L, 3, H, W) in [0, 1].
        valid: (S, L) bool.

    Returns:
        (S, 3, H, W).
    """
    count, place = valid.sum(1, keepdim=True), valid.cumsum(1)
    weight = (2 * place - count - 1).masked_fill(~valid, 0).to(frames.dtype)
    weight = weight / weight.clamp_min(0).sum(1, keepdim=True).clamp_min(1)
    change = (frames * weight[..., None, None, None]).sum(1)
    low, high = change.amin((1, 2, 3), keepdim=True), change.amax((1, 2, 3), keepdim=True)
    return 0.5 + (change - (low + high) / 2) / (high - low).clamp_min(_GREY_LEVEL)


def pooled_image(frames: Tensor, valid: Tensor, pool: Pool) -> Tensor:
    """Return one image (S, 3, H, W) of the valid ones (S, L, 3, H, W) of each segment."""
    if pool == "rank":
        return rank_image(frames, valid)
    if pool == "middle":
        order = valid.long().cumsum(1).masked_fill(~valid, 0)
        middle = (order == valid.sum(1, keepdim=True) // 2 + 1).float().argmax(1)
        return frames[torch.arange(len(frames), device=frames.device), middle]
    shape = (*valid.shape, 1, 1, 1)
    if pool == "max":
        return frames.masked_fill(~valid.view(shape), 0.0).amax(1)
    return (frames * valid.view(shape)).sum(1) / valid.sum(1).clamp_min(1).view(-1, 1, 1, 1)


@MODELS.register_module()
class PooledImage(SegmentBackbone):
    """A trunk that sees one image a segment, which holds appearance and motion.

    A stand-in for De Melo et al. (ICASSP 2020), whose pooling is not known here: the closed form of
    rank pooling is the well-defined one of its kind. ``"middle"`` shows the middle frame as it is,
    which is that paper's second stream, and puts a frame beside a segment's flow.

    Steps are segments, with the trunk's vector and maps. A frozen trunk makes the whole one that may
    be cached, by segment; a cache of the trunk's own, which sees frames, is not read.

    Args:
        trunk: config of a backbone over single frames.
        pool: of the frames: ``"rank"`` (:func:`rank_image`), ``"mean"``, ``"max"``, ``"middle"``.

    Raises:
        ValueError: an unknown pooling; a trunk that reads more than frames, or sees segments.
        TypeError: ``trunk`` names no backbone.
    """

    def __init__(self, *, trunk: dict[str, Any], pool: Pool = "rank") -> None:
        super().__init__()
        if pool not in get_args(Pool):
            raise ValueError(
                f"PooledImage.pool is one of {', '.join(map(repr, get_args(Pool)))}; got {pool!r}"
            )
        self.trunk = build_trunk("PooledImage.trunk", trunk)
        self.pool = pool

    @property
    def spec(self) -> FeatureSpec:
        """The trunk's."""
        return self.trunk.spec

    def extra_repr(self) -> str:
        """Say what weights don't tell."""
        return f"pool={self.pool}"

    def frozen_part(self) -> Backbone | None:
        """Return itself where the trunk is frozen."""
        return self if is_frozen(self.trunk) else None

    def encode(self, segments: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Map S segments' frames (S, L, 3, H, W) to vectors (S, D) and maps (S, C_i, h_i, w_i)."""
        images = pooled_image(frames_of(self, segments), segments.valid, self.pool)
        return shown(self.trunk, images)
