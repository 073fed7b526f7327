"""Cutting the face out of a frame; pure functions."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray


def crop_face(
    image: NDArray[np.uint8],
    box: NDArray[np.float64],
    margin: float,
    size: int,
    tilt: float | None = None,
) -> NDArray[np.uint8]:
    """The square around a face, at a fixed size.

    The box is cut at its exact, fractional place and side: rounding it to whole pixels would make
    the face tremble against the smoothed box. It is sampled finely (linearly) and reduced by area
    averaging; what lies beyond the picture repeats its border.

    Args:
        image: (H, W, 3) uint8.
        box: (4,) x, y, width, height in pixels; width = height.
        margin: added on each side, as a share of the box's side.
        size: side of the result in pixels.
        tilt: degrees clockwise by which the box is turned about its centre; the result is upright.

    Returns:
        (size, size, 3) uint8.
    """
    side = box[2] * (1 + 2 * margin)
    fine = size * max(1, math.ceil(side / size))
    step = side / fine
    # warpAffine takes pixel centres: output pixel i lies at left + (i + 0.5) * step - 0.5
    if tilt is None:
        left, top = box[:2] - margin * box[2]
        place = np.array(
            [[step, 0, left + 0.5 * step - 0.5], [0, step, top + 0.5 * step - 0.5]], np.float64
        )
    else:
        cos, sin = step * math.cos(math.radians(tilt)), step * math.sin(math.radians(tilt))
        turn = np.array([[cos, -sin], [sin, cos]])
        corner = box[:2] + box[2:] / 2 - 0.5 - turn @ np.full(2, (fine - 1) / 2)
        place = np.hstack([turn, corner[:, None]])
    finely = cv2.warpAffine(
        image,
        place,
        (fine, fine),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    face: NDArray[np.uint8] = cv2.resize(finely, (size, size), interpolation=cv2.INTER_AREA)
    return face
