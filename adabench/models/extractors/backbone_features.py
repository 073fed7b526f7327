"""What a frozen backbone sees of a clip, over time."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, cast

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from adabench.models.assessor import build_part
from adabench.models.extractors.extractor import Extractor, check_statistics, over_time
from adabench.models.roles import Backbone
from adabench.registry import MODELS
from adabench.structures import Clip, Inputs


@MODELS.register_module()
class BackboneFeatures(Extractor):
    """Statistics over time of a frozen backbone's vectors, a vector a frame or segment.

    Args:
        backbone: config of a backbone that reads frames and never trains, e.g.
            ``dict(type='TimmFrames', name='resnet18', weights='stage:trunk', frozen=True)``.
        statistics: some of ``mean``, ``deviation``, ``maximum``.

    Raises:
        ValueError: a backbone that is not frozen or reads more than frames, an unknown statistic.
    """

    def __init__(
        self,
        *,
        backbone: dict[str, Any],
        statistics: Sequence[str] = ("mean", "deviation", "maximum"),
    ) -> None:
        self.statistics = check_statistics("BackboneFeatures.statistics", statistics)
        self.backbone = cast(Backbone, build_part("backbone", backbone, "the inputs"))
        if self.backbone.frozen_part() is not self.backbone:
            name = type(self.backbone).__name__
            freezes = "frozen" in inspect.signature(type(self.backbone)).parameters
            raise ValueError(
                f"BackboneFeatures.backbone: {name} is not frozen, or reads more than frames; an "
                f"estimator trains no backbone: {'set frozen=True, or ' if freezes else ''}wrap it, "
                f"dict(type='Frozen', backbone=dict(type='{name}', …), weights=…)"
            )
        self.backbone.eval()

    def frozen_part(self) -> Backbone | None:
        """Return the backbone."""
        return self.backbone

    def __call__(self, clip: Clip) -> ArrayLike:
        """Return (D * statistics,) of the backbone's vectors (T', D)."""
        steps = self._run(clip) if clip.features is None else clip.features.vector
        return over_time(steps, self.statistics).numpy()

    @torch.no_grad()
    def _run(self, clip: Clip) -> Tensor:
        if clip.frames is None:
            raise ValueError(f"BackboneFeatures reads frames, and clip {clip.id.clip} has none")
        inputs = Inputs(
            valid=torch.ones(1, len(clip.index), dtype=torch.bool),
            index=clip.index[None],
            frames=clip.frames.float().div(255.0)[None],
            segment_length=clip.segment_length,
        )
        device = next((p.device for p in self.backbone.parameters()), torch.device("cpu"))
        features = self.backbone(inputs.to(device)).to("cpu")
        return features.vector[0][features.valid[0]]
