"""The four abstract roles. A method is one of each; a plugin subclasses whichever it replaces.

Constructors take keywords only. The builder passes what a part must fit: ``features`` (a
:class:`~adabench.structures.FeatureSpec`) to an aggregator, ``units`` (a
:class:`~adabench.structures.UnitSpec`) to a selector and a head; ``scale`` (a
:class:`~adabench.evaluation.Scale`, the corpus's, with its levels) to any part that takes it; and
``signals`` (the names of the run's signals) to a backbone that takes them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from adabench.structures import (
    Assessment,
    Features,
    FeatureSpec,
    Inputs,
    Selection,
    Truth,
    Units,
    UnitSpec,
)

# The least share of a class that a training split is taken to have; without any the odds are infinite.
_RARE = 0.01


class IncompatiblePartsError(ValueError):
    """Two parts that can't work together; the message names both and says why.

    A part's constructor raises it with the reason alone; the builder adds the names.
    """


class Part(nn.Module, ABC):
    """What every role shares: a loss of its own and a memory, both optional.

    Attributes:
        version: raised when a part's results change for the same config, so that cached results of
            the older code are not found.
        learnt_as: of a part that loads its ``weights`` itself, the key under which the result of a stage
            holds them; None where only the part knows.
        in_points: True when its losses are weighed as beside a squared error in points, and not of
            standardised scores: it divides them by ``truth.variance``, and what clips the gradient is
            divided alike.
    """

    version: ClassVar[int] = 1
    learnt_as: ClassVar[str | None] = None
    in_points: bool = False

    def loss(self, inputs: Any, output: Any, truth: Truth, progress: float) -> dict[str, Tensor]:
        """Return the part's own losses by name, each a scalar tensor to be summed.

        Args:
            inputs: what ``forward`` got (for a head: the units).
            output: what ``forward`` returned.
            truth: ground truth of the batch.
            progress: share of training done, 0 to 1.
        """
        del inputs, output, truth, progress
        return {}

    def update(self, inputs: Any, output: Any, truth: Truth, progress: float) -> None:
        """Update the part's memory; called without gradient after each optimiser's step."""


class Backbone(Part):
    """Turns a clip's inputs into features per step."""

    reads: tuple[str, ...] = ("frames",)
    """Which of ``frames``, ``semantics``, ``signals`` the view has to load."""

    per_segment: bool = False
    """True when a step is a segment of ``Inputs.segment_length`` frames, not a frame."""

    trial: tuple[int, int] = (4, 64)
    """Frames a segment and pixels a side of a small input that it takes, for the contract's example."""

    hub: ClassVar[str | None] = None
    """The word in its ``weights`` by which they are fetched, where it fetches some."""

    @property
    @abstractmethod
    def spec(self) -> FeatureSpec:
        """What :meth:`forward` gives."""

    @abstractmethod
    def forward(self, inputs: Inputs) -> Features:
        """Map inputs (B, T, …) to features (B, T', …)."""

    def fit_signals(self, mean: Tensor, std: Tensor) -> None:
        """Take mean and standard deviation (S,) of the signals over the training clips' frames."""

    def frozen_part(self) -> Backbone | None:
        """Return the part whose output may be cached: frozen, reading nothing but frames."""
        return None

    def cached_through(self) -> Backbone | None:
        """Return the part within this one whose own cache spares it the frames, if there is one."""
        return None

    def finish(self, inputs: Inputs) -> Features:
        """Do as :meth:`forward`, where ``inputs.features`` are those of :meth:`cached_through`."""
        return self.forward(inputs)


class Aggregator(Part):
    """Gathers features over time and space into units."""

    needs_maps: ClassVar[bool] = False

    @property
    @abstractmethod
    def spec(self) -> UnitSpec:
        """What :meth:`forward` gives."""

    @abstractmethod
    def forward(self, features: Features) -> Units:
        """Map features (B, T', …) to units (B, M, D)."""


class Selector(Part):
    """Decides which units count."""

    needs_maps: ClassVar[bool] = False
    needs_steps: ClassVar[bool] = False
    """True when units must be the backbone's steps one by one (``UnitSpec.per_step``)."""

    @abstractmethod
    def forward(self, units: Units) -> Selection:
        """Map units (B, M, D) to weights (B, M)."""


#: Under which key of ``Assessment.extra`` a head gives quantiles of a clip's score, (B, Q), points, rising.
QUANTILES = "quantiles"


class Head(Part):
    """Turns the selected units into a score in points of the corpus's scale.

    Losses are taken on scores standardised by the training split, so that their weights mean the
    same on every corpus; ``score_mean`` and ``score_std`` (points) travel with the
    checkpoint. A score of two classes is a probability, whose loss is taken on its log odds
    (:meth:`to_logit`).

    Attributes:
        gives_quantiles: ``Assessment.extra["quantiles"]`` holds quantiles of the clip's score, (B, Q),
            points, rising, that calibrators may read.
    """

    gives_quantiles: ClassVar[bool] = False

    score_mean: Tensor
    score_std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("score_mean", torch.zeros(()))
        self.register_buffer("score_std", torch.ones(()))

    def fit_scale(self, scores: Tensor) -> None:
        """Take mean and standard deviation from the training split's scores (N,)."""
        if scores.numel() == 0:
            raise ValueError("the training split has no score to standardise with")
        self.score_mean.fill_(float(scores.double().mean()))
        spread = float(scores.double().std(unbiased=False))
        self.score_std.fill_(spread if spread > 0 else 1.0)

    def standardise(self, score: Tensor) -> Tensor:
        """Map points to the scale on which losses are taken."""
        return (score - self.score_mean) / self.score_std

    def to_points(self, standardised: Tensor) -> Tensor:
        """Map standardised scores back to points."""
        return standardised * self.score_std + self.score_mean

    def to_logit(self, output: Tensor) -> Tensor:
        """Map what a layer gives to log odds of class 1, 0 to those in the training split."""
        return output + self.score_mean.clamp(_RARE, 1 - _RARE).logit()

    @abstractmethod
    def forward(self, units: Units, selection: Selection) -> Assessment:
        """Map units (B, M, D) and weights (B, M) to a score (B,)."""
