"""Metrics of two classes, against scikit-learn's."""

import doctest

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, f1_score, roc_auc_score

from adabench.evaluation import classes
from adabench.evaluation.classes import AreaUnderROC, BalancedAccuracy, Brier, MacroF1

REFERENCES = {
    BalancedAccuracy: lambda p, y: balanced_accuracy_score(y, p >= 0.5),
    MacroF1: lambda p, y: f1_score(y, p >= 0.5, average="macro"),
    AreaUnderROC: lambda p, y: roc_auc_score(y, p),
    Brier: lambda p, y: brier_score_loss(y, p.clip(0, 1)),
}


@pytest.mark.parametrize("metric", REFERENCES)
@pytest.mark.parametrize("seed", range(3))
def test_values_are_scikit_learn_s(metric, seed):
    rng = np.random.default_rng(seed)
    label = np.array([0.0, 1.0, *rng.integers(0, 2, 30)])
    # Ties, both classes predicted, and a regressor's values beyond the ends.
    prediction = np.round(rng.normal(0.5, 0.5, 32), 1)
    assert metric()(prediction, label) == pytest.approx(REFERENCES[metric](prediction, label))


def test_nothing_is_told_as_one_of_both():
    label = np.array([0.0, 1.0])
    assert MacroF1()(np.array([0.1, 0.2]), label) == pytest.approx(1 / 3)


@pytest.mark.parametrize("metric", REFERENCES)
def test_other_labels_are_refused(metric):
    with pytest.raises(ValueError, match="labels are not 0 and 1"):
        metric()(np.array([3.0, 4.0]), np.array([0.0, 7.0]))
    with pytest.raises(ValueError, match="all 2 sessions are of one class"):
        metric()(np.array([0.1, 0.9]), np.array([1.0, 1.0]))


def test_docstring_examples_hold():
    assert doctest.testmod(classes, extraglobs={"np": np}).failed == 0
