"""The signals that a prepared corpus keeps beside its faces: one table a clip, a row a frame."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from adabench.config.digest import digest
from adabench.data.files import write_bytes
from adabench.data.manifest import ClipRecord
from adabench.data.prepared import SIGNALS, PreparedCorpus
from adabench.models.weights import file_checksum
from adabench.structures import Signals

# A file may change twice within one tick of its file system's clock.
_SETTLED = 2_000_000_000


class SignalFiles:
    """The tables of signals of a corpus's clips.

    Args:
        corpus: whose.

    Attributes:
        folder: of the tables.
    """

    def __init__(self, corpus: PreparedCorpus) -> None:
        self.folder = corpus.root / SIGNALS

    def path(self, clip: str) -> Path:
        """Return the table of a clip, which need not be there."""
        return self.folder / f"{clip}.csv"

    def columns(self, clip: str) -> list[str]:
        """Return the columns of a clip's table as the file writes them; none where it has none."""
        try:
            with self.path(clip).open(encoding="utf-8", newline="") as stream:
                return next(csv.reader(stream), [])
        except FileNotFoundError:
            return []

    def digest(self, clips: Iterable[str], book: Path) -> str:
        """Hash the tables of some clips.

        Args:
            clips: which have one.
            book: file that remembers each table's checksum with its size and time of change, so that
                gigabytes of signals are not read anew by every run.
        """
        known = _read_book(book)
        found: dict[str, list[int | str]] = {}
        for clip in clips:
            stat = self.path(clip).stat()
            entry = known.get(clip, [])
            if entry[:2] != [stat.st_size, stat.st_mtime_ns]:
                entry = [stat.st_size, stat.st_mtime_ns, file_checksum(self.path(clip))]
            found[clip] = entry
        settled = {c: e for c, e in found.items() if time.time_ns() - int(e[1]) > _SETTLED}
        if settled != known:
            # It only saves time: caches that can't be written may still be complete.
            with suppress(OSError):
                write_bytes(book, json.dumps(settled, indent=0).encode())
        return digest([[clip, entry[2]] for clip, entry in sorted(found.items())])

    def read(self, clip: ClipRecord, columns: Sequence[str]) -> Signals:
        """Return some columns of a clip, a row a frame, without a batch axis.

        A frame without a row, and a cell without a number, count as not measured.

        Args:
            clip: whose.
            columns: names as :meth:`columns` gives them.

        Raises:
            ValueError: rows that belong to no frame of the clip, or twice to the same.
        """
        path, names = self.path(clip.clip), list(columns)
        table = pd.read_csv(path, usecols=lambda name: name in names or name.strip() == "frame")
        table = table.rename(columns=str.strip).apply(pd.to_numeric, errors="coerce")
        at = _frame_numbers(table, clip, path)
        plain = [name.strip() for name in names]
        values = np.zeros((clip.frames, len(plain)), np.float32)
        mask = np.zeros(values.shape, bool)
        measured = table[plain].to_numpy(np.float32)
        known = np.isfinite(measured)
        values[at], mask[at] = np.where(known, measured, 0), known
        return Signals(torch.from_numpy(values), torch.from_numpy(mask), tuple(plain))


def _read_book(path: Path) -> dict[str, list[int | str]]:
    """Return clip → size, time of change and checksum; nothing of a book that can't be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    known = content.items() if isinstance(content, dict) else ()
    return {
        clip: entry
        for clip, entry in known
        if isinstance(entry, list) and list(map(type, entry)) == [int, int, str]
    }


def _frame_numbers(table: pd.DataFrame, clip: ClipRecord, path: Path) -> np.ndarray:
    """Return the frame of each row."""
    column = table.get("frame", default=pd.Series(range(len(table))))
    numbers = np.asarray(column, np.float64)
    whole = np.isfinite(numbers) & (numbers >= 0) & (numbers < clip.frames) & (numbers % 1 == 0)
    if not whole.all():
        wrong = numbers[~whole][0]
        raise ValueError(
            f"{path}: column frame: expected 0 to {clip.frames - 1} for the clip's {clip.frames} "
            f"frames, got {wrong:g} in row {int(np.argmin(whole)) + 2}; prepare the corpus again"
        )
    if len(np.unique(numbers)) != len(numbers):
        twice = pd.Series(numbers)[pd.Series(numbers).duplicated()].iloc[0]
        raise ValueError(
            f"{path}: column frame: frame {twice:g} has more than one row; prepare the corpus again"
        )
    return numbers.astype(np.int64)
