"""From an evaluation to a result record; the controls that stand beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from adabench.config.experiment import Experiment
from adabench.config.protocols import FoldsSection, ProtocolSection
from adabench.data.files import alone_in
from adabench.data.manifest import ClipRecord
from adabench.data.prepared import PreparedCorpus
from adabench.data.protocol import Parts, Protocol, divide
from adabench.engine.corpora import synthface_parameters
from adabench.engine.evaluation import session_labels
from adabench.evaluation.intervals import metric_intervals
from adabench.evaluation.metrics import score_metrics
from adabench.models.estimator import constant
from adabench.records import provenance
from adabench.records.record import (
    CONSTANT,
    SHUFFLED,
    Cost,
    Flags,
    Measured,
    Metrics,
    Prediction,
    Record,
)
from adabench.records.results import has_constant, read_records, write_record
from adabench.synthface import bounds


def fusion_of(experiment: Experiment) -> str:
    """Return how a session's tasks become one score: ``none`` where the track has one task."""
    return experiment.fusion if len(experiment.track_.tasks) > 1 else "none"


def make_record(
    experiment: Experiment,
    corpus: PreparedCorpus,
    parts: Parts,
    predictions: Mapping[str, float],
    *,
    kind: str | None = None,
    method: str | None = None,
    cost: Cost | None = None,
    timing: Mapping[str, float] | None = None,
    relevance_auc: Mapping[str, float] | None = None,
    flags: Flags | None = None,
    notes: Sequence[str] = (),
) -> Record:
    """Build the record of one test.

    Args:
        experiment: what was run.
        corpus: on what.
        parts: of the corpus; predictions are of the test clips.
        predictions: session → BDI-II points.
        kind: method, control or bound; by default a method, or a control where labels are shuffled.
        method: name; the experiment's by default, or that of the control.
        cost, timing, relevance_auc, flags: as in the record.
        notes: as in the record, which also says of the parts whether they share persons.
    """
    own = experiment.method["name"]
    return Record.model_validate(
        {
            "kind": kind or ("control" if experiment.shuffle_labels else "method"),
            "method": method or (SHUFFLED if experiment.shuffle_labels else own),
            "config": experiment.name,
            "config_hash": experiment.hash(),
            "overrides": list(experiment.overrides),
            "track": experiment.track_.name,
            "corpus": corpus.name,
            "corpus_checksum": corpus.checksum,
            "licensed": corpus.licensed,
            "protocol": parts.protocol,
            "fusion": fusion_of(experiment),
            "seed": experiment.seed,
            **_scored(parts.test, predictions, licensed=corpus.licensed),
            "cost": cost or Cost(),
            "timing": dict(timing or {}),
            "relevance_auc": dict(relevance_auc or {}),
            **_provenance(),
            "flags": flags or Flags(demo=experiment.is_demo),
            "notes": [
                *([f"{own} on shuffled labels"] if experiment.shuffle_labels else []),
                *notes,
                *parts.notes,
            ],
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "origin": Measured(),
        }
    )


def _scored(
    clips: Sequence[ClipRecord], predictions: Mapping[str, float], *, licensed: bool
) -> dict[str, Any]:
    """Return metrics, intervals and predictions; labels of a licensed corpus stay out."""
    labels = session_labels(clips)
    sessions = sorted(labels)
    subjects = {clip.session: clip.subject for clip in clips}
    predicted = np.array([predictions[s] for s in sessions])
    truth = np.array([labels[s] for s in sessions])
    return {
        "metrics": Metrics(**score_metrics(predicted, truth)),
        "intervals": metric_intervals(predicted, truth, [subjects[s] for s in sessions]),
        "predictions": [
            Prediction(
                session=s,
                subject=subjects[s],
                prediction=float(p),
                label=None if licensed else labels[s],
            )
            for s, p in zip(sessions, predicted, strict=True)
        ],
    }


def _provenance() -> dict[str, Any]:
    commit, clean = provenance.commit()
    return {
        "hardware": provenance.hardware(),
        "packages": provenance.packages(),
        "commit": commit,
        "clean_tree": clean,
    }


def write_controls(
    experiment: Experiment, corpus: PreparedCorpus, parts: Parts, results: Path
) -> list[Path]:
    """Write the constant's record, and a generated corpus's bounds, where they are absent.

    Every results folder holds them once per track, corpus and protocol. A single fold has none: the
    folds together do.
    """
    if experiment.is_fold:
        return []
    # Two runs that end at once would otherwise both find them absent.
    with alone_in(results / experiment.track_.name):
        return [
            write_record(record, results) for record in _absent(experiment, corpus, parts, results)
        ]


def _absent(
    experiment: Experiment, corpus: PreparedCorpus, parts: Parts, results: Path
) -> list[Record]:
    track = experiment.track_
    plain = _control(experiment)
    made: list[Record] = []
    if track.is_demo and not _has_bounds(results, track.name, corpus.checksum):
        made += _bounds(plain, corpus, parts)
    if not has_constant(results, track.name, corpus.checksum, parts.protocol):
        predictions = _constant_predictions(experiment, corpus, parts)
        made.append(make_record(plain, corpus, parts, predictions, kind="control", method=CONSTANT))
    return made


def _constant_predictions(
    experiment: Experiment, corpus: PreparedCorpus, parts: Parts
) -> dict[str, float]:
    """Return session → mean of the training sessions, in folds of those of its own fold."""
    divisions = [parts]
    if isinstance(experiment.protocol, FoldsSection):
        tasks = experiment.track_.tasks
        divisions = [divide(corpus, fold.build(), tasks) for fold in experiment.protocol.each()]
    predictions: dict[str, float] = {}
    for part in divisions:
        train = session_labels(part.train)
        test = sorted(session_labels(part.test))
        predictor = constant().fit(None, [train[s] for s in sorted(train)])
        predictions |= zip(test, predictor.predict(len(test)).tolist(), strict=True)
    return predictions


def _has_bounds(results: Path, track: str, checksum: str) -> bool:
    folder = results / track
    records = read_records(folder)[0] if folder.is_dir() else []
    return any(r.kind == "bound" and r.corpus_checksum == checksum for r in records)


def _control(experiment: Experiment) -> Experiment:
    """Return the experiment without its method: a control depends on track and data alone."""
    return Experiment.model_validate(
        {
            "name": CONSTANT,
            "method": {"name": CONSTANT, "type": "EstimatorMethod"},
            "track": experiment.track,
            "data": experiment.data,
            "protocol": experiment.protocol.model_dump(by_alias=True),
            "is_demo": experiment.is_demo,
        }
    )


def _bounds(plain: Experiment, corpus: PreparedCorpus, parts: Parts) -> list[Record]:
    """Return the generator's bounds: regressors over the true curves, which no method can read.

    They are fitted and tested on the official splits, and hold for protocols that test the same
    sessions.
    """
    tasks = plain.track_.tasks
    official = divide(corpus, Protocol(), tasks)
    if session_labels(official.test) != session_labels(parts.test):
        return []
    found = bounds(synthface_parameters(plain.data), task=tasks[0] if len(tasks) == 1 else None)
    named = plain.model_copy(update={"name": "bounds", "protocol": ProtocolSection()})
    return [
        make_record(
            named,
            corpus,
            official,
            bound.predictions,
            kind="bound",
            method=f"bound: {name}",
            notes=[bound.description],
        )
        for name, bound in found.items()
        if name != CONSTANT
    ]


def describe_timing(seconds: Mapping[str, float]) -> list[tuple[str, str]]:
    """Return (part, minutes) rows, the sum last."""
    rows = [(part, f"{value / 60:.1f} min") for part, value in seconds.items()]
    return [*rows, ("together", f"{sum(seconds.values()) / 60:.1f} min")]


def flags_of(experiment: Experiment, **found: Any) -> Flags:
    """Return a network's flags: demo, pretrained weights and semantics in use."""
    return Flags(demo=experiment.is_demo, paper_compat=experiment.paper_compat, **found)
