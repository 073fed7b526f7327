"""Pretraining of a trunk on expression clips: action units, gaze and pose from single frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adabench.config.experiment import Experiment
from adabench.config.local_files import by_content
from adabench.engine.building import without_weights
from adabench.engine.stages.expressions import (
    ExpressionFrames,
    LabelModel,
    Pretraining,
    write_result,
)
from adabench.engine.stages.stage import StageContext
from adabench.models.backbones.timm_frames import TimmFrames
from adabench.models.weights import local_checksums
from adabench.registry import MODELS, STAGES
from adabench.structures import Inputs
from adabench.synthface import AU_COLUMNS, SIGNAL_COLUMNS


class ExpressionModel(LabelModel):
    """A trunk and a linear layer on its vector that predicts standardised labels.

    Args:
        trunk: config of a :class:`~adabench.models.TimmFrames`.
        mean, std: (S,) of the training labels.
        columns: their names.
        shift: largest shift of a training frame, pixels.
    """

    def __init__(
        self, trunk: dict[str, Any], mean: Tensor, std: Tensor, columns: Sequence[str], shift: int
    ) -> None:
        super().__init__(mean, std, columns, shift)
        self.trunk: TimmFrames = MODELS.build(trunk)
        self.au_head = nn.Linear(self.trunk.spec.vector, len(mean))

    def predict(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Map frames (N, 3, H, W) in [0, 1] to standardised labels.

        Returns:
            (N, S) from the trunk's vector, and (N, S, h, w) from each place of its deepest map.
        """
        alone = torch.ones(len(frames), 1, dtype=torch.bool, device=frames.device)
        inputs = Inputs(valid=alone, index=alone.long() * 0, frames=frames[:, None])
        features = self.trunk(inputs)
        places = features.maps[-1][:, 0].movedim(1, -1)
        return self.au_head(features.vector[:, 0]), self.au_head(places).movedim(-1, 1)

    def labels_of(self, frames: Tensor) -> Tensor:
        """Map frames (N, 3, H, W) to what the trunk's vector says, (N, S)."""
        return self.predict(frames)[0]

    def losses(self, frames: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the error of the vector, and of the deepest map.

        Every place of the deepest map learns all labels, so that methods that read maps find at one
        place what a frame shows at several (brows and mouth).
        """
        whole, places = self.predict(frames)
        return {
            "mse_loss": F.mse_loss(whole, target),
            "places_loss": F.mse_loss(places, target[..., None, None].expand_as(places)),
        }


def noisy_units(labels: Tensor, columns: Sequence[str], noise: float, seed: int) -> Tensor:
    """Return labels (N, S) whose action units were read badly: with an error of its own each.

    Args:
        labels: in their units.
        columns: their names; gaze and pose stay as they are.
        noise: deviation of a normal error, as a multiple of the unit's own deviation.
        seed: of the errors.
    """
    drawn = np.random.default_rng(seed).standard_normal(tuple(labels.shape), dtype=np.float32)
    units = torch.tensor([name in AU_COLUMNS for name in columns])
    return labels + torch.from_numpy(drawn) * labels.std(0) * (noise * units)


@STAGES.register_module()
class ExpressionPretrain(Pretraining):
    """Trains a trunk on synthface's expression clips (persons of their own).

    The trunk gives at least one map. What it measures, on persons that it has not seen, is the
    correlation of each label with what is predicted, and their mean.

    Args:
        expressions, training, columns, size, shift, seed: as of `Pretraining`.
        trunk: config of the ``TimmFrames`` to train, as the method will load it.
        noise: deviation of the errors in the action units that it learns from, as a multiple of a
            unit's own; 0 learns from the drawn ones. It is measured against those all the same.
    """

    version = 3
    title = "trunk"

    def __init__(
        self,
        *,
        trunk: dict[str, Any],
        expressions: dict[str, Any],
        training: dict[str, Any],
        columns: Sequence[str] = SIGNAL_COLUMNS,
        size: int,
        shift: int = 3,
        noise: float = 0.0,
        seed: int | Literal["draw"] = 0,
    ) -> None:
        super().__init__(
            expressions=expressions,
            training=training,
            columns=columns,
            size=size,
            shift=shift,
            seed=seed,
        )
        self.trunk = dict(trunk)
        self.noise = noise

    def depends_on(self, context: StageContext) -> Any:
        """Trunk, clips and how their faces are cut, labels, schedule and seed."""
        weights = local_checksums(self.trunk)
        return {
            "trunk": by_content(self.trunk),
            **({"weights": weights} if weights else {}),
            **self.shared_settings(context.data),
            **({"noise": self.noise} if self.noise else {}),
        }

    def check(self, experiment: Experiment) -> None:
        """Refuse a schedule that can't be followed, and a trunk or labels that are not to be had."""
        super().check(experiment)
        if self.noise < 0:
            raise ValueError(f"noise is 0 or more deviations of a unit; got {self.noise}")
        MODELS.build(without_weights(self.trunk))

    def run(self, folder: Path, context: StageContext) -> dict[str, float]:
        """Train and write trunk, head and label scale."""
        corpus = self.corpus(context)
        train, validate = (ExpressionFrames(corpus, s, self.columns) for s in ("train", "dev"))
        mean, std = train.labels.mean(0), train.labels.std(0).clamp_min(1e-6)
        if self.noise:
            train.labels = noisy_units(train.labels, self.columns, self.noise, self.seed)

        def build() -> tuple[LabelModel, Sequence[str]]:
            return ExpressionModel(self.trunk, mean, std, self.columns, self.shift), self.columns

        model, measured = self.learn(build, (train, validate), folder, context)
        self._write(model, folder)
        return measured

    def _write(self, model: ExpressionModel, folder: Path) -> None:
        content = {
            "network": {k: v for k, v in self.trunk.items() if k != "weights"},
            "trunk": model.trunk.net.state_dict(),
            "au_head": model.au_head.state_dict(),
            "columns": self.columns,
            "scale": {"mean": model.label_mean, "std": model.label_std},
            "meta": {"size": self.size, "seed": self.seed},
        }
        write_result(folder, content)
