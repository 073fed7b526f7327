"""Clips of a prepared corpus as a torch dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from adabench.data.augment import Augment, SignalAugment
from adabench.data.manifest import ClipRecord
from adabench.data.prepared import PreparedCorpus
from adabench.data.views import Index, Turn, View, refuse_unfit
from adabench.structures import Clip, Features, Semantics, Signals, ViewId


class FeatureSource(Protocol):
    """Reads what a frozen part gave for frames of a clip.

    Attributes:
        variants: versions of a training clip; 0 is the plain one, the others are augmented.
    """

    variants: int

    def read(self, clip: str, index: np.ndarray, variant: int = 0) -> Features:
        """Return features of frames ``index`` of one version, without the batch axis."""
        ...


class SemanticsSource(Protocol):
    """Reads semantic vectors of frames of a clip."""

    def read(self, clip: str, index: np.ndarray) -> Semantics:
        """Return vectors of frames ``index`` without the batch axis."""
        ...


class SignalsSource(Protocol):
    """Reads named signals of frames of a clip."""

    def read(self, clip: str, index: np.ndarray) -> Signals:
        """Return signals of frames ``index`` without the batch axis."""
        ...


class ClipDataset(Dataset[Clip]):
    """Views of clips: in training one drawn a visit, mostly one visit a clip; all of them at test.

    What is drawn depends on (seed, epoch, clip, visit) alone, so neither workers nor a resume change it.

    Args:
        corpus: where frames come from.
        clips: which clips.
        view: which frames of a clip.
        training: draw views and augment; otherwise give every view in order.
        labels: whether samples carry their score and its level. A test set's do not.
        seed: of the drawing.
        epochs: of the training, which decide how often a view visits a clip in each.
        augment: changes a training view's frames; a feature cache holds augmented versions instead.
        frames: whether to read frames at all.
        features: the feature cache, or None.
        semantics: the semantics cache, or None.
        signals: the signals cache, or None.
        signal_augment: changes a training view's signals.
        names: clip → the record whose name its samples bear, for a decoy; read is the clip itself.
        one_view: give one view a clip, the first, where all would be given.
        backwards: give the last clip first.

    Raises:
        ValueError: frames are to be changed that are not read, or clips that the view can't show.
    """

    def __init__(
        self,
        corpus: PreparedCorpus,
        clips: Sequence[ClipRecord],
        view: View,
        *,
        training: bool,
        labels: bool,
        seed: int = 0,
        epochs: int = 1,
        augment: Augment | None = None,
        frames: bool = True,
        features: FeatureSource | None = None,
        semantics: SemanticsSource | None = None,
        signals: SignalsSource | None = None,
        signal_augment: SignalAugment | None = None,
        names: Mapping[str, ClipRecord] | None = None,
        one_view: bool = False,
        backwards: bool = False,
    ) -> None:
        if augment is not None and not frames:
            raise ValueError(
                "augment changes frames, and this dataset reads none; a feature cache holds the "
                "augmented versions itself"
            )
        refuse_unfit(view, clips)
        self.corpus = corpus
        self.clips = list(reversed(clips)) if backwards else list(clips)
        self.view = view
        self.training = training
        self.labels = labels
        self.seed = seed
        self.epoch = 0
        self.augment = augment if training else None
        self.reads_frames = frames
        self.features = features
        self.semantics = semantics
        self.signals = signals
        self.signal_augment = signal_augment if training else None
        self._names = dict(names or {})
        self._visits = [
            view.at(clip.fps).visits(clip.frames, epochs) if training else 1 for clip in self.clips
        ]
        self._items = list(self._laid_out(one_view))

    def _laid_out(self, one_view: bool) -> Iterator[tuple[int, int]]:
        """Yield each item's clip, by its number, and which of the clip's visits or views it is."""
        for number, clip in enumerate(self.clips):
            is_one = self.training or one_view
            count = self._visits[number] if is_one else len(self._all(clip))
            yield from ((number, phase) for phase in range(count))

    def __len__(self) -> int:
        return len(self._items)

    @property
    def item_clips(self) -> list[ClipRecord]:
        """The clip of each item."""
        return [self.clips[number] for number, _ in self._items]

    def first_view(self, clip: int) -> int:
        """Return the item that is the first view of the clip with number ``clip``."""
        return self._items.index((clip, 0))

    def __getitem__(self, item: int) -> Clip:
        number, phase = self._items[item]
        clip = self.clips[number]
        # A clip's first visit draws as before there were others.
        rng = np.random.default_rng([self.seed, self.epoch, number, *([phase] if phase else [])])
        if self.training:
            phases = self._visits[number]
            turn = Turn(self.epoch * phases + phase, self.seed, number)
            index = self.view.at(clip.fps).visit(clip.frames, rng, turn)
        else:
            views = self._all(clip)
            index, phases = views[phase], len(views)
        told = self._names.get(clip.clip, clip)
        return Clip(
            id=ViewId(told.clip, told.session, told.subject, told.task, phase, phases),
            index=torch.from_numpy(index),
            frames=self._frames(clip.clip, index, rng) if self.reads_frames else None,
            features=self._features(clip.clip, index, rng),
            semantics=None if self.semantics is None else self.semantics.read(clip.clip, index),
            signals=self._signals(clip.clip, index, rng),
            segment_length=self.view.at(clip.fps).segment_length,
            score=clip.score if self.labels else None,
            level=self._level(clip),
        )

    def _all(self, clip: ClipRecord) -> list[Index]:
        return self.view.at(clip.fps).all(clip.frames)

    def _level(self, clip: ClipRecord) -> int | None:
        if clip.score is None or not self.labels:
            return None
        return int(self.corpus.scale.level(clip.score))

    def _features(self, clip: str, index: np.ndarray, rng: np.random.Generator) -> Features | None:
        if self.features is None:
            return None
        variant = int(rng.integers(self.features.variants)) if self.training else 0
        return self.features.read(clip, index, variant)

    def _frames(self, clip: str, index: np.ndarray, rng: np.random.Generator) -> Tensor:
        frames = torch.from_numpy(self.corpus.frames(clip, index)).permute(0, 3, 1, 2)
        return frames if self.augment is None else self.augment(frames, rng)

    def _signals(self, clip: str, index: np.ndarray, rng: np.random.Generator) -> Signals | None:
        if self.signals is None:
            return None
        signals = self.signals.read(clip, index)
        return signals if self.signal_augment is None else self.signal_augment(signals, rng)
