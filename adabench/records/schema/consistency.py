"""What must hold between the fields of one record, whatever file it came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from adabench.evaluation.calibration import calibration_of
from adabench.evaluation.controls import CONSTANT
from adabench.evaluation.localisation import ALL, MEASURES
from adabench.evaluation.metrics import score_metrics
from adabench.records.schema.fields import RecordFields
from adabench.records.schema.groups import FEWEST_PERSONS
from adabench.records.schema.localisation import Localisation
from adabench.records.schema.plain import first_twice
from adabench.records.schema.rounding import FROM_LABELS, coarse
from adabench.records.schema.scale import Level, bdi_ii
from adabench.records.schema.sections import Group, Measured, Prediction, persons_of
from adabench.records.schema.tracks import PRIVATE_FOLDER, SIDE_SUFFIX, is_demo_track

#: A record's numbers may differ by this much from recomputed ones.
TOLERANCE: Final = 1e-6

#: Fewer sessions of a licensed corpus are no group, nor may a group leave out fewer.
FEWEST_IN_GROUP: Final = 10

# A reported row knows none of these; a measured one is worth nothing without them.
_MEASURED_FIELDS = ("config_hash", "corpus_checksum", "protocol", "fusion", "created")

# A temporal scale, by its steps a unit.
_SCALE: Final = re.compile(r"scale[1-9][0-9]{0,8}")

_FLAT = (
    "predictions",
    "clips",
    "calibration",
    "conformal",
    "relevance",
    "measures",
    "relevance_measures",
)


def check_names(record: RecordFields) -> None:
    """Refuse a name that belongs to something else."""
    if record.method == CONSTANT and record.kind != "control":
        raise ValueError(f"method {CONSTANT!r} is a control, but kind is {record.kind!r}")
    if record.track == PRIVATE_FOLDER:
        raise ValueError(
            f"track is {PRIVATE_FOLDER!r}, which is the folder of private files; name another"
        )
    if record.track.endswith(SIDE_SUFFIX):
        raise ValueError(f"track {record.track!r} ends as side folders do; name another")
    if record.flags.demo and not is_demo_track(record.track):
        raise ValueError(
            f"flags.demo is set, but track {record.track!r} is no demo track: numbers on drawn "
            "faces belong on `demo` or a track whose name begins with `demo-`"
        )


def check_measured(record: RecordFields) -> None:
    """Refuse a measured record that does not say where its numbers come from."""
    missing = [name for name in _MEASURED_FIELDS if getattr(record, name) is None]
    if record.kind == "bound":
        missing = [name for name in missing if name == "corpus_checksum"]
    elif record.seed is None:
        missing.append("seed")
    if missing:
        raise ValueError(f"a measured {record.kind} needs {', '.join(missing)}, which came as None")
    if record.kind == "bound":
        return
    if record.licensed and record.counts is None:
        raise ValueError(
            f"a measured {record.kind} on a licensed corpus needs counts, its sessions and persons"
        )
    if not record.licensed and not record.predictions:
        raise ValueError(f"a measured {record.kind} needs its predictions, one a session")
    if record.metrics.PCC is None or record.metrics.CCC is None:
        raise ValueError(f"a measured {record.kind} needs all four metrics, PCC and CCC too")


def check_sessions(record: RecordFields) -> None:
    """Refuse sessions that come twice, labels that are missing or off the scale, wrong counts."""
    entries = record.predictions
    twice = first_twice(entry.session for entry in entries)
    if twice is not None:
        raise ValueError(f"predictions hold session {twice!r} more than once")
    tested = record.counts.sessions if record.counts is not None else len(entries)
    for name, group in record.groups.items():
        if tested and group.sessions > tested:
            raise ValueError(
                f"groups.{name} has {group.sessions} sessions, and {tested} were tested"
            )
    if record.licensed:
        return
    _check_labels(record)
    found = (len(entries), persons_of(entries))
    if entries and record.counts and (record.counts.sessions, record.counts.persons) != found:
        raise ValueError(
            f"counts are {record.counts.sessions} sessions of {record.counts.persons} persons, but "
            f"predictions hold {found[0]} of {found[1]}"
        )


def check_private(record: RecordFields) -> None:
    """Refuse what goes by session or clip, and exact numbers, of a licensed corpus."""
    if not record.licensed:
        if record.private is not None:
            raise ValueError(
                f"private names a side file, but corpus {record.corpus!r} is not licensed: keep its "
                "predictions in the record, or set licensed"
            )
        return
    labelled = [entry.session for entry in record.predictions if entry.label is not None]
    if labelled:
        raise ValueError(
            f"corpus {record.corpus!r} is licensed, so labels must stay out of the record, but "
            f"{len(labelled)} predictions carry one, the first being session {labelled[0]!r}"
        )
    given = [name for name in _FLAT if getattr(record, name)]
    if given:
        raise ValueError(
            f"corpus {record.corpus!r} is licensed, so what goes by session or clip stays in the "
            f"private side file, but the record holds {', '.join(given)}; its labels could be "
            "computed from many such records: pass this file on to nobody and run again"
        )
    if isinstance(record.origin, Measured):
        for reason in _too_exact(record):
            raise ValueError(reason)


def check_relevance(record: RecordFields) -> None:
    """Refuse measures of relevance of what no run tests, or that don't follow from each other."""
    found = record.relevance_measures
    levels = {level.name: found[level.name] for level in _levels(record) if level.name in found}
    foreign = [n for n in found if n != ALL and n not in levels and not _SCALE.fullmatch(n)]
    if foreign:
        raise ValueError(
            f"relevance_measures has {foreign[0]!r}; expected {ALL!r}, a temporal scale as 'scale1' "
            "or a level of severity"
        )
    clips = record.counts.clips if record.counts is not None else None
    for name, own in found.items():
        if clips is not None and own.clips is not None and own.clips > clips:
            raise ValueError(
                f"relevance_measures.{name} is over {own.clips} clips, and {clips} were tested"
            )
    whole, parts = found.get(ALL), [own for own in levels.values() if own.clips is not None]
    if whole is None or whole.clips != sum(own.clips or 0 for own in parts):
        return
    # Of share not all clips need have any.
    for measure in MEASURES[:-1]:
        _check_mean(measure, whole, parts)


def _check_mean(measure: str, whole: Localisation, parts: Sequence[Localisation]) -> None:
    """Refuse a measure over all clips that is not the mean over those of each level."""
    told = getattr(whole, measure)
    located = [(getattr(own, measure), own.clips or 0) for own in parts]
    if told is None or any(one is None for one, _ in located):
        return
    mean = sum(one.value * clips for one, clips in located) / (whole.clips or 1)
    if abs(mean - told.value) > 2 * TOLERANCE:
        raise ValueError(
            f"relevance_measures.{ALL}.{measure} is {told.value}, but its levels give {mean:.6f}"
        )


def check_metrics(record: RecordFields) -> None:
    """Refuse metrics and calibration that do not follow from predictions and labels."""
    if record.licensed or not record.predictions:
        return
    predicted = np.array([entry.prediction for entry in record.predictions])
    # Labels are complete here: `check_sessions` has refused a gap.
    true = np.array([entry.label for entry in record.predictions], dtype=np.float64)
    for name, value in score_metrics(predicted, true).items():
        given = getattr(record.metrics, name)
        if given is None or abs(given - value) > TOLERANCE:
            raise ValueError(
                f"metrics.{name} is {given}, but predictions and labels give {value}: take the "
                "metrics from adabench.evaluation.score_metrics on the predictions stored here"
            )
    if record.calibration is None:
        return
    for name, expected in calibration_of(predicted, true).items():
        found = getattr(record.calibration, name)
        if found is not expected and not np.isclose(
            np.nan if found is None else found,
            np.nan if expected is None else expected,
            rtol=TOLERANCE,
            atol=TOLERANCE,
        ):
            raise ValueError(
                f"calibration.{name} is {found}, but predictions and labels give {expected}"
            )


def _levels(record: RecordFields) -> Sequence[Level]:
    return (record.scale or bdi_ii()).levels


def check_clip_metrics(record: RecordFields) -> None:
    """Refuse metrics over clips that do not follow from predictions, where clips tell their session."""
    if record.clip_metrics is None:
        return
    if record.fusion != "joint":
        raise ValueError(
            f"clip_metrics are of one model on several tasks (joint), but fusion is {record.fusion!r}"
        )
    labels = {entry.session: entry.label for entry in record.predictions}
    owners = {clip: session_of(clip, labels) for clip in record.clips}
    if record.licensed or not owners or None in owners.values():
        return
    true = np.array([labels[str(owner)] for owner in owners.values()], dtype=np.float64)
    for name, value in score_metrics(np.array(list(record.clips.values())), true).items():
        given = getattr(record.clip_metrics, name)
        if given is None or abs(given - value) > TOLERANCE:
            raise ValueError(
                f"clip_metrics.{name} is {given}, but the clips' predictions and labels give {value}"
            )


def session_of(clip: str, sessions: Iterable[str]) -> str | None:
    """Return the session whose name a clip's begins with, as readers name clips; None without one."""
    owners = [name for name in sessions if clip == name or clip.startswith(f"{name}_")]
    return max(owners, key=len, default=None)


def _check_labels(record: RecordFields) -> None:
    bare = [entry.session for entry in record.predictions if entry.label is None]
    if bare:
        raise ValueError(
            f"session {bare[0]!r} has no label, and corpus {record.corpus!r} is not licensed: give "
            "every label, so that the metrics can be checked, or set licensed"
        )
    scale = record.scale or bdi_ii()
    outside = [
        entry for entry in record.predictions if not _is_within(entry, scale.low, scale.high)
    ]
    if outside:
        raise ValueError(
            f"session {outside[0].session!r} has label {outside[0].label:g}, and {scale.name} goes "
            f"from {scale.low:g} to {scale.high:g}"
        )


def _is_within(entry: Prediction, low: float, high: float) -> bool:
    return entry.label is None or low <= entry.label <= high


def _tells_persons(group: Group) -> bool:
    few = group.persons is not None and group.persons < FEWEST_PERSONS
    exact = (group.bias, group.slope, group.bias_interval, group.slope_interval)
    return few or any(value is not None for value in exact)


def _too_exact(record: RecordFields) -> Iterator[str]:
    content = record.model_dump(include=set(FROM_LABELS), mode="json")
    exact = [name for name, value in content.items() if coarse(value) != value]
    if exact:
        yield (
            f"corpus {record.corpus!r} is licensed, so its numbers have two decimals, but "
            f"{', '.join(exact)} have more"
        )
    sessions = record.counts.sessions if record.counts is not None else 0
    for name, group in record.groups.items():
        if _tells_persons(group):
            yield (
                f"groups.{name} is of fewer than {FEWEST_PERSONS} persons, or has bias or slope, "
                "which of a licensed corpus stay in the private side file"
            )
        rest = sessions - group.sessions
        if group.sessions < FEWEST_IN_GROUP or 0 < rest < FEWEST_IN_GROUP:
            yield (
                f"groups.{name} has {group.sessions} of {sessions} sessions; of a licensed corpus "
                f"neither a group nor what it leaves out may have fewer than {FEWEST_IN_GROUP}, as "
                "its metrics would tell single labels"
            )
