"""Which sessions, persons and labels a record must have: those that its protocol tests.

They follow from the prepared corpus where it is at hand; from the generator where the corpus is
generated and the config lies beside the record; and otherwise from other records of the same data.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Final

from adabench.data.tracks import get_track
from adabench.evaluation.controls import CONSTANT
from adabench.records.files.labels import CorpusLabels
from adabench.records.schema.record import Record

if TYPE_CHECKING:
    from adabench.config.experiment import Experiment
    from adabench.data.manifest import ClipRecord
    from adabench.data.prepared import PreparedCorpus

#: Session → person and label, which is None where it may not be passed on.
Tested = Mapping[str, tuple[str, float | None]]

# How a protocol of splits is written where they are not those of its name.
_SPLITS = re.compile(r".*\(\S+, \S+, (?P<test>\S+)\)")
_TEST_SPLIT = ("official", "train+dev")

# points: means in another order of summation differ by far less.
_SAME: Final = 1e-3


def session_reasons(
    record: Record, experiment: Experiment | None, corpus: CorpusLabels | None
) -> Iterator[str]:
    """Yield where a record's sessions, persons or labels are not those that its protocol tests.

    Args:
        record: of one without predictions, its counts are looked at, if it has any.
        experiment: that its config describes, if there is one.
        corpus: the prepared corpus, if it is at hand.
    """
    if not record.sessions:
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
    elif experiment is not None:
        yield from _protocol_reasons(record, experiment)


def agreement_reasons(record: Record, others: Iterable[tuple[Path, Record]]) -> Iterator[str]:
    """Yield the first of other records on the same data whose sessions, persons or labels differ.

    Data are the same with one track, one corpus checksum and one protocol. Where one of the two holds
    no predictions, as of a licensed corpus, their counts must be the same.

    Args:
        record: to compare.
        others: with their files.
    """
    own = sessions_of(record)
    for path, other in others:
        if data_of(other) != data_of(record):
            continue
        theirs = sessions_of(other)
        differ = theirs != own if own and theirs else _counts_differ(record, other)
        if differ:
            yield (
                "its sessions, persons or labels are not those of another record of the same track, "
                f"corpus and protocol, {path}: one of the two is wrong; name the prepared corpus with "
                "--data"
            )
            return


def _counts_differ(record: Record, other: Record) -> bool:
    if not record.sessions or not other.sessions:
        return False
    return counts_of(record) != counts_of(other)


def counts_of(record: Record) -> tuple[int, int]:
    """Return how many sessions a record was tested on, and of how many persons; 0 where unknown."""
    return record.sessions, record.persons


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
        clips, protocol = _division(record, experiment, corpus)
    except ValueError as error:
        yield f"its protocol {record.protocol!r} does not fit its corpus: {error}"
        return
    if protocol is not None and record.protocol != protocol:
        yield (
            f"protocol is {record.protocol!r}, but its config and corpus give {protocol!r} (divided "
            "by another scikit-learn? Its record says which)"
        )
    elif clips is not None:
        yield from _tested_reasons(record, clips)
        if experiment is not None and record.method == CONSTANT:
            yield from _constant_reasons(record, experiment, corpus)


def _protocol_reasons(record: Record, experiment: Experiment) -> Iterator[str]:
    """Yield why a protocol is not the config's; its division's digest takes the corpus to compute."""
    from adabench.data.protocol import Protocol

    protocol = experiment.protocol.build()
    fold = getattr(protocol, "fold", None)
    digest = "" if isinstance(protocol, Protocol) else "(, [0-9a-f]{8})"
    number = "" if fold is None else f", fold {fold}"
    if not re.fullmatch(f"{re.escape(protocol.title)}{digest}{number}", record.protocol or ""):
        yield f"protocol is {record.protocol!r}, but its config gives {protocol.title + number!r}"


def _tested_reasons(record: Record, tested: Sequence[ClipRecord]) -> Iterator[str]:
    """Yield where counts, sessions or clips are not those of the clips that are tested."""
    persons = {clip.session: clip.subject for clip in tested}
    expected = len(persons), len(set(persons.values()))
    if not record.entries:
        if counts_of(record) != expected:
            yield (
                f"its protocol {record.protocol!r} tests {expected[0]} sessions of {expected[1]} "
                f"persons, but counts are {record.sessions} of {record.persons}"
            )
        return
    given = {entry.session for entry in record.entries}
    strange = record.clip_scores.keys() - {clip.clip for clip in tested}
    for found, what in (
        (sorted(persons.keys() - given), "lacks"),
        (sorted(given - persons.keys()), "has in excess"),
    ):
        if found:
            yield (
                f"its protocol {record.protocol!r} tests {expected[0]} sessions, of which it {what} "
                f"{len(found)}, the first {found[0]!r}"
            )
    if strange:
        yield f"clips has {min(strange)!r}, which its protocol {record.protocol!r} does not test"


def _constant_reasons(
    record: Record, experiment: Experiment, corpus: PreparedCorpus
) -> Iterator[str]:
    """Yield why a constant is not the mean of the scores that its protocol trains on."""
    from adabench.config.fields.protocols import CrossCorpusSection, FoldsSection
    from adabench.data.protocol import divide
    from adabench.data.sealed import session_labels

    section = experiment.protocol
    if isinstance(section, CrossCorpusSection) or experiment.is_fused:
        # Trained on a corpus that is not at hand, or the mean of several constants.
        return
    folds = section.each() if isinstance(section, FoldsSection) else ()
    means: dict[str, float] = {}
    for part in folds or (section,):
        parts = divide(corpus, part.build(), experiment.track_.tasks)
        mean = fmean(session_labels(parts.train).values())
        means |= {clip.session: mean for clip in parts.test}
    for entry in record.entries:
        expected = means.get(entry.session)
        if expected is not None and abs(entry.prediction - expected) > _SAME:
            yield (
                f"it predicts {entry.prediction:g} for session {entry.session!r}, but the mean of the "
                f"training scores is {expected:g}"
            )
            return


def _division(
    record: Record, experiment: Experiment | None, corpus: PreparedCorpus
) -> tuple[Sequence[ClipRecord] | None, str | None]:
    """Return the clips that are tested, and the protocol's full name; None for what is not known."""
    # What divides clips reads frames and tables too, and records alone need neither.
    from adabench.config.fields.protocols import CrossCorpusSection
    from adabench.data.protocol import divide

    if experiment is None:
        splits = _test_splits(record.protocol or "")
        tasks = get_track(record.track).tasks
    elif isinstance(experiment.protocol, CrossCorpusSection):
        splits, tasks = experiment.protocol.test, experiment.track_.tasks
    else:
        parts = divide(corpus, experiment.protocol.build(), experiment.track_.tasks)
        return parts.test, parts.protocol
    if splits is None:
        return None, None
    return [c for c in corpus.clips if c.split in splits and (not tasks or c.task in tasks)], None


def _test_splits(protocol: str) -> tuple[str, ...] | None:
    """Return the tested splits of a protocol that no config describes; None for a division anew."""
    if protocol in _TEST_SPLIT:
        return ("test",)
    found = _SPLITS.fullmatch(protocol)
    return tuple(found["test"].split("+")) if found else None


def _drawn(experiment: Experiment) -> PreparedCorpus:
    """Return a generated corpus without its frames: clips with sessions, persons, splits, scores."""
    from adabench.config.fields.generated import synthface_parameters

    parameters = synthface_parameters(experiment.corpora.synthface).model_dump_json()
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
            subject=session.subject,
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
