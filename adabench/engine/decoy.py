"""Whether a trained method's predictions depend on what its test clips are called.

The labels of a test split lie on disk, and code that reads them finds a clip's by its name. So the
same checkpoint predicts a decoy: the same clips, read from the same place in the same order and
batches, each under the name of another person's. An honest method predicts what it predicted. Code
that knows a clip by its pixels escapes, and so does the memory of a person seen in training, which
is what person-disjoint protocols are for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adabench.data.manifest import ClipRecord
from adabench.engine.evaluation import predict_views
from adabench.engine.workbench import Workbench

EQUAL, SEES_LABELS, NOT_ASKED = "equal", "sees labels", "not asked"

#: How far two predictions of one clip may be apart by rounding alone, BDI-II points.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class DecoyResult:
    """What the decoy showed.

    Attributes:
        outcome: ``equal``, ``sees labels`` or ``not asked``.
        difference: largest change of a clip's prediction under another name, BDI-II points.
        repeated: largest change when the clips are predicted again under their own names.
        reason: why it was not asked.
    """

    outcome: str
    difference: float | None = None
    repeated: float | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.outcome == NOT_ASKED:
            return f"decoy: not asked, {self.reason}"
        return (
            f"decoy: {self.outcome}: under other persons' names predictions change by "
            f"{self.difference:.2g} points at most, predicted again by {self.repeated:.2g}"
        )


def ask_decoy(bench: Workbench) -> DecoyResult:
    """Predict one view of each test clip twice, and then under another person's name."""
    clips = bench.parts.test
    names = other_names(clips)
    if names is None:
        return DecoyResult(NOT_ASKED, reason="the test clips are of one person")
    first, again, decoy = (
        predict_views(bench, bench.named_loader(told)) for told in ({}, {}, names)
    )
    repeated = _farthest(first, again)
    difference = _farthest(first, decoy)
    equal = difference <= max(_ROUNDING, 2 * repeated)
    return DecoyResult(EQUAL if equal else SEES_LABELS, difference, repeated)


def other_names(clips: Sequence[ClipRecord]) -> dict[str, ClipRecord] | None:
    """Return clip → the record under whose name it goes, of another person and the same task.

    Sessions change names as wholes; where the other session lacks a task, the name is made up of
    its own and the task's. None where all clips are of one person.
    """
    sessions = {clip.session: clip.subject for clip in clips}
    order = sorted(sessions, key=lambda session: (sessions[session], session))
    step = max(Counter(sessions.values()).values())
    if step == len(order):
        return None
    # Turned by the largest number of sessions a person has, nobody's stands for the same person's.
    turned = _turned(order, sessions, step)
    by_task = {(clip.session, clip.task): clip for clip in clips}
    found: dict[str, ClipRecord] = {}
    for clip in clips:
        session = turned[clip.session]
        made_up = replace(
            clip, clip=f"{session}_{clip.task}", session=session, subject=sessions[session]
        )
        found[clip.clip] = by_task.get((session, clip.task), made_up)
    return found


def _turned(order: Sequence[str], sessions: Mapping[str, str], step: int) -> dict[str, str]:
    count = len(order)
    turned = {session: order[(place + step) % count] for place, session in enumerate(order)}
    for session, other in turned.items():
        if sessions[session] == sessions[other]:
            # One person has most of the sessions: any other person's name will do for the rest.
            turned[session] = next(name for name in order if sessions[name] != sessions[session])
    return turned


def _farthest(first: Sequence[float], other: Sequence[float]) -> float:
    return max((abs(a - b) for a, b in zip(first, other, strict=True)), default=0.0)
