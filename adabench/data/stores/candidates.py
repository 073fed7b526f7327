"""The candidates by name, each as one function that writes and one that opens."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from adabench.data.store import FrameStore, JpegPack, image_encoder, jpeg_encoder, write_pack
from adabench.data.stores.blocks import RawBlocks, ZippedBlocks
from adabench.data.stores.turbo import TurboPack
from adabench.data.stores.video import VideoStore

KEPT = "jpeg95"
"""The name of what ``prepare`` writes."""

Write = Callable[[Path, Iterable[NDArray[np.uint8]]], int]


@dataclass(frozen=True)
class Candidate:
    """A way to store frames.

    Args:
        name: in tables and on the command line.
        kind: what it has in common with others: ``JPEGs``, ``video``, ``raw``, ``lossless``.
        detail: its settings, in words.
        write: writes frames (H, W, 3) uint8 RGB to a path; returns how many.
        open: opens that path.
        needs: a module that it imports and that adabench doesn't depend on; empty if none.
    """

    name: str
    kind: str
    detail: str
    write: Write
    open: Callable[[Path], FrameStore]
    needs: str = ""

    @property
    def available(self) -> bool:
        """Whether what it needs is installed."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None


def _jpeg(quality: int, sampling: int) -> Write:
    return partial(write_pack, encode=jpeg_encoder(quality, sampling))


_FULL, _HALF = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
_PNG = image_encoder(".png", [cv2.IMWRITE_PNG_COMPRESSION, 1])

_ALL = (
    Candidate(KEPT, "JPEGs", "quality 95, 4:4:4", JpegPack.write, JpegPack),
    Candidate("jpeg95-420", "JPEGs", "quality 95, 4:2:0", _jpeg(95, _HALF), JpegPack),
    Candidate("jpeg90", "JPEGs", "quality 90, 4:4:4", _jpeg(90, _FULL), JpegPack),
    Candidate(
        "jpeg95-turbo",
        "JPEGs",
        f"{KEPT}'s file, decoded by simplejpeg",
        JpegPack.write,
        TurboPack,
        needs="simplejpeg",
    ),
    Candidate(
        "video",
        "video",
        "H.264, crf 18, 4:2:0, key frame every 8",
        partial(VideoStore.write, crf=18, pixels="yuv420p"),
        VideoStore,
    ),
    Candidate(
        "video-fine",
        "video",
        "H.264, crf 5, 4:4:4, key frame every 8",
        partial(VideoStore.write, crf=5, pixels="yuv444p"),
        VideoStore,
    ),
    Candidate("raw", "raw", "pixels, memory-mapped", RawBlocks.write, RawBlocks),
    Candidate(
        "zlib",
        "lossless",
        "blocks of 8 frames, differences, level 1",
        partial(ZippedBlocks.write, codec="zlib"),
        partial(ZippedBlocks, codec="zlib"),
    ),
    Candidate(
        "zstd",
        "lossless",
        "blocks of 8 frames, differences, level 1",
        partial(ZippedBlocks.write, codec="zstd"),
        partial(ZippedBlocks, codec="zstd"),
        needs="zstandard",
    ),
    Candidate("png", "lossless", "PNG, level 1", partial(write_pack, encode=_PNG), JpegPack),
)
CANDIDATES = {candidate.name: candidate for candidate in _ALL}


def find_candidates(names: Sequence[str] = ()) -> list[Candidate]:
    """The candidates called ``names``, or all that can be had here; the kept one is always among them.

    Raises:
        ValueError: an unknown name, with the nearest and all that exist; or one whose module is
            not installed.
    """
    if not names:
        return [candidate for candidate in _ALL if candidate.available]
    for name in names:
        if name not in CANDIDATES:
            near = difflib.get_close_matches(name, CANDIDATES, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise ValueError(f"store: no {name!r}{hint}; there are: {', '.join(CANDIDATES)}")
        candidate = CANDIDATES[name]
        if not candidate.available:
            raise ValueError(f"store {name!r}: pip install {candidate.needs}")
    return [candidate for candidate in _ALL if candidate.name in {KEPT, *names}]
