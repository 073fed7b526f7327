"""What differs between persons and between sessions and tells nothing about severity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Colour = NDArray[np.float64]

# colours are blue, green, red in 0..255
LIGHT_SKIN, DARK_SKIN = np.array([165.0, 195.0, 232.0]), np.array([62.0, 88.0, 128.0])
HAIR_COLOURS = np.array(
    [[20, 20, 22], [28, 42, 62], [40, 70, 110], [70, 120, 160], [110, 110, 115]], dtype=float
)
IRIS_COLOURS = np.array([[40, 60, 80], [90, 80, 50], [130, 110, 60]], dtype=float)
LIP_TINT = np.array([0.72, 0.66, 0.88])
BEARD_SHARE, GLASSES_SHARE = 0.15, 0.12


@dataclass(frozen=True)
class Identity:
    """A person's face. Lengths are in half face heights, y down from the face's centre;
    horizontal lengths are in half face widths.

    Attributes:
        ratio: the face's width over its height.
        jaw: the jaw's width, 1 is as wide as the cheeks.
        eye_x, eye_y, eye_width, eye_height: an eye's centre and half extents.
        brow_y, brow_thickness, brow_slope: the brows.
        nose_width, nose_length: the nose.
        mouth_width, mouth_y, mouth_curve, lip: the mouth's half width, its height on the face,
            its corners' rise and the lips' thickness.
        hairline: height of the hair over the forehead.
        hair_length: 0 above the ears, 1 down to the chin.
        beard: opacity of the beard, 0 without.
        glasses: whether glasses are worn.
    """

    skin: Colour
    hair: Colour
    iris: Colour
    lips: Colour
    ratio: float
    jaw: float
    eye_x: float
    eye_y: float
    eye_width: float
    eye_height: float
    brow_y: float
    brow_thickness: float
    brow_slope: float
    nose_width: float
    nose_length: float
    mouth_width: float
    mouth_y: float
    mouth_curve: float
    lip: float
    hairline: float
    hair_length: float
    beard: float
    glasses: bool


def draw_identity(rng: np.random.Generator) -> Identity:
    """A person drawn at random."""
    darkness = rng.beta(1.3, 1.6)
    skin = LIGHT_SKIN * (1 - darkness) + DARK_SKIN * darkness + rng.normal(0.0, 6.0, 3)
    return Identity(
        skin=skin,
        hair=HAIR_COLOURS[rng.integers(len(HAIR_COLOURS))] * rng.uniform(0.8, 1.2),
        iris=IRIS_COLOURS[rng.integers(len(IRIS_COLOURS))],
        lips=skin * LIP_TINT,
        ratio=rng.uniform(0.70, 0.80),
        jaw=rng.uniform(0.72, 0.90),
        eye_x=rng.uniform(0.37, 0.43),
        eye_y=rng.uniform(-0.12, -0.05),
        eye_width=rng.uniform(0.17, 0.21),
        eye_height=rng.uniform(0.075, 0.10),
        brow_y=rng.uniform(-0.335, -0.29),
        brow_thickness=rng.uniform(0.035, 0.06),
        brow_slope=rng.uniform(-0.03, 0.03),
        nose_width=rng.uniform(0.13, 0.18),
        nose_length=rng.uniform(0.24, 0.31),
        mouth_width=rng.uniform(0.29, 0.38),
        mouth_y=rng.uniform(0.50, 0.56),
        mouth_curve=rng.uniform(-0.025, 0.025),
        lip=rng.uniform(0.045, 0.07),
        hairline=rng.uniform(-0.72, -0.55),
        hair_length=rng.uniform(0.0, 1.0),
        beard=rng.uniform(0.25, 0.5) if rng.random() < BEARD_SHARE else 0.0,
        glasses=bool(rng.random() < GLASSES_SHARE),
    )


@dataclass(frozen=True)
class Scene:
    """Where a session is recorded.

    Attributes:
        wall: the background's colour.
        wall_gradient: its change towards the right and the lower border, grey levels.
        boxes: (N, 7) blurred rectangles: x, y, width, height as shares of the frame, then colour.
        shirt: the shirt's colour.
        light: mean brightness and its change towards the right and the lower border.
        noise: standard deviation of the camera's noise, grey levels.
    """

    wall: Colour
    wall_gradient: tuple[float, float]
    boxes: NDArray[np.float64]
    shirt: Colour
    light: tuple[float, float, float]
    noise: float


def draw_scene(rng: np.random.Generator) -> Scene:
    """A session's surroundings drawn at random."""
    wall = rng.uniform(60.0, 210.0, 3)
    number = int(rng.integers(2, 9)) if rng.random() < 0.6 else 0
    places = rng.uniform((0.0, 0.0, 0.05, 0.06), (1.0, 1.0, 0.35, 0.45), (number, 4))
    colours = np.clip(wall + rng.normal(0.0, 45.0, (number, 3)), 0.0, 255.0)
    return Scene(
        wall=wall,
        wall_gradient=(rng.uniform(-30.0, 30.0), rng.uniform(-25.0, 25.0)),
        boxes=np.concatenate([places, colours], axis=1),
        shirt=rng.uniform(30.0, 220.0, 3),
        light=(rng.uniform(0.85, 1.12), rng.uniform(-0.18, 0.18), rng.uniform(-0.12, 0.05)),
        noise=rng.uniform(2.0, 6.0),
    )
