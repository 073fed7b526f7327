"""One run, end to end: what ``tools/train.py`` and ``tools/test.py`` call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adabench.config.experiment import Experiment
from adabench.config.protocols import ProtocolSection
from adabench.data.files import remove_leftovers, write_bytes
from adabench.data.manifest import ClipRecord
from adabench.data.tracks import task_tracks
from adabench.engine import checkpoints
from adabench.engine.combined import CombinedMethod, PooledFolds
from adabench.engine.evaluation import (
    Evaluation,
    count_parameters,
    evaluate,
    frames_per_second,
    multiply_adds,
    peak_memory_mb,
    session_labels,
)
from adabench.engine.metric import SessionScores
from adabench.engine.repeat import side_files
from adabench.engine.reporting import flags_of, make_record, write_controls
from adabench.engine.timings import Timings
from adabench.engine.training import Fit, fit, set_threads
from adabench.engine.workbench import Workbench, gather, set_up
from adabench.models.estimator import EstimatorMethod
from adabench.models.weights import file_checksum
from adabench.records.record import CONSTANT, Cost, Record
from adabench.records.results import find_record, read_record, write_record
from adabench.records.side_files import digests, read_side_files, write_side_files
from adabench.registry import MODELS

RECORD = "record.json"
FIGURE = "prediction.png"
_ESTIMATOR = "EstimatorMethod"


@dataclass(frozen=True)
class Outcome:
    """What a run leaves.

    Attributes:
        record: the result.
        path: where the results folder holds it.
        figure: prediction against label.
        checkpoint: the best one; None for an estimator.
    """

    record: Record
    path: Path
    figure: Path
    checkpoint: Path | None


def default_work_dir(experiment: Experiment, *, with_track: bool = False) -> Path:
    """Return ``work_dirs/<config>[-demo]/seed<N>``.

    In between stands the track of a suite's row, and the name of any protocol but the official one.

    Args:
        experiment: of the run.
        with_track: name the track in any case: it may not be the config's own.
    """
    folder = Path("work_dirs") / (experiment.name + ("-demo" if experiment.is_demo else ""))
    if with_track or "/" in experiment.name:
        folder = folder / experiment.track_.name
    if experiment.protocol != ProtocolSection():
        title = experiment.protocol.build().title
        folder = folder / re.sub(r"[^a-z0-9.+]+", "-", title.lower()).strip("-")
    return folder / f"seed{experiment.seed}"


def train(
    experiment: Experiment, *, work_dir: Path, results: Path, resume: bool = False
) -> Outcome:
    """Train, select on the validation data, test once with the best, write the record.

    Args:
        experiment: what to run.
        work_dir: folder of checkpoints, figure and the run's own copy of the record.
        results: results folder; the record goes to ``results/<track>/``.
        resume: go on where an earlier call in ``work_dir`` was cut. A finished run is not repeated.

    Raises:
        ValueError, FileNotFoundError, OSError: naming file, field and remedy.
    """
    kept = work_dir / RECORD
    if resume and kept.is_file():
        record = read_record(kept)
        if (record.config_hash, record.seed) == (experiment.hash(), experiment.seed):
            return _publish(experiment, record, work_dir, results)
    if not resume:
        kept.unlink(missing_ok=True)
    remove_leftovers(work_dir)
    timings = Timings(work_dir / "timing.json", fresh=not resume)
    if experiment.members():
        record, clips = _run_members(experiment, work_dir, results, resume)
    elif experiment.method.get("type") == _ESTIMATOR:
        record, clips = _run_estimator(experiment, timings)
    else:
        record, clips = _run_network(experiment, work_dir, timings, resume)
    _draw(record, clips, work_dir)
    beside = side_files(experiment)
    record = record.model_copy(update={"provenance": digests(beside)})
    # The copy comes first: if the results folder can't be written, --resume publishes from here.
    write_side_files(kept, beside)
    write_bytes(kept, record.model_dump_json(indent=1).encode())
    return _publish(experiment, record, work_dir, results)


def score_checkpoint(experiment: Experiment, checkpoint: Path) -> tuple[Evaluation, Record]:
    """Score the test clips with a checkpoint; nothing is written.

    Raises:
        ValueError: a checkpoint of another config, or one that carries code.
    """
    _refuse_joined(experiment)
    _check_checkpoint(experiment, checkpoint)
    bench = set_up(experiment)
    set_threads(bench.training.threads)
    checkpoints.load_model(bench.assessor, checkpoint)
    evaluation = evaluate(bench)
    return evaluation, make_record(
        experiment, bench.corpus, bench.parts, evaluation.sessions, flags=_flags(bench)
    )


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


def _check_checkpoint(experiment: Experiment, checkpoint: Path) -> None:
    checkpoints.check_identity(checkpoint, _identity(experiment), ("config_hash",))


def _identity(experiment: Experiment) -> dict[str, Any]:
    return {
        "config": experiment.name,
        "config_hash": experiment.hash(),
        "seed": experiment.seed,
        "method": experiment.method["name"],
    }


def _run_network(
    experiment: Experiment, work_dir: Path, timings: Timings, resume: bool
) -> tuple[Record, tuple[ClipRecord, ...]]:
    last = work_dir / checkpoints.LAST
    if resume and last.is_file():
        # Before anything long: a folder of another config is refused at once.
        checkpoints.check_identity(last, _identity(experiment), ("config_hash", "seed"))
    bench = set_up(experiment, timings)
    with timings("training"):
        done = fit_method(bench, work_dir, resume)
    with timings("evaluation"):
        checkpoints.load_model(bench.assessor, done.checkpoint)
        evaluation = evaluate(bench)
        work, speed = multiply_adds(bench), frames_per_second(bench)
    cost = Cost(
        parameters=count_parameters(bench),
        multiply_adds=work,
        frames_per_second=speed,
        peak_memory_mb=peak_memory_mb(),
        wall_seconds=sum(timings.seconds.values()),
        alone_seconds=_alone(bench, timings),
    )
    record = make_record(
        experiment,
        bench.corpus,
        bench.parts,
        evaluation.sessions,
        cost=cost,
        timing=timings.seconds,
        relevance_auc=evaluation.relevance_auc,
        flags=_flags(bench),
        notes=[
            _selection(bench.training.epochs, done.best),
            f"share of the training steps spent waiting for data: {done.waiting:.3f}",
            *([f"semantics: {bench.encoder}"] if bench.encoder else []),
        ],
    )
    return record, bench.parts.test


def _selection(epochs: int, best: Mapping[str, Any]) -> str:
    """Say which epoch's weights were tested, and why these."""
    if "value" not in best:
        return f"no validation data: the weights after the last of {epochs} epochs, unselected"
    return (
        f"best of {epochs} epochs on the validation data: epoch {best['epoch']}, "
        f"RMSE {best['value']:.3f}"
    )


def _alone(bench: Workbench, timings: Timings) -> float:
    """Seconds of a run that finds nothing: what it found counts with what it took to make."""
    own = sum(timings.seconds.get(part, 0.0) for part in ("training", "evaluation"))
    stages = [stage.seconds for stage in bench.stages.values()]
    read = [bench.material, *([] if bench.source is None else [bench.source])]
    return own + sum(stages) + sum(material.seconds for material in read)


def _run_members(
    experiment: Experiment, work_dir: Path, results: Path, resume: bool
) -> tuple[Record, tuple[ClipRecord, ...]]:
    """Train the runs that this one joins, or find their records, and score what they give together.

    These are a model per task, whose predictions are averaged, or folds, whose are put together.
    """
    found = []
    for member in experiment.members():
        record = find_record(results, member.track, member.hash(), experiment.seed)
        if record is None:
            folder = work_dir / member.name.rpartition("_")[2]
            record = train(member, work_dir=folder, results=results, resume=resume).record
        _check_member(member, record, results)
        found.append(record)
    corpus, parts = gather(experiment)
    combined = CombinedMethod(found) if experiment.is_fused else PooledFolds(found)
    names = " and ".join(f"{record.config} on {record.track}" for record in found)
    record = make_record(
        experiment,
        corpus,
        parts,
        combined.predictions(),
        kind=found[0].kind,
        cost=combined.cost(),
        timing=combined.timing(),
        relevance_auc=combined.relevance_auc(),
        flags=found[0].flags,
        notes=[f"mean of {names}"] if experiment.is_fused else [],
    )
    return record, parts.test


def _check_member(member: Experiment, record: Record, results: Path) -> None:
    """Refuse a record that was found and is of other data than the member's."""
    corpus, parts = gather(member)
    remedy = "give another folder with --results, and its part is trained anew"
    if record.corpus_checksum != corpus.checksum:
        raise ValueError(
            f"the record of {record.config} in {results} is of another preparation of "
            f"{corpus.name}; {remedy}"
        )
    if record.protocol != parts.protocol:
        raise ValueError(
            f"the record of {record.config} in {results} is of another division, "
            f"{record.protocol!r} instead of {parts.protocol!r}; {remedy}"
        )


def fit_method(bench: Workbench, work_dir: Path, resume: bool = False) -> Fit:
    """Train a workbench's assessor, selecting by the validation RMSE over sessions if there are any."""
    labels = session_labels(bench.parts.validate)
    return fit(
        bench.assessor,
        train=bench.loader("train"),
        validate=bench.loader("validate") if labels else None,
        metric=SessionScores(labels) if labels else None,
        training=bench.training,
        seed=bench.experiment.seed,
        folder=work_dir,
        identity=_identity(bench.experiment),
        resume=resume,
        what=f"training {bench.experiment.method['name']}",
    )


def _run_estimator(
    experiment: Experiment, timings: Timings
) -> tuple[Record, tuple[ClipRecord, ...]]:
    corpus, parts = gather(experiment, timings)
    method: EstimatorMethod = MODELS.build(
        {k: v for k, v in experiment.method.items() if k != "name"}
    )
    labels = session_labels(parts.train)
    with timings("training"):
        method.fit(None, np.array([labels[s] for s in sorted(labels)]))
    test_sessions = sorted(session_labels(parts.test))
    predicted = method.predict(len(test_sessions))
    predictions = dict(zip(test_sessions, predicted.tolist(), strict=True))
    kind = "control" if experiment.method["name"] == CONSTANT else None
    record = make_record(experiment, corpus, parts, predictions, kind=kind, timing=timings.seconds)
    return record, parts.test


def _flags(bench: Workbench) -> Any:
    weights = _find_weights(bench.experiment.method)
    found: dict[str, Any] = {}
    if bench.semantics is not None:
        found["semantics"] = str((bench.experiment.semantics or {}).get("type"))
    if weights is not None:
        found["pretrained"] = str(weights)
        path = weights
        if weights.startswith("stage:"):
            path = str(bench.stages[weights.removeprefix("stage:")].path)
        if Path(path).is_file():
            found["pretrained_checksum"] = file_checksum(Path(path))
    return flags_of(bench.experiment, **found)


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


def _draw(record: Record, clips: tuple[ClipRecord, ...], work_dir: Path) -> None:
    # matplotlib takes a moment to import, which a run that fails early should not cost.
    from adabench.viz import prediction_scatter

    labels = session_labels(clips)
    prediction_scatter(
        np.array([entry.prediction for entry in record.predictions]),
        np.array([labels[entry.session] for entry in record.predictions]),
        work_dir / FIGURE,
        title=f"{record.method} on {record.track}",
        subtitle="drawn faces: this says nothing about depression in people"
        if record.flags.demo
        else "",
    )


def _publish(experiment: Experiment, record: Record, work_dir: Path, results: Path) -> Outcome:
    try:
        path = write_record(record, results)
        write_side_files(path, read_side_files(work_dir / RECORD, record.provenance))
        write_controls(experiment, *gather(experiment), results)
    except OSError as error:
        kept = f"the run's own copy is {work_dir / RECORD}; the same command with --resume adds it"
        raise OSError(error.errno or 0, f"{error.strerror or error}; {kept}") from error
    best = work_dir / checkpoints.BEST
    return Outcome(
        record=record,
        path=path,
        figure=work_dir / FIGURE,
        checkpoint=best if best.is_file() else None,
    )
