"""Frame stores: the frames of one clip in one file, made for reading any of them in any order."""

from __future__ import annotations

import os
import struct
import weakref
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from adabench.data.files import atomic_path

JPEG_QUALITY = 95
SUFFIX = ".jpegs"

_MAGIC = b"ADAJPEGS"
_VERSION = 1
_HEADER = struct.Struct("<8sI")
_TRAILER = struct.Struct("<QQIIII8s")  # frames, start of the index, height, width, crc, version
_NO_FRAMES = "a clip without frames can't be stored"
_REMEDY = "delete the file and prepare the corpus again"


_RUN = 64
"""Most frames read from the file at once: what is encoded is held beside what is decoded."""

Encode = Callable[[NDArray[np.uint8]], bytes]
"""From a frame (H, W, 3) uint8 RGB to an image file's content."""


class FrameStore(Protocol):
    """What reads one clip's stored frames; :class:`JpegPack` is the one that ``prepare`` writes.

    ``tools/profile.py store`` measures it against those of :mod:`adabench.data.stores`.
    """

    def __len__(self) -> int:
        """The number of stored frames."""

    def read(self, index: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """The frames ``index`` (T,), 0 <= i < len(self), as (T, H, W, 3) uint8 RGB."""

    def close(self) -> None:
        """Closes the file; the next use opens it again."""


class _Index(NamedTuple):
    offsets: NDArray[np.uint64]  # (N + 1,) where each frame starts, and where the last one ends
    crcs: NDArray[np.uint32]  # (N,)
    height: int
    width: int


class JpegPack:
    """A clip's frames as JPEG images behind an index, in one file.

    Layout (little-endian): magic and version; the N images; their N + 1 offsets (uint64) and N
    CRC-32 (uint32); a trailer with N, the index's position, height, width and the index's CRC-32.
    An object is cheap: it opens its file at the first use, keeps only the index in memory, reads
    by position (so processes forked from one another don't disturb each other), and pickles as its
    path.

    Args:
        path: the file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._handle: int | None = None
        self._index: _Index | None = None
        self._close: Callable[[], object] = lambda: None

    @staticmethod
    def write(
        path: str | os.PathLike[str],
        frames: Iterable[NDArray[np.uint8]],
        quality: int = JPEG_QUALITY,
    ) -> int:
        """Writes ``frames``, each (H, W, 3) uint8 RGB of one size, atomically; returns how many.

        Raises:
            ValueError: no frames, or a frame of another shape or type; nothing is written then.
            OSError: the file can't be written (see :func:`adabench.data.files.atomic_path`).
        """
        return write_pack(path, frames, jpeg_encoder(quality))

    @staticmethod
    def write_images(path: str | os.PathLike[str], images: Iterable[bytes]) -> int:
        """Writes JPEG images of one size, as :func:`jpeg_encoder` makes them; as :meth:`write`."""
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            return _write_images(file, images, Path(path))

    def __len__(self) -> int:
        return len(self._opened().crcs)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the frames in pixels."""
        index = self._opened()
        return index.height, index.width

    def read(self, index: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """The frames ``index`` (T,), in that order, as (T, H, W, 3) uint8 RGB.

        Raises:
            FileNotFoundError: the file is missing.
            IndexError: an entry outside 0 <= i < len(self).
            ValueError: the file is damaged.
        """
        table = self._opened()
        wanted = checked_index(index, len(table.crcs), self.path)
        frames = np.empty((wanted.size, table.height, table.width, 3), np.uint8)
        starts, stops = table.offsets[wanted].tolist(), table.offsets[wanted + 1].tolist()
        crcs, numbers = table.crcs[wanted].tolist(), wanted.tolist()
        runs = _runs(wanted)
        self._announce((starts[first], stops[last]) for first, last in runs[1:])
        for first, last in runs:
            begin = starts[first]
            content = memoryview(self._bytes(begin, stops[last]))
            for i in range(first, last + 1):
                data = content[starts[i] - begin : stops[i] - begin]
                if zlib.crc32(data) != crcs[i]:
                    raise ValueError(f"{self.path}: frame {numbers[i]} is damaged: {_REMEDY}")
                self._decode(data, numbers[i], frames[i])
        return frames

    def close(self) -> None:
        """Closes the file; the next use opens it again."""
        self._close()
        self._handle = self._index = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        JpegPack.__init__(self, state["path"])

    def _announce(self, parts: Iterable[tuple[int, int]]) -> None:
        """Tells the system which bytes will be read, so that a disk fetches them all at once."""
        if self._handle is not None and hasattr(os, "posix_fadvise"):
            for start, stop in parts:
                os.posix_fadvise(self._handle, start, stop - start, os.POSIX_FADV_WILLNEED)

    def _bytes(self, start: int, stop: int) -> bytes:
        assert self._handle is not None
        return os.pread(self._handle, stop - start, start)

    def _decode(self, data: memoryview, number: int, out: NDArray[np.uint8]) -> None:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if image is None or image.shape != out.shape:
            raise ValueError(f"{self.path}: frame {number} is no {out.shape} image: {_REMEDY}")
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=out)

    def _opened(self) -> _Index:
        if self._index is None:
            try:
                self._handle = os.open(self.path, os.O_RDONLY)
            except FileNotFoundError:
                raise FileNotFoundError(
                    f"{self.path}: the clip's frames are missing: prepare the corpus again"
                ) from None
            self._close = weakref.finalize(self, os.close, self._handle)
            self._index = _read_index(self._handle, self.path)
        return self._index


def jpeg_encoder(
    quality: int = JPEG_QUALITY, sampling: int = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
) -> Encode:
    """What turns a frame into a JPEG image.

    Args:
        quality: libjpeg's, 0 to 100.
        sampling: OpenCV's constant for the resolution of the colours; by default the full one,
            since at the size of a face crop lips and eyes are a few pixels.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return image_encoder(".jpg", options)


def image_encoder(suffix: str, options: Sequence[int]) -> Encode:
    """What turns a frame into an image file of OpenCV's format ``suffix``, e.g. ``.png``."""

    def encode(frame: NDArray[np.uint8]) -> bytes:
        _, encoded = cv2.imencode(suffix, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), options)
        return encoded.tobytes()

    return encode


def write_pack(
    path: str | os.PathLike[str], frames: Iterable[NDArray[np.uint8]], encode: Encode
) -> int:
    """Writes ``frames`` as images that :class:`JpegPack` reads, in any format that OpenCV knows.

    Returns and raises as :meth:`JpegPack.write`.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        return _write_images(file, map(encode, checked_frames(frames, Path(path))), Path(path))


def checked_frames(frames: Iterable[NDArray[np.uint8]], path: Path) -> Iterator[NDArray[np.uint8]]:
    """``frames``, one by one.

    Raises:
        ValueError: no frames, or a frame that is not (H, W, 3) uint8 of the first one's size.
    """
    shape: tuple[int, ...] | None = None
    for number, frame in enumerate(frames):
        shape = shape or frame.shape
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape != shape or shape[2] != 3:
            raise ValueError(
                f"{path}: frame {number}: expected uint8 of one shape (H, W, 3), "
                f"got {frame.dtype} {frame.shape} after {shape}"
            )
        yield frame
    if shape is None:
        raise ValueError(f"{path}: {_NO_FRAMES}")


def checked_index(
    index: Sequence[int] | NDArray[np.integer[Any]], count: int, path: Path
) -> NDArray[np.int64]:
    """``index`` as an array (T,).

    Raises:
        IndexError: an entry outside 0 <= i < count.
    """
    wanted = np.asarray(index, dtype=np.int64).reshape(-1)
    if wanted.size and not (wanted.min() >= 0 and wanted.max() < count):
        raise IndexError(
            f"{path}: frames 0 to {count - 1} exist, asked for {wanted.min()} to {wanted.max()}"
        )
    return wanted


def _runs(wanted: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Positions (first, last) in ``wanted`` between which the frames follow one another."""
    runs: list[tuple[int, int]] = []
    first = 0
    for last in [*np.flatnonzero(np.diff(wanted) != 1).tolist(), len(wanted) - 1]:
        runs += [(i, min(i + _RUN - 1, last)) for i in range(first, last + 1, _RUN)]
        first = last + 1
    return runs


def _write_images(file: BinaryIO, images: Iterable[bytes], path: Path) -> int:
    # arrays, since a list holds an object a frame
    offsets = array("Q", [file.write(_HEADER.pack(_MAGIC, _VERSION))])
    crcs = array("I")
    first = b""
    for data in images:
        first = first or data
        crcs.append(zlib.crc32(data))
        offsets.append(offsets[-1] + file.write(data))
    if not crcs:
        raise ValueError(f"{path}: {_NO_FRAMES}")
    image = cv2.imdecode(np.frombuffer(first, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path}: frame 0 is no image")
    height, width = image.shape[:2]
    table = np.asarray(offsets, "<u8").tobytes() + np.asarray(crcs, "<u4").tobytes()
    file.write(table)
    crc = zlib.crc32(table)
    file.write(_TRAILER.pack(len(crcs), offsets[-1], height, width, crc, _VERSION, _MAGIC))
    return len(crcs)


def _read_index(handle: int, path: Path) -> _Index:
    size = os.fstat(handle).st_size
    damaged = ValueError(f"{path}: the file is damaged or cut short: {_REMEDY}")
    if size < _HEADER.size + _TRAILER.size:
        raise damaged
    magic, version = _HEADER.unpack(os.pread(handle, _HEADER.size, 0))
    if magic == _MAGIC and version != _VERSION:
        raise ValueError(
            f"{path}: store format {version}, this version of adabench reads {_VERSION}: {_REMEDY}"
        )
    tail = os.pread(handle, _TRAILER.size, size - _TRAILER.size)
    count, start, height, width, crc, _, end = _TRAILER.unpack(tail)
    if magic != _MAGIC or end != _MAGIC or start + 12 * count + 8 + _TRAILER.size != size:
        raise damaged
    table = os.pread(handle, 12 * count + 8, start)
    if zlib.crc32(table) != crc:
        raise damaged
    offsets = np.frombuffer(table, "<u8", count + 1)
    return _Index(offsets, np.frombuffer(table, "<u4", count, 8 * (count + 1)), height, width)
