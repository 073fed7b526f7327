"""Pretraining of a network over segments, or of an aggregator over a frozen one, on expression clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adabench.bounds import Natural
from adabench.config.experiment import Experiment
from adabench.config.fields.generated import expression_parameters
from adabench.config.local_files import by_content
from adabench.config.references import referenced, resolve
from adabench.data.prepared import PreparedCorpus
from adabench.data.views import SegmentView
from adabench.engine.building import part_versions, without_weights
from adabench.engine.stages.expressions import (
    ExpressionFrames,
    LabelModel,
    Pretraining,
    Sample,
    write_result,
)
from adabench.engine.stages.stage import StageContext
from adabench.models.assessor import build_part
from adabench.models.backbones.segments import SegmentBackbone
from adabench.models.roles import Aggregator, Backbone, Part
from adabench.models.weights import local_checksums
from adabench.registry import STAGES
from adabench.structures import Inputs
from adabench.synthface import SIGNAL_COLUMNS

#: What is asked of each label over a segment; the middle is that of the frame that `VAT`, say, asks by.
STATISTICS = ("mean", "largest", "middle")


def statistics_of(labels: Tensor) -> Tensor:
    """Map labels of segments' frames (N, T, S) to those of `STATISTICS`, (N, 3·S).

    The middle one is the label of frame T // 2.
    """
    middle = labels[:, labels.shape[1] // 2]
    return torch.cat([labels.mean(1), labels.amax(1), middle], -1)


class ExpressionSegments(ExpressionFrames):
    """Segments (T, 3, H, W) uint8 with their frames' labels (T, S); neighbours share half.

    Args:
        corpus, split, columns: as of `ExpressionFrames`.
        length: frames of a segment, T.

    Raises:
        ValueError: a clip with fewer frames.
    """

    def __init__(
        self, corpus: PreparedCorpus, split: str, columns: Sequence[str], length: int
    ) -> None:
        super().__init__(corpus, split, columns)
        self.length = length
        view = SegmentView(length=length, overlap=length // 2, short="refuse")
        self.starts: list[int] = []
        before = 0
        for frames in self.lengths:
            if not view.takes(frames):
                raise ValueError(
                    f"expression corpus {corpus.root}: a clip has {frames} frames, fewer than the "
                    f"{length} of a segment; prepare it again"
                )
            self.starts += [before + start for start in view.starts(frames)]
            before += frames

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, item: int) -> Sample:
        rows = slice(self.starts[item], self.starts[item] + self.length)
        return self.frames[rows], self.labels[rows]

    def scale(self) -> tuple[Tensor, Tensor]:
        """Return mean and deviation of what is asked of the segments, each (3·S,)."""
        asked = statistics_of(torch.stack([self[item][1] for item in range(len(self))]))
        return asked.mean(0), asked.std(0).clamp_min(1e-6)


class ClipModel(LabelModel):
    """A backbone over segments, or an aggregator behind a frozen one, and a linear layer.

    Args:
        backbone, aggregator: built; the latter may be None.
        length: frames a segment of a backbone over segments.
        mean, std: (3·S,) of the training segments' labels.
        columns: names of a frame's labels.
        shift: largest shift of a training segment, pixels.
    """

    def __init__(
        self,
        backbone: Backbone,
        aggregator: Aggregator | None,
        *,
        length: int,
        mean: Tensor,
        std: Tensor,
        columns: Sequence[str],
        shift: int,
    ) -> None:
        super().__init__(mean, std, columns, shift)
        self.backbone = backbone
        self.aggregator = aggregator
        self.length = length
        width = backbone.spec.vector if aggregator is None else aggregator.spec.dim
        self.readout = nn.Linear(width, len(mean))

    def asked(self, labels: Tensor) -> Tensor:
        """Map labels of frames (N, T, S) to those of the segment."""
        return statistics_of(labels)

    def labels_of(self, frames: Tensor) -> Tensor:
        """Map segments (N, T, 3, H, W) in [0, 1] to standardised labels (N, 3·S).

        They are read from the segment's vector, or from the mean of an aggregator's units.
        """
        index = torch.arange(frames.shape[1], device=frames.device).expand(frames.shape[:2])
        features = self.backbone(
            Inputs(
                valid=torch.ones_like(index, dtype=torch.bool),
                index=index,
                frames=frames,
                segment_length=self.length if self.backbone.per_segment else 0,
            )
        )
        if self.aggregator is None:
            return self.readout(features.vector[:, 0])
        units = self.aggregator(features)
        share = units.valid / units.valid.sum(1, keepdim=True).clamp_min(1)
        return self.readout((units.x * share[..., None]).sum(1))

    def losses(self, frames: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the squared error."""
        return {"mse_loss": F.mse_loss(self.labels_of(frames), target)}


@STAGES.register_module()
class ClipPretrain(Pretraining):
    """Pretrains a network on clips of drawn expressions, of persons that are in no corpus.

    What other faces or videos are to a network of the literature, Kinetics say: any backbone over
    segments learns the mean, the largest and the middle value of each action unit, gaze and pose of a
    segment. Given an aggregator too, the backbone is frozen and the aggregator learns them of a sequence.
    ``weights="stage:NAME"`` of a part of the same config loads what it has learnt.

    What it measures, on persons that it has not seen, is the correlation of each of these with what
    is predicted (``"AU12 largest"``), and their mean.

    Args:
        expressions, training, columns, size, shift, seed: as of `Pretraining`; the clips' motion is
            ``"smooth"``.
        backbone: config of the backbone, as the method will load it.
        length: frames of a segment; of a sequence, where the backbone sees single frames.
        aggregator: config of the aggregator to pretrain over ``backbone``.
        segments: how many in a row make a sequence, for an aggregator over segments.
    """

    title = "clip network"

    def __init__(
        self,
        *,
        backbone: dict[str, Any],
        expressions: dict[str, Any],
        training: dict[str, Any],
        length: int,
        aggregator: dict[str, Any] | None = None,
        segments: int = 1,
        columns: Sequence[str] = SIGNAL_COLUMNS,
        size: int,
        shift: int = 3,
        seed: Natural | Literal["draw"] = 0,
    ) -> None:
        super().__init__(
            expressions={"motion": "smooth", **expressions},
            training=training,
            columns=columns,
            size=size,
            shift=shift,
            seed=seed,
        )
        self.backbone = dict(backbone)
        self.aggregator = None if aggregator is None else dict(aggregator)
        self.length = length
        self.segments = segments
        self.leaves = (self.role,)

    @property
    def role(self) -> str:
        """Which part is pretrained."""
        return "backbone" if self.aggregator is None else "aggregator"

    def depends_on(self, context: StageContext) -> Any:
        """Parts, their versions and weights, earlier stages, clips, labels, schedule and seed."""
        parts = [self.backbone, self.aggregator]
        return {
            "parts": [None if part is None else by_content(part) for part in parts],
            "versions": part_versions(parts),
            "weights": local_checksums(parts),
            "earlier": {name: context.earlier[name].key for name in sorted(referenced(parts))},
            "length": self.length,
            "segments": self.segments,
            **self.shared_settings(context.data),
        }

    def check(self, experiment: Experiment) -> None:
        """Refuse parts that can't be pretrained so, and clips that hold no such segment."""
        super().check(experiment)
        for name, value in (("length", self.length), ("segments", self.segments)):
            if value < 1:
                raise ValueError(f"{name} is at least 1; got {value}")
        drawn, wanted = expression_parameters(self.expressions), self.length * self.segments
        if drawn.motion != "smooth":
            raise ValueError(
                f"expressions.motion is {drawn.motion!r}, frames that have nothing to do with each "
                "other, and a segment needs 'smooth': leave motion out"
            )
        if drawn.frames < wanted:
            raise ValueError(
                f"expressions.frames={drawn.frames} are fewer than the {wanted} of a segment (length × "
                f"segments): set expressions.frames to {wanted} or more"
            )
        with torch.random.fork_rng(devices=[]):
            parts = self._parts(None)
        refuse_parts(*parts, segments=self.segments)
        for part in parts[0].modules():
            if isinstance(part, SegmentBackbone):
                part.refuse_segments(self.length, self.size)

    def run(self, folder: Path, context: StageContext) -> dict[str, float]:
        """Train and write the part."""
        corpus, length = self.corpus(context), self.length * self.segments
        train, validate = (
            ExpressionSegments(corpus, split, self.columns, length) for split in ("train", "dev")
        )
        mean, std = train.scale()
        paths = {name: stage.path for name, stage in context.earlier.items()}

        def build() -> tuple[LabelModel, Sequence[str]]:
            model = ClipModel(
                *self._parts(paths),
                length=self.length,
                mean=mean,
                std=std,
                columns=self.columns,
                shift=self.shift,
            )
            return model, [f"{c} {statistic}" for statistic in STATISTICS for c in self.columns]

        model, measured = self.learn(build, (train, validate), folder, context)
        settings = ("length", "segments", "size", "columns", "seed")
        content = {
            self.role: getattr(model, self.role).state_dict(),
            "meta": {name: getattr(self, name) for name in settings},
        }
        write_result(folder, content)
        return measured

    def _parts(self, paths: Mapping[str, Path] | None) -> tuple[Backbone, Aggregator | None]:
        """Build the parts; without the paths of earlier stages, at random and fetching nothing."""
        configs = [self.backbone, self.aggregator]
        first, second = (
            [without_weights(each) for each in configs]
            if paths is None
            else resolve(configs, paths)
        )
        backbone = cast(Backbone, build_part("backbone", first, "the inputs"))
        if second is None:
            return backbone, None
        name, spec = type(backbone).__name__, backbone.spec
        return backbone, cast(Aggregator, build_part("aggregator", second, name, features=spec))


def refuse_parts(backbone: Backbone, aggregator: Aggregator | None, *, segments: int) -> None:
    """Refuse parts that clips of expressions can't teach.

    Raises:
        ValueError: with the reason and the remedy.
    """
    name = type(backbone).__name__
    if tuple(backbone.reads) != ("frames",):
        raise ValueError(
            f"backbone: {name} reads {', '.join(backbone.reads)}, and expression clips hold frames only"
        )
    if aggregator is None and not backbone.per_segment:
        raise ValueError(
            f"backbone: {name} sees single frames: pretrain it with type='ExpressionPretrain', or name "
            "the aggregator that is to learn over it"
        )
    if segments > 1 and (aggregator is None or not backbone.per_segment):
        raise ValueError(
            f"segments={segments} is for an aggregator over a backbone of segments: leave it out, and "
            "let length be all the frames"
        )
    if aggregator is not None and _learns(backbone):
        raise ValueError(
            f"backbone: an aggregator is pretrained over one that stays as it is, and {name} would "
            "learn: set frozen=True, or put it into dict(type='Frozen', backbone=…, weights=…)"
        )
    learner: Part = backbone if aggregator is None else aggregator
    if not _learns(learner):
        raise ValueError(
            f"{'backbone' if aggregator is None else 'aggregator'}: {type(learner).__name__} has no "
            "weight that learns: there is nothing to pretrain"
        )


def _learns(part: Part) -> bool:
    return any(parameter.requires_grad for parameter in part.parameters())
