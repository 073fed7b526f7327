"""What a clip tells without a face being read: its length, light, border and tracking."""

from __future__ import annotations

import csv

import numpy as np
from numpy.typing import NDArray

from adabench.data.manifest import ClipRecord
from adabench.data.prepare.detection.quality import QUALITY
from adabench.data.prepared import PreparedCorpus

LOOKS = 8
"""Frames of a clip that are looked at, spread over it."""
CORNER = 8
"""A corner is the square of this part of a frame's side."""

NUMBERS = (
    *("seconds", "frames", "face_rate", "face_size", "brightness", "gradient_x", "gradient_y"),
    *("border_red", "border_green", "border_blue"),
)
"""What `nuisance_numbers` gives, in its order."""


def face_sizes(corpus: PreparedCorpus) -> dict[str, float]:
    """Return clip → the face's side over the picture's height; no entry where that isn't known."""
    path = corpus.root / QUALITY
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as lines:
        return {row["clip"]: float(row["size"]) for row in csv.DictReader(lines) if row["size"]}


def nuisance_numbers(
    corpus: PreparedCorpus, clip: ClipRecord, face_size: float = 0.0
) -> NDArray[np.float64]:
    """Return what a clip tells without its face, (10,), named by `NUMBERS`.

    Duration in seconds, number of frames, share of looks with a face, the face's size; then, medians
    over eight frames spread over the clip: mean brightness (0 to 255), how much brighter the right
    half is than the left and the lower than the upper, as a share of it, and the mean colour of the
    two upper corners, where a crop shows the wall behind the head.

    Args:
        corpus: whose frames are read.
        clip: one of its clips.
        face_size: of `face_sizes`; 0 where it isn't known.
    """
    index = (np.arange(LOOKS) * 2 + 1) * clip.frames // (2 * LOOKS)
    frames = corpus.frames(clip.clip, index).astype(np.float64)
    side, corner = frames.shape[1], max(1, frames.shape[1] // CORNER)
    grey = frames.mean(axis=3)
    level = grey.mean(axis=(1, 2))
    half = side // 2
    right = grey[:, :, half:].mean(axis=(1, 2)) - grey[:, :, :half].mean(axis=(1, 2))
    lower = grey[:, half:].mean(axis=(1, 2)) - grey[:, :half].mean(axis=(1, 2))
    shares = np.stack([right, lower], axis=1) / np.maximum(level, 1.0)[:, None]
    top = frames[:, :corner]
    border = (top[:, :, :corner].mean(axis=(1, 2)) + top[:, :, -corner:].mean(axis=(1, 2))) / 2
    seen = np.median(np.concatenate([level[:, None], shares, border], axis=1), axis=0)
    told = [clip.frames / clip.fps, clip.frames, clip.face_rate, face_size]
    return np.concatenate([np.array(told, dtype=np.float64), seen])
