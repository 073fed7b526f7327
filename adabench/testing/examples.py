"""Small random batches for tests."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from adabench.batching import clip_truth
from adabench.structures import Clip, Inputs, Semantics, Signals, Truth, ViewId

SIGNAL_NAMES = ("AU01_c", "AU01_r", "AU04_c", "AU04_r", "gaze_angle_x", "pose_Rx")


def example_batch(
    *,
    reads: Sequence[str] = ("frames",),
    lengths: Sequence[int] = (7, 5, 6),
    scores: Sequence[float] = (4.0, 22.0, 40.0),
    size: int = 64,
    stride: int = 2,
    seed: int = 0,
) -> tuple[Inputs, Truth]:
    """Return a random batch with what ``reads`` names, and its truth.

    Args:
        reads: ``frames``, ``semantics`` (512 and 768 channels), ``signals``.
        lengths: frames of each clip; the shorter ones are padded.
        scores: BDI-II points of each clip.
        size: height and width of a frame, pixels.
        stride: between the numbers of two frames.
        seed: of the random content.

    Raises:
        ValueError: ``lengths`` and ``scores`` differ in length.
    """
    if len(lengths) != len(scores):
        raise ValueError(f"{len(lengths)} lengths came with {len(scores)} scores")
    random = torch.Generator().manual_seed(seed)
    clips, steps = len(lengths), max(lengths)
    valid = torch.arange(steps)[None] < torch.tensor(lengths)[:, None]

    def content(*shape: int) -> Tensor:
        values = torch.rand(clips, steps, *shape, generator=random)
        return values * valid.view(clips, steps, *(1 for _ in shape))

    inputs = Inputs(valid=valid, index=torch.arange(steps)[None] * stride * valid)
    if "frames" in reads:
        inputs.frames = content(3, size, size)
    if "semantics" in reads:
        inputs.semantics = Semantics(text=content(512) - 0.5, image=content(768) - 0.5)
    if "signals" in reads:
        values = content(len(SIGNAL_NAMES))
        mask = valid[:, :, None].expand_as(values).clone()
        inputs.signals = Signals(values=values, mask=mask, names=SIGNAL_NAMES)
    return inputs, example_truth(scores)


def example_truth(scores: Sequence[float]) -> Truth:
    """Return the truth of clips with these scores, their levels included."""
    clips = [Clip(id=example_id(n), index=torch.zeros(0), score=s) for n, s in enumerate(scores)]
    truth = clip_truth(clips)
    if truth is None:
        raise ValueError("every clip of an example has a score")
    return truth


def example_id(number: int) -> ViewId:
    """Return the id of an invented clip."""
    return ViewId(f"{number:03d}_1_Freeform", f"{number:03d}_1", f"{number:03d}", "Freeform")
