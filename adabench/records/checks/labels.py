"""A record held against the labels of its corpus: its metrics and intervals computed again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from adabench.evaluation.intervals import Interval, metric_intervals
from adabench.evaluation.metrics import score_metrics
from adabench.records.files.labels import CorpusLabels
from adabench.records.schema.consistency import TOLERANCE
from adabench.records.schema.record import Record
from adabench.records.schema.rounding import HALF_STEP


def label_reasons(record: Record, corpus: CorpusLabels) -> Iterator[str]:
    """Yield where a record and its prepared corpus disagree, its metrics among it."""
    if corpus.licensed and not record.licensed:
        yield f"licensed is not set, but corpus {corpus.name!r} is; its labels must stay out"
    unknown = [entry.session for entry in record.entries if entry.session not in corpus.scores]
    if unknown:
        yield f"corpus {corpus.name!r} has no score for session {unknown[0]!r}"
        return
    for entry in record.entries:
        subject, score = corpus.subjects[entry.session], corpus.scores[entry.session]
        if entry.subject != subject:
            yield f"session {entry.session!r} is of subject {subject!r}, not {entry.subject!r}"
            return
        if entry.label is not None and entry.label != score:
            yield f"session {entry.session!r} has label {entry.label:g}, its corpus {score:g}"
            return
    yield from _metric_reasons(record, corpus.scores)
    yield from _clip_reasons(record, corpus)


def interval_reasons(record: Record, scores: Mapping[str, float] | None) -> Iterator[str]:
    """Yield each interval that does not follow from the predictions.

    Args:
        record: with one interval a metric, or none.
        scores: session to points, for a record without labels; None if not at hand.
    """
    if not record.entries or not record.intervals or (record.licensed and scores is None):
        return
    predicted, true = _paired(record, scores)
    subjects = tuple(entry.subject for entry in record.entries)
    given: dict[str, Interval] = dict(record.intervals.items())
    expected = metric_intervals(predicted, true, subjects)
    for name in _differing(given, expected, _tolerance(record)):
        low, high = given[name]
        should = (
            "none, of one person" if name not in expected else "[{}, {}]".format(*expected[name])
        )
        yield f"the interval of {name} is [{low}, {high}], but the predictions give {should}"


def _metric_reasons(record: Record, scores: Mapping[str, float]) -> Iterator[str]:
    # Where the record holds labels, reading it has recomputed its metrics already.
    if not record.licensed or not record.entries:
        return
    for name, value in score_metrics(*_paired(record, scores)).items():
        given = getattr(record.metrics, name)
        if given is None or abs(given - value) > _tolerance(record):
            yield f"metrics.{name} is {given}, but predictions and the corpus's labels give {value}"


def _clip_reasons(record: Record, corpus: CorpusLabels) -> Iterator[str]:
    """Yield each metric over clips that neither file nor corpus gives, where both are at hand."""
    given, scores = record.clip_metrics, record.clip_scores
    owners = {} if corpus.prepared is None else {c.clip: c.session for c in corpus.prepared.clips}
    if given is None or not scores or not scores.keys() <= owners.keys():
        return
    true = np.array([corpus.scores[owners[clip]] for clip in scores])
    for name, value in score_metrics(np.array(list(scores.values())), true).items():
        told = getattr(given, name)
        if told is None or abs(told - value) > _tolerance(record):
            yield f"clip_metrics.{name} is {told}, but the clips' predictions give {value}"


def _paired(
    record: Record, scores: Mapping[str, float] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    true = [
        entry.label if entry.label is not None else (scores or {})[entry.session]
        for entry in record.entries
    ]
    return np.array([entry.prediction for entry in record.entries]), np.array(true)


def _tolerance(record: Record) -> float:
    """How far a record's number may lie from the recomputed one: a licensed record's is rounded."""
    return TOLERANCE + (HALF_STEP if record.licensed else 0.0)


def _differing(
    given: Mapping[str, Interval], expected: Mapping[str, Interval], tolerance: float
) -> list[str]:
    return [
        name
        for name, interval in given.items()
        if name not in expected or not np.allclose(interval, expected[name], rtol=0, atol=tolerance)
    ]
