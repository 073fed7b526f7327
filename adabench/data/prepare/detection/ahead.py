"""Cutting a face out while it is still being looked for, so that a video need not be decoded twice."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile

import numpy as np
from numpy.typing import NDArray

from adabench.data.prepare.detection.follow import FREE_MOVE, centred, move_of
from adabench.data.prepare.detection.pose import poses
from adabench.data.prepare.detection.smooth import MEDIAN, FaceTrack, boxes_of, reach, smooth
from adabench.data.prepare.videos.decode import Frame
from adabench.data.prepare.videos.times import Steps

HELD_BYTES = 192 << 20
"""Most that decoded frames may take which wait for what comes after them."""

_IN_MEMORY = 1 << 20
# frames that are cut at once, since smoothing a few costs as much as one
_TOGETHER = 15
# boxes that are compared at once
_COMPARED = 4096

Cut = Callable[[Frame, NDArray[np.float64], float | None], bytes]
"""Cuts a box (4,), turned by a tilt, out of a frame; the stored image of it."""


@dataclass(frozen=True)
class _Shot:
    """A face that was followed without a jump; the frames before ``known`` can't be told.

    Args:
        times: (S,) the frames of its finds.
        faces: (S · 3 or 4) of each find its centre x, y and side, and its tilt where it is turned
            upright.
        known: the first frame whose box does not depend on where the shot begins.
    """

    times: array[int]
    faces: array[float]
    known: int


class Ahead:
    """Cuts frames along the boxes that smoothing will give them, as soon as these are settled.

    A box depends on what is found some seconds before and after its frame; frames wait that long.
    What decides over the whole clip (who is there longest, where a cut is, another look) is not
    known then: it is taken that the face goes on. So each image is good only where :meth:`made`
    finds that the clip's boxes came out as they were foreseen, to the last bit.

    Nothing is cut where the waiting frames would take more than :data:`HELD_BYTES`, or the frames
    come at another rate than the video states, which all smoothing depends on.

    Args:
        cut: what cuts a frame.
        every: faces are looked for in each n-th frame.
        aligned: as of :func:`adabench.data.prepare.detection.smooth.track`.
        fps: frames per second, as stated.
        folder: where images go that are too many for the memory, in a file without a name.
    """

    def __init__(
        self, cut: Cut, every: int, aligned: bool, fps: float, folder: Path | None = None
    ) -> None:
        self._cut, self._every, self._aligned, self._fps = cut, every, aligned, fps
        self._reach = reach(fps) if fps > 0 else 0
        self._works = fps > 0
        self._size: tuple[int, int] | None = None
        self._last = np.empty(0)
        self._waiting: deque[Frame] = deque()
        self._shot: _Shot | None = None
        where = None if folder is None else str(folder)
        # it lives as long as this object
        self._images = SpooledTemporaryFile(_IN_MEMORY, dir=where)  # noqa: SIM115
        self._numbers, self._ends, self._boxes = array("q"), array("q"), array("d")

    @property
    def works(self) -> bool:
        """Whether frames are still cut."""
        return self._works

    def through(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames of the video, each noted before it is looked at."""
        for frame in frames:
            self._frame(frame)
            yield frame

    def _frame(self, frame: Frame) -> None:
        if not self._works:
            return
        if self._size is None:
            waiting = self._reach + (MEDIAN // 2 + 1) * self._every + _TOGETHER
            room = HELD_BYTES // max(frame.nbytes, 1)
            self._size, self._works = frame.size, waiting <= room
            self._waiting = deque(maxlen=min(room, 2 * waiting))
        if self._works and frame.size == self._size:
            # where no face is found for long, the first ones go
            self._waiting.append(frame)
        else:
            self._give_up()

    def look(self, number: int, found: NDArray[np.float64]) -> None:
        """The faces (K, 5) or (K, 15) of a frame that was looked at."""
        if not self._works or not len(found):
            return
        faces, _ = centred(found, np.ones((len(found), 2)))
        shot = self._shot
        if shot is None:
            one = int(faces[:, 2].argmax())
            self._shot = shot = _Shot(array("q"), array("d"), 0)
        else:
            moves = move_of(self._last, faces)
            one = int(moves.argmin())
            if moves[one] > FREE_MOVE:
                # perhaps a cut: what is near to it depends on where
                self._shot = shot = _Shot(array("q"), array("d"), number + self._reach)
        self._last = faces[one]
        poised = poses(found[[one], 5:].reshape(-1, 5, 2)) if self._aligned else faces[[one]]
        shot.times.append(number)
        shot.faces.extend(poised[0].tolist())
        settled = shot.times[-(MEDIAN // 2) - 1] if len(shot.times) > MEDIAN // 2 else -1
        self._settle(settled - self._reach, settled)

    def end(self, frames: int) -> None:
        """There are so many frames, and all were given."""
        self._settle(frames - 1, frames - 1, last=True)
        self._waiting.clear()

    def made(self, face: FaceTrack) -> NDArray[np.int64]:
        """For each frame of a clip (N,) the number of its image, -1 where there is none that fits."""
        numbers = np.full(len(face.boxes), -1)
        # in parts, since copies of all would be what a long clip takes most memory for
        for first in range(0, 0 if face.quality.turned else len(self._numbers), _COMPARED):
            mine = np.array(self._numbers[first : first + _COMPARED], np.int64)
            inside = mine < len(numbers)
            foreseen = np.array(self._boxes[5 * first : 5 * (first + _COMPARED)]).reshape(-1, 5)
            mine, foreseen = mine[inside], foreseen[inside]
            tilts = 0.0 if face.tilts is None else face.tilts[mine]
            same = (face.boxes[mine] == foreseen[:, :4]).all(axis=1) & (foreseen[:, 4] == tilts)
            numbers[mine[same]] = first + np.flatnonzero(inside)[same]
        return numbers

    def image(self, number: int) -> bytes:
        """An image, by the number that :meth:`made` gives."""
        begin = self._ends[number - 1] if number else 0
        self._images.seek(begin)
        return self._images.read(self._ends[number] - begin)

    def _settle(self, until: int, known: int, last: bool = False) -> None:
        """Cut the frames up to ``until``, of which all finds to ``known`` are in their places."""
        shot, waiting = self._shot, self._waiting
        if not self._works or shot is None or not waiting:
            return
        first = max(shot.known, waiting[0].number)
        if until < first or (until - first + 1 < _TOGETHER and not last):
            return
        if not self._numbers and not self._steady():
            self._give_up()
            return
        low = max(shot.known - self._reach, first - self._reach, 0)
        frames = np.arange(low, known + 1)
        begin = max(0, bisect_left(shot.times, low) - MEDIAN)
        times, width = np.array(shot.times[begin:]), len(shot.faces) // len(shot.times)
        faces = np.array(shot.faces[width * begin :]).reshape(-1, width)
        boxes, tilts = boxes_of(smooth(times, faces, frames, self._fps))
        while waiting and waiting[0].number <= until:
            frame = waiting.popleft()
            if frame.number >= first:
                i = frame.number - low
                self._keep(frame, boxes[i], None if tilts is None else float(tilts[i]))

    def _keep(self, frame: Frame, box: NDArray[np.float64], tilt: float | None) -> None:
        image = self._cut(frame, box, tilt)
        self._images.seek(0, 2)
        self._images.write(image)
        self._numbers.append(frame.number)
        self._ends.append(self._images.tell())
        self._boxes.extend([*box.tolist(), tilt or 0.0])

    def _give_up(self) -> None:
        self._works = False
        self._waiting.clear()

    def _steady(self) -> bool:
        """Whether the frames come at the stated rate, as far as those that wait tell."""
        times = [frame.time for frame in self._waiting if frame.time is not None]
        steps = Steps.between(np.diff(np.sort(np.array(times))))
        return not steps.uneven() and steps.steady_rate(self._fps) == self._fps
