"""Frames as H.264 video with a key frame every few frames, read from the nearest of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from adabench.data.files import atomic_path
from adabench.data.store import checked_frames, checked_index

KEY_EVERY = 8
"""Frames from one key frame to the next."""

_RATE = 30
_OPTIONS = {
    "preset": "veryfast",
    "g": str(KEY_EVERY),
    "keyint_min": str(KEY_EVERY),
    "sc_threshold": "0",
    # equal frames give equal bytes only without these
    "bf": "0",
    "threads": "1",
}

Pixels = NDArray[np.uint8]


class VideoStore:
    """A clip as an mp4 file whose frames are numbered by their time.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._container: Any = None
        self._reformatter = VideoReformatter()

    @staticmethod
    def write(path: Path, frames: Iterable[Pixels], crf: int = 18, pixels: str = "yuv420p") -> int:
        """As :meth:`adabench.data.store.JpegPack.write`.

        Args:
            path: the file.
            frames: each (H, W, 3) uint8 RGB, H and W even.
            crf: x264's constant rate factor; less is better and larger.
            pixels: the pixel format; ``yuv444p`` keeps the full resolution of colours.
        """
        count = 0
        with atomic_path(path) as temporary, av.open(str(temporary), "w", format="mp4") as file:
            stream: Any = file.add_stream("libx264", rate=_RATE)
            stream.options = {**_OPTIONS, "crf": str(crf)}
            stream.pix_fmt, stream.thread_count = pixels, 1
            for count, frame in enumerate(checked_frames(frames, path), 1):
                if count == 1:
                    stream.height, stream.width = frame.shape[:2]
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
                picture.pts, picture.time_base = count - 1, Fraction(1, _RATE)
                file.mux(stream.encode(picture))
            file.mux(stream.encode(None))
        return count

    def __len__(self) -> int:
        return int(self._opened().streams.video[0].frames)

    def read(self, index: Sequence[int] | NDArray[np.integer[Any]]) -> Pixels:
        """As :meth:`adabench.data.store.JpegPack.read`."""
        stream = self._opened().streams.video[0]
        wanted = checked_index(index, len(self), self.path)
        frames = np.empty((len(wanted), stream.height, stream.width, 3), np.uint8)
        order = np.argsort(wanted, kind="stable").tolist()
        pictures: Iterator[tuple[int, Any]] = iter(())
        last, pixels = -1, frames
        for place in order:
            number = int(wanted[place])
            if number != last:
                # within a group of frames it is cheaper to go on than to begin anew
                if last < 0 or number // KEY_EVERY > last // KEY_EVERY + 1:
                    pictures = self._from(number)
                picture = next(picture for at, picture in pictures if at == number)
                shown = self._reformatter.reformat(picture, format="rgb24")
                last, pixels = number, shown.to_ndarray()
            frames[place] = pixels
        return frames

    def close(self) -> None:
        """Closes the file; the next use opens it again."""
        if self._container is not None:
            self._container.close()
        self._container = None

    def _from(self, number: int) -> Iterator[tuple[int, Any]]:
        """Numbers and pictures from the key frame at or before ``number`` on."""
        container = self._opened()
        stream = container.streams.video[0]
        ticks = Fraction(1, _RATE) / stream.time_base
        container.seek(int(number * ticks), stream=stream, backward=True)
        for picture in container.decode(stream):
            yield round(picture.pts / ticks), picture

    def _opened(self) -> Any:
        if self._container is None:
            self._container = av.open(str(self.path))
            self._container.streams.video[0].codec_context.thread_count = 1
        return self._container
