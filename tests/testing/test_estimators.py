"""An estimator's rows are predicted each for itself."""

import numpy as np
import pytest

from adabench.models.estimator import EstimatorMethod
from adabench.testing import check_estimator

FEATURES = np.random.default_rng(0).normal(size=(12, 3))
SCORES = np.linspace(2, 40, 12)


class Sound:
    def fit(self, x, y):
        self.mean_ = y.mean()
        return self

    def predict(self, x):
        return self.mean_ + x.sum(1)


class Standardises(Sound):
    def predict(self, x):
        return self.mean_ + ((x - x.mean(0)) / (x.std(0) + 1e-9)).sum(1)


class Ranks(Sound):
    """Depends on the order of rows."""

    def predict(self, x):
        return self.mean_ + np.arange(len(x))


class Draws(Sound):
    def predict(self, x):
        return self.mean_ + np.random.rand(len(x))  # noqa: NPY002 - the fault


class Forgets(Sound):
    """Leaves out what it learnt when it is saved."""

    def __getstate__(self):
        return {"mean_": 0.0}


class Fails(Sound):
    def predict(self, x):
        raise RuntimeError("no such thing")


class Nan(Sound):
    def predict(self, x):
        return np.full(len(x), np.nan)


class TooFew(Sound):
    def predict(self, x):
        return super().predict(x)[:1]


def fitted(estimator):
    return EstimatorMethod(estimator=estimator).fit(FEATURES, SCORES)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (Standardises, "batch"),
        (Ranks, "batch"),
        (Draws, "repeats"),
        (Forgets, "saved"),
        (Fails, "runs"),
        (Nan, "finite"),
        (TooFew, "runs"),
    ],
)
def test_an_estimator_that_breaks_a_rule_is_named(kind, rule):
    report = check_estimator(fitted(kind()), FEATURES)
    assert report.broken == (rule,)
    assert report.findings[0].part == kind.__name__
    assert report.findings[0].mend


@pytest.mark.parametrize("estimator", [Sound(), {"type": "SVR"}, {"type": "RandomForestRegressor"}])
def test_sound_ones_pass(estimator):
    assert check_estimator(fitted(estimator), FEATURES).outcome == "held"


def test_the_constant_reads_no_features():
    constant = EstimatorMethod().fit(None, SCORES)
    assert check_estimator(constant, 5).line() == "held, 5 checks"


def test_an_extractor_that_gives_something_else_the_next_time_is_named():
    method = fitted(Sound())
    assert check_estimator(method, FEATURES, FEATURES[:1]).line() == "held, 6 checks"
    (finding,) = check_estimator(method, FEATURES, FEATURES[:1] + 1e-6).findings
    assert (finding.role, finding.rule) == ("extractor", "extracts")
    assert "change by 1e-06 the next time" in finding.detail
