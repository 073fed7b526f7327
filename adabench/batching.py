"""Batches of inputs: collate clips of different length, pad, concatenate, slice, trim.

Padding stands at the end of the time axis: ``valid`` is False there and ``index`` 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from adabench.structures import Clip, Features, Inputs, Semantics, Signals, TensorRecord, Truth

Record = TypeVar("Record", bound=TensorRecord)

_OPTIONAL = ("frames", "features", "semantics", "signals")


def collate(clips: Sequence[Clip]) -> dict[str, Any]:
    """Make a batch of B clips, padded to the longest of them.

    Args:
        clips: samples without batch axis, all with the same fields, frame size and segment length.

    Returns:
        ``inputs`` (:class:`Inputs`, T the largest number of frames; frames keep their dtype),
        ``truth`` (:class:`Truth`, or None when a clip has no score) and ``ids`` (list of ViewId).

    Raises:
        ValueError: no clip at all, clips that don't fit together (both are named), or a score
            without its level.
    """
    if not clips:
        raise ValueError("a batch needs at least one clip; got none")
    names = [clip.id.clip for clip in clips]
    inputs = concat_inputs([clip_inputs(clip) for clip in clips], names)
    return {"inputs": inputs, "truth": clip_truth(clips), "ids": [clip.id for clip in clips]}


def clip_inputs(clip: Clip) -> Inputs:
    """Return one clip as a batch of one: every tensor (T, …) becomes (1, T, …)."""

    def batched(record: TensorRecord | None) -> Any:
        return None if record is None else record.map(lambda tensor: tensor.unsqueeze(0))

    return Inputs(
        valid=torch.ones(1, len(clip.index), dtype=torch.bool),
        index=clip.index.long().unsqueeze(0),
        frames=None if clip.frames is None else clip.frames.unsqueeze(0),
        features=batched(clip.features),
        semantics=batched(clip.semantics),
        signals=batched(clip.signals),
        segment_length=clip.segment_length,
    )


def clip_truth(clips: Sequence[Clip]) -> Truth | None:
    """Return score (B,) and level (B,) of ``clips``, or None when one of them has no score."""
    scores = [clip.score for clip in clips if clip.score is not None]
    if len(scores) < len(clips):
        return None
    levels = [clip.level for clip in clips if clip.level is not None]
    if len(levels) < len(clips):
        bare = next(clip.id.clip for clip in clips if clip.level is None)
        raise ValueError(
            f"clip {bare} has a score without its level: give Clip.level, Scale.level(score)"
        )
    return Truth(score=torch.tensor(scores, dtype=torch.float32), level=torch.tensor(levels))


def concat_inputs(parts: Sequence[Inputs], names: Sequence[str] | None = None) -> Inputs:
    """Join batches along the clip axis, padded to the longest.

    Args:
        parts: batches with the same fields, frame size and segment length.
        names: what to call each part in error messages.

    Raises:
        ValueError: nothing to join, or two parts that don't fit together.
    """
    if not parts:
        raise ValueError("concat_inputs needs at least one batch; got none")
    called = list(names) if names is not None else [f"batch {i}" for i in range(len(parts))]
    for part, name in zip(parts[1:], called[1:], strict=True):
        _check_fit(parts[0], part, called[0], name)
    frames = max(part.valid.shape[1] for part in parts)
    steps = max((p.features.valid.shape[1] for p in parts if p.features is not None), default=0)
    padded = [_pad(part, frames, steps, 0.0) for part in parts]
    return padded[0] if len(padded) == 1 else _join(padded)


def pad_inputs(inputs: Inputs, frames: int, fill: float = 0.0) -> Inputs:
    """Pad a batch (B, T, …) at its end to ``frames`` frames.

    Args:
        inputs: the batch.
        frames: the new T, at least the present one, a multiple of ``inputs.segment_length``.
        fill: what frames (in [0, 1]), vectors and signals hold on padding; a model must not care.

    Raises:
        ValueError: ``frames`` is too small, or no multiple of the segment length.
    """
    present, segment = inputs.valid.shape[1], max(inputs.segment_length, 1)
    if frames < present or frames % segment:
        raise ValueError(
            f"pad_inputs: frames is at least {present} and a multiple of {segment}; got {frames}"
        )
    features = inputs.features
    steps = 0 if features is None else features.valid.shape[1]
    # A trunk's features come frame by frame, also where the backbone around it sees segments.
    more = frames - present
    steps += more if steps == present else more // segment
    return _pad(inputs, frames, steps, fill)


def slice_inputs(inputs: Inputs, clips: slice | Sequence[int]) -> Inputs:
    """Take some clips of a batch, in the order of ``clips``; :func:`trim_inputs` drops padding."""
    picked = clips if isinstance(clips, slice) else list(clips)
    return inputs.map(lambda tensor: tensor[picked])


def trim_inputs(inputs: Inputs) -> Inputs:
    """Drop the frames at the end that are padding in every clip of the batch."""
    segment = max(inputs.segment_length, 1)
    frames = -(-_used(inputs.valid) // segment) * segment
    features = inputs.features
    if features is not None:
        steps = _used(features.valid)
        features = features.map(lambda tensor: tensor[:, :steps])
    rest = replace(inputs, features=None).map(lambda tensor: tensor[:, :frames])
    return replace(rest, features=features)


def _used(valid: Tensor) -> int:
    """Number of columns of (B, T) up to the last that is valid anywhere."""
    columns = valid.any(0).nonzero()
    return int(columns[-1]) + 1 if len(columns) else 0


def _check_fit(first: Inputs, other: Inputs, first_name: str, other_name: str) -> None:
    both = f"{first_name} and {other_name} can't share a batch"
    if first.segment_length != other.segment_length:
        raise ValueError(
            f"{both}: segment_length is {first.segment_length} in one, "
            f"{other.segment_length} in the other"
        )
    for name in _OPTIONAL:
        mine, its = getattr(first, name), getattr(other, name)
        if (mine is None) != (its is None):
            raise ValueError(
                f"{both}: only {other_name if mine is None else first_name} has {name}"
            )
        if mine is not None and (ours := _layout(mine)) != (theirs := _layout(its)):
            raise ValueError(f"{both}: {name} are {ours} in one, {theirs} in the other")


def _layout(value: Tensor | TensorRecord) -> Any:
    """What must agree for two batches to be joined: shapes behind the time axis, and names."""
    if isinstance(value, Tensor):
        return tuple(value.shape[2:])
    if isinstance(value, Signals):
        return value.names
    if isinstance(value, Semantics):
        return _layout(value.text), _layout(value.image)
    if isinstance(value, Features):
        maps = [_layout(m) for m in (*value.maps, *value.visual_maps)]
        return _layout(value.vector), len(value.maps), maps, sorted(value.extra)
    raise TypeError(f"{type(value).__name__} is no field of Inputs")


def _pad(inputs: Inputs, frames: int, steps: int, fill: float) -> Inputs:
    """Pad what runs over frames to ``frames`` and what runs over steps to ``steps``."""
    features = inputs.features
    if features is not None:
        features = features.map(_padder(steps, fill))
    return replace(replace(inputs, features=None).map(_padder(frames, fill)), features=features)


def _padder(length: int, fill: float) -> Callable[[Tensor], Tensor]:
    def pad(tensor: Tensor) -> Tensor:
        missing = length - tensor.shape[1]
        if missing <= 0:
            return tensor
        shape = (tensor.shape[0], missing, *tensor.shape[2:])
        return torch.cat([tensor, tensor.new_full(shape, _fill_of(tensor.dtype, fill))], dim=1)

    return pad


def _fill_of(dtype: torch.dtype, fill: float) -> float | int | bool:
    if dtype == torch.bool:
        return False
    if dtype == torch.uint8:
        return round(fill * 255)
    return fill if dtype.is_floating_point else 0


def _join(records: Sequence[Record]) -> Record:
    """Concatenate records of equal layout along the clip axis, tensor by tensor."""
    columns = zip(*(tensors_of(record) for record in records), strict=True)
    joined = iter([torch.cat(same) for same in columns])
    return records[0].map(lambda _: next(joined))


def tensors_of(record: TensorRecord) -> list[Tensor]:
    """Return every tensor of a record, in the order in which ``map`` visits them."""
    found: list[Tensor] = []

    def collect(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    record.map(collect)
    return found
