"""Augmentations of a training view's signals, drawn once a clip."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from adabench.registry import TRANSFORMS
from adabench.structures import Signals

# The axis in OpenFace's name of a landmark's coordinate: x_8, Z_8, eye_lmk_y_3.
_AXIS = re.compile(r"(?:^|(?<=_))[xyzXYZ]_(?=\d+$)")


def _share(place: str, value: float, most: float = 1.0) -> float:
    if not 0 <= value <= most:
        raise ValueError(f"{place} is between 0 and {most:g}; got {value}")
    return value


def _without(signals: Signals, dropped: Tensor) -> Signals:
    """Return signals of which some (T, S) were not measured."""
    return replace(
        signals,
        values=signals.values.masked_fill(dropped, 0.0),
        mask=signals.mask & ~dropped,
    )


def _landmarks(names: Sequence[str]) -> list[int]:
    """Return a number of each column, the same for the coordinates of a landmark (``x_8``, ``y_8``)."""
    found: dict[str, int] = {}
    return [found.setdefault(_AXIS.sub("", name), len(found)) for name in names]


@TRANSFORMS.register_module()
class SignalDropout:
    """Whole columns that were not measured.

    Args:
        share: probability that a column is dropped; one always stays.
        landmarks: the coordinates of a landmark are dropped together or not at all (Wang et al. 2024,
            *FacialPulse*).
    """

    changes = "signals"

    def __init__(self, *, share: float = 0.1, landmarks: bool = False) -> None:
        self.share = _share("SignalDropout.share", share)
        self.landmarks = landmarks

    def __call__(self, signals: Signals, rng: np.random.Generator) -> Signals:
        """Drop columns of signals (T, S)."""
        names = signals.names
        group = np.array(_landmarks(names) if self.landmarks else range(len(names)))
        groups = int(group.max()) + 1
        dropped = rng.random(groups) < self.share
        if dropped.all():
            dropped[rng.integers(groups)] = False
        return _without(signals, torch.from_numpy(dropped[group]).expand_as(signals.mask))


@TRANSFORMS.register_module()
class SignalJitter:
    """Noise on every measured value, as large as a column's own spread allows.

    Args:
        share: standard deviation of the noise, as a share of the column's over the view.
    """

    changes = "signals"

    def __init__(self, *, share: float = 0.1) -> None:
        if share < 0:
            raise ValueError(f"SignalJitter.share is 0 or more; got {share}")
        self.share = share

    def __call__(self, signals: Signals, rng: np.random.Generator) -> Signals:
        """Add noise to signals (T, S)."""
        known = signals.mask.double()
        count = known.sum(0).clamp_min(1)
        values = signals.values.double()
        away = (values - (values * known).sum(0) / count) * known
        spread = (away.square().sum(0) / count).sqrt()
        noise = torch.from_numpy(rng.standard_normal(tuple(values.shape)))
        moved = values + self.share * spread * noise * known
        return replace(signals, values=moved.to(signals.values.dtype))


@TRANSFORMS.register_module()
class SignalMask:
    """A stretch of frames in which nothing was measured, as where a face was lost.

    Args:
        share: largest length of the stretch, as a share of the view; below 1.
    """

    changes = "signals"

    def __init__(self, *, share: float = 0.2) -> None:
        if share == 1:
            raise ValueError("SignalMask.share is below 1: some frame has to stay")
        self.share = _share("SignalMask.share", share)

    def __call__(self, signals: Signals, rng: np.random.Generator) -> Signals:
        """Mask frames of signals (T, S)."""
        frames = len(signals.mask)
        length = int(rng.uniform(0, self.share) * frames)
        start = int(rng.integers(frames - length + 1))
        lost = torch.zeros(frames, 1, dtype=torch.bool)
        lost[start : start + length] = True
        return _without(signals, lost.expand_as(signals.mask))
