"""Which ``face_id`` of a table of OpenFace's are the clip's face.

FaceLandmarkVidMulti gives a face that it lost a new number. Where one number ends and another begins
near it, the two are one face.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# a pose is in millimetres; a head is about so wide
_HEAD = 150.0
_POSE = ("pose_Tx", "pose_Ty", "pose_Tz")
# ends of the jaw; where a table lacks them, the landmarks farthest apart by number
_JAW = (0, 16)
# widths of the face by which a head moves between frames, in a second without a face, and at most
_FREE_MOVE, _GAP_SPEED, _FARTHEST = 0.5, 1.0, 2.0
# an old number may stay with the face for so many frames beside the new one
_BOTH = 15
_USUAL_RATE = 30.0
_SHOWN = 5

Place = tuple[float, float, float, float]
"""Where a face is: x, y, z, and its width in the same unit."""


def place_columns(names: Sequence[str]) -> tuple[int, ...]:
    """Which of a table's columns tell where a face is: four of landmarks or three of a pose."""
    at = {name: i for i, name in enumerate(names)}
    points = [n for n in range(68) if f"x_{n}" in at and f"y_{n}" in at]
    if len(points) > 1:
        ends = _JAW if set(_JAW) <= set(points) else (points[0], points[-1])
        return tuple(at[f"{axis}_{n}"] for n in ends for axis in "xy")
    return tuple(at[name] for name in _POSE) if set(_POSE) <= set(at) else ()


def place_of(values: Sequence[float]) -> Place | None:
    """Where a face is by the values of :func:`place_columns`; None if they don't tell."""
    if not values or not all(map(math.isfinite, values)):
        return None
    if len(values) == len(_POSE):
        x, y, z = values
        return x, y, z, _HEAD
    left, top, right, bottom = values
    width = math.hypot(right - left, bottom - top)
    return ((left + right) / 2, (top + bottom) / 2, 0.0, width) if width > 0 else None


@dataclass
class _Span:
    """From where to where a number was tracked."""

    face: int
    first: int
    begin: Place | None
    last: int = 0
    end: Place | None = None
    tracked: int = 0


class FaceIds:
    """Collects what a table's rows tell of each number; little for a number, nothing for a row."""

    def __init__(self) -> None:
        self._spans: dict[int, _Span] = {}
        self.known: set[int] = set()

    def add(self, frame: int, face: int, place: Place | None) -> None:
        """A number was tracked in a frame, the frames of each number ascending."""
        span = self._spans.setdefault(face, _Span(face, frame, place))
        span.last, span.end, span.tracked = frame, place, span.tracked + 1

    def chosen(self) -> list[int]:
        """The numbers of the face that was tracked in the most frames, in order.

        Between equals the one with the smallest number.
        """
        spans = sorted(self._spans.values(), key=lambda span: (span.first, span.face))
        best: list[tuple[int, list[int]]] = []
        for i, span in enumerate(spans):
            before = [best[j] for j in range(i) if _follows(spans[j], span)]
            total, chain = max(before, key=_rank, default=(0, []))
            best.append((total + span.tracked, [*chain, span.face]))
        return max(best, key=_rank)[1] if best else [min(self.known, default=0)]


def told(chosen: Sequence[int], others: Iterable[int], share: float) -> str:
    """In words: which numbers are the clip's face, and which others were tracked; perhaps nothing.

    Args:
        chosen: the clip's.
        others: those tracked beside them.
        share: of the frames, in which those were.
    """
    parts = []
    if len(chosen) > 1:
        parts.append(f"face_id {_list(chosen)} follow each other in place and count as one face")
    others = sorted(others)
    if others:
        taken = "" if len(chosen) > 1 else f"face_id {chosen[0]} was taken; "
        parts.append(
            f"{taken}face_id {_list(others)} was tracked too, in {share:.0%} of the frames"
        )
    return "; ".join(parts)


def _list(faces: Sequence[int]) -> str:
    more = f" and {len(faces) - _SHOWN} more" if len(faces) > _SHOWN else ""
    return ", ".join(map(str, faces[:_SHOWN])) + more


def _rank(chain: tuple[int, list[int]]) -> tuple[int, int]:
    return chain[0], -min(chain[1])


def _follows(old: _Span, new: _Span) -> bool:
    """Whether ``new`` may be the face of ``old`` under another number."""
    if old.end is None or new.begin is None or new.last <= old.last:
        return False
    if new.first <= old.first or old.last - new.first >= _BOTH:
        return False
    *from_, old_width = old.end
    *to, new_width = new.begin
    move = math.dist(from_, to) / min(old_width, new_width) + abs(math.log2(new_width / old_width))
    gap = max(0, new.first - old.last - 1) / _USUAL_RATE
    return move <= min(_FREE_MOVE + _GAP_SPEED * gap, _FARTHEST)
