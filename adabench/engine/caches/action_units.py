"""OpenFace's action units among a prepared corpus's signals, for text that is made of them."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from adabench.config.digest import digest
from adabench.data.files import write_bytes
from adabench.data.manifest import ClipRecord
from adabench.data.prepared import SIGNALS, PreparedCorpus
from adabench.models.semantics.sentences import openface_columns
from adabench.models.weights import file_checksum
from adabench.structures import Signals

_BOOK = "signals.json"
# A file may change twice within one tick of its file system's clock.
_SETTLED = 2_000_000_000


class ActionUnits:
    """The signals of a corpus's clips that have OpenFace's ``AUxx_c`` columns.

    Args:
        corpus: whose.

    Attributes:
        folder: of the signals.
        clips: names of the clips that have them, sorted.
    """

    def __init__(self, corpus: PreparedCorpus) -> None:
        self.corpus = corpus
        self.folder = corpus.root / SIGNALS
        # A generated corpus with labels has no signals at all.
        records = corpus.clips if self.folder.is_dir() else ()
        self.clips = sorted(r.clip for r in records if self._columns(r.clip))

    def _path(self, clip: str) -> Path:
        return self.folder / f"{clip}.csv"

    def _columns(self, clip: str) -> list[str]:
        """Return the names of OpenFace's columns in a clip's signals, as the file writes them."""
        try:
            with self._path(clip).open(encoding="utf-8", newline="") as stream:
                names = next(csv.reader(stream), [])
        except FileNotFoundError:
            return []
        found = openface_columns(tuple(names))
        if not found["c"]:
            return []
        return [names[at] for at in sorted([*found["c"].values(), *found["r"].values()])]

    def digest(self, book: Path) -> str:
        """Hash the signals of every clip that has action units.

        Args:
            book: folder that remembers each file's checksum with its size and time of change, so
                that gigabytes of signals are not read anew by every run.
        """
        path = book / _BOOK
        known = _read_book(path)
        found: dict[str, list[int | str]] = {}
        for clip in self.clips:
            stat = self._path(clip).stat()
            entry = known.get(clip, [])
            if entry[:2] != [stat.st_size, stat.st_mtime_ns]:
                entry = [stat.st_size, stat.st_mtime_ns, file_checksum(self._path(clip))]
            found[clip] = entry
        settled = {c: e for c, e in found.items() if time.time_ns() - int(e[1]) > _SETTLED}
        if settled != known:
            # It only saves time: caches that can't be written may still be complete.
            with suppress(OSError):
                write_bytes(path, json.dumps(settled, indent=0).encode())
        return digest([[clip, entry[2]] for clip, entry in sorted(found.items())])

    def read(self, clip: ClipRecord) -> Signals:
        """Return the action units of a clip, a row a frame, without a batch axis.

        A frame without a row, and a cell without a number, count as not measured.

        Raises:
            ValueError: rows that belong to no frame of the clip, or twice to the same.
        """
        path, names = self._path(clip.clip), self._columns(clip.clip)
        table = pd.read_csv(path, usecols=lambda name: name in names or name.strip() == "frame")
        table = table.rename(columns=str.strip).apply(pd.to_numeric, errors="coerce")
        at = _frame_numbers(table, clip, path)
        units = [name.strip() for name in names]
        values = np.zeros((clip.frames, len(units)), np.float32)
        mask = np.zeros(values.shape, bool)
        measured = table[units].to_numpy(np.float32)
        known = np.isfinite(measured)
        values[at], mask[at] = np.where(known, measured, 0), known
        return Signals(torch.from_numpy(values), torch.from_numpy(mask), tuple(units))


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


def refuse_mixed(corpus: str, clips: Sequence[ClipRecord], having: Sequence[str]) -> None:
    """Raise ValueError where only some of the clips have action units.

    Their text would tell apart the clips on which OpenFace was run, say by split or by task, and
    what a record says of its text would be false for a part of the clips.
    """
    without = [clip.clip for clip in clips if clip.clip not in set(having)]
    if without and len(without) < len(clips):
        raise ValueError(
            f"corpus {corpus!r}: {len(without)} of this run's {len(clips)} clips have no action "
            f"units, the first {without[0]!r}, and the others have: text would be made of action "
            "units in a part of the clips only. Prepare the corpus again with OpenFace's output for "
            "all of them, or set semantics.action_units=False for the same sentence everywhere"
        )
