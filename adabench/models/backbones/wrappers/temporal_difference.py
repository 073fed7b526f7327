"""Differences over time, of what a trunk sees or of what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from adabench.bounds import Count
from adabench.models.backbones.differences import difference
from adabench.models.backbones.wrappers.trunk import (
    build_inner,
    build_trunk,
    frames_of,
    is_frozen,
)
from adabench.models.roles import Backbone
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Inputs

Fuse = Literal["join", "alone", "learnt"]
Of = Literal["steps", "frames"]


@MODELS.register_module()
class TemporalDifference(Backbone):
    """A trunk with differences over time, x(t + lag) − x(t), zero where the later one is missing.

    Of ``steps``: of the trunk's vectors and maps, from step to step of the view; a cache of the trunk
    is read, and freezing goes into ``trunk``: a ``Frozen`` around the whole over single frames would be
    cached with the neighbours that frames have in the clip, not in the view.

    Of ``frames``: of what the trunk sees, within a segment where it sees segments, so that it learns on
    differences; a whole that is frozen may be cached by segment.

    So are differences used by Zhang et al. (2023, MTDAN: both lags), Yan et al. (2024, TCEDN:
    ``of="frames"``, ``fuse="learnt"``) and Wang et al. (2024, FacialPulse: of signals,
    ``fuse="alone"``).

    Args:
        trunk: config of the backbone.
        lags: steps, or frames, between the two.
        absolute: drop the sign.
        fuse: ``"join"`` puts differences behind what they are of, along the channels; ``"alone"`` drops
            that; ``"learnt"`` adds them to it, weighted by a learnt number each that starts at 0.
        of: ``"steps"`` or ``"frames"``. Frames keep their three channels: differences ``"alone"`` are of
            one lag, and signed ones are moved from [-1, 1] to [0, 1].
        signals: names of the run's signals, which the builder passes, for a trunk that reads them.

    Raises:
        ValueError: an unknown word, lags that are missing, below 1 or there twice; of frames: several
            lags alone, ``"join"``, a learnt number in front of a frozen trunk, or a trunk that reads more.
        TypeError: ``trunk`` names no backbone.
    """

    def __init__(
        self,
        *,
        trunk: dict[str, Any],
        lags: Sequence[Count] = (1,),
        absolute: bool = False,
        fuse: Fuse = "join",
        of: Of = "steps",
        signals: Sequence[str] = (),
    ) -> None:
        super().__init__()
        for name, value, known in (("fuse", fuse, Fuse), ("of", of, Of)):
            if value not in get_args(known):
                words = ", ".join(map(repr, get_args(known)))
                raise ValueError(f"TemporalDifference.{name} is one of {words}; got {value!r}")
        if not lags or min(lags) < 1 or len(set(lags)) < len(lags):
            raise ValueError(
                f"TemporalDifference.lags are different numbers of at least 1; got {list(lags)}"
            )
        self.lags = tuple(lags)
        self.absolute = absolute
        self.fuse = fuse
        self.of = of
        place = "TemporalDifference.trunk"
        if of == "frames":
            self.trunk = build_trunk(place, trunk, segments=True)
            _refuse_frames(self.trunk, self.lags, fuse)
        else:
            self.trunk = build_inner(place, trunk, signals)
        self.share = nn.Parameter(torch.zeros(len(lags))) if fuse == "learnt" else None
        self.reads = self.trunk.reads
        self.per_segment = self.trunk.per_segment
        self.trial = self.trunk.trial

    @property
    def spec(self) -> FeatureSpec:
        """The trunk's, as many times over as it is joined by differences."""
        spec, times = self.trunk.spec, 1
        if self.of == "steps" and self.fuse != "learnt":
            times = len(self.lags) + (self.fuse == "join")
        return FeatureSpec(vector=spec.vector * times, maps=tuple(c * times for c in spec.maps))

    def extra_repr(self) -> str:
        """Say what weights don't tell."""
        return f"lags={self.lags}, absolute={self.absolute}, fuse={self.fuse}, of={self.of}"

    def fit_signals(self, mean: Tensor, std: Tensor) -> None:
        """Hand mean and standard deviation (S,) of the training clips' frames on."""
        self.trunk.fit_signals(mean, std)

    def frozen_part(self) -> Backbone | None:
        """Return the trunk's; of frames itself, where a segment is all that a frozen one sees."""
        if self.of == "steps":
            return self.trunk.frozen_part()
        return self if self.per_segment and is_frozen(self.trunk) else None

    def forward(self, inputs: Inputs) -> Features:
        """Map inputs (B, T, …) to features (B, T', …), maps along with the vector."""
        if inputs.features is not None and self.frozen_part() is self:
            return inputs.features
        if self.of == "frames":
            return self.trunk(self._of_frames(inputs))
        found = self.trunk(inputs)
        vector, *maps = (
            self._fused(x, found.valid, channels=2) for x in (found.vector, *found.maps)
        )
        return replace(found, vector=vector, maps=tuple(maps), visual_maps=())

    def _of_frames(self, inputs: Inputs) -> Inputs:
        frames, length = frames_of(self, inputs), inputs.segment_length if self.per_segment else 0
        times = (-1, length or frames.shape[1])
        # A row is all that differences are taken within: a segment, or a clip.
        rows = frames.unflatten(1, times).flatten(0, 1)
        found = self._fused(rows, inputs.valid.unflatten(1, times).flatten(0, 1), channels=2)
        if self.fuse == "alone" and not self.absolute:
            found = 0.5 + found / 2
        return replace(inputs, frames=found.view_as(frames), features=None)

    def _fused(self, x: Tensor, valid: Tensor, channels: int) -> Tensor:
        """Map x (N, T, C, …) to itself and its differences along ``channels``, or their sum."""
        changes = [difference(x, lag, 1, valid) for lag in self.lags]
        if self.absolute:
            changes = [change.abs() for change in changes]
        if self.share is not None:
            weighted = zip(self.share, changes, strict=True)
            return x + torch.stack([share * change for share, change in weighted]).sum(0)
        return torch.cat([x, *changes] if self.fuse == "join" else changes, channels)


def _refuse_frames(trunk: Backbone, lags: Sequence[int], fuse: Fuse) -> None:
    """Refuse what three channels don't hold, and what would learn nothing."""
    if fuse == "join" or (fuse == "alone" and len(lags) > 1):
        raise ValueError(
            f"TemporalDifference of frames: a trunk sees three channels, and fuse={fuse!r} with "
            f"lags={list(lags)} makes more: take fuse='learnt', or 'alone' with one lag"
        )
    if fuse == "learnt" and trunk.frozen_part() is not None:
        raise ValueError(
            f"TemporalDifference of frames: no gradient reaches fuse='learnt' through a frozen "
            f"{type(trunk).__name__}: set frozen=False, or take fuse='alone'"
        )
