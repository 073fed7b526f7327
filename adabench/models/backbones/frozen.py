"""Any backbone with weights of its own that a training leaves alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch

from adabench.models.assessor import build_part
from adabench.models.roles import Backbone
from adabench.models.weights import load_part
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Inputs


@MODELS.register_module()
class Frozen(Backbone):
    """A backbone that never trains, so that its output may be cached.

    Args:
        backbone: its config.
        weights: the result of a stage that trained it (``"stage:NAME"`` in a config: ``MethodTraining``,
            ``ClipPretrain``) or a training's checkpoint; None keeps what ``backbone`` starts with.
        signals: names of the run's signals, which the builder passes.

    Raises:
        FileNotFoundError: weights that are not there, naming file and remedy.
        ValueError: weights of another backbone.
    """

    learnt_as = "backbone"

    def __init__(
        self,
        *,
        backbone: dict[str, Any],
        weights: str | Path | None = None,
        signals: Sequence[str] = (),
    ) -> None:
        super().__init__()
        built = build_part("backbone", backbone, "the inputs", signals=signals)
        self.inner = cast(Backbone, built)
        if weights is not None:
            load_part("backbone", self.inner, Path(weights))
        self.reads = self.inner.reads
        self.per_segment = self.inner.per_segment
        self.trial = self.inner.trial
        self.requires_grad_(False)
        self.eval()

    @property
    def spec(self) -> FeatureSpec:
        """The inner backbone's."""
        return self.inner.spec

    def train(self, mode: bool = True) -> Frozen:
        """Stay in evaluation: batch norm keeps its statistics, dropout is off."""
        del mode
        super().train(False)
        return self

    def frozen_part(self) -> Backbone | None:
        """Return itself; or, when it reads more than frames, the inner one's frozen part."""
        return self if tuple(self.reads) == ("frames",) else self.inner.frozen_part()

    def cached_through(self) -> Backbone | None:
        """Return the inner backbone's frozen part, a trunk that other methods cache too."""
        return self.inner.frozen_part()

    def forward(self, inputs: Inputs) -> Features:
        """Map inputs (B, T, …) to features (B, T', …); cached features pass through."""
        if inputs.features is not None and self.frozen_part() is self:
            return inputs.features
        return self.finish(inputs)

    def finish(self, inputs: Inputs) -> Features:
        """Map inputs (B, T, …) to features; ``inputs.features`` may be those of the inner trunk."""
        with torch.no_grad():
            return self.inner(inputs)
