"""Augmentations of a training view: of its frames, all changed alike, or of its signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

from adabench.registry import TRANSFORMS
from adabench.structures import Signals

Augment = Callable[[Tensor, np.random.Generator], Tensor]
SignalAugment = Callable[[Signals, np.random.Generator], Signals]
Augments = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
Changed = Literal["frames", "signals"]


class InOrder:
    """Several augmentations, one after the other, drawing from one generator.

    Args:
        parts: in their order; none leaves a view as it is.
    """

    def __init__(self, parts: Sequence[Callable[[Any, np.random.Generator], Any]]) -> None:
        self.parts = tuple(parts)

    def __call__(self, content: Any, rng: np.random.Generator) -> Any:
        """Change frames (T, 3, H, W), or signals (T, S)."""
        for part in self.parts:
            content = part(content, rng)
        return content


def augments_of(config: Augments, changed: Changed) -> Augments:
    """Return the part of ``views.augment`` that changes frames, or signals; None of nothing.

    What an augmentation changes is its class's attribute ``changes``, frames where it has none.
    """
    if not config:
        return None
    configs = [config] if isinstance(config, Mapping) else list(config)
    kept = [each for each in configs if _changes(each) == changed]
    # A config that is taken whole stays as it is written, since cached versions go by it.
    return config if len(kept) == len(configs) else kept or None


def _changes(config: Mapping[str, Any]) -> str:
    return getattr(TRANSFORMS.type_of(dict(config)), "changes", "frames")


def build_augment(config: Augments, changed: Changed = "frames") -> InOrder | None:
    """Build the augmentations of frames, or of signals, that ``views.augment`` names, in order."""
    wanted = augments_of(config, changed)
    if not wanted:
        return None
    configs = [wanted] if isinstance(wanted, Mapping) else wanted
    return InOrder([TRANSFORMS.build(dict(each)) for each in configs])


@TRANSFORMS.register_module()
class ClipAugment:
    """Mirror, small moves and colour jitter, the same for a whole clip.

    Args:
        flip: probability of a mirror image.
        brightness, contrast, saturation: factors are drawn from [1 - x, 1 + x].
        shift: largest move, as a share of the frame's side.
        zoom: the scale is drawn from [1 - x, 1 + x].
        rotate: largest angle, degrees.
        crop: share of the frame's side that is cut out at a random place and enlarged to the frame's
            size: 0.875 is 224 of 256 pixels. A prediction sees whole frames, with faces as much smaller.
    """

    def __init__(
        self,
        *,
        flip: float = 0.5,
        brightness: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
        shift: float = 0.0,
        zoom: float = 0.0,
        rotate: float = 0.0,
        crop: float = 1.0,
    ) -> None:
        for name, value in (
            ("flip", flip),
            ("brightness", brightness),
            ("contrast", contrast),
            ("saturation", saturation),
            ("shift", shift),
            ("zoom", zoom),
        ):
            if not 0 <= value <= 1:
                raise ValueError(f"ClipAugment.{name} is between 0 and 1; got {value}")
        if not 0 <= rotate <= 180:
            raise ValueError(f"ClipAugment.rotate is 0 to 180 degrees; got {rotate}")
        if not 0 < crop <= 1:
            raise ValueError(
                f"ClipAugment.crop is above 0 and at most 1, the whole frame; got {crop}"
            )
        self.flip, self.crop = flip, crop
        self.shift, self.zoom, self.rotate = shift, zoom, rotate
        self.jitter = {
            F.adjust_brightness: brightness,
            F.adjust_contrast: contrast,
            F.adjust_saturation: saturation,
        }

    def __call__(self, frames: Tensor, rng: np.random.Generator) -> Tensor:
        """Map frames (T, 3, H, W) uint8 to the same shape and type."""
        if rng.random() < self.flip:
            frames = torch.flip(frames, (-1,))
        frames = self._cut(self._move(frames, rng), rng)
        for function, reach in self.jitter.items():
            factor = float(rng.uniform(1 - reach, 1 + reach))
            if reach:
                frames = function(frames, factor)
        return frames

    def _move(self, frames: Tensor, rng: np.random.Generator) -> Tensor:
        angle = float(rng.uniform(-self.rotate, self.rotate))
        scale = float(rng.uniform(1 - self.zoom, 1 + self.zoom))
        height, width = frames.shape[-2:]
        across, down = rng.uniform(-self.shift, self.shift, 2)
        if not (self.rotate or self.zoom or self.shift):
            return frames
        # Edges repeat, as in the face crops themselves: black corners would be a cue.
        margin = max(height, width) // 4
        padded = F.pad(frames, [margin], padding_mode="edge")
        moved = F.affine(
            padded,
            angle=angle,
            translate=[float(across * width), float(down * height)],
            scale=scale,
            shear=[0.0, 0.0],
            interpolation=InterpolationMode.BILINEAR,
        )
        return F.center_crop(moved, [height, width])

    def _cut(self, frames: Tensor, rng: np.random.Generator) -> Tensor:
        size = list(frames.shape[-2:])
        height, width = (max(1, round(self.crop * side)) for side in size)
        if [height, width] == size:
            return frames
        top, left = (
            int(rng.integers(n - m + 1)) for n, m in zip(size, (height, width), strict=True)
        )
        return F.resized_crop(frames, top, left, height, width, size, InterpolationMode.BILINEAR)
