"""What flows between the parts of a method.

Shapes use B clips, T frames, T' steps, M units, D channels, A severity levels. Ground truth
(:class:`Truth`) is a structure of its own, so that no ``forward`` can see a label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from adabench.bounds import Count, Natural, Share

__all__ = [
    "Assessment",
    "Clip",
    "Count",
    "FeatureSpec",
    "Features",
    "Inputs",
    "Natural",
    "Selection",
    "Semantics",
    "Share",
    "Signals",
    "TensorRecord",
    "Truth",
    "UnitSpec",
    "Units",
    "ViewId",
]


def _map(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return function(value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{f.name: _map(getattr(value, f.name), function) for f in fields(value)}
        )
    if isinstance(value, dict):
        return {key: _map(item, function) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_map(item, function) for item in value)
    return value


class TensorRecord:
    """Moves every tensor of a dataclass at once, nested structures included."""

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Return a copy whose tensors went through ``function``."""
        return _map(self, function)

    def to(self, device: torch.device | str) -> Self:
        """Return a copy on ``device``."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=True))

    def detach(self) -> Self:
        """Return a copy cut from the autograd graph."""
        return self.map(Tensor.detach)


@dataclass
class Semantics(TensorRecord):
    """Vectors of a joint language-image space, one pair a frame.

    Attributes:
        text: (B, T, D_text), the sentence made of the frame's action units.
        image: (B, T, D_image), the frame itself.
    """

    text: Tensor
    image: Tensor


@dataclass
class Signals(TensorRecord):
    """Named per-frame measurements (action units, gaze, pose).

    Attributes:
        values: (B, T, S), 0 where unknown.
        mask: (B, T, S) bool, True where measured.
        names: the S column names.
    """

    values: Tensor
    mask: Tensor
    names: tuple[str, ...]


@dataclass
class Features(TensorRecord):
    """What a backbone gives per step (a frame or a segment).

    Attributes:
        vector: (B, T', D).
        valid: (B, T') bool, False on padding.
        span: (B, T', 2) long, the frames [start, stop) of the clip that a step covers.
        maps: tuple of (B, T', C_i, H_i, W_i), finest first; may be empty.
        visual_maps: the same before a guide (ESA) changed them; empty when nothing did.
        extra: tensors that only one method's loss needs.
    """

    vector: Tensor
    valid: Tensor
    span: Tensor
    maps: tuple[Tensor, ...] = ()
    visual_maps: tuple[Tensor, ...] = ()
    extra: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class Inputs(TensorRecord):
    """What a model may see of a batch; which fields are filled is what its backbone reads.

    Attributes:
        valid: (B, T) bool, False on padding.
        index: (B, T) long, each frame's number in its clip (0 on padding).
        frames: (B, T, 3, H, W) float in [0, 1], RGB.
        features: what the backbone's frozen part gave for these frames, from the feature cache.
        semantics: vectors of frame and text.
        signals: named per-frame measurements.
        segment_length: frames a segment; T is then a multiple of it. 0: single frames.
    """

    valid: Tensor
    index: Tensor
    frames: Tensor | None = None
    features: Features | None = None
    semantics: Semantics | None = None
    signals: Signals | None = None
    segment_length: int = 0


@dataclass
class Truth(TensorRecord):
    """Ground truth; reaches ``loss`` and ``update`` only.

    Attributes:
        score: (B,) float, points of the corpus's scale.
        level: (B,) long, number of the severity level (of the BDI-II 0 minimal to 3 severe).
        variance: of the training split's scores, points squared, by which a squared error in points is
            divided to be one of standardised scores; told to a method with a part that is ``in_points``.
    """

    score: Tensor
    level: Tensor
    variance: float = 1.0


@dataclass
class Units(TensorRecord):
    """What an aggregator gives: the pieces among which a selector chooses.

    Attributes:
        x: (B, M, D).
        valid: (B, M) bool, False on padding.
        span: (B, M, 2) long, the frames [start, stop) of the clip that a unit covers.
        scale: (M,) long, steps per unit; 0 for a unit without time.
        features: the :class:`Features` they came from.
        extra: tensors that only one method's loss needs.
        maps: tuple of (B, T', C_i, H_i, W_i), the steps' maps as the aggregator refined them, finest
            first; empty where it refines none.
    """

    x: Tensor
    valid: Tensor
    span: Tensor
    scale: Tensor
    features: Features
    extra: dict[str, Tensor] = field(default_factory=dict)
    maps: tuple[Tensor, ...] = ()


@dataclass
class Selection(TensorRecord):
    """Which units count, and how much.

    Attributes:
        weight: (B, M), non-negative, 0 on invalid or dropped units, sums to 1 over M.
        relevance: (B, M), what an explanation plots.
        level_scores: (B, A) scores of the severity levels, or None.
        extra: tensors that only one method's loss needs.
    """

    weight: Tensor
    relevance: Tensor
    level_scores: Tensor | None = None
    extra: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class Assessment(TensorRecord):
    """A method's answer.

    Attributes:
        score: (B,) in points.
        selection: what the score rests on, the selector's or the head's own.
        unit_score: (B, M) in points, or None.
        extra: tensors that only one method's loss needs.
    """

    score: Tensor
    selection: Selection
    unit_score: Tensor | None = None
    extra: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class ViewId:
    """Which view of which clip a sample is.

    Attributes:
        clip: the clip's id in the manifest.
        session: its session.
        subject: its person.
        task: ``Freeform``, ``Northwind`` or empty.
        phase: number of this view among the clip's ``phases``.
        phases: how many views together make the clip's prediction.
    """

    clip: str
    session: str
    subject: str
    task: str
    phase: int = 0
    phases: int = 1


@dataclass
class Clip:
    """One sample as a dataset gives it: inputs without the batch axis.

    Attributes:
        id: which view of which clip.
        index: (T,) long, frame numbers.
        frames: (T, 3, H, W) uint8 RGB, or None when only the cache is read.
        features: fields of :class:`Features` without the batch axis, from the cache.
        semantics: without the batch axis.
        signals: without the batch axis.
        segment_length: as in :class:`Inputs`.
        score: points of the corpus's scale, or None when the label is absent.
        level: number of its severity level there; goes with ``score``.
    """

    id: ViewId
    index: Tensor
    frames: Tensor | None = None
    features: Features | None = None
    semantics: Semantics | None = None
    signals: Signals | None = None
    segment_length: int = 0
    score: float | None = None
    level: int | None = None


@dataclass(frozen=True)
class FeatureSpec:
    """What a backbone promises, so that the parts behind it can be built to fit.

    Attributes:
        vector: channels D of ``Features.vector``.
        maps: channels C_i of each map, finest first; empty without maps.
        guided: whether ``visual_maps`` is filled beside ``maps``.
    """

    vector: int
    maps: tuple[int, ...] = ()
    guided: bool = False


@dataclass(frozen=True)
class UnitSpec:
    """What an aggregator promises.

    Attributes:
        dim: channels D of ``Units.x``.
        per_step: True when unit m is step m, so that M equals T'.
        features: the spec of the backbone before it.
        maps: channels C_i of each of ``Units.maps``; empty without them.
    """

    dim: int
    per_step: bool
    features: FeatureSpec
    maps: tuple[int, ...] = ()
