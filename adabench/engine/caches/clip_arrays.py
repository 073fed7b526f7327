"""Arrays of a clip's frames on disk: read by random frames, written whole or portion by portion."""

from __future__ import annotations

import logging
import shutil
import zipfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from adabench.data.digests import DigestBook
from adabench.data.files import atomic_path, open_files

_UNFINISHED = ".parts"
# Each open array takes one of the files that a process may have open.
_OPEN_ARRAYS = open_files(256)

_logger = logging.getLogger(__name__)


class ClipArrays:
    """One array of shape (frames, values) a clip, in one folder, with a book of digests.

    An array that is not as it was written counts as missing, and a line says so.

    Args:
        folder: where arrays are written, and looked for first.
        others: further folders where arrays of the same key may lie.
        dtype: of the numbers on disk; half precision unless they are measurements.
    """

    def __init__(
        self, folder: Path, others: Sequence[Path] = (), *, dtype: type[np.floating] = np.float16
    ) -> None:
        self.folder = folder
        self.dtype = np.dtype(dtype)
        self.others = tuple(others)
        self.books = {place: DigestBook(place) for place in (folder, *others)}
        self._sound: dict[Path, bool] = {}
        self._open: OrderedDict[str, np.ndarray] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": OrderedDict()}

    def has(self, clip: str) -> bool:
        """Whether the clip's array is there, as it was written."""
        return self._place(clip) is not None

    def place(self, clip: str) -> Path:
        """Return the folder that holds the clip's array, the first of all where none does."""
        return self._place(clip) or self.folder

    def _place(self, clip: str) -> Path | None:
        return next((p for p in self.books if self._is_sound(p / f"{clip}.npy")), None)

    def _is_sound(self, path: Path) -> bool:
        if not path.is_file():
            return False
        if path not in self._sound:
            damage = self._damage(path)
            if damage is not None:
                _logger.warning("%s: %s: it is made again", path, damage)
            self._sound[path] = damage is None
        return self._sound[path]

    def _damage(self, path: Path) -> str | None:
        book = self.books[path.parent]
        damage = book.difference(path.name)
        if damage is None and not book.knows(path.name):
            damage = _unreadable(path, self.dtype)
            if damage is None:
                book.adopt(path.name)
        return damage

    def write(self, clip: str, values: np.ndarray) -> None:
        """Write the clip's array atomically."""
        with self._writing(clip) as temporary, temporary.open("wb") as stream:
            np.save(stream, values.astype(self.dtype))

    @contextmanager
    def _writing(self, clip: str) -> Iterator[Path]:
        name = f"{clip}.npy"
        self._open.pop(clip, None)
        with self.books[self.folder].writing(name) as temporary:
            yield temporary
        self._sound[self.folder / name] = True

    def write_portions(self, clip: str, frames: int, portions: Iterable[np.ndarray]) -> None:
        """Write the clip's array atomically, its portions (T_i, values) in order, one at a time.

        Raises:
            ValueError: the portions have not ``frames`` rows together, or not the same width.
        """
        path = self.folder / f"{clip}.npy"
        width, rows, descr = None, 0, self.dtype.newbyteorder("<").str
        with self._writing(clip) as temporary, temporary.open("wb") as stream:
            for portion in portions:
                if width is None:
                    width = portion.shape[1]
                    shape = {"descr": descr, "fortran_order": False, "shape": (frames, width)}
                    np.lib.format.write_array_header_1_0(stream, shape)
                if portion.ndim != 2 or portion.shape[1] != width:
                    raise ValueError(
                        f"{path}: after {rows} rows of {width} values came {portion.shape}"
                    )
                stream.write(portion.astype(descr).tobytes())
                rows += len(portion)
            if rows != frames:
                raise ValueError(f"{path}: {rows} rows for {frames} frames")

    def rows(self, clip: str, index: np.ndarray) -> Tensor:
        """Return rows ``index`` as float32; only these are read.

        Raises:
            FileNotFoundError, ValueError: the array is missing or damaged; the message names it.
        """
        array = self._open.pop(clip, None)
        if array is None:
            array = _opened(self.place(clip) / f"{clip}.npy")
        self._open[clip] = array
        while len(self._open) > _OPEN_ARRAYS:
            self._open.popitem(last=False)
        return torch.from_numpy(array[index].astype(np.float32))


def _opened(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r")
    # numpy's own words name no file, and advise to load what may run code.
    except (ValueError, EOFError) as error:
        raise ValueError(
            f"{path}: damaged, no array can be read from it: delete it, and the next run makes it again"
        ) from error


def _unreadable(path: Path, dtype: np.dtype[Any]) -> str | None:
    """Say what keeps an array that has no digest from being read, None if nothing does."""
    try:
        array = _opened(path)
    except ValueError:
        return "damaged"
    if array.ndim != 2 or array.dtype != dtype:
        return f"an array of shape {array.shape} and type {array.dtype}"
    return None


class Portion(NamedTuple):
    """What was computed of some consecutive frames.

    Attributes:
        values: (T, values) float16.
        texts: a sentence a frame, or None.
    """

    values: np.ndarray
    texts: list[str] | None


class ClipParts:
    """The finished portions of a clip that is still computed, a file each.

    A process that is killed loses the portion at hand; whoever comes next finds the others. A clip
    is always cut alike, whoever goes on with it. One of a single portion needs no file.

    Args:
        folder: of the finished arrays.
        clip: whose.
        frames: of the clip.
        length: frames a portion.

    Attributes:
        spans: the frames [start, stop) of each portion.
    """

    def __init__(self, folder: Path, clip: str, frames: int, length: int) -> None:
        self.folder = folder / _UNFINISHED / clip
        self.spans = [(at, min(at + length, frames)) for at in range(0, frames, length)]
        self._single: Portion | None = None

    def _path(self, span: tuple[int, int]) -> Path:
        # The span is the name: portions of another length are never taken for these.
        return self.folder / f"{span[0]:07d}-{span[1]:07d}.npz"

    def missing(self) -> list[tuple[int, int]]:
        """Return the spans of the portions that are not there."""
        if len(self.spans) == 1:
            return self.spans if self._single is None else []
        return [span for span in self.spans if not self._is_whole(self._path(span))]

    def _is_whole(self, path: Path) -> bool:
        if not path.is_file():
            return False
        try:
            with np.load(path) as content:
                return len(content["values"]) > 0 and content["texts"].ndim == 1
        except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile):
            _logger.warning("%s: damaged: it is made again", path)
            return False

    def write(self, span: tuple[int, int], portion: Portion) -> None:
        """Keep a portion."""
        if len(self.spans) == 1:
            self._single = portion
            return
        texts = np.array(portion.texts or [], dtype=np.str_)
        with atomic_path(self._path(span)) as temporary, temporary.open("wb") as stream:
            np.savez(stream, values=portion.values, texts=texts)

    def values(self) -> Iterator[np.ndarray]:
        """Yield each portion's values, read when their turn comes; all have to be there."""
        if self._single is not None:
            yield self._single.values
            return
        for span in self.spans:
            with np.load(self._path(span)) as content:
                yield content["values"]

    def texts(self) -> Iterator[list[str]]:
        """Yield each portion's sentences; nothing where there are none."""
        if self._single is not None:
            yield self._single.texts or []
            return
        for span in self.spans:
            with np.load(self._path(span)) as content:
                yield content["texts"].tolist()

    def remove(self) -> None:
        """Remove all of them: the clip's array is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_finished(arrays: ClipArrays) -> None:
    """Remove the portions of clips whose arrays are there: a process was killed before it could."""
    parts = arrays.folder / _UNFINISHED
    for entry in sorted(parts.iterdir()) if parts.is_dir() else []:
        if arrays.has(entry.name):
            shutil.rmtree(entry, ignore_errors=True)
