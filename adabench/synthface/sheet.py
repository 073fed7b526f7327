"""A contact sheet: what key episodes and masking events look like."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from adabench.synthface.faces.drawing import one_thread
from adabench.synthface.faces.face import ClipRenderer
from adabench.synthface.faces.identity import draw_identity, draw_scene
from adabench.synthface.parameters import Behaviour, random_generator
from adabench.synthface.sessions.behaviour import KEY_UNITS
from adabench.synthface.signals import (
    BEHAVIOUR_COLUMNS,
    COLUMN_INDEX,
    HEAD_DOWN_DEGREES,
    POSE_COLUMNS,
    POSE_INDEX,
    ClipTruth,
)

SCORES = (2, 15, 28, 44)
KEY_PERSONS = 4
MASKING: dict[str, dict[str, float]] = {
    "rest": {},
    "speech": {"AU25": 0.8, "AU26": 0.6},
    "social smile": {"AU12": 0.8},
    "Duchenne smile": {"AU12": 0.9, "AU06": 0.8},
    "concentration": {"AU04": 0.9},
    "AU15+17": {"AU15": 0.9, "AU17": 0.8},
    "AU1": {"AU01": 0.9},
    "AU1+4": {"AU01": 0.9, "AU04": 0.9},
    "AU1+15": {"AU01": 0.9, "AU15": 0.9},
    "AU4+15": {"AU04": 0.9, "AU15": 0.9},
    "down": {"gaze_down": 0.9, "head_down": 0.9},
    "reading": {"AU04": 0.7, "gaze_down": 0.9, "head_down": 0.9},
    "triple, level gaze": {"AU01": 0.8, "AU04": 0.8, "AU15": 0.8},
    "blink": {"AU45": 1.0},
    "yaw 10": {"yaw": 10.0},
    "yaw -10, roll 4": {"yaw": -10.0, "roll": 4.0},
}
COLUMNS = 4
ENLARGEMENT = 2

Frame = NDArray[np.uint8]


def still(signals: dict[str, float]) -> ClipTruth:
    """A clip of one frame with these signals, all others 0; `pitch` adds to the lowered head."""
    behaviour = np.zeros((1, len(BEHAVIOUR_COLUMNS)))
    pose = np.zeros((1, len(POSE_COLUMNS)))
    for name, value in signals.items():
        if name in COLUMN_INDEX:
            behaviour[0, COLUMN_INDEX[name]] = value
        else:
            pose[0, POSE_INDEX[name]] = value
    pose[0, POSE_INDEX["pitch"]] += HEAD_DOWN_DEGREES * behaviour[0, COLUMN_INDEX["head_down"]]
    return ClipTruth(behaviour=behaviour, pose=pose, key=np.zeros(1, dtype=bool))


def draw_still(seed: int, person: str, signals: dict[str, float]) -> Frame:
    """One frame, (120, 160, 3) blue, green, red, of a person with these signals."""
    rng = random_generator(seed, "sheet", person)
    renderer = ClipRenderer(still(signals), draw_identity(rng), draw_scene(rng))
    return next(renderer.frames(rng))


def _caption(frame: Frame, text: str) -> Frame:
    large = cv2.resize(frame, None, fx=ENLARGEMENT, fy=ENLARGEMENT, interpolation=cv2.INTER_CUBIC)
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(large, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, width)
    return large


def contact_sheet(seed: int) -> Frame:
    """Key episodes at four severities (a person a row), then the masking events."""
    behaviour = Behaviour()
    tiles: list[Frame] = []
    with one_thread():
        for person in range(KEY_PERSONS):
            for score in SCORES:
                unit = behaviour.key_base + behaviour.key_span * score / behaviour.full_score
                key = {**dict.fromkeys(KEY_UNITS, unit), "gaze_down": 0.8, "head_down": 0.8}
                frame = draw_still(seed, f"key {person}", key)
                tiles.append(_caption(frame, f"key episode, {score} points"))
        for event, signals in MASKING.items():
            tiles.append(_caption(draw_still(seed, event, signals), event))
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    return np.vstack(rows)
