"""From predictions to a result record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from adabench.config.experiment import Experiment
from adabench.config.fields.generated import synthface_parameters
from adabench.config.local_files import by_content
from adabench.config.references import REFERENCE, referenced, seed_of
from adabench.config.starts import starts_from
from adabench.data.manifest import ClipRecord
from adabench.engine.data.material import Material
from adabench.engine.data.rundata import RunData
from adabench.engine.stages.stage import StageResult
from adabench.engine.training.selection import selection_told
from adabench.evaluation.calibration import calibration_of
from adabench.evaluation.controls import SHUFFLED
from adabench.evaluation.intervals import metric_intervals
from adabench.evaluation.metrics import score_metrics
from adabench.models.weights import file_checksum
from adabench.plugins.fingerprints import code_record, units_of
from adabench.plugins.held import changed_data
from adabench.records import provenance
from adabench.records.measures import measures_of
from adabench.records.schema.groups import groups_of
from adabench.records.schema.intervals import Conformal
from adabench.records.schema.localisation import Localisation
from adabench.records.schema.private import divided
from adabench.records.schema.record import Record
from adabench.records.schema.scale import scale_form
from adabench.records.schema.sections import (
    AgainstConstant,
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
)


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
    against_constant: Mapping[str, AgainstConstant] = field(default_factory=dict)
    relevance_measures: Mapping[str, Localisation] = field(default_factory=dict)
    conformal: Sequence[Conformal] = ()
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
    measured, failed = _measured(experiment, data, predictions, labels, facts.clips)
    content = {
        **_named(experiment, facts),
        "corpus": corpus.name,
        "corpus_checksum": corpus.checksum,
        "licensed": corpus.licensed,
        **_drawn(experiment),
        "scale": scale_form(corpus.scale),
        "protocol": parts.protocol,
        "code": code_record(experiment.code),
        **measured,
        **_told(facts),
        **_provenance(experiment),
        "flags": facts.flags or Flags(demo=experiment.is_demo),
        "notes": [*_own_notes(experiment), *facts.notes, *parts.notes, *failed],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "origin": Measured(),
    }
    if not corpus.licensed:
        return Record.model_validate(content)
    public, private = divided(content)
    return Record.model_validate(public).with_private(private)


def tested_worlds(experiment: Experiment) -> tuple[str | None, ...] | None:
    """Return the world of the drawn faces that are tested; None of other corpora."""
    return (_drawn(experiment)["world"],) if experiment.track_.is_demo else None


def _drawn(experiment: Experiment) -> dict[str, Any]:
    """Return which of the generated corpora is read, and of the tested one, what it is one of."""
    told = {"draw": experiment.draw}
    if not experiment.track_.is_demo:
        return told
    parameters = synthface_parameters(experiment.corpora.synthface)
    return {**told, "family": parameters.family(), "world": parameters.world}


def _measured(
    experiment: Experiment,
    data: RunData,
    predictions: Mapping[str, float],
    labels: Mapping[str, float],
    clips: Mapping[str, float],
) -> tuple[dict[str, Any], list[str]]:
    """Return what follows from predictions and labels, and a line for each metric that failed."""
    tested, sessions = data.parts.test, sorted(labels)
    is_joint = fusion_of(experiment) == "joint"
    measures, failed = measures_of(
        experiment.metrics,
        [predictions[s] for s in sessions],
        [labels[s] for s in sessions],
        classes=data.corpus.scale.classes,
    )
    return {
        **scored(tested, predictions, labels, licensed=data.corpus.licensed),
        "clip_metrics": over_clips(tested, clips, labels) if is_joint else None,
        "measures": measures,
        "groups": groups_of(tested, predictions, labels),
    }, failed


def _own_notes(experiment: Experiment) -> list[str]:
    return [*_shuffled(experiment), *_edited(experiment)]


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
        "against_constant": dict(facts.against_constant),
        "relevance_measures": dict(facts.relevance_measures),
        "conformal": list(facts.conformal),
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


def over_clips(
    clips: Sequence[ClipRecord], scores: Mapping[str, float], labels: Mapping[str, float]
) -> Metrics | None:
    """Return the metrics over clips, each against its session's label; None where clips lack a score.

    Args:
        clips: that were tested.
        scores: clip → points.
        labels: session → points.
    """
    known = [clip for clip in clips if clip.session in labels]
    if not known or any(clip.clip not in scores for clip in known):
        return None
    predicted = np.array([scores[clip.clip] for clip in known])
    return Metrics(**score_metrics(predicted, np.array([labels[c.session] for c in known])))


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
    """Return a method's flags: demo, what it starts from, pretrained weights and semantics in use."""
    return Flags(
        demo=experiment.is_demo,
        paper_compat=experiment.paper_compat,
        starts_from=starts_from(experiment),
        **found,
    )


def flags_with_weights(
    experiment: Experiment, stages: Mapping[str, StageResult], **found: Any
) -> Flags:
    """Return a method's flags, with the pretrained weights that its config names.

    They are its trunk's, or where it has none, those that see its signals.
    """
    weights = _find_weights(experiment.method) or _seeing_stage(experiment)
    if weights is not None:
        found["pretrained"] = by_content(weights, "weights")
        path = weights
        if weights.startswith(REFERENCE):
            path = str(stages[weights.removeprefix(REFERENCE)].path)
        if Path(path).is_file():
            found["pretrained_checksum"] = file_checksum(Path(path))
    return flags_of(experiment, **found)


def _find_weights(value: Any) -> str | None:
    """Return the first ``weights`` entry of a nested config, the trunk's."""
    if isinstance(value, Mapping):
        if isinstance(value.get("weights"), str):
            return value["weights"]
        for item in value.values():
            found = _find_weights(item)
            if found is not None:
                return found
    return None


def _seeing_stage(experiment: Experiment) -> str | None:
    """Return the stage whose network sees the signals, as a config names it."""
    named = sorted(referenced(experiment.signals))
    return f"{REFERENCE}{named[0]}" if named else None


def stage_uses(experiment: Experiment, stages: Mapping[str, StageResult]) -> tuple[StageUse, ...]:
    """Return what was trained beforehand, as the record says it."""
    return tuple(
        StageUse(
            name=name,
            type=experiment.stages[name]["type"],
            key=stage.key,
            seed=seed_of(experiment.stages[name], experiment.seed, experiment.draw),
            seconds=stage.seconds,
            selection=selection_told(stage.measured),
        )
        for name, stage in stages.items()
    )


def alone_seconds(
    timing: Mapping[str, float], stages: Mapping[str, StageResult], *read: Material | None
) -> float:
    """Seconds of a run that finds nothing: what it found counts with what it took to make."""
    own = sum(timing.get(part, 0.0) for part in ("training", "evaluation"))
    made = sum(stage.seconds for stage in stages.values())
    return own + made + sum(material.seconds for material in read if material is not None)
