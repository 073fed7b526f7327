"""The cache of what a frozen backbone computes, one array a clip, read by random frames.

A cache lives under a key of everything its content depends on, so a stale one is never found.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from adabench.config.digest import digest
from adabench.data.augment import build_augment
from adabench.data.files import mark_used
from adabench.data.locks import alone_in
from adabench.data.manifest import ClipRecord
from adabench.data.prepared import PreparedCorpus
from adabench.data.views import SegmentView, View
from adabench.engine.caches.clip_arrays import ClipArrays
from adabench.engine.caches.settings import objects_of, settings_of
from adabench.engine.files.timings import CostBook
from adabench.models.roles import Backbone, Part
from adabench.models.weights import weights_digest
from adabench.plugins.fingerprints import code_of_classes
from adabench.structures import Features, Inputs

_BATCH = 256
_SHAPES = "shapes.json"

_logger = logging.getLogger(__name__)


class FeatureCache:
    """A frozen backbone's features.

    Args:
        part: the frozen part; only frames are read.
        corpus: whose frames.
        root: folder of all caches.
        device: where the part runs.
        augment: config of what changes frames, several in a list, or None.
        variants: versions of a training clip: the plain one, and ``variants - 1`` augmented ones.
        view: the segments of a part that sees segments; one row a segment is then kept.
        source: the filled cache of the part within ``part``, read instead of frames.

    Attributes:
        seconds: what the arrays that were asked for took to compute, whenever that was.

    Raises:
        ValueError: a part that sees segments, and a view that gives none.
    """

    def __init__(
        self,
        part: Backbone,
        corpus: PreparedCorpus,
        root: Path,
        device: str,
        *,
        augment: Any = None,
        variants: int = 1,
        view: View | None = None,
        source: FeatureCache | None = None,
    ) -> None:
        self.segments = segments_of(part, view)
        self.source = source
        key = digest(
            [
                *_versions(part),
                weights_digest(part),
                corpus.checksum,
                vars(part.spec),
                # Layers without weights (an activation, a stride) show in the description only.
                repr(part),
                *_segment_key(self.segments),
                *([source.arrays.folder.name] if source is not None else []),
                *_code(part, self.segments),
            ]
        )
        self.arrays: ClipArrays = ClipArrays(root / "features" / key)
        self.seconds = 0.0
        self.part = part.to(device).eval()
        self.device = device
        self._augment = build_augment(augment)
        self.variants = 1 if self._augment is None else variants
        changes = code_of_classes(map(type, self._augment.parts if self._augment else ()))
        self._augment_key = digest([augment, changes] if changes else augment, 8)
        self.clips = {clip.clip: clip for clip in corpus.clips}
        self.shapes = self._shapes(corpus)
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "part": None, "source": None}

    def _shapes(self, corpus: PreparedCorpus) -> list[tuple[int, ...]]:
        """Shapes of the vector and of each map for one step; kept beside the arrays."""
        book, known = self.arrays.books[self.arrays.folder], self._known_shapes()
        if known is not None:
            return known
        clip = corpus.clips[0]
        features = self._run(corpus, clip.clip, next(self._chunks(clip)))
        shapes = [tuple(t.shape[2:]) for t in (features.vector, *features.maps)]
        with book.writing(_SHAPES) as temporary:
            temporary.write_text(json.dumps(shapes), encoding="utf-8")
        return shapes

    def _known_shapes(self) -> list[tuple[int, ...]] | None:
        path = self.arrays.folder / _SHAPES
        try:
            shapes = [tuple(map(int, shape)) for shape in json.loads(path.read_bytes())]
            damage = self.arrays.books[self.arrays.folder].difference(_SHAPES)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            shapes, damage = [], "damaged"
        if shapes and all(size > 0 for shape in shapes for size in shape) and damage is None:
            return shapes
        _logger.warning("%s: %s: it is made again", path, damage or "damaged")
        return None

    def _chunks(self, clip: ClipRecord) -> Iterator[np.ndarray]:
        """Yield the frame numbers of a clip in portions that fit in memory."""
        if self.segments is None:
            for start in range(0, clip.frames, _BATCH):
                yield np.arange(start, min(start + _BATCH, clip.frames))
            return
        segments = self.segments.at(clip.fps)
        starts = segments.starts(clip.frames)
        each = max(1, _BATCH // segments.segment_length)
        for first in range(0, len(starts), each):
            yield segments.expand(starts[first : first + each], clip.frames)

    def _segment_length(self, clip: str) -> int:
        return 0 if self.segments is None else self.segments.at(self.clips[clip].fps).segment_length

    def fill(self, corpus: PreparedCorpus, clips: Sequence[ClipRecord], what: str) -> None:
        """Compute what is missing; a run that was cut goes on where it stopped."""
        self._fill({clip.clip: partial(self._compute, corpus, clip) for clip in clips}, what)

    def fill_variants(self, corpus: PreparedCorpus, clips: Sequence[ClipRecord], what: str) -> None:
        """Compute the augmented versions of training clips that are missing."""
        self._fill(
            {
                self._name(clip.clip, number): partial(self._compute, corpus, clip, number)
                for clip in clips
                for number in range(1, self.variants)
            },
            what,
        )

    def _fill(self, wanted: Mapping[str, Callable[[], np.ndarray]], what: str) -> None:
        folder = self.arrays.folder
        mark_used(folder)
        # Who comes second finds what the first one wrote instead of computing it too.
        here = alone_in(folder) if self._missing(wanted) else nullcontext()
        with here, CostBook(folder / "seconds.json") as book:
            missing = self._missing(wanted)
            for name in tqdm(missing, desc=what, unit="clip", disable=not missing, mininterval=1.0):
                with book.time(name):
                    self.arrays.write(name, wanted[name]())
            self.seconds += book.total(wanted)

    def _missing(self, wanted: Iterable[str]) -> list[str]:
        return [name for name in wanted if not self.arrays.has(name)]

    def _name(self, clip: str, variant: int) -> str:
        return f"{clip}@{self._augment_key}-{variant}" if variant else clip

    def _frames(self, corpus: PreparedCorpus, clip: str, index: np.ndarray, variant: int) -> Tensor:
        frames = torch.from_numpy(corpus.frames(clip, index)).permute(0, 3, 1, 2)
        if not variant or self._augment is None:
            return frames
        # Drawn anew from the same numbers for each chunk, so the whole clip is changed alike.
        drawn = int(digest([clip, variant]), 16)
        return self._augment(frames, np.random.default_rng(drawn))

    @torch.no_grad()
    def _run(
        self, corpus: PreparedCorpus, clip: str, index: np.ndarray, variant: int = 0
    ) -> Features:
        inputs = Inputs(
            valid=torch.ones(1, len(index), dtype=torch.bool),
            index=torch.from_numpy(index)[None],
            segment_length=self._segment_length(clip),
        )
        # A source holds the clips of the run's own track; shapes may be asked of another one.
        if self.source is not None and self.source.holds(clip, variant):
            inputs.features = self.source.read(clip, index, variant).map(lambda t: t[None])
        else:
            frames = self._frames(corpus, clip, index, variant)
            inputs.frames = frames.float().div_(255.0)[None]
        return self.part.finish(inputs.to(self.device)).to("cpu")

    def _compute(self, corpus: PreparedCorpus, clip: ClipRecord, variant: int = 0) -> np.ndarray:
        chunks = []
        for index in self._chunks(clip):
            features = self._run(corpus, clip.clip, index, variant)
            chunks.append(
                torch.cat([t[0].flatten(1) for t in (features.vector, *features.maps)], 1).half()
            )
        return torch.cat(chunks).numpy()

    def holds(self, clip: str, variant: int = 0) -> bool:
        """Whether one version of a clip is there."""
        return self.arrays.has(self._name(clip, variant))

    def read(self, clip: str, index: np.ndarray, variant: int = 0) -> Features:
        """Return features of frames ``index`` of one version, without the batch axis."""
        span = self._span(clip, index)
        rows = self.arrays.rows(self._name(clip, variant), self._rows(clip, span))
        vector, *maps = (
            part.reshape(len(span), *shape)
            for part, shape in zip(rows.split(self.sizes, 1), self.shapes, strict=True)
        )
        return Features(
            vector=vector,
            valid=torch.ones(len(span), dtype=torch.bool),
            span=torch.from_numpy(span),
            maps=tuple(maps),
        )

    def _span(self, clip: str, index: np.ndarray) -> np.ndarray:
        """Return the span (T', 2) of each step that frames ``index`` of a clip make."""
        if self.segments is None:
            return np.stack([index, index + 1], -1)
        rows = index.reshape(-1, self._segment_length(clip))
        # A segment that is filled by its clip's beginning ends with an early frame.
        return np.stack([rows.min(-1), rows.max(-1) + 1], -1)

    def _rows(self, clip: str, span: np.ndarray) -> np.ndarray:
        if self.segments is None:
            return span[:, 0]
        known = self.clips[clip]
        starts = np.asarray(self.segments.at(known.fps).starts(known.frames))
        rows = np.searchsorted(starts, span[:, 0])
        if rows.max(initial=0) >= len(starts) or (starts[rows] != span[:, 0]).any():
            raise ValueError(
                f"clip {clip}: the cache holds other segments than a view asks for; a frozen backbone "
                "needs the same length and overlap in views.train, views.test and views.select"
            )
        return rows

    def vectors(self, clip: str, index: np.ndarray) -> Tensor:
        """Return the vectors (T, D) of frames ``index`` of a clip."""
        return self.arrays.rows(clip, index)[:, : self.sizes[0]]


def segments_of(part: Backbone, view: View | None) -> SegmentView | None:
    """Return the segments for which a frozen part's output is kept; None for one that sees frames.

    Raises:
        ValueError: a part that sees segments, and a view that gives none.
    """
    if not part.per_segment:
        return None
    if not isinstance(view, SegmentView):
        raise ValueError(
            f"{type(part).__name__} sees segments, and views.test gives none; set "
            "views.train and views.test to dict(type='SegmentView', length=…)"
        )
    return view


def _versions(part: Backbone) -> list[Any]:
    """Return name and version of a part and of the parts inside it."""
    parts = [module for module in part.modules() if isinstance(module, Part)]
    return [value for one in parts for value in (type(one).__name__, type(one).version)]


def _segment_key(segments: SegmentView | None) -> list[Any]:
    return [] if segments is None else segments.cut()


def _code(part: nn.Module, segments: SegmentView | None) -> list[list[Any]]:
    """Return the code behind the arrays that is from outside the repository; nothing where none is.

    With it stand the settings of such a part: its description need not tell them, as the
    repository's own do.
    """
    inner = [*objects_of(part)]
    functions = [one for one in inner if inspect.isroutine(one)]
    found = code_of_classes(
        [*map(type, part.modules()), *map(type, inner), *functions, type(segments)]
    )
    return [[*found, settings_of(part)]] if found else []
