"""How much a raw corpus holds, from headers and file sizes: an estimate, made in seconds."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adabench.data.corpora import SourceClip
from adabench.data.corpora.openface import is_image
from adabench.data.prepare.videos.containers import (
    UnreadableVideoError,
    open_video,
    stated_rate,
    stated_seconds,
)

READING_SECONDS = 20.0
"""Headers are read for so long; the rest is extrapolated by bytes."""

# JPEGs of quality 95 of one photographed face at 64, 112 and 224 px: 2920, 6229 and 15919 bytes
_BYTES_AT_64, _GROWTH = 2920.0, 1.35


@dataclass(frozen=True)
class Extent:
    """What clips hold, as far as it was read.

    Args:
        clips: how many there are.
        read: in how many of them frames were counted, in headers or folders.
        frames: in all of them, those that were not read by their share of the bytes.
        seconds: of video, likewise; 0 where nothing tells, as for OpenFace's images.
        unreadable: what was told of those that could not be read.
    """

    clips: int
    read: int
    frames: int
    seconds: float
    unreadable: tuple[str, ...]

    def bytes_stored(self, size: int) -> int:
        """About how many bytes the crops take at ``size`` pixels a side."""
        return int(self.frames * _BYTES_AT_64 * (size / 64) ** _GROWTH)


def extent(
    clips: Sequence[SourceClip],
    *,
    seconds: float = READING_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Extent:
    """Counts the frames of ``clips`` in headers of videos and folders of images; decodes nothing.

    Args:
        clips: a corpus's.
        seconds: the time after which no further clip is looked at.
        clock: tells the time.
    """
    begin = clock()
    total, looked_at, frames, length = 0, 0, 0, 0.0
    read: list[SourceClip] = []
    unreadable: list[str] = []
    # any order that does not go by split or length gives a fair share if time runs out
    order = sorted(clips, key=lambda clip: clip.clip)
    random.Random(0).shuffle(order)
    for clip in order:
        size = source_bytes(clip)
        total += size
        if clock() - begin > seconds:
            continue
        try:
            counted, lasting = _count(clip)
        except (UnreadableVideoError, OSError) as error:
            unreadable.append(str(error))
            total -= size
            continue
        read.append(clip)
        looked_at, frames, length = looked_at + size, frames + counted, length + lasting
    share = total / looked_at if looked_at else 0.0
    return Extent(
        clips=len(order),
        read=len(read),
        frames=round(frames * share),
        seconds=length * share,
        unreadable=tuple(sorted(unreadable)),
    )


def source_bytes(clip: SourceClip) -> int:
    """The size of a clip's source, 0 if it can't be told."""
    try:
        return clip.source.stat().st_size
    except OSError:
        return 0


def _count(clip: SourceClip) -> tuple[int, float]:
    """Frames and seconds of a clip, by the header of its video or the images of its folder."""
    images = None if clip.openface is None else clip.openface.aligned
    if images is not None:
        with os.scandir(images) as entries:
            return sum(is_image(entry.name) for entry in entries), 0.0
    container, stream = open_video(clip.source)
    with container:
        seconds = stated_seconds(container, stream)
        return int(stream.frames) or round(seconds * stated_rate(container, stream)), seconds
