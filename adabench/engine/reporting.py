"""From predictions to a result record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch

from adabench.config.experiment import Experiment
from adabench.data.manifest import ClipRecord
from adabench.engine.rundata import RunData, session_labels
from adabench.evaluation.controls import SHUFFLED
from adabench.evaluation.intervals import metric_intervals
from adabench.evaluation.metrics import score_metrics
from adabench.records import provenance
from adabench.records.record import Cost, Flags, Measured, Metrics, Prediction, Record
from adabench.testing import ContractReport

#: How a record's note on the contract begins.
CONTRACT = "contract: "


@dataclass(frozen=True)
class Facts:
    """What a record says beside run, data and predictions; fields as in the record.

    Attributes:
        contract: what the checks of the method found; None where there is no method of one's own.
        kind: method, control or bound; by default a method, or a control where labels are shuffled.
    """

    kind: str | None = None
    cost: Cost = field(default_factory=Cost)
    timing: Mapping[str, float] = field(default_factory=dict)
    relevance_auc: Mapping[str, float] = field(default_factory=dict)
    flags: Flags | None = None
    contract: ContractReport | None = None
    notes: Sequence[str] = ()


def fusion_of(experiment: Experiment) -> str:
    """Return how a session's tasks become one score: ``none`` where the track has one task."""
    return experiment.fusion if len(experiment.track_.tasks) > 1 else "none"


def make_record(
    experiment: Experiment, data: RunData, predictions: Mapping[str, float], facts: Facts
) -> Record:
    """Build the record of one test.

    Args:
        experiment: what was run.
        data: on what; the record also says of its parts whether they share persons.
        predictions: session → BDI-II points, of the test clips.
        facts: what else is known.
    """
    corpus, parts = data.corpus, data.parts
    content = {
        **_named(experiment, facts),
        "corpus": corpus.name,
        "corpus_checksum": corpus.checksum,
        "licensed": corpus.licensed,
        "protocol": parts.protocol,
        **_scored(parts.test, predictions, licensed=corpus.licensed),
        "cost": facts.cost,
        "timing": dict(facts.timing),
        "relevance_auc": dict(facts.relevance_auc),
        **_provenance(),
        "flags": facts.flags or Flags(demo=experiment.is_demo),
        "notes": [*_shuffled(experiment), *facts.notes, *parts.notes, *_contract(facts)],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "origin": Measured(),
    }
    return Record.model_validate(content)


def _named(experiment: Experiment, facts: Facts) -> dict[str, Any]:
    shuffled = experiment.shuffle_labels
    return {
        "kind": facts.kind or ("control" if shuffled else "method"),
        "method": SHUFFLED if shuffled else experiment.method["name"],
        "config": experiment.name,
        "config_hash": experiment.hash(),
        "overrides": list(experiment.overrides),
        "track": experiment.track_.name,
        "fusion": fusion_of(experiment),
        "seed": experiment.seed,
    }


def _shuffled(experiment: Experiment) -> list[str]:
    own = experiment.method["name"]
    return [f"{own} on shuffled labels"] if experiment.shuffle_labels else []


def _contract(facts: Facts) -> list[str]:
    return [] if facts.contract is None else [f"{CONTRACT}{facts.contract.line()}"]


def worst_contract(records: Sequence[Record]) -> list[str]:
    """Return the note on the contract of records that are joined: the worst of theirs."""
    told = [note for record in records for note in record.notes if note.startswith(CONTRACT)]
    for outcome in ("broken", "not checked", "held"):
        for note in told:
            if note.removeprefix(CONTRACT).startswith(outcome):
                return [note]
    return []


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
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "hardware": provenance.hardware(threads=torch.get_num_threads(), gpu=gpu),
        "packages": provenance.packages(),
        "commit": commit,
        "clean_tree": clean,
    }


def describe_timing(seconds: Mapping[str, float]) -> list[tuple[str, str]]:
    """Return (part, minutes) rows, the sum last."""
    rows = [(part, f"{value / 60:.1f} min") for part, value in seconds.items()]
    return [*rows, ("together", f"{sum(seconds.values()) / 60:.1f} min")]


def flags_of(experiment: Experiment, **found: Any) -> Flags:
    """Return a method's flags: demo, pretrained weights and semantics in use."""
    return Flags(demo=experiment.is_demo, paper_compat=experiment.paper_compat, **found)
