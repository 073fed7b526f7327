"""The YuNet face detector, from a model file that a user has."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

STRIDES = (8, 16, 32)
OUTPUTS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
"""What the network gives for each cell of each stride, ``cls_8`` to ``kps_32``, and how many."""

_REMEDY = (
    "give OpenCV's YuNet as an ONNX file, face_detection_yunet_2023mar.onnx of OpenCV's model zoo "
    "or a later one"
)
_POINTER = b"version https://git-lfs"
# not square, so that a model of one fixed shape shows; rows and columns divide by every stride
_TRIAL = (64, 96)
_MOST_FACES = 100
# side in pixels of the smallest faces of the pictures that it was trained on
_LEAST = 10


class YuNetDetector:
    """YuNet (Wu, Peng and Yu 2023), through OpenCV's ``FaceDetectorYN``.

    It finds turned, tilted and partly covered faces that the frontal cascade misses.

    Args:
        model: the ONNX file.
        score: boxes with a smaller score, 0 to 1, don't count.
        overlap: of two boxes that overlap by more than this share of their union, the surer stays
            (non-maximum suppression).
        height: higher pictures are reduced to this height first, in pixels.
        points: give the five points of each face too.

    Attributes:
        model_sha256: the file's checksum.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no YuNet model, or an argument is outside its range.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        score: float = 0.6,
        overlap: float = 0.3,
        height: int = 240,
        points: bool = False,
    ) -> None:
        for name, share in (("score", score), ("overlap", overlap)):
            if not 0 < share <= 1:
                raise ValueError(f"{name}: expected a number above 0, at most 1, got {share!r}")
        if height < _TRIAL[0]:
            raise ValueError(f"height: expected at least {_TRIAL[0]} pixels, got {height!r}")
        self.height, self.points = height, points
        self._given = model, score, overlap
        content = _read(Path(model))
        self.model_sha256 = hashlib.sha256(content).hexdigest()
        # FaceDetectorYN reads the outputs without looking at their size, so that a foreign model
        # would take the process down
        _check_outputs(Path(model), content)
        self._size = _TRIAL[::-1]
        self._network = cv2.FaceDetectorYN.create(
            "onnx",
            np.frombuffer(content, np.uint8),
            np.empty(0, np.uint8),
            self._size,
            score,
            overlap,
            _MOST_FACES,
        )

    def closer(self) -> YuNetDetector:
        """The same for faces of half the size."""
        model, score, overlap = self._given
        return YuNetDetector(model, score, overlap, 2 * self.height, self.points)

    def side(self, height: int) -> float:
        """The side in pixels of the smallest face that is looked for in pictures of a height."""
        return _LEAST * max(1.0, height / self.height)

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """See :class:`adabench.data.prepare.detection.detect.FaceDetector`."""
        factor = max(1.0, image.shape[0] / self.height)
        size = max(1, round(image.shape[1] / factor)), max(1, round(image.shape[0] / factor))
        if factor > 1:
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        if size != self._size:
            self._network.setInputSize(size)
            self._size = size
        _, found = self._network.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        if found is None:
            return np.empty((0, 15 if self.points else 5))
        # columns: x, y, width, height, five landmarks, score
        order = [0, 1, 2, 3, 14, *(range(4, 14) if self.points else ())]
        faces = np.asarray(found, np.float64)[:, order]
        faces[:, [i for i in range(len(order)) if i != 4]] *= factor
        usable = np.isfinite(faces).all(axis=1) & (faces[:, 2:4].min(axis=1) > 0)
        return faces[usable]


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"model: {path}: no such file; {_REMEDY}") from None
    except IsADirectoryError:
        raise ValueError(f"model: {path}: a folder, not a file; {_REMEDY}") from None
    if not content:
        raise ValueError(f"model: {path}: the file is empty; {_REMEDY}")
    if content.startswith(_POINTER):
        raise ValueError(
            f"model: {path}: only Git LFS's pointer to the file: fetch it with `git lfs pull`, or "
            f"{_REMEDY}"
        )
    return content


def _check_outputs(path: Path, content: bytes) -> None:
    """Raises ValueError unless the model gives YuNet's outputs for pictures of any size."""
    names = [f"{output}_{stride}" for output in OUTPUTS for stride in STRIDES]
    try:
        network = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
    except cv2.error as error:
        raise ValueError(
            f"model: {path}: no readable ONNX model ({_reason(error)}); {_REMEDY}"
        ) from error
    there = set(network.getUnconnectedOutLayersNames())
    missing = [name for name in names if name not in there]
    if missing:
        raise ValueError(
            f"model: {path}: no YuNet model: it lacks the output {missing[0]}; it has "
            f"{', '.join(sorted(there)[:12]) or 'none'}; {_REMEDY}"
        )
    height, width = _TRIAL
    try:
        network.setInput(np.zeros((1, 3, height, width), np.float32))
        given = network.forward(names)
    except cv2.error as error:
        raise ValueError(
            f"model: {path}: it can't be run on a picture of {width}x{height} pixels "
            f"({_reason(error)}); {_REMEDY}"
        ) from error
    for name, values in zip(names, given, strict=True):
        output, stride = name.split("_")
        cells = (height // int(stride)) * (width // int(stride))
        if values.dtype != np.float32 or values.size != cells * OUTPUTS[output]:
            raise ValueError(
                f"model: {path}: no YuNet model: for {width}x{height} pixels the output {name} "
                f"has the shape {values.shape}, expected (1, {cells}, {OUTPUTS[output]}); {_REMEDY}"
            )


def _reason(error: cv2.error) -> str:
    text = str(error.err or error).strip()
    return text.splitlines()[0][:200] if text else "no reason given"
