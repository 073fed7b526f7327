"""How well the faces of a clip could be seen, in a few numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

QUALITY = "report-faces.csv"
"""The part of the report that tells them, a row a clip."""

OTHER_FACES = 0.05
"""A clip with another face in a larger share of the looks is suspicious."""
TILTED = 20.0
"""Degrees that boxes cut as they are may be tilted, as a median."""

_DIGITS = 3


@dataclass(frozen=True)
class FaceQuality:
    """How well a clip's face was seen; medians over the looks at it.

    Args:
        sure: the detector's confidence, 0 to 1.
        size: side of the face's box over the picture's height.
        pixels: the same side in pixels of the video.
        tilt: degrees between the eyes and the level; None from a detector without points.
        others: share of the looks that show another face beside it, 0 to 1.
        sharp: how sharp the crops are, see :func:`sharpness`; None before they were cut.
        turned: quarter turns counter-clockwise of the pictures to find it, after which the tilt
            counts.
        upright: whether the crops are turned with the face.
    """

    sure: float = 0.0
    size: float = 0.0
    pixels: float = 0.0
    tilt: float | None = None
    others: float = 0.0
    sharp: float | None = None
    turned: int = 0
    upright: bool = False

    def plain(self) -> dict[str, float | None]:
        """By name, rounded."""
        return {
            name: value if value is None else round(value, _DIGITS)
            for name, value in vars(self).items()
        }


COLUMNS = ("clip", "status", "face_rate", *FaceQuality.__dataclass_fields__)


def sharpness(crop: NDArray[np.uint8]) -> float:
    """How sharp a crop (H, W, 3) is: its Laplacian's deviation over that of its grey levels.

    0 for a blur without end; about 0.2 to 0.6 for what a camera focused on and a crop reduced, less
    where a small face was enlarged. Light and contrast don't change it; noise counts as detail.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).std() / max(float(grey.std()), 1.0))


def quality_text(rows: Iterable[tuple[str, str, float, Mapping[str, Any]]]) -> str:
    """The content of ``report-faces.csv``: clip, status, face rate and what :class:`FaceQuality` says.

    What isn't known of a clip is left empty: OpenFace's own faces, or a clip prepared by an earlier
    version.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for clip, status, rate, quality in rows:
        told = (quality.get(name) for name in COLUMNS[3:])
        writer.writerow((clip, status, rate, *("" if value is None else value for value in told)))
    return text.getvalue()


def of_faces(quality: FaceQuality) -> Iterator[tuple[str, str]]:
    """What is unusual about a clip's faces: status words and what to tell."""
    if quality.others > OTHER_FACES:
        yield (
            "other_faces",
            f"another face beside it in {quality.others:.0%} of the frames looked at; the one that "
            "is there longest was taken: cut the video to one person if that is not the subject",
        )
    if quality.turned:
        yield (
            "turned_face",
            f"a face was found only after turning the pictures by {90 * quality.turned} degrees "
            "counter-clockwise, and the crops are turned so",
        )
    if not quality.upright and abs(quality.tilt or 0) > TILTED:
        yield (
            "tilted",
            f"the face is tilted by {quality.tilt:.0f} degrees (median): --cut aligned sets it "
            "upright",
        )
