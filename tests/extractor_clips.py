"""Clips that extractors are shown."""

import numpy as np
import torch

from adabench.structures import Clip, Signals
from adabench.testing import example_id


def grey_clip(grey, segment=0):
    """A clip whose frames are grey (T, H, W), 0 to 255."""
    frames = torch.as_tensor(np.asarray(grey), dtype=torch.uint8)[:, None].expand(-1, 3, -1, -1)
    index = torch.arange(len(frames))
    return Clip(id=example_id(0), index=index, frames=frames, segment_length=segment)


def noise(count, height=14, width=17, seed=0, most=256):
    """Grey frames (T, H, W) at random."""
    return np.random.default_rng(seed).integers(0, most, (count, height, width), np.uint8)


def signal_clip(values, mask=None, names=None):
    """A clip of signals (T, S), all known unless a mask says otherwise."""
    values = torch.as_tensor(np.asarray(values), dtype=torch.float32)
    known = torch.ones(values.shape, dtype=torch.bool) if mask is None else torch.as_tensor(mask)
    names = tuple(names or (f"s{number}" for number in range(values.shape[1])))
    signals = Signals(values.masked_fill(~known, 0.0), known, names)
    return Clip(id=example_id(0), index=torch.arange(len(values)), signals=signals)
