"""The aligned faces that OpenFace 2 wrote, an image a frame, as crops."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from array import array
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from adabench.data.corpora.openface import is_image
from adabench.data.prepare.openface.face_ids import told
from adabench.data.prepare.openface.table import OpenFaceTable, UnusableOpenFaceError
from adabench.data.prepare.pulse import beat

_NAME = re.compile(r"(frame_det_(?:(\d+)_)?)(\d+)(\.\w+)", re.IGNORECASE)
# how a whole file of these formats begins and ends; OpenCV gives a picture even of half a file
_ENDS = ((b"\xff\xd8", b"\xff\xd9"), (b"\x89PNG", b"IEND\xaeB`\x82"))
_TAIL = 64
_PREFIX = "frame_det_"


class AlignedFaces:
    """The faces of a clip's frames, read one at a time.

    ``frame_det_00_000001.bmp`` is frame 1 of the face with ``face_id`` 0, in whatever format OpenCV
    reads; older versions wrote ``frame_det_000001.bmp``.

    Args:
        folder: the images.
        table: the frames, and which of them failed.
        size: side of the crops in pixels.

    Attributes:
        good: (N,) bool, the frames whose face was tracked and whose image can be read.

    Raises:
        UnusableOpenFaceError: there is no folder, no image of the table's frames in it, or one
            that is not square.
    """

    def __init__(self, folder: Path, table: OpenFaceTable, size: int) -> None:
        self.folder = folder
        self.table = table
        self.size = size
        # a file's name is its number in one of few patterns: keeping the names would take memory
        # that grows with the clip
        self._patterns: list[tuple[str, int, str]] = []
        self._pattern = np.full(len(table), -1, np.int16)
        self._list_images()
        self.good = table.success & (self._pattern >= 0)
        for i in np.flatnonzero(self.good):
            self.good[i] = self._read(int(i)) is not None
            beat(i / len(table))

    @property
    def face_rate(self) -> float:
        """Share of the frames that have a face of their own, 0 to 1."""
        return float(self.good.mean())

    def lost(self) -> str:
        """Which images of tracked frames are missing or unreadable, in words; empty if none."""
        lost = np.flatnonzero(self.table.success & ~self.good)
        if not len(lost):
            return ""
        return (
            f"{len(lost)} of {self.table.success.sum()} images in {self.folder} are missing or "
            f"can't be read, the first that of frame {self.table.numbers[lost[0]]}"
        )

    def crops(self) -> Iterator[NDArray[np.uint8]]:
        """The faces of all frames, (size, size, 3) uint8 RGB, reduced by area averaging.

        In a frame without a face of its own the one before is repeated, at the beginning the first
        one.

        Raises:
            UnusableOpenFaceError: an image is gone since it was looked at, or there is none.
        """
        good = np.flatnonzero(self.good)
        if not len(good):
            raise UnusableOpenFaceError(f"{self.folder}: no face in any frame", "no_face")
        crop = self._crop(int(good[0]))
        for i in range(len(self.table)):
            if self.good[i] and i != good[0]:
                crop = self._crop(i)
            yield crop
            beat(i / len(self.table))

    def _list_images(self) -> None:
        wanted = self.table.face or 0
        try:
            for entry in _images(self.folder):
                match = _NAME.fullmatch(entry.name)
                if match is None:
                    continue
                face = None if match[2] is None else int(match[2])
                self._add(face, match[1], match[3], match[4])
        except (FileNotFoundError, NotADirectoryError):
            raise UnusableOpenFaceError(
                f"{self.folder}: no such folder: run OpenFace again with -simalign"
            ) from None
        if not self._patterns:
            raise UnusableOpenFaceError(
                f"{self.folder}: no image frame_det_{wanted:02d}_"
                f"{self.table.numbers[0]:06d}.bmp or the like for the frames of {self.table.path}: "
                "run OpenFace again with -simalign"
            )

    def _add(self, face: int | None, prefix: str, number: str, suffix: str) -> None:
        i = int(np.searchsorted(self.table.numbers, int(number)))
        if i == len(self.table) or self.table.numbers[i] != int(number):
            return
        wanted = self.table.face or 0
        if self.table.ids is not None:
            wanted = int(self.table.ids[i])
        if self.table.faces != 1 if face is None else face != wanted:
            return
        pattern = prefix, len(number), suffix
        if pattern not in self._patterns:
            self._patterns.append(pattern)
        before = int(self._pattern[i])
        # of two images of a frame always the same one, in whatever order a folder lists them
        if before < 0 or pattern < self._patterns[before]:
            self._pattern[i] = self._patterns.index(pattern)

    def _path(self, i: int) -> Path:
        prefix, width, suffix = self._patterns[self._pattern[i]]
        return self.folder / f"{prefix}{self.table.numbers[i]:0{width}d}{suffix}"

    def _crop(self, i: int) -> NDArray[np.uint8]:
        image = self._read(i)
        if image is None:
            raise UnusableOpenFaceError(f"{self._path(i)}: changed while it was read: begin again")
        if image.shape[0] != self.size:
            shrinks = image.shape[0] > self.size
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            image = cv2.resize(image, (self.size, self.size), interpolation=method)
        crop: NDArray[np.uint8] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return crop

    def _read(self, i: int) -> NDArray[np.uint8] | None:
        """The image of frame i in blue, green, red; None if it can't be read whole."""
        path = self._path(i)
        image = read_image(path)
        if image is not None and image.shape[0] != image.shape[1]:
            height, width = image.shape[:2]
            raise UnusableOpenFaceError(
                f"{path}: expected a square aligned face, got {width}x{height} pixels: run "
                "OpenFace again with -simalign"
            )
        return image


def images_table(folder: Path) -> OpenFaceTable:
    """The frames of a folder of images that came without a table, which tells no time.

    Frames are numbered from 1 to the last image; those without one count as failed. Of several
    faces, the one with the most images is the clip's.

    Raises:
        UnusableOpenFaceError: there is no folder, or no image in it.
    """
    whole = array("q")
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for entry in _images(folder):
            if match := _NAME.fullmatch(entry.name):
                whole.extend((int(match[2] or 0), int(match[3])))
    faces, numbers = np.array(whole, np.int64).reshape(-1, 2).T
    if not len(numbers):
        raise UnusableOpenFaceError(
            f"{folder}: no image frame_det_00_000001.bmp or the like in it: copy OpenFace's images "
            "again",
            "no_images",
        )
    ids, counts = np.unique(faces, return_counts=True)
    face = int(ids[counts.argmax()])
    frames = np.arange(min(1, numbers.min()), numbers.max() + 1)
    others = np.unique(numbers[faces != face])
    return OpenFaceTable(
        folder,
        frames,
        np.isin(frames, numbers[faces == face]),
        np.full(len(frames), np.nan),
        face,
        len(ids),
        cut_short=False,
        several=told([face], ids[ids != face].tolist(), len(others) / len(frames)),
    )


def read_image(path: Path) -> NDArray[np.uint8] | None:
    """An image, (H, W, 3) uint8 blue, green, red; None if it can't be read whole."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    for begin, end in _ENDS:
        if content.startswith(begin) and end not in content[-_TAIL:]:
            return None
    if content.startswith(b"BM") and len(content) < int.from_bytes(content[2:6], "little"):
        return None
    try:
        image: NDArray[np.uint8] | None = cv2.imdecode(
            np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR
        )
    except cv2.error:
        return None
    return image


def images_state(folder: Path) -> list[int]:
    """Number of images and time of change of their folder: cheap, and blind to rewritten ones.

    Raises:
        OSError: the folder can't be read.
    """
    return [sum(1 for _ in _images(folder)), folder.stat().st_mtime_ns]


def images_sha256(folder: Path) -> str:
    """Checksum of all images' names and content, in hexadecimal.

    The sum of their SHA-256 modulo 2^256, since a folder lists tens of thousands of names in no
    order, and sorting them would take memory that grows with the clip.

    Raises:
        OSError: an image can't be read.
    """
    total = 0
    for entry in _images(folder):
        digest = hashlib.sha256(os.fsencode(entry.name) + b"\0" + Path(entry.path).read_bytes())
        total += int.from_bytes(digest.digest(), "big")
        beat()
    return f"{total % 2**256:064x}"


def _images(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name.lower()
            if name.startswith(_PREFIX) and is_image(name) and entry.is_file():
                yield entry
