"""Which stages and caches no record names, so that their disk can be had back."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from adabench.data.files import TEMPORARY_PREFIX
from adabench.data.locks import alone_at_once
from adabench.data.tracks import CACHES
from adabench.records.schema.record import Record

STAGES, FEATURES, SEMANTICS, SIGNALS = "stages", "features", "semantics", "signals"

_DAY = 86400.0


@dataclass(frozen=True)
class Kept:
    """A folder with a stage's result, or a cache.

    Attributes:
        kind: ``stages``, ``features``, ``semantics`` or ``signals``.
        size: bytes on disk.
        days: since it was last used.
    """

    folder: Path
    kind: str
    size: int
    days: float


def named_by(records: Iterable[Record]) -> set[str]:
    """Return the names of the folders that records say they rest on."""
    names: set[str] = set()
    for record in records:
        names.update(record.caches)
        names.update(f"{stage.type}-{stage.key}" for stage in record.stages)
    return names


def unnamed(data: Path, named: set[str]) -> list[Kept]:
    """Return the stages and caches below a data folder that are not named, the largest first.

    Raises:
        FileNotFoundError: no such folder.
    """
    if not data.is_dir():
        raise FileNotFoundError(f"data folder {data} does not exist; name it with --data")
    now = time.time()
    found = [
        Kept(folder, kind, _size(folder), (now - folder.stat().st_mtime) / _DAY)
        for kind, folder in _folders(data)
        if folder.name not in named
    ]
    return sorted(found, key=lambda kept: (-kept.size, str(kept.folder)))


def remove(kept: Kept) -> None:
    """Remove a stage's result or a cache; a run that begins meanwhile makes it anew.

    Raises:
        FolderInUseError: another process works in it.
        OSError: it can't be removed.
    """
    with alone_at_once(kept.folder, "wait until it has ended"):
        # Under its own name it is whole or absent, wherever the removal is cut.
        aside = kept.folder.with_name(f"{TEMPORARY_PREFIX}removed-{kept.folder.name}")
        kept.folder.rename(aside)
    shutil.rmtree(aside)


def _folders(data: Path) -> Iterator[tuple[str, Path]]:
    caches = (FEATURES, SEMANTICS, SIGNALS)
    places = [(kind, data / kind) for kind in (STAGES, *caches)]
    # A generated corpus has its own, and vectors of frames lie beside any corpus's faces.
    places += [(kind, p) for kind in caches for p in sorted(data.glob(f"*/{CACHES}/{kind}"))]
    places += [(SEMANTICS, place) for place in sorted(data.glob(f"*/{SEMANTICS}"))]
    for kind, place in places:
        if place.is_dir():
            yield from ((kind, f) for f in place.iterdir() if f.is_dir() and not f.is_symlink())


def _size(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))
