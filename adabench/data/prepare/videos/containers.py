"""Opening a video file, and saying what is wrong with one that can't be opened."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
from av.format import Flags
from av.stream import Disposition

from adabench.data.prepare.pulse import beat
from adabench.data.prepare.videos.structure import (
    QUICKTIME,
    asf_seconds,
    boxes,
    is_animated_webp,
)

RECOPY = "copy the file again from its source"

# how files of each container begin: at which byte, with what
_BEGINNINGS = (
    ("MP4 or QuickTime", 4, QUICKTIME),
    ("AVI", 0, (b"RIFF",)),
    ("Matroska or WebM", 0, (b"\x1a\x45\xdf\xa3",)),
    ("Windows Media", 0, (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",)),
    ("MPEG", 0, (b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")),
    ("Flash", 0, (b"FLV",)),
    ("Ogg", 0, (b"OggS",)),
)
_QUICKTIME = _BEGINNINGS[0][0]
_HEADER = 16
_SEVERAL = 2
# covers and previews beside a recording
_STILLS = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


class UnreadableVideoError(ValueError):
    """A file that is no video, or whose video can't be decoded; the message names the file.

    Attributes:
        status: the word for tables, one of :data:`adabench.data.prepare.judge.LEFT_OUT`.
    """

    def __init__(self, message: str, status: str = "unreadable") -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.status)


def open_video(path: Path) -> tuple[Any, Any]:
    """The opened container and its stream of moving pictures.

    Of several, covers, previews and those of one picture or none aside, the one that the container
    marks as its default, or where none or several are, the one with the largest pictures, or the
    first of those.

    Raises:
        UnreadableVideoError: with what kind of file it is, as far as can be told.
    """
    try:
        container = av.open(os.fspath(path))
    except av.error.FFmpegError as error:
        raise _not_opened(path, error) from error
    try:
        return container, _picture_stream(container, path)
    except UnreadableVideoError:
        container.close()
        raise


def is_raw(container: Any) -> bool:
    """Whether a file is a coded stream without a container: FFmpeg makes up its times."""
    return bool(container.format.flags & Flags.no_timestamps.value)


def stated_rate(container: Any, stream: Any) -> float:
    """Frames per second by the file's header, 0 if it tells nothing.

    That of a raw stream is in its coding; a GIF's mean suffers from hundredths of a second.
    """
    rates = (stream.average_rate, stream.guessed_rate)
    guessed = is_raw(container) or container.format.name == "gif"
    return float(next(filter(None, reversed(rates) if guessed else rates), 0))


def lasts_as_stated(path: Path, usual: float) -> bool:
    """Whether a Flash or Windows Media file goes on as long as its header says.

    Then it is whole, whatever size that header states.

    Args:
        path: the file.
        usual: the time between two pictures in seconds.
    """
    delays: dict[int, int] = {}
    before: dict[int, int] = {}
    end = 0.0
    with av.open(os.fspath(path)) as container, contextlib.suppress(av.error.FFmpegError):
        stated = float((container.duration or 0) / av.time_base) or asf_seconds(path)
        if container.format.name not in ("flv", "asf") or not stated:
            return False
        for packet in container.demux():
            beat()
            if packet.pts is None or packet.dts is None:
                continue
            # a picture that is shown late may come before others: by those of decoding none is left out
            index, time = packet.stream.index, packet.dts
            delay = delays.setdefault(index, packet.pts - time)
            lasting = packet.duration or time - before.get(index, time)
            before[index] = time
            end = max(end, float((time + delay + lasting) * packet.time_base))
    return end >= stated - usual / 2


def stated_seconds(container: Any, stream: Any) -> float:
    """About how long the pictures last by the file's header, 0 if it tells nothing."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    # the container's own duration may be that of the sound
    return _tagged_end(stream) or float((container.duration or 0) / av.time_base)


def stated_end(container: Any, stream: Any) -> float:
    """When the pictures end by what an AVI or a Matroska file says of their stream, else 0."""
    if "avi" in container.format.name and stream.average_rate:
        return float(stream.frames / stream.average_rate)
    return _tagged_end(stream) if "matroska" in container.format.name else 0.0


def _tagged_end(stream: Any) -> float:
    """What Matroska says of each stream, in seconds, else 0."""
    try:
        hours, minutes, seconds = map(float, stream.metadata.get("DURATION", "").split(":"))
    except ValueError:
        return 0.0
    return 3600 * hours + 60 * minutes + seconds


def moving_streams(container: Any) -> list[Any]:
    """The streams of moving pictures in a container's order, covers and previews aside."""
    videos = container.streams.video
    moving = [stream for stream in videos if not stream.disposition & Disposition.attached_pic]
    return [stream for stream in moving if not stream.disposition & _STILLS] or moving


def _preference(stream: Any, pictures: int) -> tuple[bool, bool, int]:
    """What comes first: several pictures, the container's default, the largest pictures."""
    context = stream.codec_context
    pixels = 0 if context is None else context.width * context.height
    return pictures < _SEVERAL, not stream.disposition & Disposition.default, -pixels


def _pictures(path: Path, streams: Sequence[Any]) -> dict[int, int]:
    """How many pictures each of several streams has, by its index, counted as far as two.

    Where the container doesn't count them, packets are, until all streams have shown so many.
    """
    counts = {stream.index: min(stream.frames, _SEVERAL) for stream in streams}
    if len(counts) == 1 or all(counts.values()):
        return counts
    with av.open(os.fspath(path)) as container, contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux([container.streams[index] for index in counts]):
            index = packet.stream.index
            counts[index] = min(counts[index] + bool(packet.size), _SEVERAL)
            if min(counts.values()) == _SEVERAL:
                break
    return counts


def _picture_stream(container: Any, path: Path) -> Any:
    name = container.format.name
    if name == "webp_pipe" and is_animated_webp(path):
        raise UnreadableVideoError(
            f"{path}: an animated WebP, of which FFmpeg reads the first picture at most: convert it to "
            "MP4",
            "unknown_codec",
        )
    if name.endswith("_pipe") or name == "image2":
        raise UnreadableVideoError(
            f"{path}: not a video but a single picture ({name.removesuffix('_pipe')})",
            "not_a_video",
        )
    moving = moving_streams(container)
    if not moving:
        sound = bool(container.streams.audio)
        told = "the file has no video stream" + (", only sound" if sound else "")
        raise UnreadableVideoError(f"{path}: {told}", "audio_only" if sound else "not_a_video")
    pictures = _pictures(path, moving)
    chosen = min(moving, key=lambda stream: _preference(stream, pictures[stream.index]))
    if chosen.codec_context is None:
        raise UnreadableVideoError(
            f"{path}: its pictures are coded in a way that FFmpeg does not know: {RECOPY}, or "
            "convert it to H.264",
            "unknown_codec",
        )
    return chosen


def _not_opened(path: Path, error: av.error.FFmpegError) -> UnreadableVideoError:
    told = f"{path}: not a readable video"
    if isinstance(error, OSError):
        return UnreadableVideoError(f"{told} ({error.strerror})", "unreadable")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            begin = file.read(_HEADER)
        container = _container_of(begin)
        cut = _cut_short(path, size) if container == _QUICKTIME else None
    except OSError as unreadable:
        return UnreadableVideoError(f"{told} ({unreadable.strerror})", "unreadable")
    if size == 0:
        return UnreadableVideoError(f"{told} (the file is empty): {RECOPY}", "empty")
    if container is None:
        return UnreadableVideoError(f"{told} (it begins with {begin!r})", "not_a_video")
    if cut is not None:
        return UnreadableVideoError(f"{told} ({container}, {cut}): {RECOPY}", "truncated")
    return UnreadableVideoError(f"{told} ({container}, {error.strerror}): {RECOPY}", "damaged")


def _container_of(begin: bytes) -> str | None:
    for name, place, marks in _BEGINNINGS:
        if any(begin.startswith(mark, place) for mark in marks):
            return name
    return None


def _cut_short(path: Path, size: int) -> str | None:
    """What shows that a file in MP4's layout is not whole, if anything does."""
    names = []
    with path.open("rb") as file:
        for box in boxes(file, 0, size):
            names.append(box.name)
            if box.stop > size:
                return f"{box.stop - size} bytes are missing at its end"
    if b"moov" not in names:
        return "its index is missing: the recording or a copy was cut short"
    return None
