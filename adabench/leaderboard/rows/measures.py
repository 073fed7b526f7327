"""Metrics that a run's config names, computed for every run of its track: a column of the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from adabench.leaderboard.checks.claims import experiment_beside
from adabench.records.files.labels import CorpusLabels, labels_for
from adabench.records.schema.consistency import TOLERANCE
from adabench.records.schema.record import Record

if TYPE_CHECKING:
    from pathlib import Path

    from adabench.config.experiment import Experiment
    from adabench.evaluation import SessionMetric


def metrics_of(runs: Iterable[tuple[Record, Path | None]]) -> dict[str, SessionMetric]:
    """Return name → metric of those that the runs of a track name and that are loaded here.

    Args:
        runs: records with their files, beside which the configs lie.
    """
    found: dict[str, SessionMetric] = {}
    for record, path in runs:
        found |= _of_classes(record)
        if not set(record.further) - set(found):
            continue
        experiment = experiment_beside(path, record)
        if experiment is not None:
            found |= {m.name: m for m in _loaded(experiment) if m.name in record.further}
    return found


def values_of(
    record: Record, metrics: Mapping[str, SessionMetric], corpora: Mapping[str, CorpusLabels]
) -> dict[str, float]:
    """Return name → value of a record: computed where its metric and labels are at hand, else as told."""
    from adabench.records.measures import MetricError, value_of

    values = {name: measure.value for name, measure in record.further.items()}
    pairs = _pairs(record, labels_for([record], corpora))
    if pairs is None:
        return values
    for name, metric in metrics.items():
        try:
            values[name] = value_of(metric, *pairs)
        except MetricError:
            # A table is no place for it: the run that named the metric was told.
            continue
    return values


def measure_reasons(
    record: Record, experiment: Experiment | None, corpus: CorpusLabels | None
) -> tuple[list[str], list[str]]:
    """Return why a record's measures don't hold, and which could not be recomputed."""
    from adabench.records.measures import MetricError, value_of

    pairs = _pairs(record, None if corpus is None else corpus.scores)
    metrics = {} if experiment is None else {m.name: m for m in _loaded(experiment)}
    metrics |= _of_classes(record)
    reasons: list[str] = []
    unknown: list[str] = []
    for name, measure in record.further.items():
        if name not in metrics or pairs is None:
            unknown.append(f"measure {name!r} ({measure.code}) was not recomputed")
            continue
        try:
            value = value_of(metrics[name], *pairs)
        except MetricError as error:
            unknown.append(f"measure {name!r} was not recomputed: {error}")
            continue
        if abs(value - measure.value) > TOLERANCE * max(1.0, abs(value)):
            reasons.append(
                f"measures.{name} is {measure.value}, but predictions and labels give {value}"
            )
    return reasons, unknown


def _of_classes(record: Record) -> dict[str, SessionMetric]:
    """Return the metrics that a record of two classes has by itself."""
    if record.scale is None or not record.scale.classes:
        return {}
    from adabench.evaluation.classes import CLASS_METRICS

    return {metric.name: metric for metric in CLASS_METRICS}


def _loaded(experiment: Experiment) -> list[SessionMetric]:
    """Return the metrics of a config whose types are registered here."""
    from adabench.records.measures import MetricError, build_metrics
    from adabench.registry import UnknownTypeError

    found: list[SessionMetric] = []
    for config in experiment.metrics:
        try:
            found += build_metrics([config])
        except (UnknownTypeError, MetricError, TypeError, ValueError):
            # Of a plugin that is not loaded, or of other code than the run's.
            continue
    return found


def _pairs(
    record: Record, scores: Mapping[str, float] | None
) -> tuple[list[float], list[float]] | None:
    """Return predictions and labels of the same sessions, or None where any label is missing."""
    entries = sorted(record.entries, key=lambda entry: entry.session)
    labels = [
        entry.label if entry.label is not None else (scores or {}).get(entry.session)
        for entry in entries
    ]
    known = [label for label in labels if label is not None]
    if not entries or len(known) < len(labels):
        return None
    return [entry.prediction for entry in entries], known
