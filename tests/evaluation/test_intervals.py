"""Bootstrap intervals over persons."""

import numpy as np
import pytest
from scipy import stats

from adabench.evaluation import bootstrap_interval, ccc, mae, metric_intervals, pcc, rmse


def sample(seed=0, persons=40, sessions=1, spread=5.0):
    """Errors that all sessions of one person share, the case in which persons matter."""
    generator = np.random.default_rng(seed)
    count = persons * sessions
    target = generator.uniform(0, 45, count)
    error = np.repeat(generator.normal(0, spread, persons), sessions)
    names = [f"{index // sessions:03d}" for index in range(count)]
    return target + error, target, names


def test_one_seed_gives_one_interval_and_another_seed_another():
    prediction, target, person = sample()
    first = bootstrap_interval(rmse, prediction, target, person, seed=4)
    assert bootstrap_interval(rmse, prediction, target, person, seed=4) == first
    assert bootstrap_interval(rmse, prediction, target, person, seed=5) != first


def test_it_agrees_with_scipy_where_a_person_has_one_session():
    prediction, target, person = sample()
    low, high = bootstrap_interval(mae, prediction, target, person, draws=8000)
    expected = stats.bootstrap(
        (np.abs(prediction - target),),
        np.mean,
        n_resamples=8000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert low == pytest.approx(expected.low, rel=0.03)
    assert high == pytest.approx(expected.high, rel=0.03)


def test_resampling_persons_is_wider_than_resampling_their_sessions():
    prediction, target, person = sample(persons=20, sessions=4)
    low, high = bootstrap_interval(rmse, prediction, target, person)
    alone = [str(index) for index in range(len(person))]
    narrow_low, narrow_high = bootstrap_interval(rmse, prediction, target, alone)
    assert high - low > 1.5 * (narrow_high - narrow_low)


def test_a_person_is_drawn_with_all_sessions():
    seen = []

    def watch(prediction, target):
        seen.append(np.asarray(target))
        return 0.0

    target = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    bootstrap_interval(watch, target, target, ["a", "b", "a", "b", "c"], draws=50)
    for drawn in seen[1:]:
        assert (drawn == 1).sum() == (drawn == 3).sum()
        assert (drawn == 2).sum() == (drawn == 4).sum()
    assert len({len(drawn) for drawn in seen}) > 1


def test_coverage_is_near_the_nominal_share():
    hits = 0
    for seed in range(100):
        prediction, target, person = sample(seed, persons=60)
        low, high = bootstrap_interval(mae, prediction, target, person, draws=300)
        hits += low <= 5.0 * np.sqrt(2 / np.pi) <= high
    assert 86 <= hits <= 100


def test_a_higher_confidence_is_wider():
    prediction, target, person = sample()
    low, high = bootstrap_interval(rmse, prediction, target, person, confidence=0.5)
    wide_low, wide_high = bootstrap_interval(rmse, prediction, target, person, confidence=0.99)
    assert wide_low < low < high < wide_high


def test_all_metrics_share_the_resamples():
    prediction, target, person = sample()
    found = metric_intervals(prediction, target, person, seed=2)
    assert list(found) == ["RMSE", "MAE", "PCC", "CCC"]
    for low, high in found.values():
        assert low < high


@pytest.mark.parametrize("persons", [2, 3, 9, 40])
@pytest.mark.parametrize("change", ["none", "rounded", "one value apart", "large", "constant"])
def test_all_metrics_at_once_are_what_each_is_alone(persons, change):
    prediction, target, person = sample(persons, persons=persons, sessions=2)
    if change == "rounded":  # many resamples of few persons are constant
        prediction, target = prediction // 20, target // 20
    elif change == "one value apart":
        prediction = np.where(np.arange(len(target)) == 0, 5.0, 7.0)
    elif change == "large":
        prediction, target = prediction + 1e6, target + 1e6
    elif change == "constant":
        prediction = np.full(len(target), 17.3)
    found = metric_intervals(prediction, target, person, draws=400, seed=2)
    for name, metric in {"RMSE": rmse, "MAE": mae, "PCC": pcc, "CCC": ccc}.items():
        alone = bootstrap_interval(metric, prediction, target, person, draws=400, seed=2)
        assert found[name] == pytest.approx(alone, rel=1e-9, abs=1e-12), name


def test_one_person_has_no_interval():
    assert metric_intervals([1.0, 2.0], [1.0, 4.0], ["a", "a"]) == {}
    assert bootstrap_interval(rmse, [1.0], [3.0], ["a"]) is None


def test_two_persons_with_constant_predictions_stay_defined():
    found = metric_intervals([5.0, 5.0], [1.0, 9.0], ["a", "b"])
    assert found["PCC"] == (0.0, 0.0)
    assert found["RMSE"] == (4.0, 4.0)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"3 persons for prediction of shape \(2,\)"):
        metric_intervals([1.0, 2.0], [1.0, 2.0], ["a", "b", "c"])
    with pytest.raises(ValueError, match="confidence"):
        metric_intervals([1.0, 2.0], [1.0, 2.0], ["a", "b"], confidence=95)
    with pytest.raises(ValueError, match="draws"):
        metric_intervals([1.0, 2.0], [1.0, 2.0], ["a", "b"], draws=0)
    with pytest.raises(ValueError, match="finite"):
        metric_intervals([1.0, np.nan], [1.0, 2.0], ["a", "b"])
