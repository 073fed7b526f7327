"""What stages that learn from expression clips share: frames, labels, their changes, loss, selection."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from torch import Tensor
from torch.utils.data import Dataset

from adabench.config.digest import digest
from adabench.config.experiment import Data, Experiment
from adabench.config.fields.generated import expression_parameters
from adabench.config.fields.training import Training
from adabench.config.references import OF_DRAW
from adabench.data.files import atomic_path
from adabench.data.prepared import PreparedCorpus
from adabench.engine.data.corpora import ensure_expressions
from adabench.engine.files.checkpoints import load_model
from adabench.engine.stages.stage import RESULT, Stage, StageContext
from adabench.engine.training.fit import Fit, Validation, fit, make_loader
from adabench.engine.training.hooks import seed_everything
from adabench.engine.training.optimisation import check_training
from adabench.evaluation.metrics import pcc
from adabench.hints import did_you_mean, validated
from adabench.synthface import SIGNAL_COLUMNS

Sample = tuple[Tensor, Tensor]


class ExpressionFrames(Dataset[Sample]):
    """Single frames (3, H, W) uint8 with labels (S,) of one split, held in memory."""

    def __init__(self, corpus: PreparedCorpus, split: str, columns: Sequence[str]) -> None:
        clips = corpus.select(split=split)
        if not clips:
            raise ValueError(f"expression corpus {corpus.root} has no clip in split {split!r}")
        self.lengths = [clip.frames for clip in clips]
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
    """Mirror, turn, shift and change the light of items, each its own way, and their labels with them.

    An item is a frame, or a segment whose frames are changed alike. Where a head stands in the whole
    picture is not changed by moving a crop.

    Args:
        frames: (N, 3, H, W) in [0, 1], or (N, L, 3, H, W).
        labels: (N, S), in their units, or (N, L, S).
        columns: names of the labels.
        shift: largest shift, pixels.
    """
    if frames.ndim == 5:
        return _jitter_alike(frames, labels, columns, shift)
    return _jittered(frames, labels, columns, shift, len(frames))


def _jitter_alike(
    frames: Tensor, labels: Tensor, columns: Sequence[str], shift: int
) -> tuple[Tensor, Tensor]:
    number, length = frames.shape[:2]
    found, told = _jittered(frames.flatten(0, 1), labels.flatten(0, 1), columns, shift, number)
    return found.unflatten(0, (number, length)), told.unflatten(0, (number, length))


def _jittered(
    frames: Tensor, labels: Tensor, columns: Sequence[str], shift: int, number: int
) -> tuple[Tensor, Tensor]:
    """Change frames as `jitter` does, those of each of ``number`` items in a row alike."""

    def of_frames(drawn: Tensor) -> Tensor:
        return drawn.repeat_interleave(len(frames) // number, 0)

    mirrored = of_frames(torch.rand(number) < 0.5)
    frames = torch.where(mirrored[:, None, None, None].to(frames.device), frames.flip(-1), frames)
    sided = torch.tensor([name in _SIDED for name in columns], dtype=torch.bool)
    labels = torch.where((mirrored[:, None] & sided).to(labels.device), -labels, labels)
    angle = of_frames((torch.rand(number) - 0.5) * 0.25)
    turned = torch.tensor([name == _TURNED for name in columns], dtype=torch.bool)
    labels = labels - (turned * angle.rad2deg()[:, None]).to(labels)
    scale = of_frames(1 + (torch.rand(number) - 0.5) * 0.24)
    move = of_frames((torch.rand(number, 2) * 2 - 1) * (2 * shift / frames.shape[-1]))
    cos, sin = angle.cos() * scale, angle.sin() * scale
    theta = torch.stack(
        [torch.stack([cos, -sin, move[:, 0]], -1), torch.stack([sin, cos, move[:, 1]], -1)], 1
    )
    grid = F.affine_grid(theta.to(frames), list(frames.shape), align_corners=False)
    frames = F.grid_sample(frames, grid, padding_mode="border", align_corners=False)
    gain = of_frames(0.7 + 0.6 * torch.rand(number, 3, 1, 1)).to(frames)
    offset = of_frames(0.2 * (torch.rand(number, 1, 1, 1) - 0.5)).to(frames)
    return (frames * gain + offset).clamp_(0, 1), labels


class LabelModel(BaseModel):
    """A network that predicts standardised labels of items: frames, or segments.

    Args:
        mean, std: of the training items' labels.
        columns: names of the labels of a frame.
        shift: largest shift of a training item, pixels.
    """

    label_mean: Tensor
    label_std: Tensor

    def __init__(self, mean: Tensor, std: Tensor, columns: Sequence[str], shift: int) -> None:
        super().__init__()
        self.register_buffer("label_mean", mean)
        self.register_buffer("label_std", std)
        self.columns = list(columns)
        self.shift = shift
        self.progress = 0.0

    def init_weights(self) -> None:
        """Do nothing: mmengine would re-initialise a trunk whose weights were loaded."""

    @abstractmethod
    def labels_of(self, frames: Tensor) -> Tensor:
        """Map items of frames in [0, 1] to standardised labels (N, K)."""

    @abstractmethod
    def losses(self, frames: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the losses of items of frames in [0, 1] and their standardised labels (N, K)."""

    def asked(self, labels: Tensor) -> Tensor:
        """Map labels of an item's frames to the item's own (N, K); those of a frame are that already."""
        return labels

    def forward(self, frames: Tensor, labels: Tensor, mode: str = "tensor") -> Any:
        """mmengine's entry: ``loss`` → dict, otherwise pairs of prediction and label."""
        frames = frames.float() / 255.0
        if mode == "loss":
            frames, labels = jitter(frames, labels, self.columns, self.shift)
            return self.losses(frames, self.standardised(self.asked(labels)))
        return [(self.labels_of(frames), self.standardised(self.asked(labels)))]

    def standardised(self, labels: Tensor) -> Tensor:
        """Map labels (N, K) from their units to the scale on which losses are taken."""
        return (labels - self.label_mean) / self.label_std


class ColumnCorrelation(BaseMetric):
    """Pearson's correlation between prediction and label: of each column, and ``correlation``, their mean."""

    default_prefix = ""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(collect_device="cpu")
        self.columns = list(columns)

    def process(self, data_batch: Any, data_samples: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Collect pairs."""
        del data_batch
        self.results.extend((p.cpu().numpy(), t.cpu().numpy()) for p, t in data_samples)

    def compute_metrics(self, results: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        """Return the mean correlation, then each column's by its name."""
        predicted = np.concatenate([pair[0] for pair in results])
        target = np.concatenate([pair[1] for pair in results])
        if not np.isfinite(predicted).all():
            raise FloatingPointError(
                "pretraining diverged: a prediction is no finite number; lower the stage's "
                "training.optimiser.lr"
            )
        by_column = {
            name: pcc(predicted[:, i], target[:, i]) for i, name in enumerate(self.columns)
        }
        return {"correlation": float(np.mean(list(by_column.values()))), **by_column}


class Pretraining(Stage):
    """A stage that learns the labels of drawn expressions, of persons of their own.

    It depends on no corpus of a run, so that all draws and tracks share its result.

    Attributes:
        title: what is pretrained, for the progress bar.

    Args:
        expressions: preset, seed and further parameters of the generated clips.
        training: its schedule.
        columns: which labels of a frame it learns, of 17: action units, lowered gaze and head, and
            where eyes and head turn.
        size: side of the face crops, pixels.
        shift: largest shift of a training item, pixels.
        seed: its own; ``"draw"`` is one of five, by the draw of the run's generated corpus.
    """

    title: ClassVar[str]

    def __init__(
        self,
        *,
        expressions: dict[str, Any],
        training: dict[str, Any],
        columns: Sequence[str],
        size: int,
        shift: int,
        seed: int | Literal["draw"],
    ) -> None:
        self.expressions = dict(expressions)
        self.training = validated(Training, dict(training), "training")
        self.columns = list(columns)
        self.size = size
        self.shift = shift
        # A run deals the number before it trains; a stage that is only checked has none yet.
        self.seed = 0 if seed == OF_DRAW else int(seed)

    def shared_settings(self, data: Data) -> dict[str, Any]:
        """Return clips and how faces are cut, labels, schedule and seed: what such stages depend on."""
        return {
            "expressions": expression_parameters(self.expressions).digest(),
            **({} if data.faces is None else {"faces": data.faces.model_dump()}),
            "training": self.training.model_dump(mode="json", exclude={"log"}),
            "columns": self.columns,
            "size": self.size,
            "shift": self.shift,
            "seed": self.seed,
        }

    def check(self, experiment: Experiment) -> None:
        """Refuse a schedule that can't be followed, and labels that are not to be had."""
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
        check_training(self.training)
        if self.training.sampler == "level":
            raise ValueError(
                "training.sampler='level' balances severity levels, and expression clips have none: "
                "leave it out of this stage"
            )

    def corpus(self, context: StageContext) -> PreparedCorpus:
        """Open the expression clips, made on first use."""
        data = context.data.model_copy(update={"size": self.size})
        return ensure_expressions(self.expressions, data)

    def learn(
        self,
        build: Callable[[], tuple[LabelModel, Sequence[str]]],
        items: Sequence[Dataset[Sample]],
        folder: Path,
        context: StageContext,
    ) -> tuple[Any, dict[str, float]]:
        """Train, resuming what ``folder`` holds; return the best model and what was measured.

        Args:
            build: makes the model, from the stage's own seed, and says what its labels are called.
            items: those that are learnt from, and those of other persons that select.
            folder: of the checkpoints.
            context: of the stage.
        """
        seed_everything(self.seed)
        model, names = build()
        batch, workers = self.training.batch_size, self.training.workers
        train, validate = (
            make_loader(each, batch, stack, shuffle=shuffled, seed=self.seed, workers=workers)
            for each, shuffled in zip(items, (True, False), strict=True)
        )
        metric = ColumnCorrelation(names)
        done: Fit = fit(
            model,
            train,
            Validation(validate, metric, "correlation", greater=True),
            training=self.training,
            folder=folder,
            identity=self._identity(context),
            resume=True,
            what=f"pretraining the {self.title}",
        )
        load_model(model, done.checkpoint)
        return model, {"seconds": done.seconds, **done.development}

    def _identity(self, context: StageContext) -> dict[str, Any]:
        hashed = digest(self.depends_on(context))
        return {"config": "expression-pretraining", "config_hash": hashed, "seed": self.seed}


def write_result(folder: Path, content: dict[str, Any]) -> None:
    """Write a stage's result.

    Through a stream: given a path, torch writes that temporary name into the file, and equal weights
    would have another checksum each time.
    """
    with atomic_path(folder / RESULT) as temporary, temporary.open("wb") as stream:
        torch.save(content, stream)
