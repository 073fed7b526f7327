"""Several backbones side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adabench.models.backbones.wrappers.trunk import build_inner, is_frozen
from adabench.models.roles import Backbone
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Inputs


@MODELS.register_module()
class Concat(Backbone):
    """The vectors of several backbones joined, step by step, in their order.

    Maps are kept where all backbones give equally many: each level's are joined along their channels,
    finer ones averaged down to the coarsest one's size. Otherwise there are none.

    What may be cached is one backbone's: where one alone reads frames, its frozen part; where several
    do, the whole, if all are frozen and read nothing else. Otherwise nothing is, since frames have to
    be read in any case.

    Args:
        backbones: their configs, two or more.
        signals: names of the run's signals, which the builder passes, for those that read them.

    Raises:
        ValueError: fewer than two; steps that differ, naming both.
        TypeError: a config that names no backbone.
    """

    def __init__(self, *, backbones: Sequence[dict[str, Any]], signals: Sequence[str] = ()) -> None:
        super().__init__()
        if len(backbones) < 2:
            raise ValueError(f"Concat.backbones are two or more; got {len(backbones)}")
        built = [
            build_inner(f"Concat.backbones[{number}]", config, signals)
            for number, config in enumerate(backbones)
        ]
        self.backbones = nn.ModuleList(built)
        self.reads = tuple(dict.fromkeys(name for each in built for name in each.reads))
        self.per_segment = built[0].per_segment
        for number, other in enumerate(built[1:], 1):
            if other.per_segment != self.per_segment:
                raise ValueError(
                    f"Concat.backbones[0] and [{number}] have different steps: "
                    f"{type(built[0]).__name__}'s are {_steps(built[0])}, {type(other).__name__}'s are "
                    f"{_steps(other)}; PooledImage and FlowFrames show segments to a trunk over frames"
                )
        # The largest, which all take: a segment of more frames, frames of more pixels.
        length, size = zip(*(each.trial for each in built), strict=True)
        self.trial = max(length), max(size)

    @property
    def inner(self) -> list[Backbone]:
        """The backbones."""
        return [cast(Backbone, each) for each in self.backbones]

    @property
    def spec(self) -> FeatureSpec:
        """Channels of all; levels of maps where all have as many."""
        specs = [each.spec for each in self.inner]
        maps: tuple[int, ...] = ()
        if len({len(spec.maps) for spec in specs}) == 1:
            maps = tuple(sum(level) for level in zip(*(s.maps for s in specs), strict=True))
        return FeatureSpec(vector=sum(spec.vector for spec in specs), maps=maps)

    def fit_signals(self, mean: Tensor, std: Tensor) -> None:
        """Hand mean and standard deviation (S,) of the training clips' frames on."""
        for each in self.inner:
            each.fit_signals(mean, std)

    def frozen_part(self) -> Backbone | None:
        """Return what may be cached, as the class says."""
        reader = self._reader()
        if reader is not None:
            return reader.frozen_part()
        alike = tuple(self.reads) == ("frames",)
        return self if alike and all(map(is_frozen, self.inner)) else None

    def _reader(self) -> Backbone | None:
        """Return the backbone that reads frames, if it is one alone."""
        readers = [each for each in self.inner if "frames" in each.reads]
        return readers[0] if len(readers) == 1 else None

    def forward(self, inputs: Inputs) -> Features:
        """Map inputs (B, T, …) to vectors (B, T', sum of D); cached features go where they are from.

        Raises:
            ValueError: backbones that give another number of steps, naming both.
        """
        if inputs.features is not None and self.frozen_part() is self:
            return inputs.features
        reader, bare = self._reader(), replace(inputs, features=None)
        found = [each(inputs if each is reader else bare) for each in self.inner]
        first = found[0]
        for part, other in zip(self.inner, found, strict=True):
            if other.valid.shape != first.valid.shape:
                raise ValueError(
                    f"Concat: {type(self.inner[0]).__name__} gives {first.valid.shape[1]} steps, "
                    f"{type(part).__name__} {other.valid.shape[1]}; all have to give as many"
                )
        levels = zip(*(each.maps for each in found), strict=True) if self.spec.maps else ()
        return Features(
            vector=torch.cat([each.vector for each in found], -1),
            valid=first.valid,
            span=first.span,
            maps=tuple(_joined(level) for level in levels),
        )


def _steps(backbone: Backbone) -> str:
    return "segments" if backbone.per_segment else "single frames"


def _joined(level: Sequence[Tensor]) -> Tensor:
    """Join maps (B, T', C_i, h_i, w_i) along their channels, at the size of the smallest."""
    height, width = min(m.shape[-2] for m in level), min(m.shape[-1] for m in level)
    sized = [
        F.adaptive_avg_pool2d(m.flatten(0, 1), (height, width)).unflatten(0, m.shape[:2])
        for m in level
    ]
    return torch.cat(sized, 2)
