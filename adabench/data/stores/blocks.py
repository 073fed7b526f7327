"""Frames as raw pixels, mapped into memory, and as blocks of lightly compressed differences."""

from __future__ import annotations

import importlib
import itertools
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from adabench.data.files import atomic_path
from adabench.data.store import checked_frames, checked_index

BLOCK = 8
"""Frames compressed together."""

_TRAILER = struct.Struct("<QII")  # frames, height, width
_LEVEL = 1

Codec = Literal["zlib", "zstd"]
Pixels = NDArray[np.uint8]


class RawBlocks:
    """A clip's pixels one frame after the other, then their number and size; read through a map.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._frames: Pixels | None = None

    @staticmethod
    def write(path: Path, frames: Iterable[Pixels]) -> int:
        """As :meth:`adabench.data.store.JpegPack.write`."""
        count = 0
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            for frame in checked_frames(frames, path):
                file.write(np.ascontiguousarray(frame).data)
                count += 1
            file.write(_TRAILER.pack(count, *frame.shape[:2]))
        return count

    def __len__(self) -> int:
        return len(self._opened())

    def read(self, index: Sequence[int] | NDArray[np.integer[Any]]) -> Pixels:
        """As :meth:`adabench.data.store.JpegPack.read`."""
        frames = self._opened()
        return frames[checked_index(index, len(frames), self.path)]

    def close(self) -> None:
        """Lets go of the map; the next use opens it again."""
        self._frames = None

    def _opened(self) -> Pixels:
        if self._frames is None:
            shape = _read_trailer(self.path)
            mapped = np.memmap(self.path, np.uint8, "r", shape=(*shape, 3))
            self._frames = mapped.view(np.ndarray)
        return self._frames


class ZippedBlocks:
    """Blocks of :data:`BLOCK` frames: the first as it is, the others less the one before, zipped.

    Behind the blocks stand their B + 1 offsets (uint64), B, and the frames' number and size.

    Args:
        path: the file.
        codec: ``zlib``, or ``zstd`` where the package zstandard is installed.
    """

    def __init__(self, path: Path, codec: Codec = "zlib") -> None:
        self.path = Path(path)
        self._unzip = _codec(codec)[1]
        self._map: Pixels | None = None
        self._offsets: list[int] = []
        self._shape = (0, 0, 0)

    @staticmethod
    def write(path: Path, frames: Iterable[Pixels], codec: Codec = "zlib") -> int:
        """As :meth:`adabench.data.store.JpegPack.write`."""
        pack = _codec(codec)[0]
        count, offsets = 0, [0]
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            checked = checked_frames(frames, path)
            while block := list(itertools.islice(checked, BLOCK)):
                pixels = np.stack(block)
                # the last bits of unsigned differences are enough to add them up again
                pixels[1:] -= pixels[:-1].copy()
                offsets.append(offsets[-1] + file.write(pack(pixels.tobytes())))
                count += len(block)
            file.write(np.asarray(offsets, "<u8").tobytes())
            file.write(_TRAILER.pack(count, *pixels.shape[1:3]))
        return count

    def __len__(self) -> int:
        self._opened()
        return self._shape[0]

    def read(self, index: Sequence[int] | NDArray[np.integer[Any]]) -> Pixels:
        """As :meth:`adabench.data.store.JpegPack.read`."""
        content = self._opened()
        wanted = checked_index(index, self._shape[0], self.path)
        frames = np.empty((len(wanted), *self._shape[1:], 3), np.uint8)
        held, pixels = -1, frames
        for row, number in zip(frames, wanted.tolist(), strict=True):
            block, place = divmod(number, BLOCK)
            if block != held:
                held, pixels = block, self._block(content, block)
            row[...] = pixels[place]
        return frames

    def close(self) -> None:
        """Lets go of the map; the next use opens it again."""
        self._map = None

    def _block(self, content: Pixels, block: int) -> Pixels:
        start, stop = self._offsets[block : block + 2]
        plain = np.frombuffer(self._unzip(content[start:stop].tobytes()), np.uint8)
        differences = plain.reshape(-1, *self._shape[1:], 3)
        return np.add.accumulate(differences, axis=0, dtype=np.uint8)

    def _opened(self) -> Pixels:
        if self._map is None:
            self._shape = _read_trailer(self.path)
            content = np.memmap(self.path, np.uint8, "r").view(np.ndarray)
            blocks = -(-self._shape[0] // BLOCK)
            table = content[: -_TRAILER.size][-8 * (blocks + 1) :]
            self._offsets = table.view("<u8").tolist() if table.size else []
            self._map = content
        return self._map


def _read_trailer(path: Path) -> tuple[int, int, int]:
    with path.open("rb") as file:
        file.seek(-_TRAILER.size, 2)
        count, height, width = _TRAILER.unpack(file.read())
    return count, height, width


def _codec(name: Codec) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    """What compresses and what decompresses."""
    if name == "zlib":
        return lambda data: zlib.compress(data, _LEVEL), zlib.decompress
    # no dependency of adabench's
    zstandard = importlib.import_module("zstandard")
    return zstandard.ZstdCompressor(_LEVEL).compress, zstandard.ZstdDecompressor().decompress
