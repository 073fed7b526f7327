"""One run, end to end: what ``tools/train.py`` and ``tools/test.py`` call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from adabench.config.experiment import Experiment
from adabench.config.preparations import CORPUS, FEATURES
from adabench.data.files import remove_leftovers, write_bytes
from adabench.data.tracks import task_tracks
from adabench.engine.data.corpora import reading
from adabench.engine.data.rundata import RunData, open_data
from adabench.engine.files import checkpoints
from adabench.engine.files.estimator_file import FITTED
from adabench.engine.files.timings import Timings
from adabench.engine.files.work_folder import working_in
from adabench.engine.kinds import Place, kind_of, kind_of_method
from adabench.engine.kinds.network import CURVE_FIGURE
from adabench.engine.recording.repeat import told_apart, with_side_files
from adabench.engine.recording.reporting import make_record
from adabench.engine.testing.calibrated import (
    Predicted,
    check_intervals,
    fit_calibrators,
    restored,
    told,
    write_predicted,
)
from adabench.engine.testing.evaluation import Evaluation
from adabench.engine.workbench import ensure_run_stages
from adabench.evaluation import BDI_II
from adabench.records.drawn import drawn_file, drawn_words, worlds_of
from adabench.records.files.private import write_private
from adabench.records.files.results import read_record, sealed, write_record
from adabench.records.files.side_files import CURVE, read_side_files, write_side_files
from adabench.records.measures import build_metrics
from adabench.records.schema.record import Record
from adabench.records.schema.scale import bdi_ii, scale_of
from adabench.records.schema.tracks import PRIVATE_FOLDER

RECORD = "record.json"
FIGURE = "prediction.png"
PREDICTIONS = "predictions.json"
TIMING = "timing.json"


@dataclass(frozen=True)
class Outcome:
    """What a run leaves.

    Attributes:
        record: the result.
        path: where the results folder holds it.
        figure: prediction against label.
        checkpoint: the best one, or a fitted estimator; None where there is none, or several.
        curve: of the training, drawn; None where nothing was trained, or several were.
    """

    record: Record
    path: Path
    figure: Path
    checkpoint: Path | None
    curve: Path | None


def train(
    experiment: Experiment,
    *,
    work_dir: Path,
    results: Path,
    resume: bool = False,
    since: float = 0.0,
    allow_broken: bool = False,
    data: RunData | None = None,
    checked: bool = False,
) -> Outcome:
    """Train, select on the validation data, test once with the best, write the record.

    Args:
        experiment: what to run.
        work_dir: folder of checkpoints, figure and the run's own copy of the record.
        results: results folder; the record goes to ``results/<track>/``.
        resume: go on where an earlier call in ``work_dir`` was cut. A finished run is not repeated.
        since: run again what was begun, or recorded, before this time (seconds since the epoch).
        allow_broken: train and test a method that breaks the contract; the record says so.
        data: the run's data, where it is open already.
        checked: what can be told to be wrong has been looked for, by the run that joins this one.

    Raises:
        FolderInUseError: another run works in ``work_dir``.
        ContractError: a method that breaks the contract, with every finding.
        ValueError, FileNotFoundError, OSError: naming file, field and remedy.
    """
    resume = resume and _begun_since(work_dir, since)
    place = Place(work_dir, results, resume, since, allow_broken)
    checked = checked or _check_new(experiment, place)
    with reading(experiment), working_in(work_dir, experiment, resume=resume):
        record = _finished(experiment, place)
        if record is None:
            record, labels = measure(experiment, place, data, checked=checked)
            _draw(record, labels, work_dir)
            record = _keep(experiment, record, work_dir)
        return _publish(record, work_dir, results)


def measure(
    experiment: Experiment, place: Place, data: RunData | None = None, *, checked: bool = False
) -> tuple[Record, dict[str, float]]:
    """Run an experiment from its config to its record; return that and the labels of what it tested.

    The labels are opened when the predictions are written. Arguments and errors as `train`; nothing
    is written but in the work folder.
    """
    if not checked:
        _check(experiment, place)
    timings = _begin(place)
    data = data or open_data(experiment, timings)
    method = kind_of(experiment)(experiment, data, place, timings, _run_member)
    method.prepare()
    method.fit()
    predictions, held = method.predict(), method.calibration()
    labels = _open_labels(data, predictions, place)
    facts = method.facts(labels)
    if held is not None:
        write_predicted(held, place.work_dir)
        fitted = fit_calibrators(experiment, data, held)
        method.keep([one.carried() for one in fitted])
        tested = Predicted(predictions, method.quantiles)
        facts = replace(facts, conformal=told(fitted, tested, labels, data.corpus.scale))
    return make_record(experiment, data, predictions, labels, facts), labels


def _open_labels(data: RunData, predictions: Mapping[str, float], place: Place) -> dict[str, float]:
    """Write the predictions to the work folder, then open the sealed labels of what was predicted."""
    path = place.work_dir / PREDICTIONS
    write_bytes(path, json.dumps(predictions, indent=1, sort_keys=True).encode())
    return data.parts.open_labels(json.loads(path.read_text()))


def _finished(experiment: Experiment, place: Place) -> Record | None:
    """Return the record of a run that is resumed and has ended; None where there is none.

    Raises:
        ValueError: it has ended with another config of this name, with what differs.
    """
    kept = place.work_dir / RECORD
    if not place.resume or not kept.is_file():
        return None
    record = read_record(kept)
    if _run_of(record) == (experiment.hash(), experiment.seed, experiment.draw):
        return record
    # A network's checkpoint tells itself whose it is, and a folder may serve another config's run.
    if record.config != experiment.name or (place.work_dir / checkpoints.LAST).is_file():
        return None
    raise ValueError(
        f"--resume: {kept} is of the same config under another hash, seed or draw: "
        f"{', '.join(told_apart(kept, record, experiment))}. Run without --resume to begin anew, or "
        "name another --work-dir"
    )


def _run_of(record: Record) -> tuple[str | None, int | None, int | None]:
    return record.config_hash, record.seed, record.draw


def _begun_since(work_dir: Path, since: float) -> bool:
    """Whether what lies in a work folder, if anything, was begun after a time."""
    if not since:
        return True
    began = work_dir / TIMING
    return began.is_file() and began.stat().st_mtime >= since


def _check(experiment: Experiment, place: Place) -> None:
    """Refuse what can be told to be wrong before anything long, in the runs that it joins too."""
    build_metrics(experiment.metrics)
    check_intervals(experiment, BDI_II)
    for member in experiment.members():
        _check(member, place.of(member))
    kind_of(experiment).check(experiment, place)


def _check_new(experiment: Experiment, place: Place) -> bool:
    """Check a run that has no folder yet, so that what is refused leaves none; else return False."""
    if place.work_dir.exists():
        return False
    _check(experiment, place)
    return True


def _begin(place: Place) -> Timings:
    if not place.resume:
        figures = place.work_dir.glob(f"{Path(CURVE_FIGURE).stem}*{Path(CURVE_FIGURE).suffix}")
        for path in (place.work_dir / RECORD, place.work_dir / CURVE, *figures):
            path.unlink(missing_ok=True)
    remove_leftovers(place.work_dir)
    return Timings(place.work_dir / TIMING, fresh=not place.resume)


def _run_member(member: Experiment, place: Place, data: RunData) -> Record:
    return train(
        member,
        work_dir=place.work_dir,
        results=place.results,
        resume=place.resume,
        since=place.since,
        allow_broken=place.allow_broken,
        data=data,
        checked=True,
    ).record


def _keep(experiment: Experiment, record: Record, work_dir: Path) -> Record:
    """Write the run's own copy of its record, with what lies beside it.

    It comes before the published one: if the results folder can't be written, --resume publishes it.
    """
    record, beside = with_side_files(experiment, record, _shared_curve(record, work_dir))
    write_side_files(work_dir / RECORD, beside)
    if record.kept is not None:
        write_private(work_dir / PRIVATE_FOLDER, record.kept)
    write_bytes(work_dir / RECORD, record.model_dump_json(indent=1).encode())
    return record


def _shared_curve(record: Record, work_dir: Path) -> dict[str, str]:
    """Return the curve as a side file; none of a licensed corpus, as each value is of its labels."""
    path = work_dir / CURVE
    if record.licensed or not path.is_file():
        return {}
    return {CURVE: path.read_text(encoding="utf-8")}


def _draw(record: Record, labels: Mapping[str, float], work_dir: Path) -> None:
    # matplotlib takes a moment to import, which a run that fails early should not cost.
    from adabench.viz import prediction_scatter

    worlds = worlds_of([record])
    prediction_scatter(
        np.array([entry.prediction for entry in record.entries]),
        np.array([labels[entry.session] for entry in record.entries]),
        work_dir / drawn_file(FIGURE, worlds),
        title=f"{record.method} on {record.track}",
        scale=scale_of(record.scale or bdi_ii()),
        subtitle=f"{drawn_words(worlds)}: this says nothing about depression in people"
        if worlds is not None
        else "",
    )


def _publish(record: Record, work_dir: Path, results: Path) -> Outcome:
    """Write a finished run's record from its work folder to a results folder.

    Raises:
        OSError: it can't be written; the run's own copy is kept.
    """
    kept = work_dir / RECORD
    record = sealed(record)
    try:
        path = write_record(record, results)
        write_side_files(path, read_side_files(kept, record.provenance))
    except OSError as error:
        told = f"the run's own copy is {kept}; the same command with --resume adds it"
        raise OSError(error.errno or 0, f"{error.strerror or error}; {told}") from error
    kept_models = (work_dir / name for name in (checkpoints.BEST, FITTED))
    worlds = worlds_of([record])
    curve = work_dir / drawn_file(CURVE_FIGURE, worlds)
    return Outcome(
        record=record,
        path=path,
        figure=work_dir / drawn_file(FIGURE, worlds),
        checkpoint=next((path for path in kept_models if path.is_file()), None),
        curve=curve if curve.is_file() else None,
    )


def score_checkpoint(experiment: Experiment, checkpoint: Path) -> tuple[Evaluation, Record]:
    """Score the test clips with a checkpoint, ``best.pth`` or ``estimator.skops``; nothing is written.

    Raises:
        ValueError: a checkpoint of another config, or one that carries code.
    """
    _refuse_joined(experiment)
    with reading(experiment):
        kind = kind_of(experiment)
        data, evaluation, facts = kind.score(experiment, checkpoint)
    labels, scale = data.parts.open_labels(evaluation.sessions), data.corpus.scale
    tested = Predicted(evaluation.sessions, evaluation.quantiles)
    fitted = restored(kind.kept(checkpoint), scale)
    facts = replace(facts, conformal=told(fitted, tested, labels, scale))
    return evaluation, make_record(experiment, data, evaluation.sessions, labels, facts)


def _refuse_joined(experiment: Experiment) -> None:
    """Refuse a run of several models where one checkpoint is given."""
    if experiment.is_fused:
        names = " and ".join(track.name for track in task_tracks(experiment.track_).values())
        raise ValueError(
            f"{experiment.name} is a model per task, with a checkpoint each; score one of them with "
            f"--cfg-options track={names.split()[0]} (tracks: {names})"
        )
    if experiment.is_pooled:
        raise ValueError(
            f"{experiment.name} is a model per fold, with a checkpoint each; score one of them with "
            f"--cfg-options protocol.fold=1 (folds: {len(experiment.members())})"
        )


def make_ready(experiment: Experiment, until: str) -> None:
    """Make what runs share and go no further, so that runs side by side need not wait or repeat it.

    Args:
        experiment: of one of the runs.
        until: ``corpus``, the name of a stage, or ``features``: corpus, stages and caches.

    Raises:
        ValueError: no such stage; otherwise as `train`.
    """
    known = (CORPUS, *experiment.stages, FEATURES)
    if until not in known:
        raise ValueError(f"--prepare takes one of {', '.join(known)}; got {until!r}")
    kind = kind_of_method(experiment)
    kind.check_method(experiment)
    with reading(experiment):
        data = open_data(experiment)
        if until == FEATURES:
            kind.make_features(experiment, data)
        elif until != CORPUS:
            ensure_run_stages(experiment, data, until)
