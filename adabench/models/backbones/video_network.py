"""Any network over whole clips as a backbone over segments; libraries' networks stand on it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adabench.models.backbones.dry_run import (
    REFUSALS,
    RefusedInputError,
    dry_run,
    tensors_in,
    unreached,
)
from adabench.models.backbones.segments import SegmentBackbone
from adabench.models.roles import Backbone
from adabench.structures import FeatureSpec, Inputs

# Frames that pass the network at once where no gradient is kept.
_CHUNK = 256
# Segments of a dry run, so that their axis can be told from one of length 1.
_SEGMENTS = 2
# Frames a segment and pixels a side with which a network is tried: common ones first.
_COMMON = ((4, 64), (8, 64), (16, 64), (16, 112), (8, 224), (16, 224), (32, 224))
_LENGTHS = (2, 3, 4, 5, 6, 8, 10, 12, 13, 16, 20, 24, 25, 30, 32, 48, 64)
_SIZES = (32, 48, 64, 80, 96, 112, 128, 144, 160, 182, 192, 224, 256, 312, 320, 384)
# How many of the numbers that a network takes a message lists.
_LISTED = 5


@dataclass(frozen=True)
class Exactly:
    """The segments that a network was made for, where it would mistake others in silence.

    Attributes:
        length: frames a segment.
        size: pixels a side, or None for any.
        option: its own option that says the length, if there is one.
    """

    length: int
    size: int | None = None
    option: str | None = None

    def refusal(self, length: int, side: int) -> str | None:
        """Return what is wrong with segments, and the remedy; None for those that it was made for."""
        if length == self.length and self.size in (None, side):
            return None
        pixels, scale, other = "", "", ""
        if self.size is not None:
            pixels, scale = (
                f" of {self.size} × {self.size} pixels",
                f", and size={self.size} beside name",
            )
        if self.option is not None:
            other = f", or options=dict({self.option}={length})"
        return (
            f"was made for segments of {self.length} frames{pixels}, and these have {length} of "
            f"{side} × {side}: take SegmentView(length={self.length}){other}{scale}"
        )


@dataclass(frozen=True)
class _Found:
    """What a dry run found.

    Attributes:
        clips: the network takes (N, 3, T, H, W), not frames (N·T, 3, H, W).
        trial: frames and pixels with which it was tried.
        device: where the dry run worked.
        spec: channels of vector and maps.
    """

    clips: bool
    trial: tuple[int, int]
    device: str
    spec: FeatureSpec


class VideoNetwork(SegmentBackbone):
    """A network for clips (N, 3, T, H, W), or for their frames (N·T, 3, H, W), over segments.

    Which of the two it takes and how wide its output is, a dry run finds. Maps (N, C, T', h, w) are
    averaged over time; those of one size are joined, and ``vector`` is the mean of the deepest. A
    network that gives vectors alone has no maps.

    Args:
        net: the network without its classifier, its weights loaded.
        title: how messages call it.
        mean, std: of RGB frames in [0, 1], which the network was trained with.
        frozen: keep weights and statistics as they are; such a part's output may be cached.
        size: height and width to which frames are scaled; None leaves them.
        maps: give the maps beside the vector.
        exactly: the segments that the network was made for, where it would mistake others in silence.

    Raises:
        ValueError: a network that takes neither clips nor frames, with its own reason.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        net: nn.Module,
        *,
        title: str,
        mean: Sequence[float],
        std: Sequence[float],
        frozen: bool = False,
        size: int | None = None,
        maps: bool = True,
        exactly: Exactly | None = None,
    ) -> None:
        super().__init__()
        if size is not None and size < 1:
            raise ValueError(f"{title}: size is a number of pixels, at least 1; got {size}")
        self.net = net
        self.title = title
        self.frozen = frozen
        self.size = size
        self.maps = maps
        self.exactly = exactly
        self.register_buffer("mean", torch.tensor(mean).view(1, 1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 1, 3, 1, 1), persistent=False)
        self._found = self._look()
        self.trial = self._found.trial
        if frozen:
            self.requires_grad_(False)
            self.eval()
        else:
            self._set_aside()

    def _set_aside(self) -> None:
        """Leave parameters behind what is read of the network (a last norm, a stage) untrained."""
        (length, side), clips = self._found.trial, self._found.clips

        def read(outputs: list[Tensor]) -> list[Tensor]:
            vector, maps = _read(outputs, length, clips=clips)
            return [vector, *(maps if self.maps else ())]

        shape = _shape(length, side, clips=clips)
        for name in unreached(self.net, shape, read, self._found.device):
            self.net.get_parameter(name).requires_grad_(False)

    @property
    def spec(self) -> FeatureSpec:
        """Channels of the vector and of the maps."""
        found = self._found.spec
        return found if self.maps else FeatureSpec(vector=found.vector)

    def train(self, mode: bool = True) -> VideoNetwork:
        """Switch to training, unless frozen: its batch norm then keeps its statistics."""
        super().train(mode and not self.frozen)
        return self

    def extra_repr(self) -> str:
        """Say what weights don't tell."""
        return f"size={self.size}, maps={self.maps}"

    def frozen_part(self) -> Backbone | None:
        """Return itself when frozen."""
        return self if self.frozen else None

    def encode(self, segments: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Map S segments' frames (S, L, 3, H, W) to vectors (S, D) and maps (S, C_i, h_i, w_i).

        Raises:
            ValueError: a length or size that the network can't take, with those that it takes.
        """
        if segments.frames is None:
            raise ValueError(f"{self.title} reads frames, and the batch holds none")
        length = segments.valid.shape[1]
        self._refuse_other(length, self.size or segments.frames.shape[-1])
        learns = torch.is_grad_enabled() and not self.frozen
        # Padding is filled as the view fills a short segment: with the last real frame.
        last = (segments.valid.sum(-1) - 1).clamp_min(0)
        place = torch.minimum(torch.arange(length, device=last.device), last[:, None])
        frames = segments.frames[torch.arange(len(last), device=last.device)[:, None], place]
        with torch.set_grad_enabled(learns):
            # Without gradient a clip of any length passes in little memory.
            parts = [frames] if learns else frames.split(max(1, _CHUNK // length))
            vectors, maps = zip(*(self._run(part) for part in parts), strict=True)
        joined = tuple(torch.cat(level) for level in zip(*maps, strict=True))
        return torch.cat(vectors), joined if self.maps else ()

    def _run(self, frames: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        scaled = (frames - self.mean) / self.std
        length, side = scaled.shape[1], scaled.shape[-1]
        if self.size is not None and tuple(scaled.shape[-2:]) != (self.size, self.size):
            flat = F.interpolate(
                scaled.flatten(0, 1), (self.size, self.size), mode="bilinear", antialias=True
            )
            scaled = flat.unflatten(0, (-1, length))
        given = scaled.transpose(1, 2) if self._found.clips else scaled.flatten(0, 1)
        try:
            outputs = tensors_in(self.net(given.contiguous()))
        except REFUSALS:
            # Tells a shape that the network can't take from all else that may go wrong.
            self.refuse_segments(length, side)
            raise
        return _read(outputs, length, clips=self._found.clips)

    def refuse_segments(self, length: int, size: int) -> None:
        """Raise ValueError where the network can't take segments, with the numbers that it takes."""
        side = self.size or size
        self._refuse_other(length, side)
        reason = self._reason(length, side)
        if reason is not None:
            raise ValueError(
                f"{self.title} takes no segments of {length} frames of {side} × {side} pixels; "
                f"{self._taken(length, side)}. In its own words: {reason}"
            )

    def _refuse_other(self, length: int, side: int) -> None:
        told = None if self.exactly is None else self.exactly.refusal(length, side)
        if told is not None:
            raise ValueError(f"{self.title} {told}")

    def _taken(self, length: int, side: int) -> str:
        """Say which lengths or sizes would do."""
        lengths = [n for n in _LENGTHS if self._reason(n, side) is None]
        if lengths:
            near = _nearest(lengths, length)
            return (
                f"at that size it takes {_listed(lengths, near)} frames: SegmentView(length={near})"
            )
        sizes = [n for n in _SIZES if self._reason(length, n) is None]
        if sizes:
            near = _nearest(sizes, side)
            return f"with that many it takes {_listed(sizes, near)} pixels: set size={near} beside name"
        frames, pixels = self.trial
        return (
            f"it takes {frames} frames of {pixels} × {pixels}: SegmentView(length={frames}), and "
            f"size={pixels} beside name"
        )

    def _reason(self, length: int, side: int) -> str | None:
        try:
            _tried(self.net, length, side, clips=self._found.clips, device=self._found.device)
        except RefusedInputError as reason:
            return str(reason)
        return None

    def _look(self) -> _Found:
        """Find how the network is asked, at first with what most take."""
        made = self.exactly or Exactly(0)
        side = self.size or made.size
        lengths = (made.length,) if made.length else _LENGTHS
        grid = list(itertools.product(lengths, (side,) if side else _SIZES))
        common = [(made.length or length, side or pixels) for length, pixels in _COMMON]
        reasons: dict[bool, str] = {}
        for trials, device in ((common, "meta"), (grid, "meta"), (common, "cpu")):
            for clips, trial in itertools.product((True, False), trials):
                try:
                    spec = _tried(self.net, *trial, clips=clips, device=device)
                except RefusedInputError as reason:
                    reasons.setdefault(clips, str(reason))
                else:
                    return _Found(clips, trial, device, spec)
        raise ValueError(
            f"{self.title} takes neither clips (N, 3, T, H, W) ({reasons[True]}) nor frames "
            f"(N·T, 3, H, W) ({reasons[False]}): choose a network of RGB frames, or set options"
        )


def _tried(net: nn.Module, length: int, side: int, *, clips: bool, device: str) -> FeatureSpec:
    """Return the widths that a network gives for segments.

    Raises:
        RefusedInputError: segments that it can't take.
    """
    outputs = dry_run(net, _shape(length, side, clips=clips), device)
    try:
        vector, maps = _read(outputs, length, clips=clips)
    except (RuntimeError, ValueError) as error:
        raise RefusedInputError(str(error)) from error
    if len(vector) != _SEGMENTS:
        raise RefusedInputError(f"it gives {len(vector)} answers for {_SEGMENTS} segments")
    return FeatureSpec(vector=vector.shape[1], maps=tuple(m.shape[1] for m in maps))


def _shape(length: int, side: int, *, clips: bool) -> tuple[int, ...]:
    """Return the shape of segments as a network takes them."""
    leading = (_SEGMENTS, 3, length) if clips else (_SEGMENTS * length, 3)
    return (*leading, side, side)


def _read(
    outputs: Sequence[Tensor], length: int, *, clips: bool
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return vectors (S, D) and maps (S, C_i, h_i, w_i), finest first, of what a network gave.

    Args:
        outputs: maps (S, C, T', h, w), or (S·L, C, h, w) of frames; vectors (S, D), or (S·L, D).
        length: frames a segment, L.
        clips: whether the network was given clips.

    Raises:
        ValueError: outputs of other shapes.
    """
    spatial = 5 if clips else 4
    by_size: dict[tuple[int, ...], list[Tensor]] = {}
    vectors: list[Tensor] = []
    for output in outputs:
        if output.ndim not in (2, spatial):
            raise ValueError(f"it gives {tuple(output.shape)}, neither maps nor vectors")
        if not clips:
            flat = output.unflatten(0, (-1, length)).mean(1)
        else:
            flat = output.mean(2) if output.ndim == spatial else output
        if output.ndim == spatial:
            by_size.setdefault(tuple(flat.shape[-2:]), []).append(flat)
        else:
            vectors.append(flat)
    maps = tuple(torch.cat(by_size[size], 1) for size in sorted(by_size, reverse=True))
    return (maps[-1].mean((-2, -1)) if maps else torch.cat(vectors, 1)), maps


def _nearest(numbers: Sequence[int], wanted: int) -> int:
    return min(numbers, key=lambda number: abs(number - wanted))


def _listed(numbers: Sequence[int], near: int) -> str:
    """List the numbers around ``near``."""
    first = max(0, min(numbers.index(near) - _LISTED // 2, len(numbers) - _LISTED))
    shown = ", ".join(map(str, numbers[first : first + _LISTED]))
    return shown if len(numbers) <= _LISTED else f"{shown} …"
