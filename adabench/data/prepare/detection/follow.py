"""Which of the faces that were found is the clip's; pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adabench.data.prepare.detection.detect import Detections

FREE_MOVE = 0.5
"""A move, in sides of the box (a size doubled counts as one), that heads make between two looks."""
LONGER = 1.25
"""Of two persons the one who is there in so many times the other's looks is there longer."""

_MOVE_COST = 3.0
_CUT_COST = 1.5
# a detector's mistakes have less confidence: a cut can't lead to one
_SURE = 0.4
# what is told to be another person must be surer than what is followed
_ANOTHER = 0.5
# sides of a face between two persons at the least
_OTHER_PLACE = 1.5
_LOOK_BACK = 64
# so many looks tell whether a face is still there, since a detector misses some
_PRESENCE = 3
_PERSONS = 4

Faces = NDArray[np.float64]


class Followed(NamedTuple):
    """The face that was followed through the frames looked at.

    Attributes:
        times: (S',) frames in which it was found, ascending.
        faces: (S', 3) centre x, y and side, in pixels of the first frame's size.
    """

    times: NDArray[np.int64]
    faces: Faces


@dataclass(frozen=True)
class Finds:
    """All that was found, in pixels of the first frame's size.

    Args:
        faces: (M, 3) centre x, y and side.
        confidence: (M,) 0 to 1.
        samples: (M,) numbers of the looks, ascending.
        points: (M, 5, 2) x and y of both eyes, the nose and the mouth's corners; None from a
            detector that gives none.
    """

    faces: Faces
    confidence: NDArray[np.float64]
    samples: NDArray[np.int64]
    points: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, detections: Detections) -> Finds:
        """Those of a video."""
        counts = [len(boxes) for boxes in detections.boxes]
        samples = np.repeat(np.arange(len(counts)), counts)
        if not len(samples):
            return cls(np.empty((0, 3)), np.empty(0), samples)
        scale = detections.scale(detections.sampled[samples])
        boxes = np.concatenate([boxes for boxes in detections.boxes if len(boxes)])
        faces, confidence = centred(boxes, scale)
        points = boxes[:, 5:].reshape(-1, 5, 2) / scale[:, None] if boxes.shape[1] > 5 else None
        return cls(faces, confidence, samples, points)


def choose(detections: Detections) -> Followed:
    """The frames in which the clip's face was found, and the face in each; see :func:`the_face`."""
    finds = Finds.of(detections)
    chosen = the_face(finds)
    return Followed(detections.sampled[finds.samples[chosen]], finds.faces[chosen])


def the_face(finds: Finds) -> NDArray[np.int64]:
    """Numbers of the finds of the clip's face, ascending.

    A clip shows one person, but the detector also finds what is no face, and others pass by. The
    person who is there longest is taken: a face found in most looks beats a larger or surer one
    found in few. Of persons who are there about as long (:data:`LONGER`) it is the surest and
    largest.
    """
    left = np.arange(len(finds.samples))
    best, longest = left[:0], 0.0
    for _ in range(_PERSONS):
        # nobody who is left is there longer than all that is left together
        if len(best) and _presence(finds, left) <= LONGER * longest:
            break
        chain = left[_sequence(finds.faces[left], finds.confidence[left], finds.samples[left])]
        presence = _presence(finds, chain)
        if not len(best) or presence > LONGER * longest:
            best, longest = chain, presence
        left = left[~_on(finds, left, chain)]
    return best


def others(finds: Finds, chosen: NDArray[np.int64], looks: int) -> float:
    """Share of the looks that surely show another face beside the ``chosen`` one, 0 to 1."""
    sure = np.flatnonzero(finds.confidence >= _ANOTHER)
    other = sure[~_on(finds, sure, chosen)]
    # in a look without the chosen face another find may be the same person elsewhere
    beside = np.isin(finds.samples[other], finds.samples[chosen])
    return len(np.unique(finds.samples[other[beside]])) / max(looks, 1)


def _presence(finds: Finds, numbers: NDArray[np.int64]) -> float:
    """In how many looks something was found; a look counts by its surest find's confidence."""
    looks = np.zeros(finds.samples.max(initial=-1) + 1)
    np.maximum.at(looks, finds.samples[numbers], finds.confidence[numbers])
    return float(looks.sum())


def _on(finds: Finds, numbers: NDArray[np.int64], chain: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which finds lie on the face of ``chain`` in their look, that find itself among them."""
    if not len(chain):
        return np.zeros(len(numbers), bool)
    at = np.searchsorted(finds.samples[chain], finds.samples[numbers])
    mine = chain[np.minimum(at, len(chain) - 1)]
    same = finds.samples[mine] == finds.samples[numbers]
    near: NDArray[np.bool_] = move_of(finds.faces[numbers], finds.faces[mine]) <= FREE_MOVE
    return same & near


def _sequence(
    faces: Faces, confidence: NDArray[np.float64], samples: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Numbers of the finds of one face, ascending.

    Of all sequences with at most one find a look, this is the one with the greatest sum of the
    finds' confidences (times the square root of their size) less a cost for jumps: dynamic
    programming, in which a look may be left out. A jump from a face that is gone to one that is new
    and sure, as after a cut, costs little.
    """
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
    return np.array(chain[::-1], np.int64)


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
                (samples[later] > samples[i]) & (move_of(faces[later], faces[i]) <= FREE_MOVE)
            ]
            if len(near):
                self.next[i] = samples[near[0]]
            # the latest comes last, so it stays
            self.last[near] = samples[i]

    def cost(self, earlier: NDArray[np.int64], i: int) -> NDArray[np.float64]:
        """Of going from each of ``earlier`` (E,) to find ``i``."""
        move = move_of(self.faces[earlier], self.faces[i])
        cost = _MOVE_COST * np.maximum(0, move - FREE_MOVE)
        gone = self.next[earlier] > self.samples[i] + _PRESENCE
        new = self.last[i] < self.samples[earlier] - _PRESENCE
        cut = gone & new & self.sure[i]
        # heads move a little all the time; the last term decides between boxes on the same face
        usual = cost + 0.1 * move
        # the old face is still seen where it was: the new one is somebody else's
        another = (self.next[earlier] <= self.samples[i]) & (move > _OTHER_PLACE)
        usual = np.where(another, np.inf, usual)
        return np.where(cut, np.minimum(usual, _CUT_COST), usual)


def centred(
    boxes: NDArray[np.float64], scale: NDArray[np.float64]
) -> tuple[Faces, NDArray[np.float64]]:
    """Centre x, y and side (K, 3) in pixels of the first frame's size, and the confidences (K,)."""
    x, y, width, height, confidence = boxes[:, :5].T
    wide, high = np.reshape(scale, (-1, 2)).T
    faces = np.stack([(x + width / 2) / wide, (y + height / 2) / high, (width + height) / 2 / high])
    return faces.T, confidence


def move_of(earlier: Faces, face: Faces) -> NDArray[np.float64]:
    """How far apart faces (..., 3) are, in sides of the smaller, and in doublings of the side."""
    side = np.minimum(earlier[..., 2], face[..., 2])
    distance = np.hypot(earlier[..., 0] - face[..., 0], earlier[..., 1] - face[..., 1]) / side
    return distance + np.abs(np.log2(earlier[..., 2] / face[..., 2]))
