"""Agreement of orders, against scipy."""

import doctest

import numpy as np
import pytest
from scipy.stats import kendalltau

from adabench.evaluation import mae, rank_agreement, ranking, rmse

REPORTED = (10.32, 8.01, 7.79, 7.54, 6.62, 6.25)


def sample(spread, *, seed=0, seeds=3, sessions=40):
    """Rows whose errors have the standard deviations ``spread``, in BDI-II points."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 46, sessions).astype(float)
    noise = generator.normal(size=(len(spread), seeds, sessions))
    return labels + np.asarray(spread)[:, None, None] * noise, labels, persons(sessions)


def persons(sessions):
    """Two sessions a person."""
    return [f"{index // 2:03d}" for index in range(sessions)]


@pytest.mark.parametrize(("metric", "function"), [("RMSE", rmse), ("MAE", mae)])
def test_tau_is_scipys_over_the_mean_of_seeds(metric, function):
    predictions, labels, groups = sample([8, 7, 9, 6, 7, 5])
    got = rank_agreement(REPORTED, predictions, labels, groups, metric=metric, samples=20)
    measured = [np.mean([function(one, labels) for one in row]) for row in predictions]
    assert got.tau == pytest.approx(kendalltau(REPORTED, measured).statistic, abs=1e-12)
    assert -1 < got.tau < 1


def test_ties_are_discounted():
    predictions, labels, groups = sample([8, 7, 6, 5])
    predictions[1] = predictions[0]
    got = rank_agreement([9.0, 8.0, 8.0, 7.0], predictions, labels, groups, samples=5)
    measured = [np.mean([rmse(one, labels) for one in row]) for row in predictions]
    assert measured[0] == measured[1]
    wanted = kendalltau([9.0, 8.0, 8.0, 7.0], measured, variant="b").statistic
    assert got.tau == pytest.approx(wanted, abs=1e-12)


def test_the_same_order_is_1_and_the_reverse_is_minus_1():
    spread = [16, 8, 4, 2, 1, 0.5]
    for order, wanted in ((spread, 1.0), (spread[::-1], -1.0)):
        got = rank_agreement(REPORTED, *sample(order), samples=100)
        assert (got.tau, got.low, got.high) == pytest.approx((wanted, wanted, wanted))


def test_a_metric_where_more_is_better_is_compared_as_it_is():
    predictions, labels, groups = sample([16, 8, 4, 2])
    got = rank_agreement(
        [0.5, 0.6, 0.7, 0.8], predictions, labels, groups, metric="CCC", samples=20
    )
    assert got.tau == pytest.approx(1.0)


def test_the_interval_holds_tau_and_depends_on_the_seed_alone():
    data = sample([8, 7, 9, 6, 7, 5])
    got = rank_agreement(REPORTED, *data, samples=200, seed=3)
    assert got.low < got.tau < got.high
    assert rank_agreement(REPORTED, *data, samples=200, seed=3) == got
    drawn = {rank_agreement(REPORTED, *data, samples=20, seed=s).low for s in range(6)}
    assert len(drawn) > 1


def test_independent_noise_has_no_order():
    hits = []
    for seed in range(40):
        got = rank_agreement(REPORTED, *sample([7] * 6, seed=seed), samples=100)
        hits.append(got.low <= 0 <= got.high)
    assert np.mean(hits) >= 0.85


def test_all_rows_meet_the_same_persons_with_all_their_sessions(monkeypatch):
    seen = []

    def watch(prediction, target):
        seen.append(tuple(target))
        return float(np.mean(prediction))

    monkeypatch.setitem(ranking.METRICS, "RMSE", watch)
    predictions, _, _ = sample([3, 2, 1], seeds=2, sessions=6)
    labels = np.arange(6.0)
    rank_agreement([3.0, 2.0, 1.0], predictions, labels, ["a", "b", "a", "b", "c", "c"], samples=30)
    by_resample = [set(seen[n : n + 6]) for n in range(0, len(seen), 6)]
    assert len(by_resample) == 31
    assert all(len(targets) == 1 for targets in by_resample)
    for (drawn,) in by_resample:
        for one, other in ((0, 2), (1, 3), (4, 5)):
            assert drawn.count(one) == drawn.count(other)
    assert len({drawn for (drawn,) in by_resample}) > 5


def test_rows_that_measure_the_same_have_no_order():
    predictions, labels, groups = sample([3])
    got = rank_agreement(
        [3.0, 2.0, 1.0], np.repeat(predictions, 3, axis=0), labels, groups, samples=5
    )
    assert (got.tau, got.low, got.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reported": [1.0, 2.0]}, "3 rows"),
        ({"reported": [1.0, 2.0, 3.0]}, r"the 3 rows of reported"),
        ({"reported": [4.0] * 6}, "all 4.0"),
        ({"reported": [1.0, np.nan, 3.0, 4.0, 5.0, 6.0]}, "reported holds"),
        ({"predictions": np.zeros((6, 40))}, r"\(rows, seeds, sessions\)"),
        ({"predictions": np.zeros((6, 0, 40))}, "a seed or more"),
        ({"labels": np.zeros(39)}, r"40 sessions.*\(39,\)"),
        ({"groups": ["a", "b"]}, "groups has 2 entries"),
        ({"groups": ["a"] * 40}, "one person"),
        ({"metric": "rmse"}, "RMSE, MAE, PCC, CCC"),
        ({"samples": 0}, "samples"),
    ],
)
def test_wrong_arguments_are_refused(change, words):
    predictions, labels, groups = sample([8, 7, 9, 6, 7, 5])
    given = {"predictions": predictions, "labels": labels, "groups": groups, "reported": REPORTED}
    with pytest.raises(ValueError, match=words):
        rank_agreement(**{**given, **change})


def test_docstring_examples_hold():
    assert doctest.testmod(ranking).failed == 0
