"""synthface: a generated corpus of drawn faces whose truth is known in every frame.

It shows whether a method finds sparse key segments; it says nothing about depression in people.
`parameters` and `signals` say what is asked for and what was done in every frame; `faces` draws, `sessions`
says who does what and why, `writing` makes corpora of it; `bounds` reads the truth, `sheet` shows it.
"""

from adabench.synthface.bounds import Bound, bounds, bounds_over_draws
from adabench.synthface.parameters import (
    Behaviour,
    ExpressionParameters,
    SynthfaceParameters,
)
from adabench.synthface.sessions.plan import TASKS, Session, draw_sessions
from adabench.synthface.signals import (
    AU_COLUMNS,
    BEHAVIOUR_COLUMNS,
    POSE_COLUMNS,
    SIGNAL_COLUMNS,
    ClipTruth,
    read_truth,
)
from adabench.synthface.writing.corpus import clip_truth, key_frames
from adabench.synthface.writing.generation import generate, generate_expressions
from adabench.synthface.writing.layouts import write_avec2013, write_openface
from adabench.synthface.writing.store import read_parameters

__all__ = [
    "AU_COLUMNS",
    "BEHAVIOUR_COLUMNS",
    "POSE_COLUMNS",
    "SIGNAL_COLUMNS",
    "TASKS",
    "Behaviour",
    "Bound",
    "ClipTruth",
    "ExpressionParameters",
    "Session",
    "SynthfaceParameters",
    "bounds",
    "bounds_over_draws",
    "clip_truth",
    "draw_sessions",
    "generate",
    "generate_expressions",
    "key_frames",
    "read_parameters",
    "read_truth",
    "write_avec2013",
    "write_openface",
]
