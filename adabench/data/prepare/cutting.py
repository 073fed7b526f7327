"""The faces of a video: found, cut out, and stored as images, in one pass where that will do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adabench.data.prepare.detection.ahead import Ahead
from adabench.data.prepare.detection.crop import crop_face
from adabench.data.prepare.detection.detect import Picture
from adabench.data.prepare.detection.quality import FaceQuality, sharpness
from adabench.data.prepare.detection.search import Search, find_face, turned
from adabench.data.prepare.pulse import expect
from adabench.data.prepare.settings import PrepareSettings
from adabench.data.prepare.videos.decode import Video
from adabench.data.store import jpeg_encoder


class CutFaces:
    """The face in every frame of a video.

    Frames are cut while the face is looked for. Those whose box came out otherwise in the end are
    cut when the video is read again; what is stored is the same.

    Attributes:
        video: the video, after a full pass over its frames.
        face: where the face is.

    Args:
        video: the video.
        settings: how faces are found and cut.
        folder: where images may wait on disk; the system's for None.

    Raises:
        NoFaceError: no face was found.
        UnreadableVideoError: the video can't be decoded.
    """

    def __init__(self, video: Video, settings: PrepareSettings, folder: Path | None = None) -> None:
        self.video, self._settings = video, settings
        self._encode = jpeg_encoder()
        self._sharp: dict[int, float] = {}
        aligned = settings.cut == "aligned"
        self._ahead = Ahead(self._image, settings.detect_every, aligned, video.fps, folder)
        search = Search(settings.make_detector(), settings.detect_every, aligned)
        expect(1)
        self.face = find_face(video, search, settings.detector, self._ahead)

    def crops(self) -> Iterator[NDArray[np.uint8]]:
        """The face in every frame, (size, size, 3) uint8 RGB, from a pass over the video."""
        return (self._crop(*each) for each in self._frames())

    def images(self) -> Iterator[bytes]:
        """The same as JPEG images, from a pass over the video only where some are still missing."""
        made = self._ahead.made(self.face)
        if made.min() >= 0:
            yield from (self._ahead.image(int(number)) for number in made)
            return
        expect(2)
        for number, each in zip(made, self._frames(), strict=True):
            yield self._ahead.image(int(number)) if number >= 0 else self._image(*each)

    def quality(self) -> FaceQuality:
        """How well the face was seen, whole once all was cut."""
        sharp = float(np.median([*self._sharp.values()])) if self._sharp else None
        return replace(self.face.quality, sharp=sharp)

    def _frames(self) -> Iterator[tuple[Picture, NDArray[np.float64], float | None]]:
        boxes, tilts = self.face.boxes, self.face.tilts
        turns = [None] * len(boxes) if tilts is None else tilts.tolist()
        frames = turned(self.video, self.face.quality.turned)
        return zip(frames, boxes, turns, strict=True)

    def _image(self, frame: Picture, box: NDArray[np.float64], tilt: float | None) -> bytes:
        return self._encode(self._crop(frame, box, tilt))

    def _crop(
        self, frame: Picture, box: NDArray[np.float64], tilt: float | None
    ) -> NDArray[np.uint8]:
        crop = crop_face(frame.rgb(), box, self._settings.margin, self._settings.size, tilt)
        if frame.number % self._settings.detect_every == 0:
            self._sharp[frame.number] = sharpness(crop)
        return crop
