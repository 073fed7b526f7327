import numpy as np
import pytest
import torch
from sklearn.svm import SVR

from adabench.models import Extractor, KeepAll
from adabench.models.estimator import EstimatorMethod
from adabench.registry import MODELS, UnknownTypeError
from adabench.structures import Clip
from adabench.testing import example_id


def clips(*values: float) -> list[Clip]:
    return [
        Clip(id=example_id(n), index=torch.arange(3), frames=torch.full((3, 3, 2, 2), v))
        for n, v in enumerate(values)
    ]


def test_the_constant_is_the_mean_of_the_training_scores():
    method = EstimatorMethod().fit(None, [3.0, 10.0, 20.0])
    assert method.predict(4).tolist() == [11.0] * 4
    assert not method.needs_features


def test_the_registry_builds_the_constant():
    config = {"type": "DummyRegressor", "strategy": "mean"}
    method = MODELS.build({"type": "EstimatorMethod", "estimator": config})
    assert method.fit(None, np.array([1, 2])).predict(1).tolist() == [1.5]
    assert config == {"type": "DummyRegressor", "strategy": "mean"}


def test_an_estimator_predicts_as_scikit_learn_does():
    random = np.random.default_rng(0)
    x, y = random.random((20, 3)), random.random(20) * 40
    method = EstimatorMethod(estimator={"type": "SVR", "C": 2.0}).fit(x, y)
    assert np.allclose(method.predict(x), SVR(C=2.0).fit(x, y).predict(x), atol=1e-12)
    assert method.predict(x).shape == (20,)


def test_two_dimensional_answers_become_one_dimensional():
    x, y = np.random.default_rng(0).random((20, 3)), np.arange(20.0)
    method = EstimatorMethod(estimator={"type": "PLSRegression", "n_components": 2}).fit(x, y)
    assert method.predict(x).shape == (20,)


def test_an_object_is_taken_as_it_is():
    estimator = SVR(C=3.0)
    assert EstimatorMethod(estimator=estimator).estimator is estimator


class Brightness(Extractor):
    """The mean of each colour, times a gain."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, clip):
        return self.gain * clip.frames.mean((0, 2, 3))


def test_an_extractor_turns_clips_into_features():
    method = EstimatorMethod(estimator={"type": "LinearRegression"}, extractor=Brightness())
    features = method.extract(clips(1.0, 2.0, 3.0))
    assert features.tolist() == [[1.0] * 3, [2.0] * 3, [3.0] * 3]
    assert np.allclose(method.fit(features, [2.0, 4.0, 6.0]).predict(features), [2.0, 4.0, 6.0])
    assert EstimatorMethod().extract(clips(1.0)) is None


def test_a_registered_extractor_is_built_from_its_config(monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, "Brightness", Brightness)
    method = EstimatorMethod(
        estimator={"type": "Ridge"}, extractor={"type": "Brightness", "gain": 2.0}
    )
    assert method.extract(clips(1.0, 3.0)).tolist() == [[2.0] * 3, [6.0] * 3]


@pytest.mark.parametrize(
    ("answers", "match"),
    [
        ([[[1.0]]], r"gives \(1, 1\) for clip .*expected \(D,\)"),
        ([[1.0], [1.0, 2.0]], r"gives \(2,\) for clip .*as for the first clip, \(1,\)"),
        ([[1.0], [np.nan]], "gives a number that is not finite for clip"),
    ],
)
def test_an_extractor_that_gives_something_else_is_told(answers, match):
    class Odd(Extractor):
        def __call__(self, clip):
            return answers[int(clip.frames[0, 0, 0, 0])]

    method = EstimatorMethod(extractor=Odd())
    with pytest.raises(ValueError, match=r"method.extractor: Odd " + match):
        method.extract(clips(*range(len(answers))))


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("DumyRegressor", "DummyRegressor"), ("svr", "SVR"), ("PLSRegresion", "PLSRegression")],
)
def test_a_typo_gets_a_suggestion_and_the_list(typo, meant):
    with pytest.raises(UnknownTypeError, match=f"Did you mean .*'{meant}'.*It has: .*Ridge"):
        EstimatorMethod(estimator={"type": typo})


def test_a_classifier_is_no_regressor():
    with pytest.raises(UnknownTypeError, match="no regressor 'SVC'"):
        EstimatorMethod(estimator={"type": "SVC"})


@pytest.mark.parametrize("wrong", ["SVR", SVR, 3])
def test_what_is_no_estimator_is_refused(wrong):
    with pytest.raises(TypeError, match=r"is dict\(type='SVR', …\) or a scikit-learn regressor"):
        EstimatorMethod(estimator=wrong)


def test_what_is_no_extractor_is_refused():
    with pytest.raises(TypeError, match=r"method.extractor: int is no extractor"):
        EstimatorMethod(estimator={"type": "SVR"}, extractor=3)
    with pytest.raises(TypeError, match=r"method.extractor: KeepAll is no extractor"):
        EstimatorMethod(extractor=KeepAll(units=None))


def test_an_estimator_without_its_features_is_refused():
    with pytest.raises(ValueError, match="SVR needs features"):
        EstimatorMethod(estimator={"type": "SVR"}).fit(None, [1.0, 2.0])


@pytest.mark.parametrize(
    ("features", "scores", "match"),
    [
        (None, [], r"N at least 1; got \(0,\)"),
        (None, [[1.0]], r"got \(1, 1\)"),
        (None, [1.0, np.nan], "score is not finite"),
        ([[1.0], [np.inf]], [1.0, 2.0], "hold a number that is not finite"),
        ([1.0, 2.0], [1.0, 2.0], r"features are \(N, D\); got \(2,\)"),
        ([[1.0]], [1.0, 2.0], r"features \(1, 1\) and scores \(2,\) differ"),
    ],
)
def test_wrong_training_data_is_refused(features, scores, match):
    with pytest.raises(ValueError, match=match):
        EstimatorMethod().fit(features, scores)


def test_a_search_is_over_the_persons_of_the_rows():
    x = np.random.default_rng(0).random((12, 2))
    y = 40 * x[:, 0]
    search = {"grid": {"alpha": [1e-3, 1e4]}, "folds": 3}
    method = EstimatorMethod(estimator={"type": "Ridge"}, search=search)
    with pytest.raises(ValueError, match=r"method.search divides persons"):
        method.fit(x, y)
    method.fit(x, y, [str(n // 2) for n in range(12)])
    assert method.estimator.alpha == 1e-3
    assert (method.chosen.tried, method.chosen.folds) == (2, 3)
    assert "of 2 tried: alpha=0.001 (RMSE " in str(method.chosen)


def test_what_scikit_learn_refuses_to_fit_is_told():
    method = EstimatorMethod(estimator=[{"type": "PCA", "n_components": 9}, {"type": "Ridge"}])
    with pytest.raises(ValueError, match=r"method.estimator can't be fitted on features \(3, 2\)"):
        method.fit(np.eye(3)[:, :2], [1.0, 2.0, 3.0])
