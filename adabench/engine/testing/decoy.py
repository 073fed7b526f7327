"""Whether a trained method's predictions depend on what its test clips are called.

The labels of a test split lie on disk, and code that reads them finds a clip's by its name. So the
same checkpoint predicts a decoy: the same clips, read from the same place in the same order and
batches, each under the name of another person's. An honest method predicts what it predicted, also
when the clips come in another order, and it has predicted so when it was tested. Code that knows a
clip by its pixels, its length or the file it is read from escapes, and so does the memory of a person
seen in training, which is what person-disjoint protocols are for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from adabench.data.manifest import ClipRecord
from adabench.engine.testing.evaluation import predict_views
from adabench.engine.workbench import Workbench
from adabench.records.schema.sections import ROUNDING, Decoy

#: How far two predictions of a clip may be apart by rounding where it stood in another batch, points:
#: a GPU computes those otherwise.
_ROUNDING_ELSEWHERE = 0.25

_BY_NAME = "under other persons' names"


def describe(decoy: Decoy) -> str:
    """Return what a decoy showed in one line."""
    if decoy.outcome == "not asked":
        return f"decoy: not asked, {decoy.reason}"
    return (
        f"decoy: {decoy.outcome}: {decoy.reason or _BY_NAME} predictions change by "
        f"{decoy.difference:.2g} points at most, predicted again by {decoy.repeated:.2g}"
    )


def worst(decoys: Sequence[Decoy | None]) -> Decoy | None:
    """Return what is to be said of runs that are joined: what was found in any of them."""
    ranks = {"sees labels": 0, "not asked": 1, "equal": 2}
    known = [decoy for decoy in decoys if decoy is not None]
    if len(known) < len(decoys):
        return None
    return min(known, key=lambda decoy: (ranks[decoy.outcome], -(decoy.difference or 0.0)))


def ask_decoy(bench: Workbench, tested: Sequence[float]) -> Decoy:
    """Predict one view of each test clip twice, under another person's name, and in another order.

    Args:
        bench: with the checkpoint that was tested.
        tested: what the test predicted of these views, in order.
    """

    def predict(names: Mapping[str, ClipRecord], backwards: bool) -> Sequence[float]:
        return predict_views(bench, bench.named_loader(names, backwards=backwards))

    return ask_by(bench.parts.test, predict, tested)


def ask_by(
    clips: Sequence[ClipRecord],
    predict: Callable[[Mapping[str, ClipRecord], bool], Sequence[float]],
    tested: Sequence[float],
) -> Decoy:
    """Ask what predicts one view of each clip, as `ask_decoy`.

    Args:
        clips: that were tested.
        predict: clip → under whose name it goes, and whether the last clip comes first, to scores.
        tested: what the test predicted, in the order of the clips.
    """
    names = other_names(clips)
    if names is None:
        return Decoy(outcome="not asked", reason="the test clips are of one person")
    first, again, decoy = (predict(told, False) for told in ({}, {}, names))
    turned = predict({}, True)[::-1]
    repeated = _farthest(first, again)
    asked = (
        ("", _farthest(first, decoy), ROUNDING),
        ("in another order", _farthest(first, turned), _ROUNDING_ELSEWHERE),
        ("once the test is over", _farthest(first, tested), _ROUNDING_ELSEWHERE),
    )
    for reason, difference, rounding in asked:
        if not Decoy.shows_equal(difference, repeated, rounding):
            return Decoy(
                outcome="sees labels", difference=difference, repeated=repeated, reason=reason
            )
    return Decoy(outcome="equal", difference=asked[0][1], repeated=repeated)


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
