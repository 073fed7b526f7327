"""Views: which frames of a clip a method sees, in training and at test."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from adabench.data.manifest import ClipRecord
from adabench.registry import TRANSFORMS

Index = NDArray[np.int64]
Place = Literal["neighbours", "even"]
Short = Literal["repeat", "wrap", "refuse"]


@dataclass(frozen=True)
class Turn:
    """A training's visit to a clip.

    Attributes:
        number: visits to this clip before, in all epochs.
        seed, clip: the run's seed, and the clip's number among those of training.
    """

    number: int
    seed: int
    clip: int

    def order(self, round_: int) -> np.random.Generator:
        """Return the numbers that deal out this clip's parts in a round: the same in all its visits."""
        entropy = np.random.SeedSequence([self.seed, self.clip], spawn_key=(round_,))
        return np.random.default_rng(entropy)


class View(ABC):
    """Chooses frames. ``sample`` draws one view for training, ``all`` gives those of a test.

    A view that is told in seconds has to be asked for one :meth:`at` a clip's rate first.

    Attributes:
        segment_length: frames a segment, which its frame numbers are whole multiples of; 0 without.
    """

    segment_length: int = 0

    def at(self, fps: float) -> View:
        """Return the view for clips of ``fps`` frames a second: itself where nothing is in seconds."""
        del fps
        return self

    def takes(self, frames: int) -> bool:
        """Whether a clip of ``frames`` can be shown."""
        return frames > 0

    @abstractmethod
    def all(self, frames: int) -> list[Index]:
        """Return the index arrays whose predictions are averaged at test, for a clip of ``frames``."""

    @abstractmethod
    def sample(self, frames: int, rng: np.random.Generator) -> Index:
        """Return the frame numbers of one training view."""

    def visits(self, frames: int, epochs: int) -> int:
        """Return how often each of ``epochs`` epochs of training comes to a clip of ``frames``."""
        del frames, epochs
        return 1

    def visit(self, frames: int, rng: np.random.Generator, turn: Turn) -> Index:
        """Return the frame numbers of one visit; by default they are drawn anew each time."""
        del turn
        return self.sample(frames, rng)


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
    """The whole clip in segments, for backbones that see segments.

    A segment is told in frames (``length``), in time (``seconds``), or by both: ``length`` frames
    spread over ``seconds``, so that clips of any rate give segments of one length. Frames behind the
    last whole segment are covered by one more that ends with the clip.

    Args:
        length: frames a segment.
        seconds: time that a segment covers.
        stride: from one frame of a segment to its next, in frames of the clip; 1 by default, and
            where ``length`` and ``seconds`` are given what they make of a clip's rate.
        overlap: what neighbours share: frames of a segment, or seconds where ``seconds`` is given.
        segments: most segments of one view; 0 takes all. At test several views share the clip's
            segments out as evenly as can be; in training one is drawn.
        phases: how many of those views a test takes, evenly chosen; 0 takes all.
        place: which segments make a view: ``"neighbours"``, in training at any place, or ``"even"``,
            spread over the whole clip.
        cover: how many times at least training shows every segment of a clip. Each epoch then comes
            to a clip as often as that takes, and the clip's views come in turn, in an order of the
            seed's; a sampler of levels (``training.sampler``) leaves some of these visits out. 0 comes
            once an epoch and leaves to chance what is shown.
        short: what fills a segment that is longer than its clip: ``"repeat"`` its last frame,
            ``"wrap"`` the clip again from its beginning; ``"refuse"`` such a clip.
    """

    def __init__(
        self,
        *,
        length: int | None = None,
        seconds: float | None = None,
        stride: int | None = None,
        overlap: float = 0,
        segments: int = 0,
        phases: int = 0,
        place: Place = "neighbours",
        cover: int = 0,
        short: Short = "repeat",
    ) -> None:
        _check_extent(length, seconds, stride, overlap)
        for name, value in (("segments", segments), ("phases", phases)):
            if value < 0:
                raise ValueError(f"SegmentView.{name} is 0 (all) or more; got {value}")
        if cover < 0:
            raise ValueError(f"SegmentView.cover is 0 (by chance) or more; got {cover}")
        for name, word, known in (
            ("place", place, get_args(Place)),
            ("short", short, get_args(Short)),
        ):
            if word not in known:
                raise ValueError(f"SegmentView.{name} is {' or '.join(known)}; got {word!r}")
        self.segment_length = length or 0
        self.seconds = seconds
        self.stride = 1 if seconds is None and stride is None else stride
        self.overlap = overlap
        self.segments = segments
        self.phases = phases
        self.place = place
        self.cover = cover
        self.short = short

    def at(self, fps: float) -> SegmentView:
        """Return the view in frames of clips of ``fps`` frames a second.

        Raises:
            ValueError: ``seconds`` hold too few frames at that rate.
        """
        if self.seconds is None:
            return self
        shown, length, stride = self.seconds * fps, self.segment_length, self.stride or 1
        if length:
            stride = round(shown / length)
        else:
            length = round(shown / stride)
        if min(length, stride) < 1:
            raise ValueError(
                f"SegmentView.seconds={self.seconds:g} holds {shown:.3g} frames at {fps:g} a second, "
                f"fewer than a segment takes ({self.segment_length or stride}): take more seconds"
            )
        return SegmentView(
            length=length,
            stride=stride,
            overlap=min(round(self.overlap * fps / stride), length - 1),
            segments=self.segments,
            phases=self.phases,
            place=self.place,
            cover=self.cover,
            short=self.short,
        )

    def takes(self, frames: int) -> bool:
        """Whether a clip of ``frames`` is long enough, where short ones are refused."""
        return self.short != "refuse" or frames >= self._covered()

    def cut(self) -> list[Any]:
        """Return what decides the segments of a clip, defaults left out."""
        more = {
            "seconds": self.seconds,
            "stride": None if self.stride == 1 else self.stride,
            "short": self.short if self.short == "wrap" else None,
        }
        told = {name: value for name, value in more.items() if value is not None}
        return [self.segment_length, self.overlap, *([told] if told else [])]

    def has_segments_of(self, other: View) -> bool:
        """Whether another view takes its segments from the same ones."""
        return isinstance(other, SegmentView) and other.cut() == self.cut()

    def _covered(self) -> int:
        """Frames of a clip from a segment's first to its last."""
        if self.seconds is not None or self.stride is None:
            raise ValueError("SegmentView.seconds: ask view.at(fps) for the view of a clip's rate")
        return (self.segment_length - 1) * self.stride + 1

    def starts(self, frames: int) -> list[int]:
        """Return the first frame of each segment of a clip of ``frames``."""
        last = max(frames - self._covered(), 0)
        step = (self.segment_length - int(self.overlap)) * (self.stride or 1)
        starts = list(range(0, last + 1, step))
        return starts if starts[-1] == last else [*starts, last]

    def expand(self, starts: Sequence[int], frames: int) -> Index:
        """Return the frame numbers of the segments at ``starts``, one after the other."""
        rows = np.asarray(starts)[:, None] + np.arange(self.segment_length) * (self.stride or 1)
        filled = rows % frames if self.short == "wrap" else np.minimum(rows, frames - 1)
        return filled.reshape(-1)

    def _shares(self, frames: int) -> list[Index]:
        """Return the first frames of the segments of each view, of as few as show all segments."""
        starts = np.asarray(self.starts(frames))
        parts = -(-len(starts) // (self.segments or len(starts)))
        if self.place == "even":
            return [starts[part::parts] for part in range(parts)]
        return np.array_split(starts, parts)

    def all(self, frames: int) -> list[Index]:
        """Return the views whose predictions are averaged at test."""
        shares = self._shares(frames)
        parts = len(shares)
        wanted = min(parts, self.phases or parts)
        chosen = np.linspace(0, parts - 1, wanted + 2)[1:-1] if wanted < parts else range(parts)
        return [self.expand(shares[int(p)].tolist(), frames) for p in chosen]

    def visits(self, frames: int, epochs: int) -> int:
        """Return how often an epoch comes to a clip, so that all of them show it ``cover`` times."""
        return max(1, -(-len(self._shares(frames)) * self.cover // epochs))

    def visit(self, frames: int, rng: np.random.Generator, turn: Turn) -> Index:
        """Return the view whose turn it is: in each round of visits every segment is in one."""
        if not self.cover:
            return self.sample(frames, rng)
        shares = self._shares(frames)
        round_, place = divmod(turn.number, len(shares))
        part = turn.order(round_).permutation(len(shares))[place]
        return self.expand(shares[part].tolist(), frames)

    def sample(self, frames: int, rng: np.random.Generator) -> Index:
        """Return at most ``segments`` segments."""
        starts = self.starts(frames)
        if 0 < self.segments < len(starts):
            if self.place == "even":
                parts = -(-len(starts) // self.segments)
                starts = starts[int(rng.integers(parts)) :: parts]
            else:
                first = int(rng.integers(len(starts) - self.segments + 1))
                starts = starts[first : first + self.segments]
        return self.expand(starts, frames)


def _check_extent(
    length: int | None, seconds: float | None, stride: int | None, overlap: float
) -> None:
    for name, value in (("length", length), ("stride", stride)):
        if value is not None:
            _positive(f"SegmentView.{name}", value)
    if seconds is None:
        if length is None:
            raise ValueError("SegmentView takes length, the frames of a segment, or seconds")
        if not 0 <= overlap < length or overlap != int(overlap):
            raise ValueError(f"SegmentView.overlap is 0 to length-1 = {length - 1}; got {overlap}")
        return
    if seconds <= 0:
        raise ValueError(f"SegmentView.seconds is above 0; got {seconds}")
    if length is not None and stride is not None:
        raise ValueError(
            "SegmentView: length and seconds decide the stride; leave out one of length, seconds, stride"
        )
    if not 0 <= overlap < seconds:
        raise ValueError(
            f"SegmentView.overlap is in seconds here, 0 to less than seconds={seconds:g}; got {overlap}"
        )


def refuse_unfit(view: View, clips: Sequence[ClipRecord]) -> None:
    """Refuse a view that can't show clips in segments of one length.

    Raises:
        ValueError: clips whose rates make segments of different length, or one that is too short;
            named, with the remedy.
    """
    rates = {clip.fps: clip.clip for clip in reversed(clips)}
    views = {rate: view.at(rate) for rate in rates}
    lengths = {views[rate].segment_length: rate for rate in rates}
    if len(lengths) > 1:
        told = " and ".join(
            f"{length} frames of clip {rates[rate]} ({rate:g} a second)"
            for length, rate in sorted(lengths.items())
        )
        raise ValueError(
            f"{type(view).__name__}.seconds: a segment is {told}, and all have to be of one length: "
            "give length, the frames of a segment, beside seconds or in its place"
        )
    short = [clip for clip in clips if not views[clip.fps].takes(clip.frames)]
    if short:
        raise ValueError(
            f"clip {short[0].clip} has {short[0].frames} frames, fewer than a segment of "
            f"{type(view).__name__} covers ({len(short)} such clips): take shorter segments, or fill "
            "them with short='repeat' or 'wrap'"
        )
