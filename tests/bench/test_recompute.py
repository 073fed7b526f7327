"""What is confirmed is what the reference functions give; what they do not give never is."""

import numpy as np
import pytest

from adabench.bench import checks
from adabench.bench import record as record_module
from adabench.bench.recompute import TOLERANCE, confirms_intervals, confirms_metrics
from adabench.evaluation import metric_intervals, score_metrics


@pytest.fixture(scope="module")
def scores():
    generator = np.random.default_rng(1)
    true = generator.integers(0, 64, 60).astype(float)
    persons = [str(number) for number in generator.integers(0, 25, 60)]
    return true + generator.normal(2, 6, 60), true, persons


@pytest.mark.parametrize("draw", range(20))
def test_metrics_of_the_reference_are_confirmed(draw):
    generator = np.random.default_rng(draw)
    count = int(generator.integers(3, 80))
    true = generator.uniform(0, 63, count)
    predicted = true * generator.uniform(-1, 2) + generator.normal(0, 10, count)
    assert confirms_metrics(score_metrics(predicted, true), predicted, true)


@pytest.mark.parametrize("name", ["RMSE", "MAE", "PCC", "CCC"])
@pytest.mark.parametrize("off", [2 * TOLERANCE, -2 * TOLERANCE, 1.0])
def test_metrics_that_are_off_are_not(scores, name, off):
    predicted, true, _ = scores
    metrics = score_metrics(predicted, true)
    assert not confirms_metrics({**metrics, name: metrics[name] + off}, predicted, true)
    assert not confirms_metrics({**metrics, name: None}, predicted, true)


def test_metrics_of_a_constant_are_left_to_the_reference(scores):
    _, true, _ = scores
    predicted = np.full(60, 17.3)
    assert not confirms_metrics(score_metrics(predicted, true), predicted, true)


def test_intervals_of_the_reference_are_confirmed_and_others_not(scores):
    predicted, true, persons = scores
    given = metric_intervals(predicted, true, persons)
    assert set(given) == {"RMSE", "MAE", "PCC", "CCC"}
    assert confirms_intervals(given, predicted, true, persons)
    for name, (low, high) in given.items():
        for ends in ((low + 1e-5, high), (low, high - 1e-5)):
            assert not confirms_intervals({**given, name: ends}, predicted, true, persons)
    assert not confirms_intervals(given, predicted, true, [str(n) for n in range(60)])


def test_what_is_confirmed_is_not_computed_again(sound, monkeypatch):
    content = sound().model_dump(mode="json")
    monkeypatch.setattr(record_module, "score_metrics", None)
    record = record_module.Record.model_validate(content)
    scored = [(e.prediction, e.label, e.subject) for e in record.predictions]
    intervals = metric_intervals(*map(list, zip(*scored, strict=True)))
    monkeypatch.setattr(checks, "metric_intervals", None)
    record = record.model_copy(update={"intervals": intervals})
    assert list(checks.interval_reasons(record, None)) == []
