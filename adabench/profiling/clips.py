"""Videos and their face crops to measure with, and how fast the videos decode."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from adabench.data.corpora.base import VIDEO_SUFFIXES
from adabench.data.prepare import PrepareSettings, face_boxes
from adabench.data.prepare.crop import crop_face
from adabench.data.prepare.decode import Frame, Video
from adabench.synthface.corpus import corpus_jobs
from adabench.synthface.drawing import one_thread
from adabench.synthface.face import ClipRenderer
from adabench.synthface.parameters import SynthfaceParameters
from adabench.synthface.video import encode

WIDTH, HEIGHT, FPS = 640, 480, 30
"""Of a generated video: AVEC 2014's."""

_NOISE = 3.0  # standard deviation of the camera's noise, of 255
_SHIFTS = 100


@dataclass(frozen=True)
class Source:
    """A video and the crops that ``prepare`` makes of its first frames.

    Args:
        video: the file.
        crops: (N, size, size, 3) uint8 RGB.
    """

    video: Path
    crops: NDArray[np.uint8]


def sources(src: Path | None, made: Path, *, clips: int, frames: int, size: int) -> list[Source]:
    """The clips to measure stores with.

    Args:
        src: a folder whose first videos are taken; None generates one clip.
        made: where a generated clip goes.
        clips: most videos of ``src``.
        frames: most frames of a clip.
        size: side of a crop in pixels.

    Raises:
        ValueError, FileNotFoundError: as below, or a count below 1.
    """
    for name, value in (("clips", clips), ("frames", frames)):
        if value < 1:
            raise ValueError(f"{name}: expected 1 or more, got {value}")
    videos = videos_in(src, clips) if src else [generated_video(made / "clip.mp4", frames)]
    return [source_of(video, size, frames) for video in videos]


def videos_in(src: Path, most: int) -> list[Path]:
    """The first ``most`` video files below a folder, in the order of their paths.

    Raises:
        FileNotFoundError: there is none.
    """
    found = sorted(path for path in src.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    if not found:
        raise FileNotFoundError(f"{src}: no video ({', '.join(sorted(VIDEO_SUFFIXES))}) below it")
    return found[:most]


def generated_video(path: Path, frames: int, seed: int = 0) -> Path:
    """Writes a synthface clip at AVEC 2014's size and rate: drawn small, enlarged, with noise.

    Raises:
        ValueError: a number of frames that the generator can't draw.
    """
    low, high = FPS, 300 * FPS
    if not low <= frames <= high:
        raise ValueError(f"frames: expected {low} to {high}, got {frames}")
    seconds = frames / FPS
    parameters = SynthfaceParameters(seed=seed, sessions=4, fps=FPS, seconds=(seconds, seconds))
    content = corpus_jobs(parameters)[0].draw()
    renderer = ClipRenderer(content.truth, content.identity, content.scene)
    with one_thread():
        encode(_enlarged(renderer.frames(content.noise), seed), path, fps=FPS)
    return path


def source_of(video: Path, size: int, most: int) -> Source:
    """Crops the face from the first ``most`` frames of a video, as ``prepare`` does.

    Raises:
        ValueError: no face was found.
    """
    settings, beginning = PrepareSettings(size=size), _Beginning(video, most)
    face = face_boxes(beginning, detect_every=settings.detect_every, detector=settings.detector)
    if face is None:
        raise ValueError(f"{video}: no face found in any frame")
    pairs = zip(beginning.frames(), face.boxes, strict=True)
    crops = [crop_face(frame.rgb(), box, settings.margin, size) for frame, box in pairs]
    return Source(video, np.stack(crops))


def decode(video: Path, most: int | None = None, *, rgb: bool = False) -> int:
    """Decodes the first ``most`` frames in order, with one thread; returns how many there were.

    Args:
        video: the file.
        most: None takes all.
        rgb: also convert each to (H, W, 3) uint8 RGB.
    """
    count = 0
    reformatter = VideoReformatter()
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for picture in itertools.islice(container.decode(stream), most):
            count += 1
            if rgb:
                reformatter.reformat(picture, format="rgb24", threads=1).to_ndarray()
    return count


class _Beginning(Video):
    """The first frames of a video."""

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(path)
        self._most = most

    def frames(self) -> Iterator[Frame]:
        return itertools.islice(super().frames(), self._most)


def _enlarged(frames: Iterator[NDArray[np.uint8]], seed: int) -> Iterator[NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    shape = (HEIGHT + _SHIFTS, WIDTH + _SHIFTS, 3)
    noise = np.round(_NOISE * rng.standard_normal(shape, np.float32)).astype(np.int16)
    for frame in frames:
        large = cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        # every frame shows another part of the same noise, which costs less than drawing it
        y, x = rng.integers(0, _SHIFTS + 1, 2)
        yield cv2.add(large, noise[y : y + HEIGHT, x : x + WIDTH], dtype=cv2.CV_8U)
