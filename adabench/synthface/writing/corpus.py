"""The corpus in AVEC 2014's layout: two clips and one label a session."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adabench.synthface.faces.identity import draw_identity, draw_scene
from adabench.synthface.parameters import SynthfaceParameters, random_generator
from adabench.synthface.sessions.behaviour import (
    SessionHabits,
    draw_clip,
    draw_habits,
    draw_resting,
)
from adabench.synthface.sessions.plan import TASKS, Session, draw_sessions
from adabench.synthface.sessions.shortcuts import scene_of, seconds_of
from adabench.synthface.signals import ClipTruth
from adabench.synthface.writing.jobs import ClipContent, ClipJob

SPLIT_FOLDERS = {
    "train": "Training",
    "dev": "Development",
    "test": "Testing",
    "calibration": "Calibration",
}
LABEL_ROOT = Path("AVEC2014_DepressionLabels")
LABEL_FOLDERS = {
    "train": LABEL_ROOT / "Training_DepressionLabels",
    "dev": LABEL_ROOT / "Development_DepressionLabels",
    "test": LABEL_ROOT / "Testing" / "DepressionLabels",
    "calibration": LABEL_ROOT / "Calibration_DepressionLabels",
}


def session_habits(parameters: SynthfaceParameters, session: Session) -> SessionHabits:
    """What the clips of `session` have in common; its own score shows, or the one that is to."""
    seed, behaviour = parameters.corpus_seed, parameters.behaviour
    resting = draw_resting(random_generator(seed, "resting", session.subject), behaviour)
    rng = random_generator(seed, "habits", session.name)
    return draw_habits(rng, behaviour, session.shown, resting, parameters.world)


def clip_truth(parameters: SynthfaceParameters, session: Session, task: str) -> ClipTruth:
    """What the face does in the clip of `session` and `task`; needs no drawing."""
    return draw_clip(
        random_generator(parameters.corpus_seed, "clip", session.clip_name(task)),
        parameters.behaviour,
        session_habits(parameters, session),
        task=task,
        fps=parameters.fps,
        seconds=seconds_of(parameters, session),
    )


def key_frames(
    parameters: SynthfaceParameters, split: str = "test"
) -> dict[str, NDArray[np.bool_]]:
    """Return clip → (frames,) bool, where its key episodes are; needs no drawing.

    What a method's relevance is judged by; no method can read it through the data pipeline. Empty
    for the world "diffuse", which has none.
    """
    if parameters.world == "diffuse":
        return {}
    return {
        session.clip_name(task): clip_truth(parameters, session, task).key
        for session in draw_sessions(parameters)
        if session.split == split
        for task in TASKS
    }


def _content(parameters: SynthfaceParameters, session: Session, task: str) -> ClipContent:
    seed = parameters.corpus_seed
    scene = draw_scene(random_generator(seed, "scene", session.name))
    return ClipContent(
        truth=clip_truth(parameters, session, task),
        identity=draw_identity(random_generator(seed, "person", session.subject)),
        scene=scene_of(parameters, session, scene),
        noise=random_generator(seed, "noise", session.clip_name(task)),
    )


def corpus_jobs(parameters: SynthfaceParameters) -> list[ClipJob]:
    """The clips of a corpus, two for each session."""
    return [
        ClipJob(
            video=Path(SPLIT_FOLDERS[session.split], task, f"{session.clip_name(task)}_video.mp4"),
            signals=Path("truth", f"{session.clip_name(task)}.csv"),
            with_key=True,
            fps=parameters.fps,
            draw=partial(_content, parameters, session, task),
        )
        for session in draw_sessions(parameters)
        for task in TASKS
    ]


def corpus_labels(parameters: SynthfaceParameters) -> dict[Path, str]:
    """The label files: one integer, BDI-II points in 0..63, without header."""
    return {
        LABEL_FOLDERS[session.split] / f"{session.name}_Depression.csv": f"{session.score}\n"
        for session in draw_sessions(parameters)
    }
