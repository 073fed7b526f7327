import pytest
import torch

from adabench.models import Identity, KeepAll, UnitRegressor, even_weights
from adabench.structures import Features, FeatureSpec, Selection, Truth, Units, UnitSpec

FEATURES = FeatureSpec(vector=4)
SPEC = UnitSpec(dim=4, per_step=True, features=FEATURES)


def features() -> Features:
    index = torch.tensor([[0, 3, 6], [0, 3, 0]])
    return Features(
        vector=torch.rand(2, 3, 4),
        valid=torch.tensor([[True, True, True], [True, True, False]]),
        span=torch.stack([index, index + 1], -1),
    )


def units() -> Units:
    return Identity(features=FEATURES)(features())


def truth(*scores: float) -> Truth:
    return Truth(score=torch.tensor(scores), level=torch.zeros(len(scores), dtype=torch.long))


def test_identity_hands_every_step_on():
    given = features()
    part = Identity(features=FEATURES)
    out = part(given)
    assert part.spec == SPEC
    assert out.x is given.vector
    assert out.features is given
    assert out.span is given.span
    assert out.scale.tolist() == [1, 1, 1]


def test_even_weights_are_equal_over_valid_units():
    weights = even_weights(torch.tensor([[True, True, False, True], [False] * 4]))
    assert torch.allclose(weights[0], torch.tensor([1 / 3, 1 / 3, 0.0, 1 / 3]))
    assert weights[1].tolist() == [0.0] * 4


def test_keep_all_weighs_valid_units_alike():
    selection = KeepAll(units=SPEC)(units())
    assert torch.allclose(selection.weight, torch.tensor([[1 / 3] * 3, [0.5, 0.5, 0.0]]))
    assert torch.equal(selection.relevance, selection.weight)


def test_the_score_is_the_weighted_mean_of_unit_scores():
    head = UnitRegressor(units=SPEC)
    head.fit_scale(torch.tensor([10.0, 20.0]))
    given = units()
    weight = torch.tensor([[0.2, 0.3, 0.5], [0.9, 0.1, 0.0]])
    out = head(given, Selection(weight=weight, relevance=weight))
    linear = head.regress[-1]
    by_hand = (given.x @ linear.weight.T + linear.bias).squeeze(-1) * 5.0 + 15.0
    assert torch.allclose(out.unit_score[given.valid], by_hand[given.valid])
    assert out.unit_score[1, 2] == 0.0
    assert torch.allclose(out.score, (weight * by_hand).sum(-1))


def test_loss_on_the_clip_is_the_standardised_squared_error():
    head = UnitRegressor(units=SPEC, hidden=3)
    head.fit_scale(torch.tensor([10.0, 20.0]))
    given = units()
    out = head(given, KeepAll(units=SPEC)(given))
    expected = (((out.score - torch.tensor([3.0, 30.0])) / 5.0) ** 2).mean()
    assert torch.allclose(head.loss(given, out, truth(3.0, 30.0), 0.0)["mse"], expected)


def test_loss_on_units_is_the_weighted_mean_of_their_errors():
    head = UnitRegressor(units=SPEC, loss_on="unit")
    given = units()
    out = head(given, KeepAll(units=SPEC)(given))
    errors = (out.unit_score - torch.tensor([[3.0], [30.0]])) ** 2
    expected = (errors[0].mean() + errors[1, :2].mean()) / 2
    assert torch.allclose(head.loss(given, out, truth(3.0, 30.0), 0.0)["mse"], expected)


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="'clip' or 'unit'; got 'frame'"):
        UnitRegressor(units=SPEC, loss_on="frame")


def test_dropout_works_in_training_only():
    head = UnitRegressor(units=SPEC, dropout=0.5).eval()
    given = units()
    selection = KeepAll(units=SPEC)(given)
    assert torch.equal(head(given, selection).score, head(given, selection).score)
    head.train()
    assert not torch.equal(head(given, selection).score, head(given, selection).score)
