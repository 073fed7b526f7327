"""Columns that a prepared corpus keeps beside its faces: OpenFace's, of its versions 1 and 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adabench.models.signals.source import SignalSource, checked_names
from adabench.registry import SIGNALS

_INTENSITIES: Final = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
_PRESENCES: Final = (*_INTENSITIES[:-1], 28, 45)

#: Groups of columns by one name, as OpenFace calls their members.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "au_intensity": tuple(f"AU{number:02d}_r" for number in _INTENSITIES),
    "au_presence": tuple(f"AU{number:02d}_c" for number in _PRESENCES),
    "gaze": tuple(f"gaze_{eye}_{axis}" for eye in (0, 1) for axis in "xyz"),
    "gaze_angle": ("gaze_angle_x", "gaze_angle_y"),
    "pose": tuple(f"pose_{kind}{axis}" for kind in "TR" for axis in "xyz"),
    "landmarks": tuple(f"{axis}_{point}" for axis in "xy" for point in range(68)),
}


@SIGNALS.register_module()
class PreparedSignals(SignalSource):
    """Columns of a prepared corpus's signals, read by name.

    Args:
        columns: names, and groups of them: ``au_intensity`` (17, 0 to 5), ``au_presence`` (18, 0 or
            1), ``gaze`` (6, direction of each eye), ``gaze_angle`` (2, radians; OpenFace 2 alone),
            ``pose`` (6, millimetres and radians), ``landmarks`` (136, pixels of the video).

    Raises:
        ValueError: no names, or one twice.
    """

    def __init__(self, *, columns: Sequence[str]) -> None:
        named = checked_names("PreparedSignals.columns", columns)
        every = [column for name in named for column in GROUPS.get(name, (name,))]
        self._names = checked_names("PreparedSignals.columns", every)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, groups written out."""
        return self._names

    def describe(self) -> str:
        """Say that they are columns of the corpus."""
        return f"{len(self._names)} columns of the prepared corpus's own signals"
