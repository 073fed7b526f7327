import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, KFold

from adabench.models.regressors import build_regressor
from adabench.models.search import Search

SVR = build_regressor([{"type": "StandardScaler"}, {"type": "SVR"}])


@pytest.mark.parametrize(
    ("grid", "match"),
    [
        ({}, r"method.search.grid is dict\(PARAMETER"),
        ({"svr__c": [1.0]}, r"grid.svr__c: Pipeline has no parameter .*Did you mean 'svr__C'"),
        ({"svr__C": 1.0}, r"grid.svr__C is a list of values to try; got 1.0"),
        ({"svr__C": []}, "is a list of values to try"),
        ({"svr__C": [1.0, -1.0]}, r"grid.svr__C: The 'C' parameter of SVR .*Got -1.0"),
    ],
)
def test_a_grid_is_checked_before_anything_is_fitted(grid, match):
    with pytest.raises((ValueError, TypeError), match=match):
        Search(SVR, grid=grid)


@pytest.mark.parametrize("folds", [1, 2.0, True])
def test_folds_are_a_whole_number(folds):
    with pytest.raises(ValueError, match=r"method.search.folds is a whole number, at least 2"):
        Search(SVR, grid={"svr__C": [1.0]}, folds=folds)


def test_fewer_persons_than_folds_are_refused():
    search = Search(SVR, grid={"svr__C": [1.0]}, folds=3)
    with pytest.raises(ValueError, match="folds is 3, and the training clips are of 2 persons"):
        search.check_persons(["a", "b", "a"])


def test_it_chooses_what_is_best_on_persons_left_out():
    """Features tell who somebody is: rows left out alone would ask for the other choice."""
    random = np.random.default_rng(1)
    persons = [str(n) for n in range(8) for _ in range(4)]
    marks = np.repeat(random.normal(size=(8, 20)), 4, axis=0)
    features = marks + 0.1 * random.normal(size=marks.shape)
    scores = np.repeat(random.random(8) * 40, 4)
    errors = {}
    for alpha in (1e-3, 1e3):
        by_persons = GroupKFold(4).split(features, scores, persons)
        by_rows = KFold(4, shuffle=True, random_state=0).split(features)
        errors[alpha] = [rmse(alpha, features, scores, by) for by in (by_persons, by_rows)]
    assert errors[1e3][0] < errors[1e-3][0]
    assert errors[1e3][1] > errors[1e-3][1]
    search = Search(Ridge(), grid={"alpha": [1e-3, 1e3]}, folds=4)
    estimator, chosen = search.choose(Ridge(), features, scores, persons)
    assert estimator.alpha == 1e3
    assert chosen.parameters == {"alpha": 1e3}
    assert chosen.rmse == pytest.approx(errors[1e3][0], abs=1e-9)
    again, twice = search.choose(Ridge(), features, scores, persons)
    assert (twice, again.coef_.tolist()) == (chosen, estimator.coef_.tolist())


def rmse(alpha, features, scores, folds):
    found = []
    for train, held in folds:
        guess = Ridge(alpha=alpha).fit(features[train], scores[train]).predict(features[held])
        found.append(np.sqrt(np.mean((guess - scores[held]) ** 2)))
    return np.mean(found)
