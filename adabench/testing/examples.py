"""Small random batches for tests."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from adabench.batching import clip_truth
from adabench.evaluation.scale import BDI_II, Scale
from adabench.structures import Clip, Inputs, Semantics, Signals, Truth, ViewId

# Of a scale's range.
_SHARES = (0.06, 0.35, 0.63, 0.24)

SIGNAL_NAMES = ("AU01_c", "AU01_r", "AU04_c", "AU04_r", "gaze_angle_x", "pose_Rx")


def example_batch(
    *,
    reads: Sequence[str] = ("frames",),
    lengths: Sequence[int] | None = None,
    scores: Sequence[float] | None = None,
    scale: Scale = BDI_II,
    size: int = 64,
    stride: int = 2,
    seed: int = 0,
    segment: int = 0,
) -> tuple[Inputs, Truth]:
    """Return a random batch with what ``reads`` names, and its truth.

    Args:
        reads: ``frames``, ``semantics`` (512 and 768 channels), ``signals``.
        lengths: frames of each clip, whole segments; the shorter ones are padded. By default 7, 5
            and 6 frames, or 3, 1 and 2 segments.
        scores: of each clip; by default of three, low, middle and high.
        scale: of the scores.
        size: height and width of a frame, pixels.
        stride: between the numbers of two frames.
        seed: of the random content.
        segment: frames a segment; 0 for single frames.

    Raises:
        ValueError: ``lengths`` and ``scores`` differ in length, or a clip is no whole segments.
    """
    lengths = _lengths(lengths, segment)
    scores = example_scores(scale) if scores is None else scores
    if len(lengths) != len(scores):
        raise ValueError(f"{len(lengths)} lengths came with {len(scores)} scores")
    random = torch.Generator().manual_seed(seed)
    clips, steps = len(lengths), max(lengths)
    valid = torch.arange(steps)[None] < torch.tensor(lengths)[:, None]

    def content(*shape: int) -> Tensor:
        values = torch.rand(clips, steps, *shape, generator=random)
        return values * valid.view(clips, steps, *(1 for _ in shape))

    index = torch.arange(steps)[None] * stride * valid
    inputs = Inputs(valid=valid, index=index, segment_length=segment)
    if "frames" in reads:
        inputs.frames = content(3, size, size)
    if "semantics" in reads:
        inputs.semantics = Semantics(text=content(512) - 0.5, image=content(768) - 0.5)
    if "signals" in reads:
        values = content(len(SIGNAL_NAMES))
        # A few are unknown, as where a face was lost.
        mask = valid[:, :, None] & (torch.rand(values.shape, generator=random) > 0.1)
        inputs.signals = Signals(values=values * mask, mask=mask, names=SIGNAL_NAMES)
    return inputs, example_truth(scores, scale)


def _lengths(lengths: Sequence[int] | None, segment: int) -> Sequence[int]:
    if segment < 0:
        raise ValueError(f"segment is 0 (single frames) or more; got {segment}")
    if lengths is None:
        return (3 * segment, segment, 2 * segment) if segment else (7, 5, 6)
    if segment and any(length % segment for length in lengths):
        raise ValueError(f"lengths are multiples of segment={segment}; got {tuple(lengths)}")
    return lengths


def example_scores(scale: Scale, count: int = 3) -> tuple[float, ...]:
    """Return scores over a scale's range, low and high ones; of the BDI-II 4, 22, 40 and 15, and again."""
    span = scale.high - scale.low
    found = [scale.low + _SHARES[number % len(_SHARES)] * span for number in range(count)]
    return tuple(float(round(score)) if scale.whole else score for score in found)


def example_truth(scores: Sequence[float], scale: Scale = BDI_II) -> Truth:
    """Return the truth of clips with these scores of a scale, their levels included."""
    levels = scale.level(scores).tolist()
    clips = [
        Clip(id=example_id(number), index=torch.zeros(0), score=score, level=level)
        for number, (score, level) in enumerate(zip(scores, levels, strict=True))
    ]
    truth = clip_truth(clips)
    if truth is None:
        raise ValueError("every clip of an example has a score")
    return truth


def example_id(number: int) -> ViewId:
    """Return the id of an invented clip."""
    return ViewId(f"{number:03d}_1_Freeform", f"{number:03d}_1", f"{number:03d}", "Freeform")
