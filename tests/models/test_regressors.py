import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from adabench.models.regressors import _estimators, build_regressor
from adabench.registry import UnknownTypeError

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.random((20, 5)), RANDOM.random(20) * 40


def test_a_list_is_a_pipeline():
    steps = [{"type": "StandardScaler"}, {"type": "PCA", "n_components": 3}, {"type": "SVR"}]
    ours = build_regressor(steps).fit(X, Y)
    theirs = make_pipeline(StandardScaler(), PCA(3), SVR()).fit(X, Y)
    assert [name for name, _ in ours.steps] == ["standardscaler", "pca", "svr"]
    assert np.allclose(ours.predict(X), theirs.predict(X), atol=1e-9)


def test_arguments_may_be_estimators_and_pipelines():
    steps = [{"type": "StandardScaler"}, {"type": "SVR", "C": 2.0}]
    voting = build_regressor(
        {"type": "VotingRegressor", "estimators": [["a", {"type": "Ridge"}], ["b", steps]]}
    )
    assert voting.fit(X, Y).predict(X).shape == (20,)
    assert voting.estimators[1][1].steps[1][1].C == 2.0


@pytest.mark.parametrize(
    ("config", "error", "match"),
    [
        ([], ValueError, "method.estimator is an empty list"),
        (["SVR"], TypeError, r"method.estimator\[0\]: a step is dict"),
        (
            [{"type": "StandardScalar"}, {"type": "SVR"}],
            UnknownTypeError,
            r"method.estimator\[0\].type: .* no transformer .*Did you mean 'StandardScaler'",
        ),
        ([{"type": "SVR"}, {"type": "SVR"}], UnknownTypeError, r"\[0\].type: .*no transformer"),
        ([{"type": "PCA"}], UnknownTypeError, r"method.estimator\[0\].type: .*no regressor 'PCA'"),
        ({"type": "sklearn.svm.SVR"}, UnknownTypeError, "no regressor"),
        ({"type": "SVR", "c": 1.0}, TypeError, r"method.estimator.c: SVR takes no 'c'. .*'C'"),
        ({"type": "SVR", "C": -1.0}, ValueError, "method.estimator: The 'C' parameter of SVR"),
        ({"type": "MultiOutputRegressor"}, TypeError, "missing 1 required positional argument"),
        (
            {"type": "BaggingRegressor", "estimator": {"type": "SVM"}},
            UnknownTypeError,
            r"method.estimator.estimator.type: scikit-learn has no estimator 'SVM'",
        ),
        (
            [{"type": "FeatureUnion", "transformer_list": []}, {"type": "Pipeline", "memory": "x"}],
            UnknownTypeError,
            "no regressor 'Pipeline'",
        ),
        (
            {"type": "BaggingRegressor", "estimator": {"type": "Pipeline", "memory": "here"}},
            ValueError,
            "method.estimator.estimator.memory is not taken, since it reads pickles",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(config, error, match):
    with pytest.raises(error, match=match):
        build_regressor(config)


def test_every_regressor_that_needs_no_argument_is_built():
    needy = ("MultiOutputRegressor", "RegressorChain", "StackingRegressor", "VotingRegressor")
    for name in set(_estimators("regressor")).difference(needy):
        assert type(build_regressor({"type": name})).__name__ == name
