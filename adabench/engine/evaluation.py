"""Testing a trained method, and what it costs."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from mmengine.device import get_device
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from adabench.batching import collate
from adabench.data.manifest import ClipRecord
from adabench.engine.metric import SessionScores
from adabench.engine.relevance import Relevance, known_key_frames
from adabench.engine.rundata import session_labels
from adabench.engine.workbench import Use, Workbench

# Views that a run's speed is measured on.
_TIMED_VIEWS = 8


@dataclass(frozen=True)
class Evaluation:
    """What a test gave.

    Attributes:
        metrics: RMSE, MAE, PCC, CCC over sessions.
        sessions: session → predicted BDI-II points.
        clips: clip → predicted BDI-II points.
        seconds: wall time.
        relevance_auc: how well relevance finds key frames, where these are known.
    """

    metrics: dict[str, float]
    sessions: dict[str, float]
    clips: dict[str, float]
    seconds: float
    relevance_auc: dict[str, float] = field(default_factory=dict)


@torch.no_grad()
def evaluate(bench: Workbench, use: Use = "test") -> Evaluation:
    """Score one use of the data with the assessor as it is."""
    clips: Sequence[ClipRecord] = getattr(bench.parts, use)
    metric = SessionScores(session_labels(clips))
    device = get_device()
    assessor = bench.assessor.to(device).eval()
    loader = bench.loader(use)
    scores = {clip.clip: float(clip.score) for clip in clips if clip.score is not None}
    relevance = None
    if use == "test":
        splits = sorted({clip.split for clip in clips})
        relevance = Relevance(known_key_frames(bench.experiment, splits), scores)
    started = time.perf_counter()
    views = 0
    for batch in tqdm(loader, desc=f"scoring the {use} clips", unit="batch", mininterval=1.0):
        views += len(batch["ids"])
        ids = batch["ids"]
        inputs = assessor.data_preprocessor(batch)["inputs"]
        _, units, _, assessment = assessor.flow(inputs)
        metric.process(batch, [(ids, assessment)])
        if relevance is not None:
            relevance.add(ids, units, assessment.selection)
    seconds = time.perf_counter() - started
    metrics = metric.evaluate(views)
    return Evaluation(
        metrics,
        metric.predictions,
        metric.clips,
        seconds,
        relevance.areas() if relevance is not None else {},
    )


def count_parameters(bench: Workbench) -> int:
    """Number of the network's parameters, frozen ones included."""
    return sum(p.numel() for p in bench.assessor.parameters())


@torch.no_grad()
def multiply_adds(bench: Workbench) -> int:
    """Multiply-adds of one test view, from frames, without any cache."""
    dataset = bench.dataset("test", frames="frames" in bench.assessor.backbone.reads)
    batch = bench.assessor.eval().data_preprocessor(collate([dataset[0]]))
    with FlopCounterMode(display=False) as counter:
        bench.assessor.assess(batch["inputs"])
    return counter.get_total_flops() // 2


@torch.no_grad()
def frames_per_second(bench: Workbench) -> float:
    """Clip frames scored a second, one view at a time, from the prepared corpus and without cache.

    Vectors of a semantic encoder are read, not computed: they are made once for a corpus.
    """
    assessor = bench.assessor.eval()
    dataset = bench.dataset("test", frames="frames" in assessor.backbone.reads)

    def score(item: int) -> int:
        batch = assessor.data_preprocessor(collate([dataset[item]]))
        assessor.assess(batch["inputs"])
        return int(batch["inputs"].valid.sum())

    # The first one opens files and chooses algorithms.
    score(0)
    started = time.perf_counter()
    frames = sum(score(item) for item in range(min(len(dataset), _TIMED_VIEWS)))
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return frames / (time.perf_counter() - started)


def peak_memory_mb() -> float:
    """Peak memory so far: of the GPU when there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
