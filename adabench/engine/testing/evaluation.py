"""Testing a trained method, and what it costs."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmengine.device import get_device
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from adabench.batching import collate
from adabench.data.dataset import ClipDataset
from adabench.engine.metric import average, refuse_infinite
from adabench.engine.testing.relevance import Relevance, known_key_frames
from adabench.engine.workbench import Use, Workbench
from adabench.models.roles import QUANTILES
from adabench.records.schema.sections import View
from adabench.structures import Assessment, Selection, Units, ViewId

# Views that a run's speed is measured on.
_TIMED_VIEWS = 8


@dataclass(frozen=True)
class Evaluation:
    """What a trained method predicts, before any label is looked at.

    Attributes:
        sessions: session → predicted points.
        clips: clip → predicted points.
        seconds: wall time.
        kept_share: of a view's valid units, those that weigh anything, mean over views; None without units.
        relevance: of the test's views, where key frames are known.
        first_views: the score of each clip's first view, in the order of the clips.
        quantiles: session → the lowest and the highest quantile that the head gives, points; empty of
            one that gives none.
    """

    sessions: dict[str, float]
    clips: dict[str, float]
    seconds: float
    kept_share: float | None = None
    relevance: Relevance | None = None
    first_views: tuple[float, ...] = ()
    quantiles: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def evaluate(bench: Workbench, use: Use = "test") -> Evaluation:
    """Predict one use of the data with the assessor as it is.

    Raises:
        FloatingPointError: a prediction that is no finite number.
    """
    relevance = None
    if use == "test":
        splits = sorted({clip.split for clip in bench.parts.test})
        relevance = Relevance(known_key_frames(bench.experiment, splits))
    started = time.perf_counter()
    scores: list[tuple[ViewId, float]] = []
    kept: list[float] = []
    ends: tuple[list[tuple[ViewId, float]], ...] = ([], [])
    for ids, units, assessment in _assessed(bench, bench.loader(use), f"scoring the {use} clips"):
        scores += zip(ids, assessment.score.double().tolist(), strict=True)
        kept += _kept_shares(units, assessment.selection)
        given = assessment.extra.get(QUANTILES)
        if given is not None:
            for found, column in zip(ends, (0, -1), strict=True):
                found += zip(ids, given[:, column].double().tolist(), strict=True)
        if relevance is not None:
            relevance.add(ids, units, assessment.selection)
    clips, sessions = average(scores)
    refuse_infinite(sessions)
    seconds = time.perf_counter() - started
    first = tuple(score for view, score in scores if view.phase == 0)
    low, high = (average(found)[1] for found in ends)
    quantiles = {session: (low[session], high[session]) for session in low}
    return Evaluation(sessions, clips, seconds, float(np.mean(kept)), relevance, first, quantiles)


def _kept_shares(units: Units, selection: Selection) -> list[float]:
    weighs = (selection.weight > 0) & units.valid
    return (weighs.sum(-1) / units.valid.sum(-1).clamp_min(1)).tolist()


def seen_view(dataset: ClipDataset) -> View:
    """Return what a test view shows of a clip; where clips differ, of the median one."""
    views = [dataset.view.at(clip.fps) for clip in dataset.clips]
    indices = [view.all(clip.frames)[0] for view, clip in zip(views, dataset.clips, strict=True)]
    strides = [float(np.median(np.diff(index))) if len(index) > 1 else 1.0 for index in indices]
    # A clip shorter than a segment repeats its last frame.
    strides = [max(stride, 1.0) for stride in strides]
    rates = [clip.fps / stride for clip, stride in zip(dataset.clips, strides, strict=True)]
    length = views[0].segment_length or int(np.median([len(index) for index in indices]))
    return View(
        length=length,
        stride=float(np.median(strides)),
        frames_per_second=round(float(np.median(rates)), 3),
    )


def predict_views(bench: Workbench, loader: DataLoader[Any], what: str = "") -> list[float]:
    """Return the score of each view of a loader in order, points."""
    return [
        score
        for _, _, assessment in _assessed(bench, loader, what)
        for score in assessment.score.double().tolist()
    ]


@torch.no_grad()
def _assessed(
    bench: Workbench, loader: DataLoader[Any], what: str
) -> Iterator[tuple[list[ViewId], Units, Assessment]]:
    """Yield the ids, units and assessment of each batch; without a title there is no progress bar."""
    assessor = bench.assessor.to(get_device()).eval()
    for batch in tqdm(loader, desc=what, unit="batch", mininterval=1.0, disable=not what):
        inputs = assessor.data_preprocessor(batch)["inputs"]
        _, units, _, assessment = assessor.flow(inputs)
        yield batch["ids"], units, assessment


def count_parameters(bench: Workbench) -> int:
    """Number of the network's parameters, frozen ones included."""
    return sum(p.numel() for p in bench.assessor.parameters())


@torch.no_grad()
def multiply_adds(bench: Workbench) -> int:
    """Multiply-adds of one test view, from frames, without any cache."""
    dataset = bench.dataset("test", frames="frames" in bench.assessor.backbone.reads)
    batch = bench.assessor.eval().data_preprocessor(collate([dataset[0]]))
    return count_multiply_adds(lambda: bench.assessor.assess(batch["inputs"]))


def count_multiply_adds(compute: Callable[[], Any]) -> int:
    """Multiply-adds of torch's operators in one call."""
    with FlopCounterMode(display=False) as counter:
        compute()
    return counter.get_total_flops() // 2


@torch.no_grad()
def frames_per_second(bench: Workbench) -> float:
    """Clip frames scored a second, one view at a time, from the prepared corpus and without cache.

    Vectors of a semantic encoder and signals are read, not computed: they are made once for a corpus.
    """
    assessor = bench.assessor.eval()
    dataset = bench.dataset("test", frames="frames" in assessor.backbone.reads)

    def score(item: int) -> int:
        batch = assessor.data_preprocessor(collate([dataset[item]]))
        assessor.assess(batch["inputs"])
        return int(batch["inputs"].valid.sum())

    return measure_speed(score, len(dataset))


def measure_speed(score: Callable[[int], int], views: int) -> float:
    """Frames a second of what scores a view by its number and returns how many frames it has."""
    # The first one opens files and chooses algorithms.
    score(0)
    started = time.perf_counter()
    frames = sum(score(item) for item in range(min(views, _TIMED_VIEWS)))
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return frames / (time.perf_counter() - started)


def peak_memory_mb() -> float:
    """Peak memory so far: of the GPU when there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
