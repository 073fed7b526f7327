"""Looking for a clip's face: as it is, then closer and in turned pictures before it is given up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adabench.data.prepare.detection.ahead import Ahead
from adabench.data.prepare.detection.detect import (
    Detections,
    FaceDetector,
    Picture,
    detect,
    detect_in,
)
from adabench.data.prepare.detection.smooth import FaceTrack, track
from adabench.data.prepare.videos.decode import Video

PROBES = 32
"""Frames of a clip that are looked at again, spread over it, where no face was found."""
TURNS = (0, 1, 3, 2)
"""Quarter turns counter-clockwise of the pictures that are looked at again."""

OFTEN = 0.5
"""A video with a face in so large a share of the frames looked at is not looked at again."""
FEWEST = 0.1
"""Share of the frames looked at again that have to show a face, for a way to be taken."""
CLEARLY = 3
"""How many times as often as at first."""

_SURE = 0.5
_OTHER_DETECTOR = {"haar": "--detector mtcnn", "mtcnn": "--detector yunet with its --model"}


class NoFaceError(ValueError):
    """No face was found in a video; the message says what was looked for, and what to try."""

    status = "no_face"


@dataclass(frozen=True)
class TurnedFrame:
    """A decoded frame, turned; as :class:`adabench.data.prepare.videos.decode.Frame`."""

    frame: Picture
    quarters: int

    @property
    def number(self) -> int:
        """Position in the video, from 0."""
        return self.frame.number

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = self.frame.size
        return (height, width) if self.quarters % 2 else (width, height)

    def rgb(self) -> NDArray[np.uint8]:
        """The pixels, (H, W, 3) uint8 RGB."""
        return np.ascontiguousarray(np.rot90(self.frame.rgb(), self.quarters))


def turned(video: Video, quarters: int) -> Iterator[Picture]:
    """The frames of a video, by quarter turns counter-clockwise."""
    frames = video.frames()
    return (TurnedFrame(frame, quarters) for frame in frames) if quarters else frames


@dataclass(frozen=True)
class Search:
    """How faces are looked for.

    Args:
        detector: finds them.
        every: in each n-th frame.
        aligned: see :func:`adabench.data.prepare.detection.smooth.track`.
        quarters: quarter turns counter-clockwise of the pictures.
    """

    detector: FaceDetector
    every: int
    aligned: bool = False
    quarters: int = 0

    def track(
        self, video: Video, ahead: Ahead | None = None
    ) -> tuple[FaceTrack | None, Detections]:
        """The face in every frame of a video, None if there is none, and all that was found.

        Args:
            video: the video.
            ahead: cuts its frames while they are there; not of turned pictures.
        """
        if ahead is None:
            found = detect(turned(video, self.quarters), self.detector, self.every)
        else:
            frames = ahead.through(video.frames())
            found = detect(frames, self.detector, self.every, ahead.look)
            ahead.end(found.frames)

        def look(frames: Sequence[int]) -> Mapping[int, NDArray[np.float64]]:
            return self.faces(video, frames)

        face = track(found, video.fps, look, aligned=self.aligned)
        if face is not None:
            face = replace(face, quality=replace(face.quality, turned=self.quarters))
        return face, found

    def faces(self, video: Video, frames: Sequence[int]) -> Mapping[int, NDArray[np.float64]]:
        """What is found in some frames, by their numbers."""
        # another object: this pass ends early, and ``video`` tells of a whole one
        return detect_in(turned(Video(video.path), self.quarters), self.detector, frames)

    def again(self) -> list[Search]:
        """The same with smaller faces and in turned pictures."""
        closer = getattr(self.detector, "closer", None)
        detector = self.detector if closer is None else closer()
        return [replace(self, detector=detector, quarters=quarters) for quarters in TURNS]


def find_face(
    video: Video, search: Search, detector: str = "", ahead: Ahead | None = None
) -> FaceTrack:
    """The face in every frame of a video.

    Where none is found, or in few frames, some frames are looked at again, for faces of half the size
    and turned by quarters; if one way shows clearly more, the video is searched in that.

    Args:
        video: the video.
        search: how to look first.
        detector: its name, for the message.
        ahead: cuts the frames of the first search.

    Raises:
        NoFaceError: no face was found in any way.
        UnreadableVideoError: the file is no video.
    """
    face, found = search.track(video, ahead)
    rate = 0.0 if face is None else face.face_rate
    if face is not None and rate >= OFTEN:
        return face
    probes = sorted({round(i) for i in np.linspace(0, found.frames - 1, PROBES)})
    ways = search.again()
    shares = _shares(video, ways, probes)
    best = int(np.argmax(shares))
    if shares[best] >= max(FEWEST, CLEARLY * rate):
        better, _ = ways[best].track(video)
        face = better or face
    if face is None:
        told = _not_found(search, found, ways[0], len(probes), detector)
        raise NoFaceError(f"{video.path}: {told}")
    return face


def _shares(video: Video, ways: Sequence[Search], probes: Sequence[int]) -> list[float]:
    """Share of some frames in which each way finds a face, surely."""
    found = np.zeros(len(ways))
    # one pass for all: decoding a long video takes its time
    for frame in Video(video.path).frames():
        if frame.number in probes:
            image = frame.rgb()
            for i, way in enumerate(ways):
                faces = way.detector(np.ascontiguousarray(np.rot90(image, way.quarters)))
                found[i] += faces[:, 4].max(initial=0.0) >= _SURE
        if frame.number >= probes[-1]:
            break
    return (found / len(probes)).tolist()


def _not_found(search: Search, found: Detections, again: Search, probes: int, name: str) -> str:
    height = found.size[1]
    first = _sizes(search.detector, height)
    second = _sizes(again.detector, height)
    other = _OTHER_DETECTOR.get(name)
    return (
        f"no face found in any frame: looked for faces{first} in {len(found.sampled)} of "
        f"{found.frames} frames, then{second} in {probes} of them, upright and turned by 90, 180 "
        "and 270 degrees: if there is one, cut the video to the part with the face, or "
        "give it more light or contrast" + (f", or try {other}" if other else "")
    )


def _sizes(detector: FaceDetector, height: int) -> str:
    side = getattr(detector, "side", None)
    if side is None:
        return ""
    return f" from {side(height):.0f} pixels ({side(height) / height:.0%} of the picture's height)"
