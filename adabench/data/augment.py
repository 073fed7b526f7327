"""Augmentations of frames, drawn once a clip: every frame of a view is changed alike."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from adabench.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ClipAugment:
    """Mirror and colour jitter, the same for a whole clip.

    Args:
        flip: probability of a mirror image.
        brightness, contrast, saturation: factors are drawn from [1 - x, 1 + x].
    """

    def __init__(
        self,
        *,
        flip: float = 0.5,
        brightness: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
    ) -> None:
        for name, value in (
            ("flip", flip),
            ("brightness", brightness),
            ("contrast", contrast),
            ("saturation", saturation),
        ):
            if not 0 <= value <= 1:
                raise ValueError(f"ClipAugment.{name} is between 0 and 1; got {value}")
        self.flip = flip
        self.jitter = {
            F.adjust_brightness: brightness,
            F.adjust_contrast: contrast,
            F.adjust_saturation: saturation,
        }

    def __call__(self, frames: Tensor, rng: np.random.Generator) -> Tensor:
        """Map frames (T, 3, H, W) uint8 to the same shape and type."""
        if rng.random() < self.flip:
            frames = torch.flip(frames, (-1,))
        for function, reach in self.jitter.items():
            factor = float(rng.uniform(1 - reach, 1 + reach))
            if reach:
                frames = function(frames, factor)
        return frames
