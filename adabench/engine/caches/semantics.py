"""Semantic vectors of a corpus's clips, and the sentences behind them, kept on disk.

Vectors of frames lie beside the corpus's faces, since they depend on nothing else that a run
chooses; those of an encoder that reads a trunk's vectors lie beside that trunk's cache.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.device import get_device
from tqdm import tqdm

from adabench.config.digest import digest
from adabench.data.files import mark_used, remove_leftovers
from adabench.data.locks import alone_in
from adabench.data.manifest import ClipRecord
from adabench.data.prepared import PreparedCorpus
from adabench.engine.caches.action_units import ActionUnits, refuse_mixed
from adabench.engine.caches.clip_arrays import ClipArrays, ClipParts, Portion, remove_finished
from adabench.engine.caches.features import FeatureCache
from adabench.engine.caches.prompts import PromptRuns, read_prompts, write_prompts
from adabench.engine.files.timings import CostBook
from adabench.models.semantics.encoders import SemanticEncoder
from adabench.plugins.fingerprints import code_of_classes
from adabench.structures import Semantics, Signals

SEMANTICS = "semantics"
_COSTS = "seconds.json"
# Frames that are encoded, and kept or lost, together.
_PORTION = 256
# Frames after which costs are written.
_GROUP = 4096


class SemanticsCache:
    """A semantic encoder's vectors of text and image, and its sentences.

    Args:
        encoder: makes them.
        corpus: whose frames and signals.
        root: folder of all caches.
        trunk: the feature cache whose vectors an encoder that needs ``vector`` reads.
        clips: the run's clips, which have to agree on having action units; by default all.
        device: where the encoder runs; by default mmengine's choice.

    Attributes:
        seconds: what the vectors that were asked for took to compute, whenever that was.
        action_units: whether the text is made of OpenFace's action units.
        description: what the vectors are, for the record.

    Raises:
        ValueError: an encoder of vectors without a trunk; clips of which only some have action
            units; an encoder that insists on them, and clips that have none.
    """

    def __init__(
        self,
        encoder: SemanticEncoder,
        corpus: PreparedCorpus,
        root: Path,
        trunk: FeatureCache | None,
        clips: Sequence[ClipRecord] | None = None,
        *,
        device: str | None = None,
    ) -> None:
        if encoder.needs == "vector" and trunk is None:
            raise ValueError(
                f"semantics: {type(encoder).__name__} reads the vectors of a frozen trunk, and this "
                "config has none; freeze the trunk and set cache=True, or choose another encoder"
            )
        self.encoder: SemanticEncoder | None = encoder
        self.trunk = trunk if encoder.needs == "vector" else None
        self.text_dim = encoder.text_dim
        self.device = device or get_device()
        self.seconds = 0.0
        self._units = _action_units(encoder, corpus, corpus.clips if clips is None else clips)
        self.action_units = self._units is not None
        self.description = encoder.describe(action_units=self.action_units)
        self.arrays = self._arrays(encoder, corpus, root / SEMANTICS)

    def _arrays(self, encoder: SemanticEncoder, corpus: PreparedCorpus, common: Path) -> ClipArrays:
        beside = corpus.root / SEMANTICS
        # A corpus may lie where nothing can be written.
        parent = beside if self.trunk is None and _writable(beside) else common
        source = None if self.trunk is None else self.trunk.arrays.folder.name
        units = [] if self._units is None else [self._units.digest(parent)]
        code = code_of_classes([type(encoder), *map(type, vars(encoder).values())])
        told = [encoder.fingerprint(), corpus.checksum, source, *units]
        key = digest([*told, code] if code else told)
        if self.trunk is not None:
            return ClipArrays(common / key)
        places = {beside: beside / f"{encoder.short_name}-{key}", common: common / key}
        return ClipArrays(places.pop(parent), tuple(places.values()))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "encoder": None, "trunk": None, "_units": None}

    def fill(self, corpus: PreparedCorpus, clips: Sequence[ClipRecord], what: str) -> None:
        """Compute what is missing; a process that was killed costs one portion of a clip."""
        folder = self.arrays.folder
        mark_used(folder)
        remove_finished(self.arrays)
        # Who comes second finds what the first one wrote instead of computing it too.
        with alone_in(folder) if self._missing(clips) else nullcontext():
            missing = self._missing(clips)
            if missing:
                remove_leftovers(folder)
                self._add_all(corpus, missing, what)
        for place in (folder, *self.arrays.others):
            here = (clip.clip for clip in clips if self.arrays.place(clip.clip) == place)
            self.seconds += CostBook(place / _COSTS).total(here)
        if self.encoder is not None:
            self.encoder.release()

    def _missing(self, clips: Sequence[ClipRecord]) -> list[ClipRecord]:
        return [clip for clip in clips if not self.arrays.has(clip.clip)]

    def _parts(self, clip: ClipRecord) -> ClipParts:
        return ClipParts(self.arrays.folder, clip.clip, clip.frames, _PORTION)

    def _add_all(self, corpus: PreparedCorpus, clips: list[ClipRecord], what: str) -> None:
        frames = sum(clip.frames for clip in clips)
        to_do = sum(stop - start for clip in clips for start, stop in self._parts(clip).missing())
        with tqdm(
            desc=what, total=frames, initial=frames - to_do, unit="frame", mininterval=1.0
        ) as bar:
            for some in _in_groups(enumerate(clips, 1)):
                # A kill must not lose what hours of work took.
                with CostBook(self.arrays.folder / _COSTS) as book:
                    for number, clip in some:
                        bar.set_postfix_str(f"clip {number} of {len(clips)}", refresh=False)
                        with book.time(clip.clip):
                            self._add(corpus, clip, bar)

    def _add(self, corpus: PreparedCorpus, clip: ClipRecord, bar: Any) -> None:
        """Compute a clip: its portions, its sentences, and last the array that says it is done."""
        parts, runs = self._parts(clip), PromptRuns()
        signals = None if self._units is None else self._units.read(clip)
        for start, stop in parts.missing():
            parts.write((start, stop), self._encode(corpus, clip, start, stop, signals))
            bar.update(stop - start)
        for sentences in parts.texts():
            runs.add(sentences)
        if runs.rows():
            write_prompts(self.arrays.folder, clip.clip, runs)
        self.arrays.write_portions(clip.clip, clip.frames, parts.values())
        parts.remove()

    @torch.no_grad()
    def _encode(
        self,
        corpus: PreparedCorpus,
        clip: ClipRecord,
        start: int,
        stop: int,
        signals: Signals | None,
    ) -> Portion:
        encoder, index = self.encoder, np.arange(start, stop)
        if encoder is None:
            raise RuntimeError("a worker's copy of the semantics cache only reads")
        if self.trunk is not None:
            source = self.trunk.vectors(clip.clip, index)
        else:
            source = torch.from_numpy(corpus.frames(clip.clip, index)).permute(0, 3, 1, 2)
            source = source.to(self.device).float().div_(255.0)
        part = None if signals is None else signals.map(lambda tensor: tensor[start:stop])
        pair = encoder.encode(source, part)
        values = torch.cat([pair.text, pair.image], 1).half().cpu().numpy()
        return Portion(values, encoder.prompts(source, part))

    def read(self, clip: str, index: np.ndarray) -> Semantics:
        """Return vectors of frames ``index`` without the batch axis."""
        rows = self.arrays.rows(clip, index)
        return Semantics(text=rows[:, : self.text_dim], image=rows[:, self.text_dim :])

    def prompts(self, clip: str) -> list[str]:
        """Return the sentence of each frame of a clip; errors as `read_prompts`."""
        return read_prompts(self.arrays.place(clip), clip)


def _action_units(
    encoder: SemanticEncoder, corpus: PreparedCorpus, clips: Sequence[ClipRecord]
) -> ActionUnits | None:
    """Return the action units that the text is made of, None where it is made of none."""
    if encoder.action_units is False:
        return None
    units = ActionUnits(corpus)
    refuse_mixed(corpus.name, clips, units.clips)
    if not {clip.clip for clip in clips}.isdisjoint(units.clips):
        return units
    if encoder.action_units and corpus.parameters is not None:
        raise ValueError(
            f"semantics.action_units=True, and corpus {corpus.name!r} is generated: what it writes in "
            "OpenFace's layout is its truth, which no method may read; leave action_units out"
        )
    if encoder.action_units:
        raise ValueError(
            f"semantics.action_units=True, and no clip of corpus {corpus.name!r} has OpenFace's "
            f"columns AUxx_c in {units.folder}: prepare it with OpenFace's output, or leave "
            "action_units out for the same sentence everywhere"
        )
    return None


def _in_groups(clips: Iterable[tuple[int, ClipRecord]]) -> Iterator[list[tuple[int, ClipRecord]]]:
    """Yield numbered clips in groups of at least ``_GROUP`` frames, the last one smaller."""
    group: list[tuple[int, ClipRecord]] = []
    for number, clip in clips:
        group.append((number, clip))
        if sum(one.frames for _, one in group) >= _GROUP:
            yield group
            group = []
    if group:
        yield group


def _writable(folder: Path) -> bool:
    """Whether ``folder`` can be written, or made; nothing is made to find out."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
