"""Arrays of a clip's frames on disk: read by random frames, written whole or portion by portion."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from adabench.data.files import atomic_path

_UNFINISHED = ".parts"


class ClipArrays:
    """One float16 array of shape (frames, values) a clip, in one folder.

    Args:
        folder: where arrays are written, and looked for first.
        others: further folders where arrays of the same key may lie.
    """

    def __init__(self, folder: Path, others: Sequence[Path] = ()) -> None:
        self.folder = folder
        self.others = tuple(others)
        self._open: dict[str, np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}

    def has(self, clip: str) -> bool:
        """Whether the clip's array is there."""
        return self._place(clip) is not None

    def place(self, clip: str) -> Path:
        """Return the folder that holds the clip's array, the first of all where none does."""
        return self._place(clip) or self.folder

    def _place(self, clip: str) -> Path | None:
        places = (self.folder, *self.others)
        return next((place for place in places if (place / f"{clip}.npy").is_file()), None)

    def write(self, clip: str, values: np.ndarray) -> None:
        """Write the clip's array atomically."""
        with atomic_path(self.folder / f"{clip}.npy") as temporary, temporary.open("wb") as stream:
            np.save(stream, values.astype(np.float16))

    def write_portions(self, clip: str, frames: int, portions: Iterable[np.ndarray]) -> None:
        """Write the clip's array atomically, its portions (T_i, values) in order, one at a time.

        Raises:
            ValueError: the portions have not ``frames`` rows together, or not the same width.
        """
        path = self.folder / f"{clip}.npy"
        width, rows = None, 0
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            for portion in portions:
                if width is None:
                    width = portion.shape[1]
                    shape = {"descr": "<f2", "fortran_order": False, "shape": (frames, width)}
                    np.lib.format.write_array_header_1_0(stream, shape)
                if portion.ndim != 2 or portion.shape[1] != width:
                    raise ValueError(
                        f"{path}: after {rows} rows of {width} values came {portion.shape}"
                    )
                stream.write(portion.astype("<f2").tobytes())
                rows += len(portion)
            if rows != frames:
                raise ValueError(f"{path}: {rows} rows for {frames} frames")

    def rows(self, clip: str, index: np.ndarray) -> Tensor:
        """Return rows ``index`` as float32; only these are read."""
        if clip not in self._open:
            self._open[clip] = np.load(self.place(clip) / f"{clip}.npy", mmap_mode="r")
        return torch.from_numpy(self._open[clip][index].astype(np.float32))


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
        return [span for span in self.spans if not self._path(span).is_file()]

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
