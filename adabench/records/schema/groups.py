"""Results by group of persons: by sex, age, and whatever a corpus's manifest tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from adabench.data.traits import group_name
from adabench.evaluation.calibration import calibration_of
from adabench.evaluation.intervals import calibration_intervals, metric_intervals
from adabench.evaluation.metrics import score_metrics
from adabench.records.schema.sections import Group

if TYPE_CHECKING:
    from adabench.data.manifest import ClipRecord

#: Of fewer persons a group's results say little of the group, and much of them.
FEWEST_PERSONS: Final = 15


def groups_of(
    clips: Sequence[ClipRecord],
    predictions: Mapping[str, float],
    labels: Mapping[str, float],
    *,
    intervals: bool = True,
) -> dict[str, Group]:
    """Return name → results of each group that the tested clips' persons are in.

    Args:
        clips: that were tested.
        predictions, labels: session → points.
        intervals: compute those too, which takes most of the time.
    """
    sessions: dict[str, dict[str, str]] = {}
    for clip in clips:
        for column, text in clip.traits:
            sessions.setdefault(group_name(column, text), {})[clip.session] = clip.subject
    return {
        name: _group(sorted(found), found, predictions, labels, intervals=intervals)
        for name, found in sorted(sessions.items())
    }


def _group(
    sessions: Sequence[str],
    persons: Mapping[str, str],
    predictions: Mapping[str, float],
    labels: Mapping[str, float],
    *,
    intervals: bool,
) -> Group:
    count = len(set(persons.values()))
    if count < FEWEST_PERSONS:
        return Group(sessions=len(sessions), persons=count, metrics=None)
    predicted = np.array([predictions[session] for session in sessions])
    truth = np.array([labels[session] for session in sessions])
    owners = [persons[session] for session in sessions]
    line = calibration_of(predicted, truth)
    spread = calibration_intervals(predicted, truth, owners) if intervals else {}
    return Group.model_validate(
        {
            "sessions": len(sessions),
            "persons": count,
            "metrics": score_metrics(predicted, truth),
            "intervals": metric_intervals(predicted, truth, owners) if intervals else {},
            "bias": line["bias"],
            "slope": line["slope"],
            "bias_interval": spread.get("bias"),
            "slope_interval": spread.get("slope"),
        }
    )


def public_groups(groups: Mapping[str, Group], sessions: int) -> dict[str, Group]:
    """Return what a licensed corpus's record may tell of groups.

    A column of which one group, or what all of them leave out, has too few persons is not told at
    all: the others and the whole would give its results. Nor are bias and slope, which give the sum
    of the labels.

    Args:
        groups: all of them.
        sessions: that were tested.
    """
    columns: dict[str, dict[str, Group]] = {}
    for name, group in groups.items():
        columns.setdefault(name.partition(":")[0], {})[name] = group
    unknown = {"bias": None, "slope": None, "bias_interval": None, "slope_interval": None}
    return {
        name: group.model_copy(update=unknown)
        for column in columns.values()
        if all(group.metrics is not None for group in column.values())
        and not 0 < sessions - sum(group.sessions for group in column.values()) < FEWEST_PERSONS
        for name, group in column.items()
    }
