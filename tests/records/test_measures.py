"""Metrics that a config names: told apart, asked before anything long, never lost a run to."""

from typing import ClassVar

import numpy as np
import pytest

from adabench.evaluation import SessionMetric
from adabench.evaluation.within_points import WithinPoints
from adabench.records.measures import MetricError, build_metrics, measures_of, value_of
from adabench.registry import METRICS, UnknownTypeError


class Odd(SessionMetric):
    """Gives what it is told to."""

    direction: ClassVar = "lower"
    gives: ClassVar = 1.0

    def __call__(self, prediction, label):
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


@pytest.fixture
def odd(monkeypatch):
    """Registers `Odd` for one test."""
    monkeypatch.setitem(METRICS.module_dict, "Odd", Odd)
    return lambda gives: monkeypatch.setattr(Odd, "gives", gives)


def test_within_points():
    prediction, label = np.array([0.0, 10.0, 20.0, 30.0]), np.array([5.0, 15.1, 20.0, 20.0])
    assert WithinPoints(points=5)(prediction, label) == 0.5
    with pytest.raises(ValueError, match="above 0; got 0"):
        WithinPoints(points=0)


def test_they_are_computed_with_unit_direction_and_code():
    configs = [{"type": "WithinPoints"}, {"type": "WithinPoints", "points": 10}]
    found, failed = measures_of(configs, [0.0, 10.0], [5.0, 20.0])
    assert {name: measure.value for name, measure in found.items()} == {
        "WithinPoints@5": 0.5,
        "WithinPoints@10": 1.0,
    }
    assert (found["WithinPoints@5"].direction, found["WithinPoints@5"].code) == (
        "higher",
        "WithinPoints",
    )
    assert failed == []


@pytest.mark.parametrize(
    ("configs", "error", "told"),
    [
        ([{"type": "WithinPoint"}], UnknownTypeError, "Did you mean 'WithinPoints'"),
        (
            [{"type": "WithinPoints", "point": 5}],
            TypeError,
            "metrics: .*unexpected keyword .*point",
        ),
        ([{"type": "WithinPoints"}] * 2, ValueError, "'WithinPoints@5' stands twice"),
        ([{"type": "Bare"}], TypeError, "Bare is no SessionMetric"),
        ([{"type": "Aimless"}], TypeError, "Aimless.direction says which values are better"),
    ],
)
def test_mistakes_are_told_at_once(monkeypatch, configs, error, told):
    monkeypatch.setitem(METRICS.module_dict, "Bare", type("Bare", (), {}))
    monkeypatch.setitem(
        METRICS.module_dict,
        "Aimless",
        type("Aimless", (SessionMetric,), {"__call__": lambda *_: 0.0}),
    )
    with pytest.raises(error, match=told):
        build_metrics(configs)


@pytest.mark.parametrize(
    "gives", [float("nan"), float("inf"), "many", ZeroDivisionError("by zero")]
)
def test_one_that_gives_no_number_is_told_before_training_and_ends_no_run(odd, gives):
    odd(gives)
    with pytest.raises(MetricError, match=r"metrics: Odd (is|failed)"):
        build_metrics([{"type": "Odd"}])
    with pytest.raises(MetricError):
        value_of(Odd(), [1.0], [2.0])


def test_one_that_fails_on_the_test_s_sessions_is_noted(odd, monkeypatch):
    odd(1.0)
    monkeypatch.setattr(Odd, "__call__", lambda self, p, label: 1.0 if len(p) == 3 else np.nan)
    found, failed = measures_of([{"type": "Odd"}], [1.0], [2.0])
    assert found == {}
    assert failed == ["metrics: Odd is nan, no finite number"]
