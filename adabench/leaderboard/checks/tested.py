"""Which sessions, persons and labels a record must have: those that its protocol tests.

They follow from the prepared corpus where it is at hand; from the generator where the corpus is
generated and the config lies beside the record; and otherwise from other records of the same data.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from adabench.data.tracks import get_track
from adabench.records.labels import CorpusLabels
from adabench.records.record import Record

if TYPE_CHECKING:
    from adabench.config.experiment import Experiment
    from adabench.data.prepared import PreparedCorpus

#: Session → person and label, which is None where it may not be passed on.
Tested = Mapping[str, tuple[str, float | None]]

# How a protocol of splits is written where they are not those of its name.
_SPLITS = re.compile(r".*\(\S+, \S+, (?P<test>\S+)\)")
_TEST_SPLIT = ("official", "train+dev")


def session_reasons(
    record: Record, experiment: Experiment | None, corpus: CorpusLabels | None
) -> Iterator[str]:
    """Yield where a record's sessions, persons or labels are not those that its protocol tests.

    Args:
        record: one without predictions is left alone.
        experiment: that its config describes, if there is one.
        corpus: the prepared corpus, if it is at hand.
    """
    if not record.entries:
        return
    if corpus is not None and corpus.prepared is not None:
        yield from _division_reasons(record, experiment, corpus.prepared)
    elif experiment is not None and experiment.track_.is_demo:
        try:
            drawn = _drawn(experiment)
        except ValueError as error:
            yield f"its corpus can't be drawn from its config: {error}"
            return
        yield from _division_reasons(record, experiment, drawn)
        yield from _drawn_reasons(record, drawn)


def agreement_reasons(record: Record, others: Iterable[tuple[Path, Record]]) -> Iterator[str]:
    """Yield the first of other records on the same data whose sessions, persons or labels differ.

    Data are the same with one track, one corpus checksum and one protocol.

    Args:
        record: to compare.
        others: with their files.
    """
    own = sessions_of(record)
    for path, other in others:
        theirs = sessions_of(other)
        if own and theirs and data_of(other) == data_of(record) and theirs != own:
            yield (
                "its sessions, persons or labels are not those of another record of the same track, "
                f"corpus and protocol, {path}: one of the two is wrong; name the prepared corpus with "
                "--data"
            )
            return


def data_of(record: Record) -> tuple[str | None, ...]:
    """Return what two records share if they were tested on the same sessions."""
    return record.track, record.corpus_checksum, record.protocol


def sessions_of(record: Record) -> Tested:
    """Return the sessions of a record; none where it holds no predictions."""
    return {entry.session: (entry.subject, entry.label) for entry in record.entries}


def _division_reasons(
    record: Record, experiment: Experiment | None, corpus: PreparedCorpus
) -> Iterator[str]:
    try:
        sessions, protocol = _division(record, experiment, corpus)
    except ValueError as error:
        yield f"its protocol {record.protocol!r} does not fit its corpus: {error}"
        return
    if protocol is not None and record.protocol != protocol:
        yield (
            f"protocol is {record.protocol!r}, but its config and corpus give {protocol!r} (divided "
            "by another scikit-learn? Its record says which)"
        )
    elif sessions is not None:
        yield from _count_reasons(record, sessions)


def _count_reasons(record: Record, expected: Collection[str]) -> Iterator[str]:
    given = {entry.session for entry in record.entries}
    for found, what in (
        (sorted(set(expected) - given), "lacks"),
        (sorted(given - set(expected)), "has in excess"),
    ):
        if found:
            yield (
                f"its protocol {record.protocol!r} tests {len(expected)} sessions, of which it {what} "
                f"{len(found)}, the first {found[0]!r}"
            )


def _division(
    record: Record, experiment: Experiment | None, corpus: PreparedCorpus
) -> tuple[set[str] | None, str | None]:
    """Return the sessions that are tested, and the protocol's full name; None for what is not known."""
    # What divides clips reads frames and tables too, and records alone need neither.
    from adabench.config.protocols import CrossCorpusSection
    from adabench.data.protocol import divide

    if experiment is None:
        splits = _test_splits(record.protocol or "")
        tasks = get_track(record.track).tasks
    elif isinstance(experiment.protocol, CrossCorpusSection):
        splits, tasks = experiment.protocol.test, experiment.track_.tasks
    else:
        parts = divide(corpus, experiment.protocol.build(), experiment.track_.tasks)
        return {clip.session for clip in parts.test}, parts.protocol
    if splits is None:
        return None, None
    clips = [c for c in corpus.clips if c.split in splits and (not tasks or c.task in tasks)]
    return {clip.session for clip in clips}, None


def _test_splits(protocol: str) -> tuple[str, ...] | None:
    """Return the tested splits of a protocol that no config describes; None for a division anew."""
    if protocol in _TEST_SPLIT:
        return ("test",)
    found = _SPLITS.fullmatch(protocol)
    return tuple(found["test"].split("+")) if found else None


def _drawn(experiment: Experiment) -> PreparedCorpus:
    """Return a generated corpus without its frames: clips with sessions, persons, splits, scores."""
    from adabench.config.generated import synthface_parameters

    parameters = synthface_parameters(experiment.data).model_dump_json()
    return _drawn_from(parameters, experiment.track_.corpus, experiment.data.size)


@lru_cache(maxsize=8)
def _drawn_from(parameters_json: str, name: str, size: int) -> PreparedCorpus:
    from adabench.data.manifest import ClipRecord
    from adabench.data.prepared import CorpusDescription, PreparedCorpus
    from adabench.synthface import TASKS, SynthfaceParameters, draw_sessions

    parameters = SynthfaceParameters.model_validate_json(parameters_json)
    clips = [
        ClipRecord(
            clip=session.clip_name(task),
            subject=f"{session.person:03d}",
            session=session.name,
            task=task,
            split=session.split,
            score=session.score,
            fps=parameters.fps,
            frames=1,
            face_rate=1.0,
            source=f"{session.clip_name(task)}.mp4",
            source_sha256=hashlib.sha256(session.clip_name(task).encode()).hexdigest(),
        )
        for session in draw_sessions(parameters)
        for task in TASKS
    ]
    description = CorpusDescription(name, name, False, {"size": size}, None)
    return PreparedCorpus(Path(), description, clips, checksum="")


def _drawn_reasons(record: Record, corpus: PreparedCorpus) -> Iterator[str]:
    known = {clip.session: (clip.subject, clip.score) for clip in corpus.clips}
    for session, (subject, label) in sessions_of(record).items():
        if session not in known:
            continue
        expected = known[session]
        if subject != expected[0] or (label is not None and label != expected[1]):
            yield (
                f"session {session!r} is of subject {expected[0]!r} with label {expected[1]}, drawn "
                f"anew from its config; the record has {subject!r} with {label}"
            )
            return
