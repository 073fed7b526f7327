"""Where a face is and how it is tilted, by its five points; pure functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TEMPLATE = np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, 0.57], [-0.41, 1.15], [0.41, 1.15]])
"""An upright face's eyes, nose and corners of the mouth, left to right in the picture, in distances
of its eyes from the point between them; proportions of grown-ups' faces, seen from the front."""
CENTRE = np.array([0.0, 0.42])
"""The middle of the face between chin and hairline, in the same measure."""
SIDE = 2.5
"""Side of the square that holds the face, the same: without a margin the eyes are 0.4 of a crop
apart, as in the aligned faces of OpenFace 2; a margin of 0.1 is about what boxes give."""


def poses(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The square about each face as its five points tell it.

    The similarity that brings :data:`TEMPLATE` nearest to the points (least squares; Umeyama 1991,
    in the plane, where a complex number is a turn and a scale).

    Args:
        points: (M, 5, 2) x and y in pixels.

    Returns:
        (M, 4): centre x, y and side in pixels, and tilt in degrees clockwise as the picture is
        seen, from -180 to 180; 0 with the eyes level.
    """
    places = points @ np.array([1, 1j])
    template = TEMPLATE @ np.array([1, 1j])
    middle = template.mean()
    about = template - middle
    # summed face by face: a product of matrices rounds a face otherwise beside others
    share = (places - places.mean(axis=1, keepdims=True)) * about.conj()
    turns = share.sum(axis=1) / (abs(about) ** 2).sum()
    centres = places.mean(axis=1) + turns * (CENTRE @ np.array([1, 1j]) - middle)
    return np.stack(
        [centres.real, centres.imag, SIDE * abs(turns), np.degrees(np.angle(turns))], axis=1
    )
