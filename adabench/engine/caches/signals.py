"""Signals of a corpus's clips, one array a clip, read by random frames.

Tables of OpenFace hold hundreds of columns, and a trunk takes its time: a run reads either once.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.device import get_device
from torch import Tensor
from tqdm import tqdm

from adabench.config.digest import digest
from adabench.data.files import mark_used
from adabench.data.locks import alone_in
from adabench.data.manifest import ClipRecord
from adabench.data.prepared import PreparedCorpus
from adabench.engine.caches.clip_arrays import ClipArrays
from adabench.engine.caches.signal_files import SignalFiles
from adabench.engine.files.timings import CostBook
from adabench.hints import did_you_mean
from adabench.models.signals import FrameSignals, SignalSource
from adabench.plugins.fingerprints import code_of_classes
from adabench.structures import Signals

FOLDER = "signals"
# Frames that are read and computed together.
_PORTION = 256


class SignalsCache:
    """A source's signals of a corpus's clips: (frames, S) a clip, NaN where nothing was measured.

    Args:
        source: which signals, and where they come from.
        corpus: whose frames and tables.
        root: folder of all caches.
        clips: the run's.

    Attributes:
        names: the S columns.
        description: what they are, for the record.
        seconds: what the arrays that were asked for took to make, whenever that was.

    Raises:
        ValueError: columns of a generated corpus, which are its truth; a clip without a table, or
            without one of the columns.
    """

    def __init__(
        self,
        source: SignalSource,
        corpus: PreparedCorpus,
        root: Path,
        clips: Sequence[ClipRecord],
    ) -> None:
        self.names = source.names
        self.description = source.describe()
        self.source: SignalSource | None = source
        self.seconds = 0.0
        self._files = SignalFiles(corpus)
        told: list[Any] = [type(source).__name__, source.version, self.names, corpus.checksum]
        if isinstance(source, FrameSignals):
            source.to(get_device())
            told.append(source.fingerprint())
        else:
            check_tables(source, corpus, clips)
            told.append(tables_digest(corpus, root))
        code = code_of_classes([type(source)])
        key = digest([*told, code] if code else told)
        self.arrays = ClipArrays(root / FOLDER / key, dtype=np.float32)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "source": None}

    def fill(self, corpus: PreparedCorpus, clips: Sequence[ClipRecord], what: str) -> None:
        """Make what is missing; a run that was cut goes on with the clip where it stopped."""
        folder = self.arrays.folder
        mark_used(folder)
        # Who comes second finds what the first one wrote instead of computing it too.
        here = alone_in(folder) if self._missing(clips) else nullcontext()
        with here, CostBook(folder / "seconds.json") as book:
            missing = self._missing(clips)
            for clip in tqdm(missing, desc=what, unit="clip", disable=not missing, mininterval=1.0):
                with book.time(clip.clip):
                    self.arrays.write(clip.clip, self._values(corpus, clip))
            self.seconds += book.total(clip.clip for clip in clips)

    def _missing(self, clips: Sequence[ClipRecord]) -> list[ClipRecord]:
        return [clip for clip in clips if not self.arrays.has(clip.clip)]

    def _values(self, corpus: PreparedCorpus, clip: ClipRecord) -> np.ndarray:
        if self.source is None:
            raise RuntimeError("a worker's copy of the signals cache only reads")
        if isinstance(self.source, FrameSignals):
            return self._computed(self.source, corpus, clip)
        columns = _columns_of(self._files, clip.clip, self.names)
        found = self._files.read(clip, columns)
        return np.where(found.mask, found.values, np.nan)

    @torch.no_grad()
    def _computed(
        self, source: FrameSignals, corpus: PreparedCorpus, clip: ClipRecord
    ) -> np.ndarray:
        parts = []
        for start in range(0, clip.frames, _PORTION):
            index = np.arange(start, min(start + _PORTION, clip.frames))
            frames = torch.from_numpy(corpus.frames(clip.clip, index)).permute(0, 3, 1, 2)
            found = source.compute(frames.float().div_(255.0)).cpu().numpy()
            if found.shape != (len(index), len(self.names)):
                raise ValueError(
                    f"signals: {type(source).__name__} gives {found.shape} for {len(index)} frames of "
                    f"clip {clip.clip}; expected a row a frame and {len(self.names)} columns"
                )
            parts.append(found)
        return np.concatenate(parts)

    def read(self, clip: str, index: np.ndarray) -> Signals:
        """Return signals of frames ``index`` of a clip without the batch axis."""
        values = self.arrays.rows(clip, index)
        mask = values.isfinite()
        return Signals(values.masked_fill(~mask, 0.0), mask, self.names)

    def statistics(self, clips: Sequence[ClipRecord]) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation (S,) over the measured frames of some clips.

        0 and 0 for a column that was never measured.
        """
        count, total, squares = (torch.zeros(len(self.names)).double() for _ in range(3))
        shift: Tensor | None = None
        for clip in clips:
            found = self.read(clip.clip, np.arange(clip.frames))
            values, mask = found.values.double(), found.mask
            # Far from zero, squares would swallow the spread.
            shift = _means(values, mask) if shift is None else shift
            away = torch.where(mask, values - shift, 0.0)
            count, total = count + mask.sum(0), total + away.sum(0)
            squares = squares + away.square().sum(0)
        known = count.clamp_min(1)
        mean = total / known
        spread = (squares / known - mean.square()).clamp_min(0).sqrt()
        mean = mean if shift is None else mean + torch.where(count > 0, shift, 0.0)
        return mean.float(), spread.float()


def _means(values: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, values, 0.0).sum(0) / mask.sum(0).clamp_min(1)


def check_tables(
    source: SignalSource | None, corpus: PreparedCorpus, clips: Sequence[ClipRecord]
) -> None:
    """Refuse clips whose tables lack a column; errors as of `SignalsCache`.

    Args:
        source: nothing is asked of one that reads frames, or of None.
        corpus: whose tables.
        clips: that are to be read.
    """
    if source is None or isinstance(source, FrameSignals):
        return
    if corpus.parameters is not None:
        raise ValueError(
            f"signals: corpus {corpus.name!r} is generated, and what it writes in OpenFace's layout is "
            "its truth, which no method may read: take what a pretrained trunk sees, "
            "signals=dict(type='TrunkSignals', stage='stage:trunk')"
        )
    files = SignalFiles(corpus)
    for clip in clips:
        _columns_of(files, clip.clip, source.names)


def tables_digest(corpus: PreparedCorpus, root: Path) -> str:
    """Hash the tables of a prepared corpus's signals.

    Args:
        corpus: whose.
        root: folder of all caches, where each table's checksum is remembered.
    """
    book = root / FOLDER / f"tables-{digest([str(corpus.root.resolve())], 8)}.json"
    files = SignalFiles(corpus)
    # Of all clips, so that runs on some of them share a cache.
    return files.digest([c.clip for c in corpus.clips if files.path(c.clip).is_file()], book)


def _columns_of(files: SignalFiles, clip: str, names: Sequence[str]) -> list[str]:
    """Return the columns of a clip's table that have these names, as the file writes them."""
    there = {column.strip(): column for column in files.columns(clip)}
    if not there:
        raise ValueError(
            f"signals: clip {clip} has no table {files.path(clip)}: prepare the corpus again with "
            "OpenFace's output (tools/prepare.py --openface FOLDER), or take "
            "signals=dict(type='TrunkSignals', stage='stage:trunk')"
        )
    for name in names:
        if name not in there:
            hint = did_you_mean(name, there)
            raise ValueError(
                f"{files.path(clip)}: no column {name!r}, which signals.columns names.{hint} The "
                f"table has {len(there) - 1} columns: {_short(sorted(there.keys() - {'frame'}))}"
            )
    return [there[name] for name in names]


def _short(names: Sequence[str], most: int = 12) -> str:
    rest = f", … {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
