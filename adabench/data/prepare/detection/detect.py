"""Face detection in every n-th frame of a video."""

from __future__ import annotations

import difflib
from array import array
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from adabench.data.prepare.detection.mtcnn import MtcnnDetector
from adabench.data.prepare.detection.yunet import YuNetDetector

CASCADE = "haarcascade_frontalface_default.xml"

FULL_LOOK = 15
"""A detector that follows faces looks at the whole picture in one of so many looks."""
BOX, WITH_POINTS = 5, 15
"""Columns of faces: x, y, width, height, confidence; and then x and y of five points."""

# side of the cascade's window in pixels
_LEAST = 24
_HALF_SURE = 20
"""Overlapping finds that make a confidence of 0.5: mistakes have around 5, faces 20 to 60."""


Seen = Callable[[int, NDArray[np.float64]], object]
"""Takes the number of a frame that was looked at, and its faces as of :class:`FaceDetector`."""


class Picture(Protocol):
    """A frame of a video, as :class:`adabench.data.prepare.videos.decode.Frame`."""

    @property
    def number(self) -> int:
        """Position in the video, from 0."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def rgb(self) -> NDArray[np.uint8]:
        """The pixels, (H, W, 3) uint8 RGB."""


class FaceDetector(Protocol):
    """Finds the faces in one picture.

    A detector may have more: ``follow(image, faces)``, as of :class:`MtcnnDetector`, gives the
    faces near the places of a moment before, for less; ``closer()`` the same detector for smaller
    faces; ``side(height)`` the side in pixels of the smallest face that it looks for.
    """

    @property
    def model_sha256(self) -> str | None:
        """Checksum of its model file, None for one without."""

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The faces (K, 5) or (K, 15) of a picture (H, W, 3) uint8 RGB.

        Columns: x, y, width, height in pixels, and confidence from 0 to 1; then perhaps x and y of
        the eyes, the nose and the mouth's corners, left to right as the picture is seen.
        """


class HaarDetector:
    """OpenCV's frontal face cascade (Viola and Jones 2001; Lienhart and Maydt 2002).

    Args:
        smallest: side of the smallest face to look for, as a share of the picture's height.
        height: higher pictures are reduced to this height first, in pixels.
        scale_step: ratio of two neighbouring sizes that are looked for.
        neighbours: how many overlapping finds make a face.

    Raises:
        FileNotFoundError: this OpenCV carries no cascade (version 5 dropped them).
    """

    model_sha256 = None

    def __init__(
        self,
        smallest: float = 0.15,
        height: int = 240,
        scale_step: float = 1.1,
        neighbours: int = 4,
    ) -> None:
        self.smallest = smallest
        self.height = height
        self.scale_step = scale_step
        self.neighbours = neighbours
        path = Path(cv2.__file__).parent / "data" / CASCADE
        if not path.is_file():
            raise FileNotFoundError(
                f"{path}: OpenCV {cv2.__version__} carries no Haar cascade: "
                "install opencv-python<5 and opencv-contrib-python<5"
            )
        self._cascade = cv2.CascadeClassifier(str(path))
        self._contrast = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(4, 4))

    def closer(self) -> HaarDetector:
        """The same for faces of half the size."""
        return HaarDetector(self.smallest / 2, 2 * self.height, self.scale_step, self.neighbours)

    def side(self, height: int) -> float:
        """The side in pixels of the smallest face that is looked for in pictures of a height."""
        return max(self.smallest * height, _LEAST * max(1.0, height / self.height))

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """See :class:`FaceDetector`."""
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        factor = max(1.0, grey.shape[0] / self.height)
        if factor > 1:
            size = round(grey.shape[1] / factor), round(grey.shape[0] / factor)
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        # locally equalised contrast finds dark and pale faces that the plain picture hides; the
        # rest, in very poor light, comes out of equalising the whole
        faces = self._find(self._contrast.apply(grey))
        if not len(faces):
            faces = self._find(cv2.equalizeHist(grey))
        faces[:, :4] *= factor
        return faces

    def _find(self, grey: NDArray[np.uint8]) -> NDArray[np.float64]:
        smallest = max(_LEAST, round(self.smallest * grey.shape[0]))
        boxes, counts = self._cascade.detectMultiScale2(
            grey, self.scale_step, self.neighbours, minSize=(smallest, smallest)
        )
        places = np.asarray(boxes, np.float64).reshape(-1, 4)
        finds = np.asarray(counts, np.float64).reshape(-1, 1)
        return np.hstack([places, finds / (finds + _HALF_SURE)])


def _without_model(name: str, model: Path | None) -> None:
    if model is not None:
        raise ValueError(
            f"model: the detector {name!r} needs none, got {model}: leave it out, or name the "
            "detector that it is of (yunet)"
        )


def _haar(model: Path | None) -> FaceDetector:
    _without_model("haar", model)
    return HaarDetector()


def _yunet(model: Path | None) -> FaceDetector:
    if model is None:
        raise ValueError("model: the detector 'yunet' needs its ONNX file, and none was given")
    return YuNetDetector(model, points=True)


def _mtcnn(model: Path | None) -> FaceDetector:
    _without_model("mtcnn", model)
    return MtcnnDetector()


DETECTORS: dict[str, Callable[[Path | None], FaceDetector]] = {
    "mtcnn": _mtcnn,
    "haar": _haar,
    "yunet": _yunet,
}
POINTED = ("mtcnn", "yunet")
"""Those that give the five points of a face."""


def make_detector(name: str, model: Path | None = None) -> FaceDetector:
    """The detector ``name``, from its model file where it needs one.

    Raises:
        ValueError: there is none (the message lists those that exist), the model is missing or
            not needed, or the file holds another model.
        FileNotFoundError: the model file is missing.
    """
    if name not in DETECTORS:
        near = difflib.get_close_matches(name, DETECTORS, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(f"detector: no {name!r}{hint}; there are: {', '.join(sorted(DETECTORS))}")
    return DETECTORS[name](model)


def check_detector(name: str, model: Path | None) -> str | None:
    """The checksum of a detector's model file, None without one; errors as :func:`make_detector`.

    What comes with OpenCV is not loaded for it.
    """
    if name == "haar" and model is None:
        return None
    return make_detector(name, model).model_sha256


@dataclass(frozen=True)
class Detections:
    """The faces found in a video.

    Args:
        frames: number of frames of the video.
        sampled: (S,) numbers of the frames looked at, ascending.
        boxes: for each of these, the faces (K, 5) or (K, 15) as of :class:`FaceDetector`; K may be 0.
        size: width and height of the first frame in pixels.
        resized: where the frames' size changes: the first frame that has the new size, width and
            height.
    """

    frames: int
    sampled: NDArray[np.int64]
    boxes: tuple[NDArray[np.float64], ...]
    size: tuple[int, int]
    resized: tuple[tuple[int, int, int], ...] = ()

    def scale(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Width and height of ``frames`` (F,) over those of the first frame, (F, 2)."""
        if not self.resized:
            return np.broadcast_to(1.0, (len(frames), 2))
        starts = [0, *(start for start, _, _ in self.resized)]
        sizes = np.array([self.size, *((width, height) for _, width, height in self.resized)])
        return (sizes / sizes[0])[np.searchsorted(starts, frames, side="right") - 1]


class Watch:
    """Looks at one picture after another of a video, following the faces where the detector can.

    Args:
        detector: finds the faces.
        full_look: the whole picture is searched in one of so many looks, and where a face is lost.
    """

    def __init__(self, detector: FaceDetector, full_look: int = FULL_LOOK) -> None:
        self._detector, self._full_look = detector, full_look
        self._follow: Callable[..., NDArray[np.float64]] | None = getattr(detector, "follow", None)
        self._last: tuple[tuple[int, ...], NDArray[np.float64]] | None = None
        self._followed = 0

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The faces in the next picture, as of :class:`FaceDetector`."""
        faces = self._near(image)
        if faces is None:
            faces, self._followed = self._detector(image), 0
        self._last = image.shape, faces
        return faces

    def _near(self, image: NDArray[np.uint8]) -> NDArray[np.float64] | None:
        """The faces of the picture before, in this one; None where all has to be searched."""
        if self._follow is None or self._last is None or self._followed + 1 >= self._full_look:
            return None
        shape, before = self._last
        if shape != image.shape or not len(before):
            return None
        faces = self._follow(image, before)
        if len(faces) < len(before):
            return None
        self._followed += 1
        return faces


def detect(
    frames: Iterable[Picture], detector: FaceDetector, every: int, seen: Seen | None = None
) -> Detections:
    """Looks for faces in each ``every``-th frame and in the last one; ``seen`` is told at once."""
    watch = Watch(detector)
    # in growing arrays: small objects that stay, between pictures that go, would keep the memory of
    # these from being used again, a gigabyte in fifty minutes
    sampled, counts, values = array("q"), array("q"), array("d")
    columns = BOX
    sizes: list[tuple[int, int, int]] = []
    last: Picture | None = None

    def look(picture: Picture) -> None:
        nonlocal columns
        faces = watch(picture.rgb())
        sampled.append(picture.number)
        counts.append(len(faces))
        columns = faces.shape[1] if len(faces) else columns
        values.extend(faces.ravel().tolist())
        if seen is not None:
            seen(picture.number, faces)

    for last in frames:
        if not sizes or last.size != sizes[-1][1:]:
            sizes.append((last.number, *last.size))
        if last.number % every == 0:
            look(last)
    if last is None:
        raise ValueError("a video without frames has no faces")
    if sampled[-1] != last.number:
        look(last)
    faces = np.array(values).reshape(-1, columns)
    found = tuple(np.split(faces, np.cumsum(counts)[:-1]))
    return Detections(last.number + 1, np.array(sampled), found, sizes[0][1:], tuple(sizes[1:]))


def detect_in(
    frames: Iterable[Picture], detector: FaceDetector, wanted: Collection[int]
) -> dict[int, NDArray[np.float64]]:
    """The faces (K, 5) of the ``wanted`` frames by their numbers; stops after the last of them."""
    found: dict[int, NDArray[np.float64]] = {}
    missing = set(wanted)
    for frame in frames:
        if frame.number in missing:
            found[frame.number] = detector(frame.rgb())
            missing.discard(frame.number)
            if not missing:
                break
    return found
