"""From the faces found in some frames to one steady box in every frame; pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

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
FREE_MOVE = 0.5
"""A move, in sides of the box (a size doubled counts as one), that heads make between two looks."""
GAP_SPEED = 1.0
"""Sides per second that a head may have moved while it was not found."""

_MOVE_COST = 3.0
_CUT_COST = 1.5
# a detector's mistakes have less confidence: a cut can't lead to one
_SURE = 0.4
_LOOK_BACK = 64
# so many looks tell whether a face is still there, since a detector misses some
_PRESENCE = 3
_LEVEL = 3
_MOST_LOOKS = 32

Faces = NDArray[np.float64]
Look = Callable[[Sequence[int]], Mapping[int, NDArray[np.float64]]]
"""Gives the faces (K, 5) as of ``FaceDetector`` in frames, by their numbers."""


@dataclass(frozen=True)
class FaceTrack:
    """The face of a clip.

    Args:
        boxes: (N, 4) float64, for each frame x, y, width, height in pixels (width = height), not
            rounded, without margin; may reach beyond the picture.
        face_rate: share of the frames looked at in which the face was found, 0 to 1.
        cuts: frames from which on the face is somewhere else at once, ascending.
    """

    boxes: NDArray[np.float64]
    face_rate: float
    cuts: tuple[int, ...] = ()


class Followed(NamedTuple):
    """The face that was followed through the frames looked at.

    Attributes:
        times: (S',) frames in which it was found, ascending.
        faces: (S', 3) centre x, y and side, in pixels of the first frame's size.
    """

    times: NDArray[np.int64]
    faces: Faces


@dataclass(frozen=True)
class Jump:
    """Two finds, one after the other, that are too far apart for a head that moves.

    Args:
        find: number of the second find in its sequence.
        looks: frames between the two that would show where it happens.
    """

    find: int
    looks: tuple[int, ...]


def track(detections: Detections, fps: float, look: Look | None = None) -> FaceTrack | None:
    """One steady square box for every frame, or None if no face was found.

    The faces that :func:`choose` picks are interpolated between the frames looked at (and over
    those without a face) and smoothed: a running median over the side, then Gaussians. Nothing is
    smoothed across a cut, where the face is somewhere else from one frame to the next.

    Args:
        detections: the faces found.
        fps: frames per second.
        look: asked, where the face jumps between two looks, for the faces in the frames between:
            they tell a cut from a quick move, and where it is. Without it, each jump counts as a
            cut half-way.
    """
    followed = choose(detections)
    times, faces = followed.times, followed.faces
    if not len(times):
        return None
    found = tuple(jumps(detections, followed, fps))
    wanted = sorted({frame for jump in found for frame in jump.looks})
    closer = look(wanted) if look is not None and wanted else {}
    cuts = {jump.find: _cut_frame(detections, followed, jump, closer) for jump in found}
    real = {find: frame for find, frame in cuts.items() if frame is not None}
    edges = [0, *real.values(), detections.frames]
    finds = [0, *real, len(times)]
    shots = [
        _smooth(times[i:j], faces[i:j], np.arange(start, stop), fps)
        for (i, j), (start, stop) in zip(pairwise(finds), pairwise(edges), strict=True)
    ]
    centre_x, centre_y, side = np.concatenate(shots, axis=1)
    scale = detections.scale(np.arange(detections.frames))
    side = side * scale[:, 1]
    left, top = centre_x * scale[:, 0] - side / 2, centre_y * scale[:, 1] - side / 2
    boxes = np.stack([left, top, side, side], axis=1)
    return FaceTrack(boxes, len(times) / len(detections.sampled), tuple(real.values()))


def _smooth(
    times: NDArray[np.int64], faces: Faces, frames: NDArray[np.int64], fps: float
) -> NDArray[np.float64]:
    """Centre x, y and side (3, F) in consecutive frames without a cut."""
    faces = faces.copy()
    faces[:, 2] = ndimage.median_filter(faces[:, 2], size=MEDIAN, mode="nearest")
    return np.stack(
        [
            ndimage.gaussian_filter1d(
                np.interp(frames, times, values), sigma * fps, mode="nearest", truncate=3
            )
            for values, sigma in zip(faces.T, (CENTRE_SIGMA, CENTRE_SIGMA, SIDE_SIGMA), strict=True)
        ]
    )


def jumps(detections: Detections, followed: Followed, fps: float) -> Iterator[Jump]:
    """Where the face is too far from the find before, and stays there."""
    faces, times, sampled = followed.faces, followed.times, detections.sampled
    for i in range(1, len(faces)):
        step = _move(faces[i - 1], faces[i])
        if step <= FREE_MOVE:
            continue
        before, after = faces[max(0, i - _LEVEL) : i], faces[i : i + _LEVEL]
        level = _move(np.median(before, axis=0), np.median(after, axis=0))
        look_before = sampled[np.searchsorted(sampled, times[i]) - 1]
        unseen = (look_before - times[i - 1]) / fps
        if level > FREE_MOVE and step > FREE_MOVE + GAP_SPEED * unseen:
            stride = math.ceil((times[i] - look_before) / _MOST_LOOKS)
            yield Jump(i, tuple(range(int(look_before) + 1, int(times[i]), stride)))


def _cut_frame(
    detections: Detections,
    followed: Followed,
    jump: Jump,
    closer: Mapping[int, NDArray[np.float64]],
) -> int | None:
    """The first frame after the jump; None if the face moved there on its own."""
    old, new = jump.find - 1, jump.find
    looks = [look for look in jump.looks if look in closer]
    faces = {look: _centred(closer[look], detections.scale(np.array([look])))[0] for look in looks}
    last, moved = _follow(followed, old, looks, faces)
    if _move(moved, followed.faces[new]) <= FREE_MOVE:
        return None
    first, _ = _follow(followed, new, looks[::-1], faces)
    # both faces at once: the old one leaves where it was seen last
    first = max(first, last + 1)
    return last + 1 + (first - last - 1) // 2


def _follow(
    followed: Followed, find: int, looks: Sequence[int], faces: Mapping[int, Faces]
) -> tuple[int, Faces]:
    """The last of ``looks``, in their order, that the face gets to in small moves, and the face."""
    time, face = int(followed.times[find]), followed.faces[find]
    for look in looks:
        if len(faces[look]):
            moves = _move(faces[look], face)
            if moves.min() <= FREE_MOVE:
                time, face = look, faces[look][moves.argmin()]
    return time, face


def choose(detections: Detections) -> Followed:
    """The frames in which the clip's face was found, and the face in each.

    A clip shows one person, but the detector also finds what is no face, and others pass by. Of all
    sequences with at most one box a frame, this takes the one with the greatest sum of the boxes'
    confidences (times the square root of their size) less a cost for jumps: dynamic programming, in
    which a frame may be left out. So a face found in most frames beats a larger or surer one found
    in few. A jump from a face that is gone to one that is new and sure, as after a cut, costs
    little.
    """
    faces, confidence, samples = _candidates(detections)
    cuts = _Cuts(faces, confidence, samples)
    best = confidence * np.sqrt(faces[:, 2] / faces[:, 2].max(initial=0))
    before = np.full(len(faces), -1)
    oldest = -1
    for i in range(len(faces)):
        first = max(0, i - _LOOK_BACK)
        earlier = np.arange(first, first + np.searchsorted(samples[first:i], samples[i]))
        if first > 0 and (oldest < 0 or best[first - 1] > best[oldest]):
            oldest = first - 1
        if oldest >= 0:
            earlier = np.append(earlier, oldest)
        if not len(earlier):
            continue
        total = best[earlier] - cuts.cost(earlier, i)
        if total.max() > 0:
            before[i] = earlier[total.argmax()]
            best[i] += total.max()
    chain = []
    i = int(best.argmax()) if len(best) else -1
    while i >= 0:
        chain.append(i)
        i = int(before[i])
    chain.reverse()
    return Followed(detections.sampled[samples[chain]], faces[chain])


class _Cuts:
    """What it costs to go from one find to another."""

    def __init__(
        self, faces: Faces, confidence: NDArray[np.float64], samples: NDArray[np.int64]
    ) -> None:
        self.faces, self.samples, self.sure = faces, samples, confidence >= _SURE
        count = len(faces)
        never = np.iinfo(np.int64).max // 2
        # the next look that shows a face where this one is, and the one before
        self.next, self.last = np.full(count, never), np.full(count, -never)
        for i in range(count):
            stop = min(count, i + 1 + _LOOK_BACK)
            later = np.arange(i + 1, stop)
            near = later[
                (samples[later] > samples[i]) & (_move(faces[later], faces[i]) <= FREE_MOVE)
            ]
            if len(near):
                self.next[i] = samples[near[0]]
            # the latest comes last, so it stays
            self.last[near] = samples[i]

    def cost(self, earlier: NDArray[np.int64], i: int) -> NDArray[np.float64]:
        """Of going from each of ``earlier`` (E,) to find ``i``."""
        move = _move(self.faces[earlier], self.faces[i])
        cost = _MOVE_COST * np.maximum(0, move - FREE_MOVE)
        gone = self.next[earlier] > self.samples[i] + _PRESENCE
        new = self.last[i] < self.samples[earlier] - _PRESENCE
        cut = gone & new & self.sure[i]
        # heads move a little all the time; the last term decides between boxes on the same face
        usual = cost + 0.1 * move
        return np.where(cut, np.minimum(usual, _CUT_COST), usual)


def _candidates(
    detections: Detections,
) -> tuple[Faces, NDArray[np.float64], NDArray[np.int64]]:
    """All boxes as centre x, y and side (M, 3), confidences (M,) and samples (M,)."""
    counts = [len(boxes) for boxes in detections.boxes]
    samples = np.repeat(np.arange(len(counts)), counts)
    if not len(samples):
        return np.empty((0, 3)), np.empty(0), samples
    scale = detections.scale(detections.sampled[samples])
    faces, confidence = _centred(np.concatenate(detections.boxes), scale)
    return faces, confidence, samples


def _centred(
    boxes: NDArray[np.float64], scale: NDArray[np.float64]
) -> tuple[Faces, NDArray[np.float64]]:
    """Centre x, y and side (K, 3) in pixels of the first frame's size, and the confidences (K,)."""
    x, y, width, height, confidence = boxes.reshape(-1, 5).T
    wide, high = np.reshape(scale, (-1, 2)).T
    faces = np.stack([(x + width / 2) / wide, (y + height / 2) / high, (width + height) / 2 / high])
    return faces.T, confidence


def _move(earlier: Faces, face: Faces) -> NDArray[np.float64]:
    """How far apart faces (..., 3) are, in sides of the smaller, and in doublings of the side."""
    side = np.minimum(earlier[..., 2], face[..., 2])
    distance = np.hypot(earlier[..., 0] - face[..., 0], earlier[..., 1] - face[..., 1]) / side
    return distance + np.abs(np.log2(earlier[..., 2] / face[..., 2]))
