"""How long a method that is no network takes, on noise: its extractor a clip, its fit, a prediction."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from adabench.evaluation.scale import BDI_II
from adabench.models import EstimatorMethod
from adabench.structures import Clip, Signals, ViewId


@dataclass(frozen=True)
class EstimatorProfile:
    """Medians in seconds over ``repeats``.

    Attributes:
        clips: that are fitted on, and predicted.
        frames: T of each clip.
        size: side of a frame in pixels.
        repeats: behind the medians.
        device: of the extractor's backbone, where it has one.
        threads: of torch on the CPU.
        features: numbers a clip; 0 without an extractor.
        extract: seconds a clip, from its frames; nothing is read from a cache.
        fit: seconds for all clips, a search included.
        predict: seconds for all clips.
    """

    clips: int
    frames: int
    size: int
    repeats: int
    device: str
    threads: int
    features: int
    extract: float
    fit: float
    predict: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    def format(self) -> str:
        """Return a line a step; none of an extractor that is not there."""
        about = (
            f"noise of {self.frames} frames, {self.size} px, {self.features} features a clip, "
            f"{self.device}, {self.threads} threads, medians of {self.repeats}"
        )
        rows = {
            **({"extract a clip": self.extract} if self.features else {}),
            f"fit on {self.clips} clips": self.fit,
            f"predict {self.clips} clips": self.predict,
        }
        return "\n".join([about, *(f"{n:<26}{1e3 * s:9.1f} ms" for n, s in rows.items())])


def profile_estimator(
    method: EstimatorMethod,
    *,
    clips: int = 100,
    frames: int = 25,
    size: int = 128,
    repeats: int = 7,
    device: torch.device | str = "cpu",
    segment_length: int = 0,
    signals: Sequence[str] = (),
) -> EstimatorProfile:
    """Time ``method``, which stays as it is.

    Args:
        method: with or without its weights.
        clips: that are fitted on, each of another person.
        frames: T of each clip, whole segments.
        size: side of a frame in pixels.
        repeats: of each step, after one that is not counted.
        device: where the extractor's backbone runs.
        segment_length: frames a segment, for a backbone that reads segments.
        signals: names, for an extractor that reads some.

    Raises:
        ValueError: a count below 1, or fewer clips than a search has folds.
    """
    counts = {"clips": clips, "frames": frames, "size": size, "repeats": repeats}
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"profile_estimator: {name} is 1 or more; got {value}")
    method = copy.deepcopy(method)
    part = None if method.extractor is None else method.extractor.frozen_part()
    if part is not None:
        part.to(device)
    clip = _noise(frames, size, segment_length, tuple(signals))
    extract, row = _timed(lambda: method.extract([clip]), repeats)
    rows = _rows(row, clips)
    scores = np.linspace(BDI_II.low, BDI_II.high, clips)
    persons = [str(number) for number in range(clips)]
    fit, fitted = _timed(lambda: copy.deepcopy(method).fit(rows, scores, persons), repeats)
    predict, _ = _timed(lambda: fitted.predict(clips if rows is None else rows), repeats)
    return EstimatorProfile(
        **counts,
        device=str(device),
        threads=torch.get_num_threads(),
        features=0 if rows is None else rows.shape[1],
        extract=extract,
        fit=fit,
        predict=predict,
    )


def _noise(frames: int, size: int, segment_length: int, names: tuple[str, ...]) -> Clip:
    source = torch.Generator().manual_seed(0)
    values = torch.randn(frames, len(names), generator=source)
    signals = Signals(values, torch.ones_like(values, dtype=torch.bool), names)
    return Clip(
        id=ViewId("noise", "noise", "noise", ""),
        index=torch.arange(frames),
        frames=torch.randint(0, 256, (frames, 3, size, size), generator=source).byte(),
        segment_length=segment_length,
        signals=signals if names else None,
    )


def _rows(row: Any, clips: int) -> Any:
    """Return features (N, D) that differ from those of the noise (1, D), or None as it is."""
    if row is None:
        return None
    return row + np.random.default_rng(0).normal(size=(clips, row.shape[1]))


def _timed(step: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the median time of a step, and what it gave."""
    found, times = step(), []
    for _ in range(repeats):
        start = time.perf_counter()
        found = step()
        times.append(time.perf_counter() - start)
    return statistics.median(times), found
