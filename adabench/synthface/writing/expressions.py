"""Expression clips for pretraining: other persons, action units independent of each other."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from adabench.synthface.faces.identity import draw_identity, draw_scene
from adabench.synthface.parameters import ExpressionParameters, random_generator
from adabench.synthface.sessions.behaviour import draw_pose, frame_ticks
from adabench.synthface.signals import (
    BEHAVIOUR_COLUMNS,
    COLUMN_INDEX,
    ClipTruth,
    FloatArray,
)
from adabench.synthface.writing.jobs import ClipContent, ClipJob

REST_SHARE = 0.4
BLINK_REST_SHARE = 0.85
# how long a trajectory of "smooth" clips takes from one intensity to the next, in ticks of 1/30 s
SHORTEST_MOVE, LONGEST_MOVE = 6, 30


def _intensities(rng: np.random.Generator, number: int, column: str) -> FloatArray:
    """Independent intensities (number,): at rest, or uniform in [0, 1]."""
    rest = BLINK_REST_SHARE if column == "AU45" else REST_SHARE
    values = rng.uniform(size=number)
    return np.where(rng.uniform(size=number) < rest, 0.0, values)


def _trajectory(rng: np.random.Generator, ticks: FloatArray, column: str) -> FloatArray:
    """Smooth moves between independent intensities at random times, at `ticks`."""
    number = int(ticks[-1]) // SHORTEST_MOVE + 3
    moves = rng.integers(SHORTEST_MOVE, LONGEST_MOVE + 1, number)
    times = np.concatenate([[0], np.cumsum(moves)]) - rng.integers(0, SHORTEST_MOVE)
    targets = _intensities(rng, len(times), column)
    place = np.interp(ticks, times, np.arange(len(times)))
    left = np.minimum(place.astype(int), len(times) - 2)
    share = 0.5 - 0.5 * np.cos(np.pi * (place - left))
    return (1 - share) * targets[left] + share * targets[left + 1]


def draw_expressions(rng: np.random.Generator, parameters: ExpressionParameters) -> ClipTruth:
    """The signals of one expression clip; no frame is a key frame."""
    ticks = frame_ticks(parameters.frames, parameters.fps)
    columns = [
        _intensities(rng, parameters.frames, name)
        if parameters.motion == "stills"
        else _trajectory(rng, ticks, name)
        for name in BEHAVIOUR_COLUMNS
    ]
    values = np.stack(columns, axis=1)
    head_down = values[:, COLUMN_INDEX["head_down"]]
    return ClipTruth(
        behaviour=values,
        pose=draw_pose(rng, ticks, head_down, parameters.yaw_sd),
        key=np.zeros(parameters.frames, dtype=bool),
    )


def _content(parameters: ExpressionParameters, person: str) -> ClipContent:
    seed = parameters.seed
    return ClipContent(
        truth=draw_expressions(random_generator(seed, "expressions", person), parameters),
        identity=draw_identity(random_generator(seed, "expression person", person)),
        scene=draw_scene(random_generator(seed, "expression scene", person)),
        noise=random_generator(seed, "expression noise", person),
    )


def expression_jobs(parameters: ExpressionParameters) -> list[ClipJob]:
    """The clips, one for each person; the last persons are the dev split."""
    dev = max(
        1, min(round(parameters.dev_share * parameters.identities), parameters.identities - 1)
    )
    jobs = []
    for number in range(1, parameters.identities + 1):
        split = "dev" if number > parameters.identities - dev else "train"
        name = f"{number:04d}_expression"
        job = ClipJob(
            video=Path(split, f"{name}.mp4"),
            signals=Path("labels", f"{name}.csv"),
            with_key=False,
            fps=parameters.fps,
            draw=partial(_content, parameters, f"{number:04d}"),
        )
        jobs.append(job)
    return jobs
