"""Reading video files frame by frame."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from adabench.data.prepare.containers import (
    RECOPY,
    UnreadableVideoError,
    open_video,
    stated_seconds,
)
from adabench.data.prepare.pulse import beat, decoding

__all__ = ["Frame", "UnreadableVideoError", "Video"]

UNEVEN = 0.01
"""A video whose frames stray from a steady rate by a larger share of its time is variable."""

# containers round times to a unit of their own, most often to a millisecond
_ROUNDING = 0.002
_QUARTER = 90


@dataclass(frozen=True)
class Frame:
    """A decoded frame; its pixels are converted only when asked for.

    Args:
        number: position in the video, from 0.
        picture: the decoder's frame, as it is stored.
        quarters: quarter turns counter-clockwise that set it upright.
    """

    number: int
    picture: av.VideoFrame
    quarters: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright."""
        width, height = self.picture.width, self.picture.height
        return (height, width) if self.quarters % 2 else (width, height)

    def rgb(self) -> NDArray[np.uint8]:
        """The pixels, (H, W, 3) uint8 RGB, upright."""
        pixels = np.asarray(self.picture.to_ndarray(format="rgb24"), np.uint8)
        return np.ascontiguousarray(np.rot90(pixels, self.quarters)) if self.quarters else pixels


class Video:
    """A video file, read in order and as often as wanted; one frame is in memory at a time.

    Frames come upright, turned as the container says. Each frame that is shown counts once, however
    long it is shown: a variable frame rate is not made steady. What can't be decoded in the middle
    is passed over.

    Attributes:
        path: the file.
        format: its container, as FFmpeg names it: ``mov,mp4,m4a,3gp,3g2,mj2``, ``avi``, ...
        fps: frames per second; their mean where the rate is variable.
        stated_frames: the number of frames by the file's header, 0 if it tells nothing.

    These are known after a full pass over :meth:`frames`:

    Attributes:
        broken: why frames are missing, or None.
        damaged: how many frames the decoder could restore only in part.
        rotation: degrees counter-clockwise by which the frames were turned.
        variable_rate: whether the frames come at no steady rate.
        spacing: the shortest and the longest time between two frames in seconds.

    Args:
        path: the file.

    Raises:
        UnreadableVideoError: from the first use on, where nothing can be decoded.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.broken: str | None = None
        self.damaged = self.rotation = 0
        self.variable_rate = False
        self.spacing: tuple[float, float] | None = None
        with decoding(whole=False):
            container, stream = open_video(self.path)
        with container:
            self.format: str = container.format.name
            self.fps = float(stream.average_rate or stream.guessed_rate or 0)
            self._counted = int(stream.frames)
            self._seconds = stated_seconds(container, stream)
        if self.fps <= 0:
            raise UnreadableVideoError(f"{self.path}: the video states no frame rate", "damaged")

    @property
    def stated_frames(self) -> int:
        """The number of frames by the file's header, 0 if it tells nothing."""
        return self._counted or round(self._seconds * self.fps)

    def frames(self) -> Iterator[Frame]:
        """Decodes from the beginning.

        Raises:
            UnreadableVideoError: there is not one frame that can be decoded.
        """
        self.broken, self.damaged = None, 0
        times = _Times()
        number = 0
        with decoding():
            for picture in self._pictures():
                times.add(picture.time)
                self.damaged += bool(picture.is_corrupt)
                self.rotation = _QUARTER * (round(picture.rotation / _QUARTER) % 4)
                yield Frame(number, picture, self.rotation // _QUARTER)
                number += 1
                beat(number / max(self.stated_frames, number), frames=1)
        if number == 0:
            cause = self.broken or "there is none"
            raise UnreadableVideoError(
                f"{self.path}: no frame can be decoded ({cause}): {RECOPY}", "damaged"
            )
        self.variable_rate, self.spacing = times.uneven(), times.spacing()
        if self.variable_rate:
            self.fps = times.mean_rate()

    def _pictures(self) -> Iterator[av.VideoFrame]:
        container, stream = open_video(self.path)
        # several videos are prepared at once, each in a process of its own
        stream.codec_context.thread_count = 1
        with container:
            packets = container.demux(stream)
            while True:
                try:
                    pictures: list[Any] = next(packets).decode()
                except StopIteration:
                    return
                except av.error.FFmpegError as error:
                    # the next packets may be whole; each turn takes one, so this ends
                    self.broken, pictures = str(error.strerror), []
                yield from pictures


class _Times:
    """When frames are shown: how steadily they come, in memory that does not grow with them."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._steps: Counter[float] = Counter()

    def add(self, seconds: float | None) -> None:
        """The next frame is shown at ``seconds``; None where its container doesn't tell."""
        if seconds is None:
            return
        if self._last is not None and seconds > self._last:
            self._steps[round(seconds - self._last, 4)] += 1
        self._last = seconds

    def uneven(self) -> bool:
        """Whether the rate is variable, by :data:`UNEVEN`."""
        if not self._steps:
            return False
        usual = float(np.median(list(self._steps.elements())))
        strays = {step: abs(step - usual) for step in self._steps}
        stray = sum(
            strays[step] * count for step, count in self._steps.items() if strays[step] > _ROUNDING
        )
        return stray > UNEVEN * self._seconds()

    def spacing(self) -> tuple[float, float] | None:
        """The shortest and longest time between two frames in seconds; None if it isn't known."""
        return (min(self._steps), max(self._steps)) if self._steps else None

    def mean_rate(self) -> float:
        """Frames per second over the whole, where times are known."""
        return self._steps.total() / self._seconds()

    def _seconds(self) -> float:
        return sum(step * count for step, count in self._steps.items())
