"""From the faces found in some frames to one steady box in every frame; pure functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adabench.data.prepare.detect import Detections

CENTRE_SIGMA = 0.25
"""Standard deviation in seconds of the Gaussian over the box's centre."""
SIDE_SIGMA = 1.0
"""The same over the box's side: a head turns and nods quickly, but nears the camera slowly."""
MEDIAN = 9
"""Detections in the running median over the box's side."""

_FREE_MOVE = 0.5
_MOVE_COST = 3.0
_LOOK_BACK = 64


@dataclass(frozen=True)
class FaceTrack:
    """The face of a clip.

    Args:
        boxes: (N, 4) float64, for each frame x, y, width, height in pixels (width = height), not
            rounded, without margin; may reach beyond the picture.
        face_rate: share of the frames looked at in which the face was found, 0 to 1.
    """

    boxes: NDArray[np.float64]
    face_rate: float


def track(detections: Detections, fps: float) -> FaceTrack | None:
    """One steady square box for every frame, or None if no face was found.

    The faces that :func:`choose` picks are interpolated between the frames looked at (and over
    those without a face) and smoothed: a running median over the side, then Gaussians.

    Args:
        detections: the faces found.
        fps: frames per second.
    """
    times, faces = choose(detections)
    if not len(times):
        return None
    faces[:, 2] = ndimage.median_filter(faces[:, 2], size=MEDIAN, mode="nearest")
    frames = np.arange(detections.frames)
    centre_x, centre_y, side = (
        ndimage.gaussian_filter1d(
            np.interp(frames, times, values), sigma * fps, mode="nearest", truncate=3
        )
        for values, sigma in zip(faces.T, (CENTRE_SIGMA, CENTRE_SIGMA, SIDE_SIGMA), strict=True)
    )
    boxes = np.stack([centre_x - side / 2, centre_y - side / 2, side, side], axis=1)
    return FaceTrack(boxes, len(times) / len(detections.sampled))


def choose(detections: Detections) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The frames (S',) in which the clip's face was found, and centre x, y and side (S', 3).

    A clip shows one person, but the detector also finds what is no face. Of all sequences with at
    most one box a frame, this takes the one with the greatest sum of the boxes' confidences
    (times the square root of their size) less a cost for jumps: dynamic programming, in which a
    frame may be left out. So a face found in most frames beats a larger or surer one found in few.
    """
    faces, scores, samples = _candidates(detections)
    best = scores.copy()
    before = np.full(len(faces), -1)
    for i in range(len(faces)):
        first = max(0, i - _LOOK_BACK)
        earlier = np.arange(first, first + np.searchsorted(samples[first:i], samples[i]))
        if not len(earlier):
            continue
        total = best[earlier] - _jump_cost(faces[earlier], faces[i])
        if total.max() > 0:
            before[i] = earlier[total.argmax()]
            best[i] += total.max()
    path = []
    i = int(best.argmax()) if len(best) else -1
    while i >= 0:
        path.append(i)
        i = int(before[i])
    path.reverse()
    return detections.sampled[samples[path]], faces[path]


def _candidates(
    detections: Detections,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """All boxes as centre x, y and side (M, 3), their scores (M,) and their samples (M,)."""
    counts = [len(boxes) for boxes in detections.boxes]
    samples = np.repeat(np.arange(len(counts)), counts)
    if not len(samples):
        return np.empty((0, 3)), np.empty(0), samples
    x, y, width, height, confidence = np.concatenate(detections.boxes).T
    side = (width + height) / 2
    faces = np.stack([x + width / 2, y + height / 2, side], axis=1)
    return faces, confidence * np.sqrt(side / side.max()), samples


def _jump_cost(earlier: NDArray[np.float64], face: NDArray[np.float64]) -> NDArray[np.float64]:
    side = np.minimum(earlier[:, 2], face[2])
    distance = np.hypot(earlier[:, 0] - face[0], earlier[:, 1] - face[1]) / side
    move = distance + np.abs(np.log2(earlier[:, 2] / face[2]))
    # heads move a little all the time; the last term decides between boxes on the same face
    return _MOVE_COST * np.maximum(0, move - _FREE_MOVE) + 0.1 * move
