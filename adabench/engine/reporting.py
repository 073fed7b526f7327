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
from adabench.engine.rundata import RunData
from adabench.evaluation.calibration import calibration_of
from adabench.evaluation.controls import SHUFFLED
from adabench.evaluation.intervals import metric_intervals
from adabench.evaluation.metrics import score_metrics
from adabench.plugins.fingerprints import code_record, units_of
from adabench.plugins.held import changed_data
from adabench.records import provenance
from adabench.records.groups import groups_of
from adabench.records.measures import measures_of
from adabench.records.private import divided
from adabench.records.record import Record
from adabench.records.sections import (
    Calibration,
    Contract,
    Cost,
    Counts,
    Decoy,
    Flags,
    Measured,
    Metrics,
    Prediction,
    Selection,
    StageUse,
    View,
    scale_form,
)
from adabench.testing import ContractReport


@dataclass(frozen=True)
class Facts:
    """What a record says beside run, data and predictions; fields as in the record.

    Attributes:
        contract: what the checks of the method found; None where there is no method of one's own.
        kind: method, control or bound; by default a method, or a control where labels are shuffled.
        decoy: what asking the method for a decoy of the test clips showed.
    """

    kind: str | None = None
    stages: Sequence[StageUse] = ()
    caches: Sequence[str] = ()
    view: View | None = None
    kept_share: float | None = None
    selection: Selection | None = None
    clips: Mapping[str, float] = field(default_factory=dict)
    contract: Contract | None = None
    decoy: Decoy | None = None
    cost: Cost = field(default_factory=Cost)
    timing: Mapping[str, float] = field(default_factory=dict)
    relevance_auc: Mapping[str, float] = field(default_factory=dict)
    flags: Flags | None = None
    notes: Sequence[str] = ()


def fusion_of(experiment: Experiment) -> str:
    """Return how a session's tasks become one score: ``none`` where the track has one task."""
    return experiment.fusion if len(experiment.track_.tasks) > 1 else "none"


def make_record(
    experiment: Experiment,
    data: RunData,
    predictions: Mapping[str, float],
    labels: Mapping[str, float],
    facts: Facts,
) -> Record:
    """Build the record of one test; of a licensed corpus with its private side file at hand.

    Args:
        experiment: what was run.
        data: on what; the record also says of its parts whether they share persons.
        predictions: session → points, of the test clips.
        labels: session → points, of those sessions.
        facts: what else is known.
    """
    corpus, parts = data.corpus, data.parts
    sessions = sorted(labels)
    measures, failed = measures_of(
        experiment.metrics,
        [predictions[s] for s in sessions],
        [labels[s] for s in sessions],
        classes=corpus.scale.classes,
    )
    content = {
        **_named(experiment, facts),
        "corpus": corpus.name,
        "corpus_checksum": corpus.checksum,
        "licensed": corpus.licensed,
        "draw": experiment.draw,
        "scale": scale_form(corpus.scale),
        "protocol": parts.protocol,
        "code": code_record(experiment.code),
        **scored(parts.test, predictions, labels, licensed=corpus.licensed),
        "measures": measures,
        "groups": groups_of(parts.test, predictions, labels),
        **_told(facts),
        **_provenance(experiment),
        "flags": facts.flags or Flags(demo=experiment.is_demo),
        "notes": [
            *_shuffled(experiment),
            *_edited(experiment),
            *facts.notes,
            *parts.notes,
            *failed,
        ],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "origin": Measured(),
    }
    if not corpus.licensed:
        return Record.model_validate(content)
    public, private = divided(content)
    return Record.model_validate(public).with_private(private)


def _told(facts: Facts) -> dict[str, Any]:
    """Return the facts that the record holds under the same name."""
    return {
        "stages": list(facts.stages),
        "caches": list(facts.caches),
        "view": facts.view,
        "kept_share": facts.kept_share,
        "selection": facts.selection,
        "clips": dict(facts.clips),
        "contract": facts.contract,
        "decoy": facts.decoy,
        "cost": facts.cost,
        "timing": dict(facts.timing),
        "relevance_auc": dict(facts.relevance_auc),
    }


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


def _edited(experiment: Experiment) -> list[str]:
    units = (held for name in experiment.code for held in units_of(name))
    changed = sorted({name for held in units for name in changed_data(held)})
    told = "changed while the run went on: which content its parts read is not known"
    return [f"{', '.join(changed)} {told}"] if changed else []


def contract_told(report: ContractReport) -> Contract:
    """Return what a record says of a contract that was held, broken or not checked."""
    seconds = sum(report.seconds.values())
    return Contract(outcome=report.outcome, reasons=[report.line()], seconds=seconds)


def worst_contract(records: Sequence[Record]) -> Contract | None:
    """Return the contract of records that are joined: the worst of theirs; None where one tells none."""
    told = [record.contract for record in records if record.contract is not None]
    if len(told) < len(records):
        return None
    ranks = {"broken": 0, "not checked": 1, "held": 2}
    return min(told, key=lambda contract: ranks[contract.outcome])


def scored(
    clips: Sequence[ClipRecord],
    predictions: Mapping[str, float],
    labels: Mapping[str, float],
    *,
    licensed: bool,
) -> dict[str, Any]:
    """Return the fields of a record that follow from predictions and labels, with all digits.

    Args:
        clips: that were tested.
        predictions, labels: session → points.
        licensed: leave the labels out.
    """
    sessions = sorted(labels)
    subjects = {clip.session: clip.subject for clip in clips}
    predicted = np.array([predictions[s] for s in sessions])
    truth = np.array([labels[s] for s in sessions])
    persons = len({subjects[s] for s in sessions})
    return {
        "counts": Counts(sessions=len(sessions), persons=persons, clips=len(clips)),
        "calibration": Calibration.model_validate(calibration_of(predicted, truth)),
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


def _provenance(experiment: Experiment) -> dict[str, Any]:
    commit, clean = provenance.commit(experiment.code)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "load": provenance.load(),
        "hardware": provenance.hardware(threads=torch.get_num_threads(), gpu=gpu),
        "packages": provenance.packages(experiment.code),
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
