"""Regions of each frame, through one trunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from adabench.hints import did_you_mean
from adabench.models.backbones.wrappers.trunk import build_trunk, frames_of, is_frozen
from adabench.models.roles import Backbone
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Inputs

Box = tuple[float, float, float, float]

#: Left, top, right and bottom as shares of an upright face's crop: of an aligned one (``cut="aligned"``,
#: OpenFace's), where the eyes are at a third of the height and 0.4 of the width apart, and as well of one
#: with a margin of 0.1. Published boxes are not known.
REGIONS: dict[str, Box] = {
    "forehead": (0.12, 0.0, 0.88, 0.28),
    "eyes": (0.1, 0.2, 0.9, 0.48),
    "nose": (0.28, 0.35, 0.72, 0.7),
    "mouth": (0.22, 0.62, 0.78, 0.95),
    "face": (0.0, 0.0, 1.0, 1.0),
}


@MODELS.register_module()
class RegionFrames(Backbone):
    """Fixed boxes of each frame, each scaled to the frame's size, through one trunk.

    Steps are the trunk's, frames or segments; their vector is the regions' joined in the order of
    ``boxes``. One region's maps are handed on; those of several show different places in one cell,
    and there are none. So are methods of face regions built, as of Zhou et al. (2018, DepressNet), de
    Melo et al. (2019) and He et al. (2021).

    A frozen trunk makes the whole one that may be cached; a cache of the trunk's own, which sees whole
    frames, is not read.

    Args:
        boxes: each (left, top, right, bottom) as shares of the crop's width and height, or a name of
            :data:`REGIONS`: ``"forehead"``, ``"eyes"``, ``"nose"``, ``"mouth"``, ``"face"`` (the whole).
        trunk: config of a backbone that reads frames alone.

    Raises:
        ValueError: no box, an unknown name, a box that is empty or not within the crop; a trunk that
            reads more than frames.
        TypeError: ``trunk`` names no backbone.
    """

    def __init__(self, *, boxes: Sequence[str | Sequence[float]], trunk: dict[str, Any]) -> None:
        super().__init__()
        if not boxes or isinstance(boxes, str):
            raise ValueError(
                f"RegionFrames.boxes is a list of boxes or names of regions; got {boxes!r}"
            )
        self.boxes = tuple(_box(number, given) for number, given in enumerate(boxes))
        self.trunk = build_trunk("RegionFrames.trunk", trunk, segments=True)
        self.per_segment = self.trunk.per_segment
        self.trial = self.trunk.trial

    @property
    def spec(self) -> FeatureSpec:
        """As many vectors as there are regions; maps of a single one."""
        spec = self.trunk.spec
        maps = spec.maps if len(self.boxes) == 1 else ()
        return FeatureSpec(vector=spec.vector * len(self.boxes), maps=maps)

    def extra_repr(self) -> str:
        """Say what weights don't tell."""
        return f"boxes={self.boxes}"

    def frozen_part(self) -> Backbone | None:
        """Return itself where the trunk is frozen."""
        return self if is_frozen(self.trunk) else None

    def forward(self, inputs: Inputs) -> Features:
        """Map frames (B, T, 3, H, W) to vectors (B, T', regions · D); cached features pass through."""
        if inputs.features is not None and self.frozen_part() is self:
            return inputs.features
        frames, count = frames_of(self, inputs), len(self.boxes)
        regions = torch.stack([cut(frames, box) for box in self.boxes], 1).flatten(0, 1)
        whole = replace(inputs, frames=None, features=None)
        repeated = whole.map(lambda tensor: tensor.repeat_interleave(count, 0))
        found = self.trunk(replace(repeated, frames=regions))
        vector = found.vector.unflatten(0, (-1, count)).transpose(1, 2).flatten(2)
        return Features(
            vector=vector,
            valid=found.valid[::count],
            span=found.span[::count],
            maps=found.maps if count == 1 else (),
        )


def cut(frames: Tensor, box: Box) -> Tensor:
    """Return a region of frames (…, 3, H, W), scaled to their size; sides are whole pixels."""
    height, width = frames.shape[-2:]
    columns, rows = _pixels(box[0], box[2], width), _pixels(box[1], box[3], height)
    region = frames[..., rows, columns]
    if region.shape == frames.shape:
        return frames
    flat = region.reshape(-1, 3, *region.shape[-2:])
    scaled = F.interpolate(flat, (height, width), mode="bilinear", antialias=True)
    return scaled.view_as(frames)


def _pixels(start: float, stop: float, side: int) -> slice:
    first = min(round(start * side), side - 1)
    return slice(first, max(round(stop * side), first + 1))


def _box(number: int, given: str | Sequence[float]) -> Box:
    place = f"RegionFrames.boxes[{number}]"
    if isinstance(given, str):
        if given not in REGIONS:
            hint = did_you_mean(given, REGIONS)
            raise ValueError(
                f"{place}: no region is called {given!r}.{hint} Known: {', '.join(REGIONS)}"
            )
        return REGIONS[given]
    if len(given) != 4:
        raise ValueError(f"{place} is left, top, right, bottom; got {list(given)}")
    left, top, right, bottom = map(float, given)
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError(
            f"{place} is left < right and top < bottom, as shares of the crop from 0 to 1; got "
            f"{list(given)}"
        )
    return left, top, right, bottom
