"""Views: which frames of a clip a method sees, in training and at test."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from adabench.registry import TRANSFORMS

Index = NDArray[np.int64]


class View(ABC):
    """Chooses frames. ``sample`` draws one view for training, ``all`` gives those of a test."""

    segment_length: int = 0

    @abstractmethod
    def all(self, frames: int) -> list[Index]:
        """Return the index arrays whose predictions are averaged at test, for a clip of ``frames``."""

    @abstractmethod
    def sample(self, frames: int, rng: np.random.Generator) -> Index:
        """Return the frame numbers of one training view."""


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise ValueError(f"{name} is at least 1; got {value}")
    return value


@TRANSFORMS.register_module()
class StridedView(View):
    """At most ``frames`` frames strided over the whole clip.

    The stride is the smallest with which one view spans the clip, and its phases share the clip's
    frames out among them: each frame is in exactly one phase.

    Args:
        frames: most frames a view.
        phases: how many phases are averaged at test, evenly chosen; 0 takes all.
    """

    def __init__(self, *, frames: int, phases: int = 0) -> None:
        self.frames = _positive("StridedView.frames", frames)
        if phases < 0:
            raise ValueError(f"StridedView.phases is 0 (all) or more; got {phases}")
        self.phases = phases

    def _stride(self, frames: int) -> int:
        return max(1, -(-frames // self.frames))

    def all(self, frames: int) -> list[Index]:
        """Return the phases, each of at most ``self.frames`` frames."""
        stride = self._stride(frames)
        wanted = min(stride, self.phases or stride)
        chosen = (
            np.linspace(0, stride - 1, wanted + 2)[1:-1] if wanted < stride else np.arange(stride)
        )
        return [np.arange(int(p), frames, stride) for p in chosen]

    def sample(self, frames: int, rng: np.random.Generator) -> Index:
        """Return a random phase."""
        stride = self._stride(frames)
        return np.arange(rng.integers(stride), frames, stride)


@TRANSFORMS.register_module()
class WindowView(View):
    """``frames`` frames in a row.

    Args:
        frames: length of the window; a shorter clip is seen whole.
        centre: at test, one window in the clip's middle; otherwise windows without overlap over the
            whole clip, the last one moved back so that it ends with the clip.
    """

    def __init__(self, *, frames: int, centre: bool = False) -> None:
        self.frames = _positive("WindowView.frames", frames)
        self.centre = centre

    def all(self, frames: int) -> list[Index]:
        """Return the windows of a test."""
        length = min(self.frames, frames)
        if self.centre:
            starts = [(frames - length) // 2]
        else:
            starts = [min(s, frames - length) for s in range(0, frames, length)]
        return [np.arange(s, s + length) for s in starts]

    def sample(self, frames: int, rng: np.random.Generator) -> Index:
        """Return a window at a random place."""
        length = min(self.frames, frames)
        start = int(rng.integers(frames - length + 1))
        return np.arange(start, start + length)


@TRANSFORMS.register_module()
class SegmentView(View):
    """The whole clip in segments of ``length`` frames, for backbones that see segments.

    A clip shorter than a segment repeats its last frame; frames behind the last whole segment are
    covered by one more that ends with the clip.

    Args:
        length: frames a segment.
        overlap: frames that neighbours share.
        segments: most segments of one view; 0 takes all. In training these are neighbours at a
            random place; at test several views share the clip's segments out as evenly as can be.
        phases: how many of those views a test takes, evenly chosen; 0 takes all.
    """

    def __init__(
        self, *, length: int, overlap: int = 0, segments: int = 0, phases: int = 0
    ) -> None:
        self.segment_length = _positive("SegmentView.length", length)
        if not 0 <= overlap < length:
            raise ValueError(f"SegmentView.overlap is 0 to length-1 = {length - 1}; got {overlap}")
        for name, value in (("segments", segments), ("phases", phases)):
            if value < 0:
                raise ValueError(f"SegmentView.{name} is 0 (all) or more; got {value}")
        self.overlap = overlap
        self.segments = segments
        self.phases = phases

    def has_segments_of(self, other: View) -> bool:
        """Whether another view takes its segments from the same ones."""
        return isinstance(other, SegmentView) and (other.segment_length, other.overlap) == (
            self.segment_length,
            self.overlap,
        )

    def starts(self, frames: int) -> list[int]:
        """Return the first frame of each segment of a clip of ``frames``."""
        step = self.segment_length - self.overlap
        last = max(frames - self.segment_length, 0)
        starts = list(range(0, last + 1, step))
        return starts if starts[-1] == last else [*starts, last]

    def expand(self, starts: Sequence[int], frames: int) -> Index:
        """Return the frame numbers of the segments at ``starts``, one after the other."""
        rows = np.asarray(starts)[:, None] + np.arange(self.segment_length)
        return np.minimum(rows, frames - 1).reshape(-1)

    def all(self, frames: int) -> list[Index]:
        """Return the views whose predictions are averaged at test."""
        starts = np.asarray(self.starts(frames))
        parts = -(-len(starts) // (self.segments or len(starts)))
        shared = np.array_split(starts, parts)
        wanted = min(parts, self.phases or parts)
        chosen = np.linspace(0, parts - 1, wanted + 2)[1:-1] if wanted < parts else range(parts)
        return [self.expand(shared[int(p)].tolist(), frames) for p in chosen]

    def sample(self, frames: int, rng: np.random.Generator) -> Index:
        """Return at most ``segments`` neighbouring segments."""
        starts = self.starts(frames)
        if 0 < self.segments < len(starts):
            first = int(rng.integers(len(starts) - self.segments + 1))
            starts = starts[first : first + self.segments]
        return self.expand(starts, frames)
