"""The columns of a clip's truth: what the drawn face did in every frame."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

AU_COLUMNS = ("AU01", "AU04", "AU06", "AU12", "AU15", "AU17", "AU25", "AU26", "AU45")
DOWN_COLUMNS = ("gaze_down", "head_down")
BEHAVIOUR_COLUMNS = (*AU_COLUMNS, *DOWN_COLUMNS)
POSE_COLUMNS = ("gaze_x", "yaw", "pitch", "roll", "shift_x", "shift_y")
SIGNAL_COLUMNS = (*BEHAVIOUR_COLUMNS, *POSE_COLUMNS)
COLUMN_INDEX = {name: index for index, name in enumerate(BEHAVIOUR_COLUMNS)}
POSE_INDEX = {name: index for index, name in enumerate(POSE_COLUMNS)}

HEAD_DOWN_DEGREES = 14.0

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ClipTruth:
    """What the face does in the T frames of one clip.

    Attributes:
        behaviour: (T, 11) intensities in [0, 1], columns `BEHAVIOUR_COLUMNS`.
        pose: (T, 6), columns `POSE_COLUMNS`: horizontal gaze in [-1, 1]; yaw, pitch (including
            the lowered head, 14 degrees at full intensity) and roll in degrees; shifts of the
            head in pixels of the 160x120 frame.
        key: (T,) True inside a key episode.
    """

    behaviour: FloatArray
    pose: FloatArray
    key: NDArray[np.bool_]

    def column(self, name: str) -> FloatArray:
        """One signal, (T,), by its column name."""
        if name in COLUMN_INDEX:
            return self.behaviour[:, COLUMN_INDEX[name]]
        return self.pose[:, POSE_INDEX[name]]


def truth_text(truth: ClipTruth, *, with_key: bool) -> str:
    """The CSV text of a clip: `frame` (from 0), `key` where asked for, then the signals."""
    key_header = ["key"] if with_key else []
    lines = [",".join(["frame", *key_header, *SIGNAL_COLUMNS])]
    values = np.concatenate([truth.behaviour, truth.pose], axis=1)
    for frame, row in enumerate(values):
        key_cell = [str(int(truth.key[frame]))] if with_key else []
        # adding 0.0 turns -0.0 into 0.0, so that equal values have equal text
        cells = [f"{value + 0.0:.4f}" for value in np.round(row, 4)]
        lines.append(",".join([str(frame), *key_cell, *cells]))
    return "\n".join(lines) + "\n"


def read_truth(path: Path) -> ClipTruth:
    """Read a `truth/<clip>.csv` or a `labels/<clip>.csv` (whose key is False throughout).

    Raises:
        ValueError: a column is missing.
    """
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    missing = [name for name in SIGNAL_COLUMNS if not rows or name not in rows[0]]
    if missing:
        raise ValueError(f"{path}: expected the columns {SIGNAL_COLUMNS}, missing are {missing}")
    table = np.array([[float(row[name]) for name in SIGNAL_COLUMNS] for row in rows])
    split = len(BEHAVIOUR_COLUMNS)
    key = np.array([row.get("key", "0") == "1" for row in rows])
    return ClipTruth(behaviour=table[:, :split], pose=table[:, split:], key=key)
