"""Grey frames of a clip, in the sequences in which its view shows them."""

from __future__ import annotations

import torch
from torch import Tensor

from adabench.structures import Clip


def grey_sequences(clip: Clip, reader: str) -> Tensor:
    """Return a clip's frames in grey (N, L, H, W), uint8: its N segments, or all of it as one.

    Grey is luma by ITU-R BT.601 in whole numbers, so that frames brighter by c are c brighter in grey.

    Args:
        clip: with its frames (N * L, 3, H, W).
        reader: the extractor, for the message.

    Raises:
        ValueError: a clip without frames.
    """
    if clip.frames is None:
        raise ValueError(f"{reader} reads frames, and clip {clip.id.clip} has none")
    red, green, blue = clip.frames.int().unbind(1)
    grey = ((299 * red + 587 * green + 114 * blue + 500) // 1000).to(torch.uint8)
    return grey.unflatten(0, (-1, clip.segment_length or len(grey)))


def lengthened(frames: Tensor, least: int) -> Tensor:
    """Return frames (L, H, W), the last one repeated where there are fewer than ``least``."""
    missing = least - len(frames)
    return frames if missing <= 0 else torch.cat([frames, frames[-1:].expand(missing, -1, -1)])
