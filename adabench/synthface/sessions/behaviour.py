"""The behaviour model: what a face does over a clip, as a function of severity and of chance.

Time runs in ticks of 1/30 s, so that an episode of 16 ticks lasts as long in a clip of 15 frames
per second as in one of 30.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adabench.synthface.parameters import Behaviour, World
from adabench.synthface.signals import (
    BEHAVIOUR_COLUMNS,
    COLUMN_INDEX,
    HEAD_DOWN_DEGREES,
    POSE_COLUMNS,
    POSE_INDEX,
    ClipTruth,
    FloatArray,
)

TICKS_PER_SECOND = 30
EPISODE_UNIT = 16
EPISODE_UNITS = (1, 2, 4, 6)
SHORTEST_MASKING = 6
RAMP_TICKS = 4
KEY_UNITS = ("AU01", "AU04", "AU15")

# Events that say nothing about severity: their usual frequency, and the factor in read speech.
MASKING_EVENTS: dict[str, tuple[float, float]] = {
    "neutral": (0.6, 1.0),
    "speech": (1.2, 1.3),
    "smile": (1.2, 0.8),
    "duchenne": (1.2, 0.8),
    "concentration": (1.0, 1.2),
    "AU15": (1.0, 1.0),
    "AU01": (1.0, 1.0),
    "AU01+AU04": (1.5, 1.0),
    "AU01+AU15": (1.5, 1.0),
    "AU04+AU15": (1.5, 1.0),
    "down": (1.3, 1.2),
    "reading": (1.2, 1.6),
    "triple_level": (1.5, 1.0),
    "down+AU15": (0.8, 1.0),
    "down+AU01": (0.8, 1.0),
}
SMILES = ("smile", "duchenne")
SPEECH_DURING_EVENT = 0.35
SPEECH_DURING_KEY = 0.40
HABIT_SHAPE = 2.0


@dataclass(frozen=True)
class SessionHabits:
    """What the clips of a session have in common.

    Attributes:
        intensity: mean intensity of key episodes, from severity and the session's noise.
        key_share: wanted share of key frames, independent of severity; 0 without key episodes.
        event_weights: how often this session shows each of `MASKING_EVENTS`.
        resting: (3,) the person's offsets of AU01, AU04 and AU15 at rest.
        smiling: what is left of the smiles' frequency and intensity, 0 to 1.
        expression: what is left of every expression's intensity.
        motion: what is left of the head's motion.
    """

    intensity: float
    key_share: float
    event_weights: FloatArray
    resting: FloatArray
    smiling: float = 1.0
    expression: float = 1.0
    motion: float = 1.0

    @property
    def vividness(self) -> FloatArray:
        """What severity lowers through a whole clip, (3,): smiling, expression, motion."""
        return np.array([self.smiling, self.expression, self.motion])


def draw_resting(rng: np.random.Generator, behaviour: Behaviour) -> FloatArray:
    """A person's resting face."""
    return np.abs(rng.normal(0.0, behaviour.resting_sd, len(KEY_UNITS)))


def draw_habits(
    rng: np.random.Generator,
    behaviour: Behaviour,
    score: int,
    resting: FloatArray,
    world: World = "sparse",
) -> SessionHabits:
    """A session's habits, of which `score` (BDI-II points) sets `intensity`, or in the world
    "diffuse" `vividness`."""
    severity = min(score, behaviour.full_score) / behaviour.full_score
    intensity = behaviour.key_base + behaviour.key_span * severity
    habits = SessionHabits(
        intensity=intensity + rng.normal(0.0, behaviour.session_noise),
        key_share=rng.uniform(*behaviour.key_share),
        event_weights=rng.gamma(HABIT_SHAPE, 1.0, len(MASKING_EVENTS)),
        resting=resting,
    )
    if world != "diffuse":
        return habits
    felt = np.clip(severity + rng.normal(0.0, behaviour.loss_noise, 3), 0.0, 1.0)
    losses = np.array([behaviour.smile_loss, behaviour.range_loss, behaviour.motion_loss])
    smiling, expression, motion = 1.0 - losses * felt
    return replace(habits, key_share=0.0, smiling=smiling, expression=expression, motion=motion)


def envelope(ticks: FloatArray, duration: int) -> FloatArray:
    """Raised-cosine onset and offset of an event at `ticks` after its start; 0 outside it."""
    ramp = min(RAMP_TICKS, duration // 3) + 1
    rise = np.clip(np.minimum(ticks + 1, duration - ticks) / ramp, 0.0, 1.0)
    inside = (ticks >= 0) & (ticks < duration)
    return np.where(inside, 0.5 - 0.5 * np.cos(np.pi * rise), 0.0)


class _Curves:
    """The intensities of a clip while events are added to them."""

    def __init__(self, ticks: FloatArray) -> None:
        self.ticks = ticks
        self.values = np.zeros((len(ticks), len(BEHAVIOUR_COLUMNS)))

    def add(self, column: str, start: int, stop: int, intensity: float) -> None:
        shape = envelope(self.ticks - start, stop - start)
        self.values[:, COLUMN_INDEX[column]] += intensity * shape

    def raise_to(self, column: str, curve: FloatArray) -> None:
        index = COLUMN_INDEX[column]
        self.values[:, index] = np.maximum(self.values[:, index], curve)


def _speak(
    rng: np.random.Generator, curves: _Curves, start: int, stop: int, loudness: float
) -> None:
    """Lips part (AU25) and the jaw drops (AU26) at the pace of syllables."""
    duration = stop - start
    after = curves.ticks - start
    seconds = after / TICKS_PER_SECOND
    syllables, phase = rng.uniform(2.5, 5.0), rng.uniform(0.0, 2 * np.pi)
    phrases, phrase_phase = rng.uniform(0.3, 1.0), rng.uniform(0.0, 2 * np.pi)
    jitter = np.interp(after, np.arange(duration), rng.normal(size=duration))
    stress = 0.5 + 0.5 * np.sin(2 * np.pi * phrases * seconds + phrase_phase) + 0.3 * jitter
    opening = 0.5 + 0.5 * np.sin(2 * np.pi * syllables * seconds + phase)
    opening = opening * np.clip(stress, 0.0, 1.0) * loudness * envelope(after, duration)
    curves.raise_to("AU25", np.clip(1.2 * opening, 0.0, 1.0))
    curves.raise_to("AU26", 0.8 * opening)


def _show_key_episode(
    rng: np.random.Generator,
    curves: _Curves,
    start: int,
    stop: int,
    behaviour: Behaviour,
    intensity: float,
) -> None:
    episode = np.clip(intensity + rng.normal(0.0, behaviour.episode_noise), 0.08, 1.0)
    for column in KEY_UNITS:
        unit = np.clip(episode + rng.normal(0.0, behaviour.episode_noise), 0.05, 1.0)
        curves.add(column, start, stop, float(unit))
    curves.add("gaze_down", start, stop, rng.uniform(*behaviour.down))
    curves.add("head_down", start, stop, rng.uniform(*behaviour.down))
    if rng.random() < SPEECH_DURING_KEY:
        _speak(rng, curves, start, stop, 0.6)


def _event_intensities(
    rng: np.random.Generator, event: str, behaviour: Behaviour
) -> dict[str, float]:
    """The columns of one masking event and their intensities."""
    first, second = rng.uniform(*behaviour.masking, size=2)
    down = dict(zip(("gaze_down", "head_down"), rng.uniform(*behaviour.down, size=2), strict=True))
    if event == "smile":
        return {"AU12": first}
    if event == "duchenne":
        return {"AU12": first, "AU06": first * rng.uniform(0.6, 1.0)}
    if event == "concentration":
        return {"AU04": first}
    if event == "AU15":
        return {"AU15": first, "AU17": second}
    if event == "triple_level":
        return dict.fromkeys(KEY_UNITS, first)
    if event == "reading":
        return {**down, "AU04": first}
    if event.startswith("down"):
        return {**down, **dict.fromkeys(event.split("+")[1:], first)}
    if event in ("neutral", "speech"):
        return {}
    return dict(zip(event.split("+"), (first, second), strict=False))


def _show_masking(
    rng: np.random.Generator,
    curves: _Curves,
    span: tuple[int, int],
    behaviour: Behaviour,
    habits: SessionHabits,
    weights: FloatArray,
) -> None:
    """Fill [start, stop) ticks with events, which severity changes by `vividness` alone."""
    events = list(MASKING_EVENTS)
    start, end = span
    while True:
        stop = min(start + EPISODE_UNIT * int(rng.choice(EPISODE_UNITS)), end)
        if stop - start < SHORTEST_MASKING:
            return
        event = events[rng.choice(len(events), p=weights)]
        smiling = habits.smiling if event in SMILES else 1.0
        for column, intensity in _event_intensities(rng, event, behaviour).items():
            left = {"head_down": habits.motion, "gaze_down": 1.0}.get(column, habits.expression)
            curves.add(column, start, stop, float(intensity * left * smiling))
        if event == "speech":
            _speak(rng, curves, start, stop, 1.0)
        elif event != "neutral" and rng.random() < SPEECH_DURING_EVENT:
            _speak(rng, curves, start, stop, 0.6)
        start = stop


def place_key_episodes(
    rng: np.random.Generator, duration: int, share: float
) -> list[tuple[int, int]]:
    """Key episodes [start, stop) in ticks that together fill about `share` of `duration`."""
    left = max(1, round(share * duration / EPISODE_UNIT))
    lengths: list[int] = []
    while left > 0:
        units = int(rng.choice([length for length in EPISODE_UNITS if length <= left]))
        lengths.append(units * EPISODE_UNIT)
        left -= units
    gaps = np.sort(rng.integers(0, duration - sum(lengths) + 1, len(lengths)))
    starts = gaps + np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return [
        (int(start), int(start) + length) for start, length in zip(starts, lengths, strict=True)
    ]


def _blink(rng: np.random.Generator, curves: _Curves, duration: int) -> None:
    start = int(rng.integers(0, 60))
    while start < duration:
        stop = start + int(rng.integers(4, 8))
        curves.raise_to("AU45", envelope(curves.ticks - start, stop - start))
        start += int(rng.integers(30, 130))


def draw_pose(
    rng: np.random.Generator,
    ticks: FloatArray,
    head_down: FloatArray,
    yaw_sd: float,
    motion: float = 1.0,
) -> FloatArray:
    """Head and gaze, (T, 6) as `POSE_COLUMNS`: smoothed Ornstein-Uhlenbeck processes.

    `motion` is what is left of the head's, the gaze aside.
    """
    deviation = np.array([0.25, yaw_sd, 2.0, 2.0, 3.0, 2.0])
    deviation[POSE_INDEX["yaw"] :] *= motion
    correlation = np.exp(-1.0 / np.array([12.0, 40.0, 40.0, 50.0, 60.0, 60.0]))
    length = int(ticks[-1]) + 10
    shocks = rng.normal(size=(length, len(POSE_COLUMNS)))
    walk = np.empty_like(shocks)
    walk[0] = shocks[0]
    step = np.sqrt(1.0 - correlation**2)
    for tick in range(1, length):
        walk[tick] = correlation * walk[tick - 1] + step * shocks[tick]
    kernel = np.full(9, 1 / 9)
    smooth = [np.convolve(column, kernel, "valid") for column in walk.T]
    pose = np.stack([np.interp(ticks, np.arange(len(c)), c) for c in smooth], axis=1) * deviation
    pose[:, POSE_INDEX["pitch"]] += HEAD_DOWN_DEGREES * head_down
    pose[:, POSE_INDEX["gaze_x"]] = np.clip(pose[:, POSE_INDEX["gaze_x"]], -1.0, 1.0)
    return pose


def task_weights(habits: SessionHabits, task: str) -> FloatArray:
    """How likely each masking event is in a clip of `task`; sums to 1."""
    usual, read_aloud = np.array(list(MASKING_EVENTS.values())).T
    weights = habits.event_weights * usual
    weights[[list(MASKING_EVENTS).index(event) for event in SMILES]] *= habits.smiling
    if task == "Northwind":
        weights = weights * read_aloud
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def draw_clip(
    rng: np.random.Generator,
    behaviour: Behaviour,
    habits: SessionHabits,
    *,
    task: str,
    fps: int,
    seconds: tuple[float, float],
) -> ClipTruth:
    """The behaviour of one clip of a session, sampled at `fps` frames per second."""
    duration = round(rng.uniform(*seconds) * TICKS_PER_SECOND)
    ticks = frame_ticks(round(duration * fps / TICKS_PER_SECOND), fps)
    curves = _Curves(ticks)
    weights = task_weights(habits, task)
    key = np.zeros(len(ticks), dtype=bool)
    end = 0
    share = habits.key_share
    for start, stop in place_key_episodes(rng, duration, share) if share else []:
        _show_masking(rng, curves, (end, start), behaviour, habits, weights)
        _show_key_episode(rng, curves, start, stop, behaviour, habits.intensity)
        key |= (ticks >= start) & (ticks < stop)
        end = stop
    _show_masking(rng, curves, (end, duration), behaviour, habits, weights)
    curves.values[:, [COLUMN_INDEX[name] for name in KEY_UNITS]] += habits.resting
    _blink(rng, curves, duration)
    values = np.clip(curves.values, 0.0, 1.0)
    head_down = values[:, COLUMN_INDEX["head_down"]]
    pose = draw_pose(rng, ticks, head_down, behaviour.yaw_sd, habits.motion)
    return ClipTruth(behaviour=values, pose=pose, key=key)


def frame_ticks(frames: int, fps: int) -> NDArray[np.float64]:
    """The time of each frame, (T,) in ticks."""
    return np.arange(frames, dtype=np.float64) * (TICKS_PER_SECOND / fps)
