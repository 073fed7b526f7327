"""Prepared corpora: what ``tools/prepare.py`` writes, and the only thing that training reads."""

from __future__ import annotations

import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adabench.data.digests import BOOK, DigestBook
from adabench.data.files import open_files, write_bytes
from adabench.data.manifest import SPLITS, ClipRecord, manifest_bytes, read_manifest
from adabench.data.store import SUFFIX, FrameStore, JpegPack
from adabench.data.tracks import CORPUS_FILE
from adabench.evaluation.scale import BDI_II, Scale, scale_from

MANIFEST = "manifest.csv"
DESCRIPTION = CORPUS_FILE
FACES = "faces"
SIGNALS = "signals"
NOTES = ".clips"
SCHEMA = 1

_OPEN_STORES = open_files(32)


@dataclass(frozen=True)
class CorpusDescription:
    """What is true of a whole prepared corpus.

    Args:
        name: the corpus, e.g. ``synthface``.
        kind: the layout that its reader reads, e.g. ``avec2014``, ``expressions``.
        licensed: whether its organisers' licence forbids publishing labels.
        prepare: the settings that its faces were cropped with; ``size`` in pixels among them.
        parameters: the generator's record for a generated corpus, else None.
        scale: of its scores.
    """

    name: str
    kind: str
    licensed: bool
    prepare: dict[str, Any]
    parameters: dict[str, Any] | None
    scale: Scale = BDI_II

    @classmethod
    def from_plain(cls, content: dict[str, Any]) -> CorpusDescription:
        """Read what `plain` gives.

        Raises:
            ValueError, TypeError: it is no such thing.
        """
        scale = scale_from(content["scale"]) if "scale" in content else BDI_II
        return cls(**{**content, "scale": scale})

    def plain(self) -> dict[str, Any]:
        """The fields as JSON holds them; the BDI-II is not named, as it once was the only scale."""
        fields = dict(vars(self))
        del fields["scale"]
        return fields if self.scale == BDI_II else {**fields, "scale": self.scale.plain()}

    def checksum(self, manifest: bytes) -> str:
        """SHA-256 over the description and the manifest, hence over the sources' checksums."""
        fields = json.dumps(self.plain(), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(fields.encode() + b"\n" + manifest).hexdigest()

    def to_json(self, manifest: bytes) -> bytes:
        """The content of ``corpus.json``."""
        content = {"schema": SCHEMA, **self.plain(), "checksum": self.checksum(manifest)}
        return (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode()


class PreparedCorpus:
    """A prepared corpus on disk; make one with :meth:`open`.

    Reading is safe in worker processes, however they are started: files open at their first use,
    and pickling leaves them out.
    """

    def __init__(
        self, root: Path, description: CorpusDescription, clips: Sequence[ClipRecord], checksum: str
    ) -> None:
        self.root = root
        self.description = description
        self.clips = tuple(clips)
        self.checksum = checksum
        self._records = {record.clip: record for record in self.clips}
        self._stores: OrderedDict[str, FrameStore] = OrderedDict()

    @classmethod
    def open(cls, root: str | os.PathLike[str]) -> PreparedCorpus:
        """Opens the corpus in the folder ``root``.

        Raises:
            FileNotFoundError: there is no complete corpus, or stored clips are missing.
            ValueError: ``corpus.json`` or the manifest is damaged or was changed by hand, or a
                stored clip is not as it was written.
        """
        root = Path(root)
        description, checksum = read_description(root)
        clips = read_manifest(root / MANIFEST, description.scale)
        if description.checksum(manifest_bytes(clips)) != checksum:
            raise ValueError(
                f"{root / MANIFEST}: it does not belong to {DESCRIPTION} beside it (changed by "
                f"hand?): run `{_command(description.name, root)}` again, which keeps the "
                "finished clips"
            )
        _check_stores(root, clips, description.name)
        return cls(root, description, clips, checksum)

    @property
    def name(self) -> str:
        """The corpus, e.g. ``synthface``."""
        return self.description.name

    @property
    def kind(self) -> str:
        """The layout it came in: ``avec2014``, ``expressions``, ..."""
        return self.description.kind

    @property
    def licensed(self) -> bool:
        """Whether a licence forbids publishing its labels."""
        return self.description.licensed

    @property
    def scale(self) -> Scale:
        """Of its scores."""
        return self.description.scale

    @property
    def size(self) -> int:
        """Height and width of its frames in pixels."""
        return int(self.description.prepare["size"])

    @property
    def parameters(self) -> dict[str, Any] | None:
        """The generator's record for a generated corpus, else None."""
        return self.description.parameters

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, clip: str) -> ClipRecord:
        try:
            return self._records[clip]
        except KeyError:
            raise KeyError(
                f"{self.root}: no clip {clip!r}; it has {len(self.clips)}, the first "
                f"{self.clips[0].clip!r}"
            ) from None

    def frames(
        self, clip: str, index: Sequence[int] | NDArray[np.integer[Any]]
    ) -> NDArray[np.uint8]:
        """The frames ``index`` (T,) of a clip, in that order, as (T, size, size, 3) uint8 RGB.

        Raises:
            KeyError: there is no such clip.
            IndexError: an entry outside 0 <= i < the clip's ``frames``.
            ValueError: the clip's file is damaged.
        """
        return self._store(clip).read(index)

    def signals(self, clip: str) -> pd.DataFrame:
        """The per-frame signals of a clip: a column ``frame`` and one for each signal.

        Raises:
            KeyError: there is no such clip.
            FileNotFoundError: the corpus has no signals for it.
            ValueError: they can't be read.
        """
        path = self.root / SIGNALS / f"{self[clip].clip}.csv"
        try:
            return pd.read_csv(path)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{path}: corpus {self.name!r} has no signals for clip {clip!r}: choose a "
                "corpus that has them, or a method that needs only frames"
            ) from None
        except ValueError as error:
            raise ValueError(
                f"{path}: damaged ({error}): delete it and prepare the corpus again"
            ) from error

    def select(self, split: str | None = None, task: str | None = None) -> list[ClipRecord]:
        """The clips of a split and a task, sorted by name; None takes all.

        Raises:
            ValueError: no such split, or no clip of the corpus has that task.
        """
        tasks = sorted({record.task for record in self.clips})
        for what, value, known in (("split", split, SPLITS), ("task", task, tasks)):
            if value is not None and value not in known:
                raise ValueError(
                    f"corpus {self.name!r}: {what}: expected one of "
                    f"{', '.join(map(repr, known))}, got {value!r}"
                )
        return [
            record
            for record in self.clips
            if split in (None, record.split) and task in (None, record.task)
        ]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_stores": OrderedDict()}

    def _store(self, clip: str) -> FrameStore:
        store = self._stores.pop(clip, None)
        if store is None:
            store = JpegPack(self.root / FACES / f"{self[clip].clip}{SUFFIX}")
        self._stores[clip] = store
        while len(self._stores) > _OPEN_STORES:
            self._stores.popitem(last=False)
        return store


def write_description(
    root: Path, description: CorpusDescription, records: Sequence[ClipRecord]
) -> None:
    """Writes the manifest and then ``corpus.json``, which says that the corpus is complete."""
    manifest = manifest_bytes(records)
    write_bytes(root / MANIFEST, manifest)
    write_bytes(root / DESCRIPTION, description.to_json(manifest))


def read_description(root: Path) -> tuple[CorpusDescription, str]:
    """Return what ``corpus.json`` says in the folder ``root``, and its checksum.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or of another version of adabench.
    """
    path = root / DESCRIPTION
    remedy = f"run `{_command('CORPUS', root)}`"
    if not path.is_file():
        state = "holds an unfinished corpus" if root.is_dir() else "does not exist"
        raise FileNotFoundError(
            f"no prepared corpus: the folder {root} {state} (no {DESCRIPTION}): {remedy}"
        )
    try:
        content = json.loads(path.read_bytes())
        schema, checksum = content.pop("schema"), content.pop("checksum")
        description = CorpusDescription.from_plain(content)
        int(description.prepare["size"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: damaged ({error}): {remedy} again") from error
    if schema != SCHEMA:
        raise ValueError(
            f"{path}: field schema: this version of adabench reads {SCHEMA}, got {schema!r}: "
            f"{remedy} into another folder"
        )
    return description, checksum


def _check_stores(root: Path, clips: Sequence[ClipRecord], name: str) -> None:
    folder = root / FACES
    present = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set()
    missing = [record.clip for record in clips if f"{record.clip}{SUFFIX}" not in present]
    if missing:
        raise FileNotFoundError(
            f"{folder}: {len(missing)} of {len(clips)} clips are missing, the first "
            f"{missing[0]!r}: run `{_command(name, root)}` again, which makes only those"
        )
    book = digest_book(root)
    for file in book.names():
        difference = book.difference(file) if (root / file).is_file() else None
        if difference is not None:
            raise ValueError(
                f"{root / file}: damaged or exchanged after it was written ({difference}): delete it "
                f"and run `{_command(name, root)}` again, which makes only that"
            )


def digest_book(root: Path) -> DigestBook:
    """Return the book of a prepared corpus's stores and signals; it lies among its notes."""
    return DigestBook(root, root / NOTES / BOOK)


def _command(name: str, root: Path) -> str:
    return f"python tools/prepare.py {name} --src RAW --out {root}"
