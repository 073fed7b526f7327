"""Intervals around a run's predictions: calibrators fitted on sessions that the corpus keeps for them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from adabench.config.experiment import Experiment
from adabench.data.files import write_bytes
from adabench.data.sealed import session_labels
from adabench.engine.data.rundata import RunData
from adabench.evaluation.conformal import Calibrator, SplitConformal
from adabench.evaluation.interval_quality import Coverage, IntervalQuality, interval_quality
from adabench.evaluation.scale import Scale
from adabench.records.schema.intervals import Conformal, Covered
from adabench.registry import CALIBRATORS, MODELS

CALIBRATION_FILE = "calibration.json"


@dataclass(frozen=True)
class Predicted:
    """Session → points, and the outer quantiles of a head that gives some."""

    points: Mapping[str, float]
    quantiles: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def read_by(self, calibrator: Calibrator, sessions: Sequence[str]) -> np.ndarray:
        """Return what a calibrator reads of some sessions: (N,), or (N, 2)."""
        found = self.quantiles if calibrator.needs_quantiles else self.points
        return np.array([found[session] for session in sessions], dtype=np.float64)


def write_predicted(predicted: Predicted, folder: Path) -> None:
    """Write predictions of the calibration sessions to a work folder."""
    content = {"points": dict(predicted.points), "quantiles": dict(predicted.quantiles)}
    write_bytes(folder / CALIBRATION_FILE, json.dumps(content, indent=1, sort_keys=True).encode())


def read_predicted(folder: Path) -> Predicted | None:
    """Return what `write_predicted` wrote; None where there is nothing."""
    path = folder / CALIBRATION_FILE
    if not path.is_file():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    quantiles = {session: (low, high) for session, (low, high) in content["quantiles"].items()}
    return Predicted(content["points"], quantiles)


def mean_of(members: Sequence[Predicted | None]) -> Predicted | None:
    """Return the mean over models, of the sessions that all predict; None where one is not known."""
    known = [member for member in members if member is not None]
    if not known or len(known) < len(members):
        return None
    shared = set.intersection(*(set(member.points) for member in known))
    points = {s: float(np.mean([member.points[s] for member in known])) for s in sorted(shared)}
    return Predicted(points)


@dataclass(frozen=True)
class Fitted:
    """A calibrator that was fitted, and the same around the training mean.

    Attributes:
        config: of the calibrator.
        own, constant: around the method's predictions, and around the mean of its training scores.
        mean: that mean, points.
        sessions: that they were fitted on.
    """

    config: Mapping[str, Any]
    own: Calibrator
    constant: Calibrator
    mean: float
    sessions: int

    def carried(self) -> dict[str, Any]:
        """Return plain values, for a checkpoint."""
        states = {"own": self.own.state(), "constant": self.constant.state()}
        return {"config": dict(self.config), "mean": self.mean, "sessions": self.sessions, **states}


def build_calibrators(experiment: Experiment, scale: Scale) -> list[Calibrator]:
    """Build the calibrators that a run names.

    Raises:
        UnknownTypeError: a name that nothing registered.
        TypeError: what is registered is no `Calibrator`, or arguments that it does not take.
        ValueError: an argument out of range.
    """
    return [_built(config, scale) for config in experiment.intervals]


def _built(config: Mapping[str, Any], scale: Scale) -> Calibrator:
    kind = CALIBRATORS.type_of(dict(config))
    if not issubclass(kind, Calibrator):
        raise TypeError(
            f"intervals: {config['type']} is no Calibrator (adabench.evaluation.Calibrator)"
        )
    try:
        calibrator: Calibrator = CALIBRATORS.build({**config, "scale": scale})
    except (TypeError, ValueError) as error:
        raise type(error)(f"intervals: {error}") from error
    return calibrator


def check_intervals(experiment: Experiment, scale: Scale) -> None:
    """Refuse calibrators that can't be built, or that read quantiles which the head does not give."""
    head = experiment.method.get("head")
    kind = MODELS.type_of(head) if isinstance(head, Mapping) and "type" in head else None
    for calibrator in build_calibrators(experiment, scale):
        if calibrator.needs_quantiles and not getattr(kind, "gives_quantiles", False):
            raise ValueError(
                f"intervals: {type(calibrator).__name__} reads a lower and an upper quantile, and "
                f"{'the method' if kind is None else kind.__name__} gives none; take "
                "method.head=dict(type='Quantiles'), or SplitConformal"
            )


def fit_calibrators(experiment: Experiment, data: RunData, held: Predicted) -> list[Fitted]:
    """Open the labels of the calibration sessions and fit each calibrator on their predictions."""
    labels = data.parts.open_calibration(held.points)
    subjects = {clip.session: clip.subject for clip in data.parts.calibrate}
    sessions = sorted(labels)
    scores = np.array([labels[session] for session in sessions])
    persons = [subjects[session] for session in sessions]
    known = session_labels(data.parts.train)
    mean = sum(known.values()) / len(known)
    found = []
    for config in experiment.intervals:
        own, constant = _pair(config, data.corpus.scale)
        own.fit(held.read_by(own, sessions), scores, persons)
        constant.fit(np.full(len(sessions), mean), scores, persons)
        found.append(Fitted(config, own, constant, mean, len(sessions)))
    return found


def _pair(config: Mapping[str, Any], scale: Scale) -> tuple[Calibrator, Calibrator]:
    """Return a calibrator, and one alike for a constant, which has no quantiles."""
    own = _built(config, scale)
    if own.needs_quantiles:
        return own, SplitConformal(level=own.level, scale=scale)
    return own, _built(config, scale)


def restored(carried: Sequence[Mapping[str, Any]], scale: Scale) -> list[Fitted]:
    """Return what `Fitted.carried` gave."""
    found = []
    for one in carried:
        own, constant = _pair(one["config"], scale)
        own.restore(one["own"])
        constant.restore(one["constant"])
        found.append(Fitted(one["config"], own, constant, one["mean"], one["sessions"]))
    return found


def told(
    fitted: Sequence[Fitted], predicted: Predicted, labels: Mapping[str, float], scale: Scale
) -> list[Conformal]:
    """Return what the intervals do on the tested sessions, as a record says it."""
    sessions = sorted(labels)
    scores = np.array([labels[session] for session in sessions])
    points = np.array([predicted.points[session] for session in sessions])
    found = []
    for one in fitted:
        level = one.own.level
        around = one.own.intervals(predicted.read_by(one.own, sessions))
        quality = interval_quality(around, points, scores, level=level, scale=scale)
        mean = np.full(len(sessions), one.mean)
        plain = interval_quality(
            one.constant.intervals(mean), mean, scores, level=level, scale=scale
        )
        found.append(_section(one, quality, plain))
    return found


def held_told(found: Conformal) -> str:
    """Return what intervals do in one line."""
    low, high = found.coverage_interval or (0.0, 1.0)
    over = "" if found.relative_width is None else f", {found.relative_width:.2f} of the constant's"
    return (
        f"intervals: {found.method} of {found.level:.0%} holds {found.coverage:.0%} of the labels (exact "
        f"95 % interval {low:.0%} to {high:.0%}) and is {found.width:.1f} points wide{over}"
    )


def _section(fitted: Fitted, quality: IntervalQuality, plain: IntervalQuality) -> Conformal:
    return Conformal(
        method=str(fitted.config["type"]),
        level=fitted.own.level,
        fitted_on=fitted.sessions,
        coverage=quality.coverage.share,
        coverage_interval=(quality.coverage.low, quality.coverage.high),
        width=quality.width,
        relative_width=quality.width / plain.width if plain.width > 0 else None,
        score=quality.score,
        constant_score=plain.score,
        by_prediction=_by_level(quality.by_prediction),
        by_label=_by_level(quality.by_label),
    )


def _by_level(found: Mapping[str, Coverage]) -> dict[str, Covered]:
    return {
        level: Covered(held=cover.held, sessions=cover.sessions) for level, cover in found.items()
    }
