"""What OpenFace 2 left of a clip: its table with the signals, and the aligned faces.

Baltrušaitis et al., OpenFace 2.0 (2018). FeatureExtraction writes one row a frame; a table of
FaceLandmarkVidMulti has a row for each face in a frame, and ``face_id`` tells them apart.
"""

from __future__ import annotations

import csv
import math
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from adabench.data.prepare.openface.face_ids import FaceIds, place_columns, place_of, told
from adabench.data.prepare.pulse import beat
from adabench.data.prepare.videos.times import Steps, camera_rate

SIGNAL_NAMES = re.compile(r"AU\d+_[cr]|gaze_\w+|pose_\w+|eye_lmk_[xyXYZ]_\d+|[xyXYZ]_\d+")
"""Columns that are kept as signals: action units, gaze, pose and landmarks."""

_REMEDY = "run OpenFace on the clip again"
_ROUNDING = 0.001
_SEPARATORS = (";", "\t")
# what stands where nothing was measured, by C on Linux and Windows, pandas and R
_UNMEASURED = re.compile(r"|[-+]?(nan(\(\w*\))?|inf(inity)?|1\.#\w+)|<?na>?|n/a|none|null", re.I)
_TRUTH = {"true": True, "false": False}


class UnusableOpenFaceError(ValueError):
    """OpenFace's output that a clip can't be made from; the message names the file.

    Attributes:
        status: the word for tables.
    """

    def __init__(self, message: str, status: str = "bad_openface") -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (str(self), self.status)


class _Row(NamedTuple):
    line: int
    frame: int
    face: int
    seconds: float
    success: bool
    cells: list[str]


@dataclass(frozen=True)
class OpenFaceTable:
    """The frames of a table and its clip's face; make one with :meth:`read`.

    Of several faces, the one that was tracked in the most frames is the clip's; between equals, the
    one with the smallest ``face_id``. Where a face is numbered anew it stays the same face, if
    landmarks or poses show that. A frame in which only others were found counts as failed.

    Args:
        path: the file.
        numbers: (N,) the frames as OpenFace numbers them, from 1, ascending; may have gaps.
        success: (N,) bool, whether the clip's face was tracked.
        seconds: (N,) when each frame is shown; NaN where the table doesn't tell.
        face: the clip's ``face_id``, the first of several; None where the table has no such column.
        faces: how many ``face_id`` there are.
        cut_short: whether the last row is incomplete, and left off.
        ids: (N,) the clip's ``face_id`` in each frame; None where it is always ``face``.
        several: what is to be told of other faces, or of one with several numbers; empty if nothing.
    """

    path: Path
    numbers: NDArray[np.int64]
    success: NDArray[np.bool_]
    seconds: NDArray[np.float64]
    face: int | None
    faces: int
    cut_short: bool
    ids: NDArray[np.int64] | None = None
    several: str = ""

    @classmethod
    def read(cls, path: Path) -> OpenFaceTable:
        """Reads what a table says of its frames; what it measured in them stays in the file.

        Raises:
            UnusableOpenFaceError: it lacks ``frame`` or ``success``, has no row, a row can't be
                read, ``success`` is empty in all, or its frames are not in order.
            OSError: the file can't be read.
        """
        source = _Source(path)
        (frames, faces, success), times, known = source.columns()
        if not len(frames):
            raise UnusableOpenFaceError(f"{path}: the table has no row: {_REMEDY}")
        if not source.tells:
            raise UnusableOpenFaceError(
                f"{path}: column success is empty in all {len(frames)} rows, so that nothing tells "
                f"in which frames a face was tracked: {_REMEDY}"
            )
        _check_order(path, frames, 0)
        chosen = known.chosen()
        for face in chosen:
            _check_order(path, frames[faces == face], 1)
        numbers, first = np.unique(frames, return_index=True)
        ids = np.full(len(numbers), chosen[0])
        tracked = np.zeros(len(numbers), bool)
        # of two numbers in one frame the earlier one
        for face in reversed(chosen):
            at = np.searchsorted(numbers, frames[(faces == face) & success])
            ids[at], tracked[at] = face, True
        beside = success & ~np.isin(faces, chosen)
        share = len(np.unique(frames[beside])) / len(numbers)
        return cls(
            path,
            numbers,
            tracked,
            times[first],
            chosen[0] if "face_id" in source.names else None,
            len(known.known),
            source.cut_short,
            ids if len(chosen) > 1 else None,
            told(chosen, np.unique(faces[beside]).tolist(), share),
        )

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def first(self) -> int:
        """The number of a clip's first frame: 1 in OpenFace, 0 where something counts from 0."""
        return min(1, int(self.numbers[0]))

    @cached_property
    def stride(self) -> int:
        """By how much frame numbers ascend: more than 1 where each n-th frame was looked at."""
        steps, counts = np.unique(np.diff(self.numbers), return_counts=True)
        return int(steps[counts.argmax()]) if counts.max(initial=0) * 2 > counts.sum() else 1

    def gaps(self) -> str:
        """Which frames the table lacks, in words; empty if none."""
        missing = np.diff(self.numbers) // self.stride - 1
        begin = int(self.numbers[0] - self.first) // self.stride
        told = []
        if begin:
            place = f"before {self.numbers[0]}"
        elif (missing > 0).any():
            before, after = self.numbers[(at := int(np.argmax(missing > 0))) : at + 2]
            place = f"between {before} and {after}"
        if count := begin + int(missing.clip(min=0).sum()):
            told.append(f"{count} frame numbers are missing, the first {place}")
        if self.cut_short:
            told.append("its last row is cut short and left off")
        return "; ".join(told)

    def fps(self) -> float | None:
        """Rows per second by the timestamps; None for one frame, or where they stand still.

        The median of the slopes between frames that lie half the clip apart, pauses aside, so that
        neither their rounding to a millisecond nor some wrong ones matter; where the rate is
        variable their mean, as of a video. Time that missing frame numbers explain is no pause. A
        rate that cameras have (a whole number, or one times 1000/1001) is taken where that rounding
        allows it. Where each n-th frame was looked at, it is an n-th of that.
        """
        known = np.isfinite(self.seconds)
        seconds, numbers = self.seconds[known].copy(), self.numbers[known]
        steps = self.steps()
        # beyond what the numbers tell, or short of it: either way the two don't go together
        excess = self._lengths() - steps.period * np.diff(numbers) / self.stride
        pauses = [steps.is_pause(abs(one) + steps.period) and steps.period > 0 for one in excess]
        seconds[1:] -= np.cumsum(np.where(pauses, excess, 0))
        half = len(seconds) // 2
        if half == 0:
            return None
        frames = numbers[half:] - numbers[:-half]
        period = float(np.median((seconds[half:] - seconds[:-half]) / frames))
        if steps.uneven() and seconds[-1] > seconds[0]:
            period = float((seconds[-1] - seconds[0]) / (numbers[-1] - numbers[0]))
        if not period > 0:
            return None
        nearest = camera_rate(1 / period)
        close = abs(1 / nearest - period) <= _ROUNDING / float(np.median(frames))
        return (nearest if close else 1 / period) / self.stride

    def steps(self) -> Steps:
        """The times between frames that follow each other; none without timestamps."""
        lengths = self._lengths()
        together = np.diff(self.numbers[np.isfinite(self.seconds)]) == self.stride
        return Steps.between(lengths[together])

    def _lengths(self) -> NDArray[np.float64]:
        """The time from each frame with a timestamp to the next; single wrong ones don't matter."""
        seconds = self.seconds[np.isfinite(self.seconds)]
        if len(seconds) > 2:
            low, high = np.minimum(seconds[:-2], seconds[2:]), np.maximum(seconds[:-2], seconds[2:])
            seconds[1:-1] = np.clip(seconds[1:-1], low, high)
        return np.diff(seconds)

    def fitting(self, frames: int) -> int:
        """How many of its rows belong to the frames of a video of ``frames`` frames."""
        return int((self.numbers - self.first < frames).sum())

    def signals(self, frames: int | None = None) -> Iterator[bytes]:
        """The CSV of the kept signals, line by line: a row a frame, with ``frame`` from 0.

        Cells are empty where nothing was measured: in frames where OpenFace failed or that the
        table lacks, and where a value is no number.

        Args:
            frames: those of the video that the clip was made from: rows go to its frames by their
                numbers, nothing is stretched, and rows beyond it are left off. None for a clip
                made of the table's own frames, whatever their numbers.
        """
        source = _Source(self.path)
        columns = [i for i, name in enumerate(source.names) if SIGNAL_NAMES.fullmatch(name)]
        yield (",".join(["frame", *(source.names[i] for i in columns)]) + "\n").encode()
        blank, filled = "," * len(columns), 0
        total = len(self) if frames is None else frames
        for row in source.rows():
            if not row.success or row.face != self._face(row):
                continue
            numbered = frames is not None
            place = row.frame - self.first if numbered else self._place(row.frame)
            if place >= total:
                break
            yield from (f"{i}{blank}\n".encode() for i in range(filled, place))
            cells = (source.measured(row, i) for i in columns)
            yield (",".join([str(place), *cells]) + "\n").encode()
            filled = place + 1
        yield from (f"{i}{blank}\n".encode() for i in range(filled, total))

    def _face(self, row: _Row) -> int:
        """The clip's face in the frame of a row."""
        if self.ids is not None:
            return int(self.ids[self._place(row.frame)])
        return row.face if self.face is None else self.face

    def _place(self, number: int) -> int:
        return int(np.searchsorted(self.numbers, number))


class _Source:
    """The rows of a table's file; ``names`` are its columns without the blanks around them.

    After a pass over the rows, ``tells`` is whether ``success`` is told in any.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut_short = self.tells = False
        header = next(self._lines(), (1, []))[1]
        self.names = [name.strip() for name in header]
        twice = [name for name in self.names if name and self.names.count(name) > 1]
        if twice:
            raise UnusableOpenFaceError(
                f"{path}: row 1: column {twice[0]} comes twice, and only one can be read: {_REMEDY}"
            )
        missing = [name for name in ("frame", "success") if name not in self.names]
        other = next((sign for sign in _SEPARATORS if len(header) == 1 and sign in header[0]), None)
        if other is not None:
            raise UnusableOpenFaceError(
                f"{path}: row 1: cells are set apart by {other!r}, not by commas: save it as it was, "
                f"with commas between cells and points in numbers, or {_REMEDY}"
            )
        if missing:
            near = [name for name in self.names if name.casefold() == missing[0]]
            meant = f" (did you mean {near[0]!r}? write it {missing[0]!r})" if near else ""
            raise UnusableOpenFaceError(
                f"{path}: row 1: no column {missing[0]}{meant}: expected OpenFace's columns frame, "
                f"timestamp, confidence, success, ..., got {','.join(self.names)[:80]!r}: {_REMEDY}"
            )

    def columns(self) -> tuple[tuple[NDArray[Any], ...], NDArray[np.float64], FaceIds]:
        """Frame, face and success of all rows, their seconds, and what is known of the faces."""
        whole, times, known = array("q"), array("d"), FaceIds()
        places = place_columns(self.names) if "face_id" in self.names else ()
        for row in self.rows():
            whole.extend((row.frame, row.face, row.success))
            times.append(row.seconds)
            known.known.add(row.face)
            if row.success:
                known.add(row.frame, row.face, place_of([_float(row.cells[i]) for i in places]))
        frames, faces, success = np.array(whole).reshape(-1, 3).T
        return (frames, faces, success.astype(bool)), np.array(times), known

    def rows(self) -> Iterator[_Row]:
        """The rows in the file's order; one cut short at the end is left off.

        Raises:
            UnusableOpenFaceError: a row can't be read.
        """
        at = {name: i for i, name in enumerate(self.names)}
        face_at, time_at = at.get("face_id"), at.get("timestamp")
        lines = self._lines()
        next(lines)
        for line, cells in lines:
            if len(cells) < len(self.names) and next(lines, None) is None:
                self.cut_short = True
                return
            if len(cells) < len(self.names) or any(c.strip() for c in cells[len(self.names) :]):
                self._refuse(line, f"{len(self.names)} cells", f"{len(cells)} cells")
            frame = self._number(line, "frame", cells[at["frame"]])
            face = 0 if face_at is None else self._number(line, "face_id", cells[face_at])
            seconds = (
                math.nan if time_at is None else self._value(line, "timestamp", cells[time_at])
            )
            success = self._success(line, cells[at["success"]])
            yield _Row(line, frame, face, seconds, success, cells)
            beat()

    def measured(self, row: _Row, column: int) -> str:
        """A cell as it is written; empty where nothing was measured.

        Raises:
            UnusableOpenFaceError: it is neither a number nor empty.
        """
        cell = row.cells[column].strip()
        if (truth := _TRUTH.get(cell.lower())) is not None:
            # what a program that knows kinds of columns makes of 0 and 1
            return str(int(truth))
        return cell if math.isfinite(self._value(row.line, self.names[column], cell)) else ""

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, skipinitialspace=True)
                for cells in reader:
                    if cells:
                        yield reader.line_num, cells
        except (UnicodeDecodeError, csv.Error) as error:
            raise UnusableOpenFaceError(f"{self.path}: no table ({error}): {_REMEDY}") from error

    def _number(self, line: int, column: str, cell: str) -> int:
        value = _float(cell)
        if not (0 <= value < 2**53 and value.is_integer()):
            self._refuse(line, f"{column}: a whole number", repr(cell.strip()[:40]))
        return int(value)

    def _value(self, line: int, column: str, cell: str) -> float:
        """A number, or NaN where nothing was measured."""
        value = _float(cell)
        if math.isnan(value) and not _UNMEASURED.fullmatch(cell.strip()):
            self._refuse(line, f"{column}: a number", repr(cell.strip()[:40]))
        return value

    def _success(self, line: int, cell: str) -> bool:
        text = cell.strip().lower()
        if _UNMEASURED.fullmatch(text):
            return False
        self.tells = True
        if text in _TRUTH:
            return _TRUTH[text]
        value = _float(text)
        if not 0 <= value <= 1:
            self._refuse(line, "success: 0 or 1", repr(cell.strip()[:40]))
        return value > 0.5

    def _refuse(self, line: int, expected: str, got: str) -> NoReturn:
        raise UnusableOpenFaceError(
            f"{self.path}: row {line}: expected {expected}, got {got}: {_REMEDY}"
        )


def _check_order(path: Path, numbers: NDArray[np.int64], least: int) -> None:
    """Raises UnusableOpenFaceError unless each number is ``least`` above the one before."""
    wrong = np.flatnonzero(np.diff(numbers) < least)
    if len(wrong):
        before, after = numbers[wrong[0] : wrong[0] + 2]
        raise UnusableOpenFaceError(
            f"{path}: column frame: expected ascending numbers, got {after} after {before}: {_REMEDY}"
        )


def _float(cell: str) -> float:
    try:
        # narrower than float(), which takes 1_2 for 12
        return float(cell) if cell.isascii() and "_" not in cell else math.nan
    except ValueError:
        return math.nan
