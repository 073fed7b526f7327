"""Calibrated intervals: what they promise, by simulation, and mapie as the oracle of their ends."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from adabench.evaluation import BDI_II, PHQ_8
from adabench.evaluation.conformal import (
    BinnedConformal,
    ConformalQuantiles,
    Intervals,
    SplitConformal,
    cv_plus,
    person_weights,
    weighted_threshold,
)
from adabench.evaluation.interval_quality import coverage_of, interval_quality

SETS = 2000


def names(count, sessions=1):
    return [f"{index // sessions:04d}" for index in range(count)]


def drawn(generator, count):
    """Predictions and labels well within the scale, so that its ends cut nothing."""
    prediction = generator.uniform(25, 38, count)
    return prediction, prediction + generator.normal(0, 2, count)


def held(intervals, score):
    return (intervals.low <= score) & (score <= intervals.high)


def simulated(calibrator, calibration, tested, draw=drawn, persons=names):
    """Return how many of ``tested`` labels the intervals of each calibration set hold."""
    generator = np.random.default_rng(1)
    found = []
    for _ in range(SETS):
        prediction, score = draw(generator, calibration)
        new, label = draw(generator, tested)
        intervals = calibrator.fit(prediction, score, persons(calibration)).intervals(new)
        found.append(held(intervals, label).sum())
    return np.array(found)


@pytest.mark.parametrize("n", [20, 50, 200])
def test_split_conformal_holds_its_level_and_follows_the_beta_binomial_law(n):
    tested, level = 100, 0.9
    counts = simulated(SplitConformal(level=level), n, tested)
    rank = math.ceil((n + 1) * level)
    law = stats.betabinom(tested, rank, n + 1 - rank)
    error = 3 * law.std() / tested / math.sqrt(SETS)
    assert level - error <= counts.mean() / tested <= level + 1 / (n + 1) + error
    edges = np.unique(law.ppf(np.linspace(0, 1, 11)[1:-1]))
    observed = np.bincount(np.searchsorted(edges, counts), minlength=len(edges) + 1)
    expected = np.diff(np.concatenate([[0], law.cdf(edges), [1]])) * SETS
    assert stats.chisquare(observed, expected).pvalue > 0.01


def test_sessions_of_one_person_count_once():
    """25 persons whose two sessions are alike: as 50 of their own, they hold 23 of 26 in place of 24."""

    def alike(generator, count):
        prediction, score = drawn(generator, (count + 1) // 2)
        return np.repeat(prediction, 2)[:count], np.repeat(score, 2)[:count]

    by_person = simulated(
        SplitConformal(level=0.9), 50, 40, alike, lambda count: names(count, sessions=2)
    )
    plain = simulated(SplitConformal(level=0.9), 50, 40, alike)
    error = 3 * math.sqrt(0.1 * 0.9 / SETS / 3)
    assert by_person.mean() / 40 == pytest.approx(24 / 26, abs=error)
    assert plain.mean() / 40 == pytest.approx(23 / 26, abs=error)
    assert plain.mean() / 40 < 0.9 <= by_person.mean() / 40


def test_a_persons_weight_is_shared_by_the_sessions():
    weight = person_weights(["a", "b", "b", "c"])
    assert weight.tolist() == pytest.approx([1 / 4, 1 / 8, 1 / 8, 1 / 4])


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_it_is_the_share_of_drawings_of_one_session_a_person(level):
    """Over all drawings of one session a person, the mean share of distances up to the threshold."""
    distance = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6])
    person = ["a", "a", "b", "b", "c", "c"]
    found = weighted_threshold(distance, person_weights(person), level)
    drawings = np.array([[a, b, c] for a in (0, 1) for b in (2, 3) for c in (4, 5)])

    def mass(bound):
        return np.mean((distance[drawings] <= bound).sum(1) / 4)

    reached = [value for value in np.sort(distance) if mass(value) >= level - 1e-12]
    assert found == (reached[0] if reached else math.inf)


def test_a_level_that_so_few_sessions_cannot_hold_takes_the_whole_scale():
    calibrator = SplitConformal(level=0.95).fit([10.0] * 18, [12.0] * 18, names(18))
    assert calibrator.intervals([20.0]) == Intervals(np.array([0.0]), np.array([63.0]))
    calibrator = SplitConformal(level=0.95).fit([10.0] * 19, [12.0] * 19, names(19))
    assert calibrator.intervals([20.0]) == Intervals(np.array([18.0]), np.array([22.0]))
    assert calibrator.intervals([62.5]).high == [63.0]


def test_mapie_gives_the_same_intervals():
    mapie = pytest.importorskip("mapie.regression")
    generator = np.random.default_rng(3)
    prediction, score = drawn(generator, 60)
    new, _ = drawn(generator, 20)
    ours = SplitConformal(level=0.9).fit(prediction, score, names(60)).intervals(new)
    theirs = mapie.SplitConformalRegressor(Given(), confidence_level=0.9, prefit=True)
    _, ends = theirs.conformalize(prediction[:, None], score).predict_interval(new[:, None])
    assert np.allclose(np.stack(ours, 1), ends[..., 0])


def test_conformal_quantiles_are_those_of_mapie():
    mapie = pytest.importorskip("mapie.regression")
    generator = np.random.default_rng(4)
    _, score = drawn(generator, 60)
    quantiles = np.stack(
        [score - generator.normal(2, 2, 60), score + generator.normal(3, 2, 60)], 1
    )
    quantiles.sort(axis=1)
    new = quantiles[:20] + 0.5
    ours = ConformalQuantiles(level=0.8).fit(quantiles, score, names(60)).intervals(new)
    # Its order of estimators: lower, upper, middle.
    given = [Column(0), Column(1), Column(0)]
    theirs = mapie.ConformalizedQuantileRegressor(given, confidence_level=0.8, prefit=True)
    theirs.conformalize(quantiles, score)
    _, ends = theirs.predict_interval(new, symmetric_correction=True)
    assert np.allclose(np.stack(ours, 1), ends[..., 0])


def test_cv_plus_is_that_of_mapie():
    mapie = pytest.importorskip("mapie.regression")
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import KFold

    generator = np.random.default_rng(5)
    x = generator.uniform(0, 10, (43, 1))
    y = 25 + x[:, 0] + generator.normal(0, 2, 43)
    new = generator.uniform(0, 10, (15, 1))
    folds, held_out, predicted = np.empty(43, int), np.empty(43), []
    for number, (train, rest) in enumerate(KFold(5).split(x)):
        model = LinearRegression().fit(x[train], y[train])
        folds[rest], held_out[rest] = number, model.predict(x[rest])
        predicted.append(model.predict(new))
    ours = cv_plus(held_out, y, folds, names(43), np.array(predicted), level=0.9)
    theirs = mapie.CrossConformalRegressor(
        LinearRegression(), confidence_level=0.9, method="plus", cv=KFold(5)
    )
    _, ends = theirs.fit_conformalize(x, y).predict_interval(new)
    assert np.allclose(np.stack(ours, 1), ends[..., 0])


def test_cv_plus_holds_its_bound():
    """A mean over the other folds, of two sessions a person: 1 - 2 (1 - level) and more."""
    generator, level, found = np.random.default_rng(6), 0.85, []
    fold = np.repeat(np.arange(5), 8)
    person = names(40, sessions=2)
    for _ in range(SETS):
        score = np.repeat(generator.normal(30, 4, 20), 2) + generator.normal(0, 1, 40)
        models = np.array([score[fold != number].mean() for number in range(5)])
        label = generator.normal(30, 4, 10) + generator.normal(0, 1, 10)
        new = np.repeat(models[:, None], 10, axis=1)
        intervals = cv_plus(models[fold], score, fold, person, new, level=level)
        found.append(held(intervals, label).mean())
    assert 1 - 2 * (1 - level) <= np.mean(found)
    assert np.mean(found) == pytest.approx(level, abs=0.05)


def test_cv_plus_wants_persons_in_one_fold():
    with pytest.raises(ValueError, match="a person's sessions lie in two folds"):
        cv_plus([1.0, 2.0], [1.0, 2.0], [0, 1], ["a", "a"], [[1.0], [2.0]])
    with pytest.raises(ValueError, match="a label, a fold and a person for each"):
        cv_plus([1.0, 2.0], [1.0], [0, 1], ["a", "b"], [[1.0], [2.0]])


@pytest.mark.parametrize("n", [50, 200])
def test_binned_intervals_hold_their_level(n):
    level = 0.8

    def uneven(generator, count):
        prediction = generator.uniform(15, 45, count)
        return prediction, prediction + generator.normal(0, 1, count) * (prediction / 10)

    counts = simulated(BinnedConformal(level=level, bins=6), n, 50, uneven)
    error = 3 * counts.std() / 50 / math.sqrt(SETS)
    # Shares of a bin are few and tie, so that the level is passed by more than 1/(n + 1).
    assert level - error <= counts.mean() / 50 <= level + 0.06


def test_bins_hold_enough_sessions_and_an_edge_belongs_to_the_bin_above():
    prediction = np.concatenate([np.full(30, 10.0), np.full(5, 20.0), np.full(30, 30.0)])
    calibrator = BinnedConformal(level=0.9, bins=2)
    assert calibrator._cut(prediction).tolist() == [20.0]
    calibrator.edges = np.array([20.0])
    assert calibrator._place(np.array([19.9, 20.0])).tolist() == [0, 1]
    assert BinnedConformal(level=0.9, bins=10)._cut(prediction[:35]).tolist() == []


def test_where_errors_grow_binned_intervals_do_too():
    generator = np.random.default_rng(8)
    prediction = generator.uniform(10, 40, 400)
    score = prediction + generator.normal(0, 1, 400) * np.where(prediction > 25, 6, 1)
    found = (
        BinnedConformal(level=0.9, bins=4).fit(prediction, score, names(400)).intervals([12, 35])
    )
    small, large = found.high - found.low
    assert large > 1.5 * small


def test_quantiles_that_cross_make_a_point():
    quantiles = np.array([[20.0, 21.0]] * 30)
    calibrator = ConformalQuantiles(level=0.9).fit(
        np.array([[0.0, 40.0]] * 30), np.full(30, 20.0), names(30)
    )
    assert calibrator.reach == -20
    found = calibrator.intervals(quantiles)
    assert (found.low == 20.5).all()
    assert (found.high == 20.5).all()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: SplitConformal(level=1.0), "SplitConformal.level is the share of labels"),
        (lambda: BinnedConformal(bins=0), "BinnedConformal.bins is 1 or more; got 0"),
        (lambda: SplitConformal().fit([1.0], [1.0, 2.0], ["a"]), "a label and a person for each"),
        (lambda: SplitConformal().fit([], [], []), "of one prediction or more"),
        (lambda: SplitConformal().fit([np.nan], [1.0], ["a"]), "a prediction is no finite number"),
        (lambda: SplitConformal().fit([1.0], [np.inf], ["a"]), "a label is no finite number"),
        (lambda: SplitConformal().fit([[1.0, 2.0]], [1.0], ["a"]), "reads predictions (N,)"),
        (lambda: ConformalQuantiles().fit([1.0], [1.0], ["a"]), "reads predictions (N, 2)"),
        (lambda: BinnedConformal().fit([1.0, 2.0], [1.0, 2.0], ["a", "a"]), "got one person"),
    ],
)
def test_what_it_refuses(make, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        make()


def test_quality_by_hand():
    intervals = Intervals(np.array([0.0, 10.0, 20.0]), np.array([10.0, 20.0, 50.0]))
    found = interval_quality(
        intervals, [5.0, 15.0, 35.0], [10.0, 22.0, 19.0], level=0.9, scale=BDI_II
    )
    assert found.coverage[:3] == (1, 3, 1 / 3)
    assert found.width == pytest.approx(50 / 3)
    assert found.score == pytest.approx((10 + (10 + 20 * 2) + (30 + 20 * 1)) / 3)
    assert {level: cover[:2] for level, cover in found.by_prediction.items()} == {
        "minimal": (1, 1),
        "mild": (0, 1),
        "severe": (0, 1),
    }
    assert {level: cover[:2] for level, cover in found.by_label.items()} == {
        "minimal": (1, 1),
        "mild": (0, 1),
        "moderate": (0, 1),
    }


@pytest.mark.parametrize(("count", "sessions"), [(0, 7), (7, 7), (45, 50)])
def test_the_interval_of_a_coverage_is_exact(count, sessions):
    found = coverage_of([index < count for index in range(sessions)])
    expected = stats.binomtest(count, sessions).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_intervals_lie_within_any_scale():
    calibrator = SplitConformal(level=0.5, scale=PHQ_8).fit([5.0] * 9, [9.0] * 9, names(9))
    assert calibrator.intervals([1.0, 23.0]).low.tolist() == [0.0, 19.0]
    assert calibrator.intervals([1.0, 23.0]).high.tolist() == [5.0, 24.0]


class Given:
    """A fitted estimator whose prediction is its only column."""

    column = 0
    is_fitted = True

    def fit(self, x, y):
        return self

    def predict(self, x):
        return x[:, self.column]

    def __sklearn_is_fitted__(self):
        return True


class Column(Given):
    def __init__(self, column):
        self.column = column
