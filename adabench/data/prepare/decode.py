"""Reading video files frame by frame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray


class UnreadableVideoError(ValueError):
    """A file that is no video, or whose video can't be decoded; the message names the file."""


@dataclass(frozen=True)
class Frame:
    """A decoded frame; its pixels are converted only when asked for.

    Args:
        number: position in the video, from 0.
        picture: the decoder's frame.
    """

    number: int
    picture: av.VideoFrame

    def rgb(self) -> NDArray[np.uint8]:
        """The pixels, (H, W, 3) uint8 RGB."""
        return np.asarray(self.picture.to_ndarray(format="rgb24"), np.uint8)


class Video:
    """A video file, read in order and as often as wanted; one frame is in memory at a time.

    After a full pass over :meth:`frames`, ``broken`` tells why decoding ended early, or is None.

    Args:
        path: the file.

    Raises:
        UnreadableVideoError: from the first use on, where nothing can be decoded.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.broken: str | None = None
        with self._container() as container:
            stream = container.streams.video[0]
            self.fps = float(stream.average_rate or stream.guessed_rate or 0)
            seconds = (container.duration or 0) / av.time_base
            self.stated_frames = int(stream.frames) or round(seconds * self.fps)
            """The number of frames by the file's header, 0 if it tells nothing."""
        if self.fps <= 0:
            raise UnreadableVideoError(f"{self.path}: the video states no frame rate")

    def frames(self) -> Iterator[Frame]:
        """Decodes from the beginning.

        Raises:
            UnreadableVideoError: there is not one frame that can be decoded.
        """
        self.broken = None
        number = 0
        with self._container() as container:
            stream = container.streams.video[0]
            # several videos are prepared at once, each in a process of its own
            stream.codec_context.thread_count = 1
            decoded = container.decode(stream)
            while True:
                try:
                    picture = next(decoded)
                except StopIteration:
                    break
                except av.error.FFmpegError as error:
                    self.broken = str(error.strerror)
                    break
                yield Frame(number, picture)
                number += 1
        if number == 0:
            raise UnreadableVideoError(
                f"{self.path}: no frame can be decoded ({self.broken or 'there is none'})"
            )

    def _container(self) -> Any:
        try:
            container = av.open(os.fspath(self.path))
        except av.error.FFmpegError as error:
            raise UnreadableVideoError(
                f"{self.path}: not a readable video ({error.strerror})"
            ) from error
        if not container.streams.video:
            container.close()
            raise UnreadableVideoError(f"{self.path}: the file has no video stream")
        return container
