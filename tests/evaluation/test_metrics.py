"""Metrics against scipy, scikit-learn and torchmetrics."""

import doctest

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from adabench.evaluation import ccc, mae, metrics, pcc, rmse, score_metrics

TOLERANCE = 1e-6
ALL = (rmse, mae, pcc, ccc)


def scores(seed, count=50):
    generator = np.random.default_rng(seed)
    target = generator.integers(0, 64, count).astype(float)
    return 0.6 * target + generator.normal(8, 7, count), target


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("count", [2, 3, 50, 1000])
def test_errors_and_correlation_equal_the_references(seed, count):
    prediction, target = scores(seed, count)
    found = score_metrics(prediction, target)
    assert found["RMSE"] == pytest.approx(root_mean_squared_error(target, prediction), abs=1e-6)
    assert found["MAE"] == pytest.approx(mean_absolute_error(target, prediction), abs=TOLERANCE)
    expected = stats.pearsonr(prediction, target).statistic
    assert found["PCC"] == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("seed", range(10))
def test_concordance_is_pearson_times_the_bias_correction(seed):
    prediction, target = scores(seed)
    spread = stats.tstd(prediction) / stats.tstd(target)
    population = np.sqrt(stats.moment(prediction, 2) * stats.moment(target, 2))
    shift = (prediction.mean() - target.mean()) ** 2 / population
    expected = stats.pearsonr(prediction, target).statistic * 2 / (spread + 1 / spread + shift)
    assert ccc(prediction, target) == pytest.approx(expected, abs=TOLERANCE)


def test_torchmetrics_uses_sample_moments_and_we_use_those_of_the_population():
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional")
    prediction, target = scores(3, count=8)
    theirs = float(
        functional.concordance_corrcoef(torch.as_tensor(prediction), torch.as_tensor(target))
    )

    def concordance(ddof):
        covariance = np.cov(prediction, target, ddof=ddof)
        shift = (prediction.mean() - target.mean()) ** 2
        return 2 * covariance[0, 1] / (np.trace(covariance) + shift)

    assert theirs == pytest.approx(concordance(ddof=1), abs=TOLERANCE)
    assert ccc(prediction, target) == pytest.approx(concordance(ddof=0), abs=TOLERANCE)
    assert abs(theirs - ccc(prediction, target)) > 100 * TOLERANCE
    pearson = functional.pearson_corrcoef(torch.as_tensor(prediction), torch.as_tensor(target))
    assert pcc(prediction, target) == pytest.approx(float(pearson), abs=TOLERANCE)


def test_a_constant_prediction_correlates_with_nothing():
    _, target = scores(0)
    mean = np.full(50, target[:20].mean())
    found = score_metrics(mean, target)
    assert found["PCC"] == 0.0
    assert found["CCC"] == 0.0
    assert found["RMSE"] == pytest.approx(np.sqrt(target.var() + (mean[0] - target.mean()) ** 2))


def test_a_constant_that_only_rounding_spreads_is_still_constant():
    _, target = scores(0)
    prediction = np.full(50, 15.2)
    prediction[::3] = np.nextafter(15.2, 16)
    assert pcc(prediction, target) == 0.0
    assert ccc(prediction, target) == 0.0


def test_constant_targets_give_zero_too():
    prediction, _ = scores(0)
    assert pcc(prediction, np.full(50, 9.0)) == 0.0
    assert ccc(prediction, np.full(50, 9.0)) == 0.0


@pytest.mark.parametrize("prediction", [7.0, 12.0])
def test_one_element_works(prediction):
    error = abs(prediction - 12.0)
    assert score_metrics([prediction], [12.0]) == {"RMSE": error, "MAE": error, "PCC": 0, "CCC": 0}


def test_perfect_and_reversed_predictions():
    _, target = scores(1)
    assert score_metrics(target, target) == pytest.approx({"RMSE": 0, "MAE": 0, "PCC": 1, "CCC": 1})
    assert pcc(-target, target) == pytest.approx(-1.0)
    assert pcc(-target, target) >= -1.0


def test_tiny_spreads_do_not_underflow():
    prediction, target = scores(2)
    expected = pcc(prediction, target)
    assert pcc(prediction * 1e-170, target * 1e-170) == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize(
    ("prediction", "target", "shapes"),
    [
        ([], [], ("(0,)", "(0,)")),
        ([1.0, 2.0], [1.0], ("(2,)", "(1,)")),
        ([[1.0], [2.0]], [1.0, 2.0], ("(2, 1)", "(2,)")),
        (1.0, 1.0, ("()", "()")),
        ([1.0, np.nan, 3.0], [1.0, 2.0, 3.0], ("(3,)", "(3,)")),
        ([1.0, 2.0], [1.0, np.inf], ("(2,)", "(2,)")),
    ],
)
def test_bad_input_is_refused_with_both_shapes(metric, prediction, target, shapes):
    with pytest.raises(ValueError, match="shape") as caught:
        metric(prediction, target)
    for shape in shapes:
        assert shape in str(caught.value)


def test_the_entry_that_is_not_finite_is_named():
    with pytest.raises(ValueError, match="target must be finite, but entry 1 is nan"):
        rmse([1.0, 2.0], [1.0, np.nan])


def test_docstring_examples_hold():
    assert doctest.testmod(metrics).failed == 0
    assert doctest.testmod(metrics).attempted >= 4
