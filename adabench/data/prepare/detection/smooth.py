"""From the faces found in some frames to one steady box in every frame; pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adabench.data.prepare.detection.detect import Detections
from adabench.data.prepare.detection.follow import (
    FREE_MOVE,
    Faces,
    Finds,
    Followed,
    centred,
    choose,
    move_of,
    others,
    the_face,
)
from adabench.data.prepare.detection.pose import poses
from adabench.data.prepare.detection.quality import FaceQuality

__all__ = ["FaceTrack", "choose", "track"]

CENTRE_SIGMA = 0.25
"""Standard deviation in seconds of the Gaussian over the box's centre."""
SIDE_SIGMA = 1.0
"""The same over the box's side: a head turns and nods quickly, but nears the camera slowly."""
POINT_SIGMA = 0.05
"""The same over the centre and the tilt by points, which tremble less than boxes."""
MEDIAN = 9
"""Detections in the running median over the box's side."""
GAP_SPEED = 1.0
"""Sides per second that a head may have moved while it was not found."""

_TRUNCATE = 3
_LEVEL = 3
_MOST_LOOKS = 32

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
        tilts: (N,) degrees clockwise by which the boxes are turned about their centres to set the
            eyes level; None for boxes that stay as they are.
        quality: how well the face was seen; where its pictures had to be turned, the boxes are of
            these.
    """

    boxes: NDArray[np.float64]
    face_rate: float
    cuts: tuple[int, ...] = ()
    tilts: NDArray[np.float64] | None = None
    quality: FaceQuality = field(default_factory=FaceQuality)


@dataclass(frozen=True)
class Jump:
    """Two finds, one after the other, that are too far apart for a head that moves.

    Args:
        find: number of the second find in its sequence.
        looks: frames between the two that would show where it happens.
    """

    find: int
    looks: tuple[int, ...]


def track(
    detections: Detections, fps: float, look: Look | None = None, *, aligned: bool = False
) -> FaceTrack | None:
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
        aligned: turn the boxes with the face, and set them by its points in place of its boxes.

    Raises:
        ValueError: ``aligned``, from a detector that gives no points.
    """
    finds = Finds.of(detections)
    chosen = the_face(finds)
    if not len(chosen):
        return None
    followed = Followed(detections.sampled[finds.samples[chosen]], finds.faces[chosen])
    pose = None if finds.points is None else poses(finds.points[chosen])
    if aligned and pose is None:
        raise ValueError("aligned: the detector gives no points of a face to align it by")
    times = followed.times
    faces = pose if aligned and pose is not None else followed.faces
    real = _cuts(detections, followed, fps, look)
    edges = [0, *real.values(), detections.frames]
    firsts = [0, *real, len(times)]
    shots = [
        smooth(times[i:j], faces[i:j], np.arange(start, stop), fps)
        for (i, j), (start, stop) in zip(pairwise(firsts), pairwise(edges), strict=True)
    ]
    scale = detections.scale(np.arange(detections.frames))
    boxes, tilts = boxes_of(np.concatenate(shots, axis=1), scale)
    return FaceTrack(
        boxes,
        len(times) / len(detections.sampled),
        tuple(real.values()),
        tilts,
        _quality(detections, finds, chosen, pose, aligned),
    )


def _cuts(
    detections: Detections, followed: Followed, fps: float, look: Look | None
) -> dict[int, int]:
    """The first frame after each cut, by the number of the find there."""
    found = tuple(jumps(detections, followed, fps))
    wanted = sorted({frame for jump in found for frame in jump.looks})
    closer = look(wanted) if look is not None and wanted else {}
    cuts = {jump.find: _cut_frame(detections, followed, jump, closer) for jump in found}
    return {find: frame for find, frame in cuts.items() if frame is not None}


def _quality(
    detections: Detections,
    finds: Finds,
    chosen: NDArray[np.int64],
    pose: NDArray[np.float64] | None,
    aligned: bool,
) -> FaceQuality:
    height = detections.size[1]
    side = float(np.median(finds.faces[chosen, 2]))
    return FaceQuality(
        sure=float(np.median(finds.confidence[chosen])),
        size=side / height,
        pixels=side,
        tilt=None if pose is None else float(np.median(np.abs(pose[:, 3]))),
        others=others(finds, chosen, len(detections.sampled)),
        upright=aligned,
    )


def reach(fps: float) -> int:
    """How many frames before and after it a frame's box depends on, finds aside."""
    return int(_TRUNCATE * max(CENTRE_SIGMA, SIDE_SIGMA, POINT_SIGMA) * fps + 0.5)


def boxes_of(
    smoothed: NDArray[np.float64], scale: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Boxes (F, 4) and tilts (F,), or None, of what :func:`smooth` gives.

    Args:
        smoothed: in pixels of the first frame's size.
        scale: (F, 2) width and height of each frame over the first one's; None where all are alike.
    """
    centre_x, centre_y, side, *tilts = smoothed
    wide, high = (1.0, 1.0) if scale is None else scale.T
    side = side * high
    left, top = centre_x * wide - side / 2, centre_y * high - side / 2
    return np.stack([left, top, side, side], axis=1), tilts[0] if tilts else None


def smooth(
    times: NDArray[np.int64], faces: NDArray[np.float64], frames: NDArray[np.int64], fps: float
) -> NDArray[np.float64]:
    """Centre x, y, side, and tilt where there is one (3 or 4, F), in ``frames`` without a cut.

    Args:
        times: (S,) the frames of the finds.
        faces: (S, 3 or 4) their centre x, y and side in pixels, and tilt in degrees.
        frames: (F,) numbers that follow one another.
        fps: frames per second.
    """
    faces = faces.copy()
    faces[:, 2] = ndimage.median_filter(faces[:, 2], size=MEDIAN, mode="nearest")
    sigmas = [CENTRE_SIGMA, CENTRE_SIGMA, SIDE_SIGMA]
    if faces.shape[1] > 3:
        faces[:, 3] = np.unwrap(faces[:, 3], period=360)
        sigmas = [POINT_SIGMA, POINT_SIGMA, SIDE_SIGMA, POINT_SIGMA]
    return np.stack(
        [
            ndimage.gaussian_filter1d(
                np.interp(frames, times, values), sigma * fps, mode="nearest", truncate=_TRUNCATE
            )
            for values, sigma in zip(faces.T, sigmas, strict=True)
        ]
    )


def jumps(detections: Detections, followed: Followed, fps: float) -> Iterator[Jump]:
    """Where the face is too far from the find before, and stays there."""
    faces, times, sampled = followed.faces, followed.times, detections.sampled
    for i in range(1, len(faces)):
        step = move_of(faces[i - 1], faces[i])
        if step <= FREE_MOVE:
            continue
        before, after = faces[max(0, i - _LEVEL) : i], faces[i : i + _LEVEL]
        level = move_of(np.median(before, axis=0), np.median(after, axis=0))
        look_before = sampled[np.searchsorted(sampled, times[i]) - 1]
        unseen = (look_before - times[i - 1]) / fps
        if level > FREE_MOVE and step > FREE_MOVE + GAP_SPEED * unseen:
            passed = slice(*np.searchsorted(sampled, (times[i - 1] + 1, times[i])))
            # a face on its way is passed over where it is too quick for two looks
            on_its_way = any(len(boxes) for boxes in detections.boxes[passed])
            start = int(times[i - 1] if on_its_way else look_before)
            stride = math.ceil((times[i] - start) / _MOST_LOOKS)
            yield Jump(i, tuple(range(start + 1, int(times[i]), stride)))


def _cut_frame(
    detections: Detections,
    followed: Followed,
    jump: Jump,
    closer: Mapping[int, NDArray[np.float64]],
) -> int | None:
    """The first frame after the jump; None if the face moved there on its own."""
    old, new = jump.find - 1, jump.find
    looks = [look for look in jump.looks if look in closer]
    faces = {look: centred(closer[look], detections.scale(np.array([look])))[0] for look in looks}
    last, moved = _follow(followed, old, looks, faces)
    if move_of(moved, followed.faces[new]) <= FREE_MOVE:
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
            moves = move_of(faces[look], face)
            if moves.min() <= FREE_MOVE:
                time, face = look, faces[look][moves.argmin()]
    return time, face
