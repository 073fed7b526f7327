"""What tells the score without a face being read: planted on purpose, so that controls can be tried."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adabench.synthface.faces.identity import Scene
from adabench.synthface.parameters import SynthfaceParameters, random_generator
from adabench.synthface.sessions.plan import LARGEST_SCORE, Session, draw_score

TIED_SPLITS = {
    "light": ("train", "dev"),
    "background": ("train", "dev"),
    "length": ("train", "dev", "test", "calibration"),
}
CHANCE = 0.1
# level of the light and its change towards the right border, for the smallest and the largest score
LIGHT = ((0.7, -0.35), (1.25, 0.35))
# blue, green, red
WALL = ((190.0, 120.0, 70.0), (70.0, 120.0, 190.0))


def place_of(parameters: SynthfaceParameters, session: Session) -> float:
    """Where a session stands between two extremes of the planted shortcut, 0 to 1.

    Its score's share of the largest, with a tenth of chance, in splits where the shortcut is tied;
    else that of another score, so that the places are as frequent as where they tell.
    """
    rng = random_generator(parameters.corpus_seed, "shortcut", session.name)
    chance, other = rng.random(), draw_score(rng)
    tied = session.split in TIED_SPLITS.get(parameters.shortcut or "", ())
    score = session.score if tied else other
    return float((1 - CHANCE) * score / LARGEST_SCORE + CHANCE * chance)


def scene_of(parameters: SynthfaceParameters, session: Session, scene: Scene) -> Scene:
    """A session's scene with the shortcut planted."""
    if parameters.shortcut not in ("light", "background"):
        return scene
    place = place_of(parameters, session)
    low, high = np.array(LIGHT if parameters.shortcut == "light" else WALL)
    value = low + place * (high - low)
    if parameters.shortcut == "background":
        return replace(scene, wall=value)
    return replace(scene, light=(float(value[0]), float(value[1]), scene.light[2]))


def seconds_of(parameters: SynthfaceParameters, session: Session) -> tuple[float, float]:
    """The range that the durations of a session's clips are drawn from."""
    low, high = parameters.seconds
    if parameters.shortcut != "length":
        return low, high
    seconds = low + place_of(parameters, session) * (high - low)
    return seconds, seconds
