"""The line that says how far a run is, and how long it will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TextIO

from adabench.data.prepare.pulse import Sign

# until a clip is done, it is not done
_NEARLY = 0.99
_EVERY, _EVERY_IN_A_LOG = 0.5, 60.0


class Progress:
    """Clips and frames done, frames per second, and the time left by bytes rather than by clips.

    Clips differ in length by a factor of a hundred, and the longest are prepared first, so that a
    count of clips would tell nothing of the time that is left.

    Args:
        sizes: for each clip that is to be prepared its size in bytes.
        total: clips of the corpus, those that are done already among them.
        to: where the line goes; None shows nothing. A terminal's line is overwritten, anything
            else gets one a minute.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        total: int,
        *,
        to: TextIO | None = sys.stderr,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sizes = {clip: max(size, 1) for clip, size in sizes.items()}
        self._total = total
        self._to = to
        self._clock = clock
        self._begin = self._shown = clock()
        self._done: set[str] = set()
        self._frames = 0
        self._at_work: dict[str, Sign] = {}
        self._length = 0

    def sign(self, clip: str, sign: Sign) -> None:
        """A clip is that far."""
        self._at_work[clip] = sign
        self._show()

    def done(self, clip: str, frames: int) -> None:
        """A clip is finished, with this many frames; 0 if it is left out."""
        self._at_work.pop(clip, None)
        self._done.add(clip)
        self._frames += frames
        self._show(last=len(self._done) == len(self._sizes))

    def line(self) -> str:
        """The line as of now."""
        seconds = self._clock() - self._begin
        clips = self._total - len(self._sizes) + len(self._done)
        at_work = sum(sign.frames / sign.of for sign in self._at_work.values())
        rate = (self._frames + at_work) / seconds if seconds > 0 else 0.0
        share = self._share()
        left = "?" if not share or seconds <= 0 else _told(seconds * (1 - share) / share)
        return f"{clips}/{self._total} clips, {rate:.0f} frames/s, {share:.0%}, {left} left"

    def close(self) -> None:
        """Ends the line."""
        if self._length and self._to is not None:
            self._to.write("\n")
            self._to.flush()
            self._length = 0

    def _share(self) -> float:
        finished = sum(self._sizes[clip] for clip in self._done)
        begun = sum(
            self._sizes[clip] * min(sign.passes / sign.of, _NEARLY)
            for clip, sign in self._at_work.items()
        )
        return (finished + begun) / max(sum(self._sizes.values()), 1)

    def _show(self, last: bool = False) -> None:
        if self._to is None:
            return
        terminal = self._to.isatty()
        now = self._clock()
        if not last and now - self._shown < (_EVERY if terminal else _EVERY_IN_A_LOG):
            return
        self._shown = now
        line = self.line()
        if terminal:
            self._to.write("\r" + line.ljust(self._length))
            self._length = len(line)
        else:
            self._to.write(line + "\n")
        self._to.flush()


def _told(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
