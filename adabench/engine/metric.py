"""Scoring of predictions by session, as an mmengine metric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from adabench.evaluation.metrics import score_metrics
from adabench.structures import Assessment, ViewId


class SessionScores(BaseMetric):
    """Averages views to clips and clips to sessions, then scores the sessions.

    Args:
        labels: session → points. Only the metric sees them: test samples carry none.
    """

    default_prefix = ""

    def __init__(self, labels: Mapping[str, float]) -> None:
        super().__init__(collect_device="cpu")
        self.labels = dict(labels)
        self.predictions: dict[str, float] = {}
        self.clips: dict[str, float] = {}

    def process(
        self, data_batch: Any, data_samples: Sequence[tuple[list[ViewId], Assessment]]
    ) -> None:
        """Collect (view, score) pairs of a batch."""
        del data_batch
        for ids, assessment in data_samples:
            self.results.extend(zip(ids, assessment.score.detach().double().tolist(), strict=True))

    def compute_metrics(self, results: list[tuple[ViewId, float]]) -> dict[str, float]:
        """Return RMSE, MAE, PCC and CCC over sessions."""
        self.clips, self.predictions = average(results)
        absent = sorted(set(self.labels) - set(self.predictions))
        if absent:
            raise RuntimeError(f"{len(absent)} sessions got no prediction, the first {absent[0]}")
        sessions = sorted(self.labels)
        refuse_infinite(self.predictions)
        return score_metrics(
            np.array([self.predictions[s] for s in sessions]),
            np.array([self.labels[s] for s in sessions]),
        )


def refuse_infinite(
    predictions: Mapping[str, float],
    remedy: str = "training diverged; lower training.optimiser.lr",
) -> None:
    """Raise FloatingPointError where a session's prediction is no finite number."""
    bad = sorted(session for session, value in predictions.items() if not np.isfinite(value))
    if bad:
        raise FloatingPointError(
            f"the prediction for {len(bad)} of {len(predictions)} sessions is no finite number, the "
            f"first {bad[0]}: {remedy}"
        )


def average(results: Sequence[tuple[ViewId, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Average (view, score) pairs to scores by clip and by session.

    A session's score is the mean over its clips, each clip's the mean over its views. A view that
    comes twice (a sampler that pads the last batch) counts once.
    """
    views = dict(results)
    by_clip: dict[tuple[str, str], list[float]] = defaultdict(list)
    for view in sorted(views, key=lambda v: (v.clip, v.phase)):
        by_clip[view.session, view.clip].append(views[view])
    by_session: dict[str, list[float]] = defaultdict(list)
    clips = {}
    for (session, clip), scores in by_clip.items():
        clips[clip] = float(np.mean(scores))
        by_session[session].append(clips[clip])
    return clips, {session: float(np.mean(scores)) for session, scores in by_session.items()}
