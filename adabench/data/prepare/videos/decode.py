"""Reading video files frame by frame."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from adabench.data.prepare.pulse import beat, decoding
from adabench.data.prepare.videos.containers import (
    RECOPY,
    UnreadableVideoError,
    is_raw,
    lasts_as_stated,
    moving_streams,
    open_video,
    stated_end,
    stated_rate,
    stated_seconds,
)
from adabench.data.prepare.videos.display import (
    AS_STORED,
    CodedShapes,
    Crop,
    Display,
    pixel_shape,
    turned,
)
from adabench.data.prepare.videos.structure import bytes_missing, is_sound_matroska, stored_crop
from adabench.data.prepare.videos.times import ROUNDING, Steps, Times

__all__ = ["Frame", "UnreadableVideoError", "Video"]

# several videos are prepared at once, each in a process of its own
_THREADS: dict[str, Any] = (
    {"threads": 1} if "threads" in str(VideoReformatter.reformat.__doc__) else {}
)
# FFmpeg's numbers of HDR's transfer functions: perceptual quantiser, hybrid log-gamma
_HDR = (16, 18)
# how packets of Ogg begin that hold no picture but describe a stream: one comes for each that was joined
_OGG_HEADERS = (b"OVP80", b"\x80theora", b"\x81theora", b"\x82theora")
# GIF's unit of time in seconds, and a little more
_HUNDREDTH = 0.0101


@dataclass(frozen=True)
class Frame:
    """A decoded frame; its pixels are converted only when asked for.

    Args:
        number: position in the video, from 0.
        picture: the decoder's frame, as it is stored.
        display: how it is shown.
        colours: what converts the pixels.
    """

    number: int
    picture: av.VideoFrame
    display: Display = AS_STORED
    colours: VideoReformatter = field(default_factory=VideoReformatter)

    @property
    def time(self) -> float | None:
        """When it is shown, in seconds; None where its container doesn't tell."""
        return self.picture.time

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return sum(plane.buffer_size for plane in self.picture.planes)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as it is shown."""
        return self.display.size(self.picture.width, self.picture.height)

    def rgb(self) -> NDArray[np.uint8]:
        """The pixels, (H, W, 3) uint8 RGB, as they are shown."""
        converted = self.colours.reformat(self.picture, format="rgb24", **_THREADS)
        return self.display.shown(np.asarray(converted.to_ndarray(), np.uint8))


@dataclass
class _Tally:
    """What one pass over a stream came by.

    Args:
        read: packets.
        shown: those that should have given a picture.
        failed: those that the decoder refused.
        indexed: those that the container's index knows.
        stopped: whether reading ended by an error.
        place: the byte at which the last one begins.
        apart: the most bytes from the beginning of one to that of the next.
    """

    read: int = 0
    shown: int = 0
    failed: int = 0
    indexed: int = 0
    stopped: bool = False
    place: int = 0
    apart: int = 0

    def at(self, place: int | None) -> None:
        """A packet begins at a byte of the file; None where its container doesn't tell."""
        if place is not None and place >= 0:
            self.apart = max(self.apart, place - self.place if self.place else 0)
            self.place = place


class Video:
    """A video file, read in order and as often as wanted; one frame is in memory at a time.

    Frames come as players show them: cropped, with square pixels, mirrored and turned as the
    container says. Each frame that is shown counts once, however long it is shown: a variable frame
    rate is not made steady. What can't be decoded in the middle is passed over.

    Attributes:
        path: the file.
        format: its container, as FFmpeg names it: ``mov,mp4,m4a,3gp,3g2,mj2``, ``avi``, ...
        fps: frames per second; their mean where the rate is variable, pauses aside.
        assumed_rate: whether nothing tells the rate, and it is FFmpeg's.
        others: in words, which stream of moving pictures was taken of several; empty for one.

    These are known after a full pass over :meth:`frames`:

    Attributes:
        broken: why frames are missing, or None.
        lost: how many frames are missing: the file ends before them, or they can't be decoded.
        damaged: how many frames the decoder could restore only in part.
        display: how the frames are shown, the last ones where that changes.
        shapes: all shapes of pixels in the order in which they came, see :class:`Display`.
        variable_rate: whether the frames come at no steady rate.
        spacing: the shortest and the longest time between two frames in seconds.
        pauses: how many pauses there are, and the seconds that they take.
        interlaced: how many frames hold the lines of two moments.
        hdr: whether brightness and colours are coded for HDR screens.

    Args:
        path: the file.

    Raises:
        UnreadableVideoError: from the first use on, where nothing can be decoded.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.broken: str | None = None
        self.damaged = self.lost = self.interlaced = 0
        self.variable_rate = self.hdr = False
        self.spacing: tuple[float, float] | None = None
        self.pauses = (0, 0.0)
        self.shapes: list[Fraction] = []
        self._tally = _Tally()
        with decoding(whole=False):
            container, stream = open_video(self.path)
        with container:
            self.format: str = container.format.name
            self._raw = is_raw(container)
            self.fps = stated_rate(container, stream)
            self.assumed_rate = self._raw and not stream.codec_context.framerate
            self._counted = int(stream.frames)
            self._seconds = stated_seconds(container, stream)
            self._stated_end = stated_end(container, stream)
            self.display = self._stored = _as_stored(self.path, container, stream)
            self.others = _others(container, stream)

    @property
    def stated_frames(self) -> int:
        """About the number of frames by the file's header, 0 if it tells nothing."""
        return self._counted or round(self._seconds * self.fps)

    def frames(self) -> Iterator[Frame]:
        """Decodes from the beginning.

        Raises:
            UnreadableVideoError: there is not one frame that can be decoded, or no frame rate.
        """
        self.broken, self.damaged, self.interlaced = None, 0, 0
        rounding = _HUNDREDTH if self.format == "gif" else ROUNDING
        self._tally, times, number = _Tally(), Times(rounding, counted=self._raw), 0
        self.display, angle = self._stored, 0
        colours, kind = VideoReformatter(), None
        self.shapes = []
        with decoding():
            for picture, shape in self._pictures():
                times.add(picture.time)
                self.damaged += bool(picture.is_corrupt)
                self.interlaced += bool(picture.interlaced_frame)
                # 0 where a frame doesn't tell: it is as the one before
                if number == 0 or picture.rotation not in (0, angle):
                    angle = picture.rotation
                    self.display = self._shown(picture)
                if shape not in self.shapes[-1:]:
                    self.display = dataclasses.replace(self.display, shape=shape)
                    self.shapes += [] if shape in self.shapes else [shape]
                self.hdr = self.hdr or picture.color_trc in _HDR
                if kind != (kind := _kind(picture)):
                    # one for each would plan the same conversion anew; it keeps nothing of another
                    colours = VideoReformatter()
                yield Frame(number, picture, self.display, colours)
                number += 1
                beat(number / max(self.stated_frames, number), frames=1)
        if number == 0:
            cause = self.broken or "there is none"
            raise UnreadableVideoError(
                f"{self.path}: no frame can be decoded ({cause}): {RECOPY}", "damaged"
            )
        self._conclude(number, times.end())

    def _conclude(self, frames: int, steps: Steps) -> None:
        tally = self._tally
        self.variable_rate, self.spacing = steps.uneven(), steps.spacing()
        self.pauses = steps.pauses()
        self.fps = steps.mean_rate() if self.variable_rate else steps.steady_rate(self.fps)
        if self.fps <= 0:
            raise UnreadableVideoError(f"{self.path}: the video states no frame rate", "damaged")
        self.lost = self._beyond_end(steps)
        if self.lost and self.broken is None:
            self.broken = "the file ends, or is damaged, before its index says so"
        if tally.failed or self.damaged:
            # a packet may hold half a picture, and times may have gaps, but hardly both
            failed = tally.failed // 2 if self.interlaced else tally.failed
            gaps = steps.expected() - frames if self.spacing else tally.shown
            self.lost += max(0, min(tally.shown - frames, max(failed, gaps)))

    def _beyond_end(self, steps: Steps) -> int:
        """How many packets the file should hold beyond those that were read."""
        tally = self._tally
        if "mov" in self.format and self._counted and tally.indexed:
            return max(0, tally.indexed - tally.read)
        if "avi" in self.format and tally.indexed > tally.read:
            return tally.indexed - tally.read
        usual = steps.usual or 1 / self.fps
        known = self._stated_end > 0 and steps.last is not None
        beyond = round((self._stated_end - (steps.last or 0)) / usual) - 1 if known else 0
        missing = bytes_missing(self.path)
        if missing and not lasts_as_stated(self.path, usual):
            size = self.path.stat().st_size
            # what is missing may be sound that goes on behind the last picture
            ended = tally.apart > 0 and size - tally.place > 2 * tally.apart
            estimate = 0 if ended else round(tally.read * missing / size)
            return max(0, beyond) if known else estimate
        # headers of others count what is no frame too, an AVI's empty chunks say
        if tally.stopped:
            return max(0, self._counted - tally.read)
        # the last frame may also be shown for long: then nothing in the file is out of place
        matroska = "matroska" in self.format and not self.variable_rate and beyond > 1
        return beyond if matroska and not is_sound_matroska(self.path) else 0

    def _pictures(self) -> Iterator[tuple[av.VideoFrame, Fraction]]:
        """The decoder's frames, each with the shape of its pixels."""
        tally = self._tally
        container, stream = open_video(self.path)
        shapes = CodedShapes(stream.codec_context, self._stored.shape)
        # several videos are prepared at once, each in a process of its own
        stream.codec_context.thread_count = 1
        # else what is to be cut off at the left stays, as far as memory is aligned
        stream.codec_context.flags |= Flags.unaligned
        with container:
            for packet in self._packets(container, stream):
                if self.format == "ogg" and bytes(packet).startswith(_OGG_HEADERS):
                    continue
                tally.read += bool(packet.size) or packet.dts is not None
                if not packet.size and packet.dts is not None:
                    # a frame that was left out; a decoder would take it for the end
                    continue
                tally.shown += bool(packet.size) and not packet.is_discard
                tally.at(packet.pos)
                pictures: list[Any] = []
                try:
                    pictures = packet.decode()
                except av.error.FFmpegError as error:
                    # the next packets may be whole
                    self.broken = str(error.strerror)
                    tally.failed += 1
                shapes.decoded(packet.pts)
                for picture in pictures:
                    yield picture, shapes.of(picture.pts)
            tally.indexed = len(getattr(stream, "index_entries", ()))

    def _packets(self, container: Any, stream: Any) -> Iterator[Any]:
        try:
            yield from container.demux(stream)
        except av.error.FFmpegError as error:
            self.broken, self._tally.stopped = str(error.strerror), True

    def _shown(self, picture: av.VideoFrame) -> Display:
        # a picture and its data keep each other in memory: not for each frame
        matrix: Any = picture.side_data.get("DISPLAYMATRIX")
        mirrored, quarters = turned(None if matrix is None else bytes(matrix))
        return dataclasses.replace(self.display, mirrored=mirrored, quarters=quarters)


def _kind(picture: av.VideoFrame) -> tuple[Any, ...]:
    """What converting a picture's pixels depends on."""
    shape = picture.format.name, picture.width, picture.height
    return (*shape, picture.colorspace, picture.color_range)


def _as_stored(path: Path, container: Any, stream: Any) -> Display:
    """How all pictures of a stream are shown, before they are turned."""
    number = [video.index for video in container.streams.video].index(stream.index)
    crop, coded = stored_crop(path, number, stream.id), stream.codec_context
    if crop.left + crop.right >= coded.width or crop.top + crop.bottom >= coded.height:
        crop = Crop()
    return Display(crop, pixel_shape(stream.sample_aspect_ratio))


def _others(container: Any, stream: Any) -> str:
    streams = moving_streams(container)
    others = ", ".join(_told(one) for one in streams if one.index != stream.index)
    told = f"{len(streams)} video streams, of which {_told(stream)} was taken; the others: {others}"
    return told if others else ""


def _told(stream: Any) -> str:
    coded = stream.codec_context
    size = "coded unknown to FFmpeg" if coded is None else f"{coded.width}x{coded.height}"
    default = ", the default" if stream.disposition & Disposition.default else ""
    return f"number {stream.index} ({size}{default})"
