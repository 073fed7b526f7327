"""Metrics that a config names: built, and computed of sessions' predictions and labels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from adabench.evaluation.classes import CLASS_METRICS
from adabench.evaluation.session_metric import SessionMetric
from adabench.plugins.fingerprints import code_of
from adabench.records.schema.sections import Measure
from adabench.registry import METRICS

# Three sessions on which a metric has to give a number before anything is trained.
_ASKED = np.array([3.0, 20.0, 40.0]), np.array([10.0, 14.0, 33.0])


class MetricError(ValueError):
    """A metric that gives no number."""


def build_metrics(configs: Iterable[Mapping[str, Any]]) -> list[SessionMetric]:
    """Build metrics from their configs and ask each once.

    Raises:
        UnknownTypeError: a name that nothing registered.
        TypeError: what is registered is no `SessionMetric`, or arguments that it does not take.
        ValueError: two of one name.
        MetricError: one that gives no finite number on three sessions.
    """
    metrics = [_built(dict(config)) for config in configs]
    names = [metric.name for metric in metrics]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"metrics: {twice[0]!r} stands twice; leave one out, or give it a name by its arguments"
        )
    for metric in metrics:
        value_of(metric, *_ASKED)
    return metrics


def _built(config: dict[str, Any]) -> SessionMetric:
    kind = METRICS.type_of(config)
    if not issubclass(kind, SessionMetric):
        raise TypeError(
            f"metrics: {config['type']} is no SessionMetric (adabench.evaluation.SessionMetric)"
        )
    if getattr(kind, "direction", None) not in ("lower", "higher"):
        raise TypeError(
            f"metrics: {config['type']}.direction says which values are better: 'lower' or 'higher'"
        )
    try:
        metric: SessionMetric = METRICS.build(config)
    except TypeError as error:
        raise TypeError(f"metrics: {error}") from error
    return metric


def value_of(metric: SessionMetric, prediction: ArrayLike, label: ArrayLike) -> float:
    """Return a metric's value.

    Args:
        metric: what to compute.
        prediction, label: (N,) of the sessions, in points.

    Raises:
        MetricError: it fails, or gives no finite number.
    """
    told = f"metrics: {metric.name}"
    try:
        value = float(metric(np.array(prediction, dtype=float), np.array(label, dtype=float)))
    except Exception as error:
        # Whatever somebody's function raises must not take a finished training with it.
        raise MetricError(f"{told} failed: {type(error).__name__}: {error}") from error
    if not math.isfinite(value):
        raise MetricError(f"{told} is {value}, no finite number")
    return value


def measures_of(
    configs: Sequence[Mapping[str, Any]],
    prediction: ArrayLike,
    label: ArrayLike,
    *,
    classes: bool = False,
) -> tuple[dict[str, Measure], list[str]]:
    """Compute what a run's config names, and of classes the metrics of these.

    Returns:
        Name → measure, and a line for each that failed.
    """
    found: dict[str, Measure] = {}
    failed: list[str] = []
    asked = list(zip(build_metrics(configs), map(_code, configs), strict=True))
    if classes:
        asked += [(metric, metric.name) for metric in CLASS_METRICS]
    for metric, code in asked:
        try:
            value = value_of(metric, prediction, label)
        except MetricError as error:
            failed.append(str(error))
            continue
        found[metric.name] = Measure(
            value=value, unit=metric.unit, direction=metric.direction, code=code
        )
    return found, failed


def _code(config: Mapping[str, Any]) -> str:
    """Name a metric's type, and the code of one from outside the repository."""
    sha256 = code_of(dict(config)).get(config["type"])
    return config["type"] if sha256 is None else f"{config['type']} {sha256[:16]}"
