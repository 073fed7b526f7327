"""Pretraining of a trunk on expression clips: action units, gaze and pose from single frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.utils.data import Dataset

from adabench.config.digest import digest
from adabench.config.experiment import Experiment
from adabench.config.generated import expression_parameters
from adabench.config.local_files import by_content
from adabench.config.training import Training
from adabench.data.files import atomic_path
from adabench.data.prepared import PreparedCorpus
from adabench.engine.building import without_weights
from adabench.engine.checkpoints import load_model
from adabench.engine.corpora import ensure_expressions
from adabench.engine.stages.stage import RESULT, Stage, StageContext
from adabench.engine.training.fit import Validation, fit, make_loader
from adabench.engine.training.hooks import seed_everything
from adabench.engine.training.optimisation import check_training
from adabench.evaluation.metrics import pcc
from adabench.hints import did_you_mean, validated
from adabench.models.backbones.timm_frames import TimmFrames
from adabench.models.weights import local_checksums
from adabench.registry import MODELS, STAGES
from adabench.structures import Inputs
from adabench.synthface import SIGNAL_COLUMNS

Sample = tuple[Tensor, Tensor]


class ExpressionFrames(Dataset[Sample]):
    """Single frames (3, H, W) uint8 with labels (S,) of one split, held in memory."""

    def __init__(self, corpus: PreparedCorpus, split: str, columns: Sequence[str]) -> None:
        clips = corpus.select(split=split)
        if not clips:
            raise ValueError(f"expression corpus {corpus.root} has no clip in split {split!r}")
        frames = [corpus.frames(c.clip, range(c.frames)) for c in clips]
        self.frames = torch.from_numpy(np.concatenate(frames)).permute(0, 3, 1, 2).contiguous()
        labels = [_signals(corpus, c.clip, columns).to_numpy(np.float32) for c in clips]
        self.labels = torch.from_numpy(np.concatenate(labels))
        if len(self.labels) != len(self.frames):
            raise ValueError(
                f"expression corpus {corpus.root}: {len(self.frames)} frames but {len(self.labels)} rows "
                "of signals; prepare it again"
            )

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, item: int) -> Sample:
        return self.frames[item], self.labels[item]


def _signals(corpus: PreparedCorpus, clip: str, columns: Sequence[str]) -> pd.DataFrame:
    table = corpus.signals(clip)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(
            f"expression corpus {corpus.root}: clip {clip} has no signal {', '.join(missing)}; the "
            f"stage's columns are among {', '.join(table.columns)}"
        )
    return table[list(columns)]


def stack(samples: list[Sample]) -> dict[str, Tensor]:
    """Collate frames and labels."""
    frames, labels = zip(*samples, strict=True)
    return {"frames": torch.stack(frames), "labels": torch.stack(labels)}


# Labels that change sign in a mirror, and the one that turns with a frame, degrees.
_SIDED = frozenset(("gaze_x", "yaw", "roll", "shift_x"))
_TURNED = "roll"


def jitter(
    frames: Tensor, labels: Tensor, columns: Sequence[str], shift: int
) -> tuple[Tensor, Tensor]:
    """Mirror, turn, shift and change the light of frames, each its own way, and their labels with them.

    Where a head stands in the whole picture is not changed by moving a crop.

    Args:
        frames: (N, 3, H, W) in [0, 1].
        labels: (N, S), in their units.
        columns: names of the labels.
        shift: largest shift, pixels.
    """
    number = len(frames)
    mirrored = torch.rand(number) < 0.5
    frames = torch.where(mirrored[:, None, None, None].to(frames.device), frames.flip(-1), frames)
    sided = torch.tensor([name in _SIDED for name in columns], dtype=torch.bool)
    labels = torch.where((mirrored[:, None] & sided).to(labels.device), -labels, labels)
    angle = (torch.rand(number) - 0.5) * 0.25
    turned = torch.tensor([name == _TURNED for name in columns], dtype=torch.bool)
    labels = labels - (turned * angle.rad2deg()[:, None]).to(labels)
    scale = 1 + (torch.rand(number) - 0.5) * 0.24
    move = (torch.rand(number, 2) * 2 - 1) * (2 * shift / frames.shape[-1])
    cos, sin = angle.cos() * scale, angle.sin() * scale
    theta = torch.stack(
        [torch.stack([cos, -sin, move[:, 0]], -1), torch.stack([sin, cos, move[:, 1]], -1)], 1
    )
    grid = F.affine_grid(theta.to(frames), list(frames.shape), align_corners=False)
    frames = F.grid_sample(frames, grid, padding_mode="border", align_corners=False)
    gain = (0.7 + 0.6 * torch.rand(number, 3, 1, 1)).to(frames)
    offset = (0.2 * (torch.rand(number, 1, 1, 1) - 0.5)).to(frames)
    return (frames * gain + offset).clamp_(0, 1), labels


class ExpressionModel(BaseModel):
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
        super().__init__()
        self.trunk: TimmFrames = MODELS.build(trunk)
        self.au_head = nn.Linear(self.trunk.spec.vector, len(mean))
        self.register_buffer("label_mean", mean)
        self.register_buffer("label_std", std)
        self.columns = list(columns)
        self.shift = shift
        self.progress = 0.0

    def init_weights(self) -> None:
        """Do nothing: mmengine would re-initialise a trunk whose weights were loaded."""

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

    def forward(self, frames: Tensor, labels: Tensor, mode: str = "tensor") -> Any:
        """mmengine's entry: ``loss`` → dict, otherwise pairs of prediction and label.

        Every place of the deepest map learns all labels, so that methods that read maps find at one
        place what a frame shows at several (brows and mouth).
        """
        frames = frames.float() / 255.0
        if mode == "loss":
            frames, labels = jitter(frames, labels, self.columns, self.shift)
            target = self.standardised(labels)
            whole, places = self.predict(frames)
            return {
                "mse_loss": F.mse_loss(whole, target),
                "places_loss": F.mse_loss(places, target[..., None, None].expand_as(places)),
            }
        return [(self.predict(frames)[0], self.standardised(labels))]

    def standardised(self, labels: Tensor) -> Tensor:
        """Map labels (N, S) from their units to the scale on which losses are taken."""
        return (labels - self.label_mean) / self.label_std


class ColumnCorrelation(BaseMetric):
    """Mean over the columns of Pearson's correlation between prediction and label."""

    default_prefix = ""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(collect_device="cpu")
        self.columns = list(columns)
        self.by_column: dict[str, float] = {}

    def process(self, data_batch: Any, data_samples: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Collect pairs."""
        del data_batch
        self.results.extend((p.cpu().numpy(), t.cpu().numpy()) for p, t in data_samples)

    def compute_metrics(self, results: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        """Return the mean correlation; each column's is kept in ``by_column``."""
        predicted = np.concatenate([pair[0] for pair in results])
        target = np.concatenate([pair[1] for pair in results])
        if not np.isfinite(predicted).all():
            raise FloatingPointError(
                "pretraining diverged: a prediction is no finite number; lower the stage's "
                "training.optimiser.lr"
            )
        self.by_column = {
            name: pcc(predicted[:, i], target[:, i]) for i, name in enumerate(self.columns)
        }
        return {"correlation": float(np.mean(list(self.by_column.values())))}


@STAGES.register_module()
class ExpressionPretrain(Stage):
    """Trains a trunk on synthface's expression clips (persons of their own).

    The trunk gives at least one map.

    Args:
        trunk: config of the ``TimmFrames`` to train, as the method will load it.
        expressions: preset, seed and further parameters of the generated clips.
        training: its schedule.
        columns: which labels it learns; by default all 17: action units, lowered gaze and head, and
            where eyes and head turn.
        size: side of the face crops, pixels.
        shift: largest shift of a training frame, pixels.
        seed: its own.
    """

    version = 3

    def __init__(
        self,
        *,
        trunk: dict[str, Any],
        expressions: dict[str, Any],
        training: dict[str, Any],
        columns: Sequence[str] = SIGNAL_COLUMNS,
        size: int,
        shift: int = 3,
        seed: int = 0,
    ) -> None:
        self.trunk = dict(trunk)
        self.expressions = dict(expressions)
        self.training = validated(Training, dict(training), "training")
        self.columns = list(columns)
        self.size = size
        self.shift = shift
        self.seed = seed

    def depends_on(self, context: StageContext) -> Any:
        """Trunk, clips and how their faces are cut, labels, schedule and seed."""
        weights = local_checksums(self.trunk)
        faces = context.data.faces
        return {
            "trunk": by_content(self.trunk),
            **({"weights": weights} if weights else {}),
            "expressions": expression_parameters(self.expressions).digest(),
            **({} if faces is None else {"faces": faces.model_dump()}),
            "training": self.training.model_dump(mode="json", exclude={"log"}),
            "columns": self.columns,
            "size": self.size,
            "shift": self.shift,
            "seed": self.seed,
        }

    def check(self, experiment: Experiment) -> None:
        """Refuse a schedule that can't be followed, and a trunk or labels that are not to be had."""
        del experiment
        if self.size < 16:
            raise ValueError(f"size is at least 16 px; got {self.size}")
        if not 0 <= self.shift < self.size:
            raise ValueError(f"shift is 0 px to less than size={self.size}; got {self.shift}")
        for column in self.columns:
            if column not in SIGNAL_COLUMNS:
                raise ValueError(
                    f"columns: no label of a frame is called {column!r}."
                    f"{did_you_mean(column, SIGNAL_COLUMNS)} Known: {', '.join(SIGNAL_COLUMNS)}."
                )
        MODELS.build(without_weights(self.trunk))
        check_training(self.training)
        if self.training.sampler == "level":
            raise ValueError(
                "training.sampler='level' balances severity levels, and expression clips have none: "
                "leave it out of this stage"
            )

    def run(self, folder: Path, context: StageContext) -> dict[str, float]:
        """Train and write trunk, head and label scale."""
        data = context.data.model_copy(update={"size": self.size})
        corpus = ensure_expressions(self.expressions, data)
        train = ExpressionFrames(corpus, "train", self.columns)
        validate = ExpressionFrames(corpus, "dev", self.columns)
        seed_everything(self.seed)
        mean, std = train.labels.mean(0), train.labels.std(0).clamp_min(1e-6)
        model = ExpressionModel(self.trunk, mean, std, self.columns, self.shift)
        batch, workers = self.training.batch_size, self.training.workers
        loaders = [
            make_loader(d, batch, stack, shuffle=s, seed=self.seed, workers=workers)
            for d, s in ((train, True), (validate, False))
        ]
        metric = ColumnCorrelation(self.columns)
        done = fit(
            model,
            loaders[0],
            Validation(loaders[1], metric, "correlation", greater=True),
            training=self.training,
            folder=folder,
            identity={
                "config": "expression-pretraining",
                "config_hash": digest(self.depends_on(context)),
                "seed": self.seed,
            },
            resume=True,
            what="pretraining the trunk",
        )
        load_model(model, done.checkpoint)
        self._write(model, folder / RESULT)
        return {"seconds": done.seconds, "correlation": done.best["value"]}

    def _write(self, model: ExpressionModel, path: Path) -> None:
        content = {
            "network": {k: v for k, v in self.trunk.items() if k != "weights"},
            "trunk": model.trunk.net.state_dict(),
            "au_head": model.au_head.state_dict(),
            "columns": self.columns,
            "scale": {"mean": model.label_mean, "std": model.label_std},
            "meta": {"size": self.size, "seed": self.seed},
        }
        # Through a stream: given a path, torch writes that temporary name into the file, and equal
        # weights would have another checksum each time.
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            torch.save(content, stream)
