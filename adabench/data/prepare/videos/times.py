"""When frames are shown: how steadily they come, in memory that does not grow with them."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

UNEVEN = 0.01
"""A video whose frames stray from a steady rate by a larger share of its time is variable."""
PAUSE_SECONDS, PAUSE_STEPS = 1.0, 10
"""A pause is longer than this, and than so many usual times between two frames."""
ROUNDING = 0.002
"""Containers round times to a unit of their own, most often to a millisecond."""

# H.264 and HEVC hold back 16 pictures at most: times in decoding order stray no further
_REORDERED = 17
# where the times contradict a stated rate by more, they are right
_SAME_RATE = 0.02
_NTSC = 1000 / 1001


class Times:
    """Collects the times of a video's frames, in whatever order its container gives them.

    Frames come in the order in which they are shown; where a container knows only the order of
    decoding, their times don't. They are sorted as far as decoders reorder pictures. A time before
    that begins anew, as where recordings were joined.

    Args:
        rounding: in seconds, by how much the container may have rounded them.
        counted: whether they are not the container's: FFmpeg counts them by the rate.
    """

    def __init__(self, rounding: float = ROUNDING, *, counted: bool = False) -> None:
        self._rounding, self._counted = rounding, counted
        self._waiting: list[float] = []
        self._last: float | None = None
        self._latest: float | None = None
        self._steps: Counter[float] = Counter()
        self._exact: defaultdict[float, float] = defaultdict(float)

    def add(self, seconds: float | None) -> None:
        """The next frame is shown at ``seconds``; None where its container doesn't tell."""
        if seconds is None:
            return
        if self._last is not None and seconds < self._last:
            self._empty()
        heapq.heappush(self._waiting, seconds)
        if len(self._waiting) > _REORDERED:
            self._step(heapq.heappop(self._waiting))

    def end(self) -> Steps:
        """What all times tell."""
        self._empty()
        steps = dict(self._steps), dict(self._exact)
        return Steps(*steps, self._latest, self._rounding, counted=self._counted)

    def _empty(self) -> None:
        while self._waiting:
            self._step(heapq.heappop(self._waiting))
        self._last = None

    def _step(self, seconds: float) -> None:
        if self._last is not None:
            step = seconds - self._last
            self._steps[round(step, 4)] += 1
            self._exact[round(step, 4)] += step
        self._last = self._latest = seconds


class Steps:
    """The times between two frames of a video.

    Args:
        counts: how often each comes, rounded to 0.1 ms; 0 where two frames have one time.
        exact: the seconds that those take together, not rounded.
        last: when the last frame is shown, in seconds; None where that isn't known.
        rounding, counted: as of :class:`Times`.
    """

    @classmethod
    def between(cls, seconds: NDArray[np.float64]) -> Steps:
        """Those of given lengths (N,), of which only positive ones count."""
        forward = seconds[seconds > 0]
        rounded, at = np.unique(forward.round(4), return_inverse=True)
        sums = np.bincount(at, forward, len(rounded))
        counts = dict(zip(rounded.tolist(), np.bincount(at).tolist(), strict=True))
        return cls(counts, dict(zip(rounded.tolist(), sums.tolist(), strict=True)), None)

    def __init__(
        self,
        counts: dict[float, int],
        exact: dict[float, float],
        last: float | None,
        rounding: float = ROUNDING,
        *,
        counted: bool = False,
    ) -> None:
        self.last, self._rounding, self._counted = last, rounding, counted
        # times that stand still tell nothing
        self._counts, self._exact = (counts, exact) if any(counts) else ({}, {})

    @cached_property
    def usual(self) -> float:
        """Their median in seconds, those of no length aside; 0 without any."""
        forward = {step: count for step, count in self._counts.items() if step > 0}
        if not forward:
            return 0.0
        return float(np.median(np.repeat([*forward], [*forward.values()])))

    @cached_property
    def period(self) -> float:
        """The mean in seconds of those that are usual but for rounding; 0 without any."""
        count, total = self._near()
        return total / count if count else 0.0

    def uneven(self) -> bool:
        """Whether the rate is variable, by :data:`UNEVEN`.

        A single step that is short does not count: the last one is, where times are those of decoding.
        Nor does a long one where times are counted: FFmpeg skips one at the beginning.
        """
        if not self._counts:
            return False
        strays = {step: abs(step - self.usual) for step in self._counts}
        far = {step: stray for step, stray in strays.items() if stray > self._rounding}
        stray = sum(far[step] * self._counts[step] for step in far)
        stray -= far.get(min(self._counts), 0)
        stray -= far.get(max(self._counts), 0) if self._counted else 0
        return stray > UNEVEN * self._seconds(self._counts)

    def spacing(self) -> tuple[float, float] | None:
        """The shortest and the longest in seconds; None if none is known."""
        return (min(self._counts), max(self._counts)) if self._counts else None

    def pauses(self) -> tuple[int, float]:
        """How many are pauses, and the seconds that these take; see :data:`PAUSE_SECONDS`."""
        paused = {step: count for step, count in self._counts.items() if self.is_pause(step)}
        return sum(paused.values()), self._seconds(paused)

    def mean_rate(self) -> float:
        """Frames per second over the whole, pauses aside; there must be some."""
        moving = {step: count for step, count in self._counts.items() if not self.is_pause(step)}
        return sum(moving.values()) / self._seconds(moving)

    def steady_rate(self, stated: float) -> float:
        """``stated``, or the frames per second by these times where they contradict it.

        Of two rates that are equal by the times' rounding, the one that cameras have is taken.
        """
        if not self._counts:
            return stated
        (count, _), period = self._near(), self.period
        if abs(stated * period - 1) <= _SAME_RATE:
            return stated
        usual = camera_rate(1 / period)
        return usual if abs(1 / usual - period) * count <= self._rounding else 1 / period

    def expected(self) -> int:
        """How many frames the usual time makes of the whole."""
        return round(self._seconds(self._counts) / self.usual) + 1 if self._counts else 0

    def is_pause(self, step: float) -> bool:
        """Whether a time is one, by :data:`PAUSE_SECONDS`."""
        return step > max(PAUSE_SECONDS, PAUSE_STEPS * self.usual)

    def _near(self) -> tuple[int, float]:
        """How many are usual but for rounding, and the seconds that they take."""
        near = [step for step in self._counts if abs(step - self.usual) <= self._rounding]
        return sum(self._counts[step] for step in near), sum(self._exact[step] for step in near)

    @staticmethod
    def _seconds(counts: dict[float, int]) -> float:
        return sum(step * count for step, count in counts.items())


def camera_rate(rate: float) -> float:
    """The nearest rate that cameras have: a whole number, or one times 1000/1001."""
    rates = [max(1, round(rate / unit)) * unit for unit in (1.0, _NTSC)]
    return min(rates, key=lambda one: abs(1 / one - 1 / rate))
