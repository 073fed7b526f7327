import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy

from adabench.evaluation import PHQ_8, Scale
from adabench.models import Identity, KeepAll, UnitRegressor, even_weights
from adabench.structures import Features, FeatureSpec, Selection, Truth, Units, UnitSpec

FEATURES = FeatureSpec(vector=4)
SPEC = UnitSpec(dim=4, per_step=True, features=FEATURES)
CLASSES = Scale.of_classes("depressed", ("no", "yes"))


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


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"loss_on": "frame"}, "'clip' or 'unit'; got 'frame'"),
        ({"loss": "hinge"}, "UnitRegressor.loss: no loss is called 'hinge'. Known: mse, l1, huber"),
        ({"loss": "mse+hubber"}, "'hubber'. Did you mean 'huber'?"),
        ({"loss": "l1+l1"}, "a loss stands twice in 'l1\\+l1'"),
        ({"combine": "max"}, "'mean' or 'median'; got 'max'"),
        ({"bounded": True, "scale": CLASSES}, "a probability is bounded"),
        ({"combine": "median", "scale": CLASSES}, "mean log odds"),
        ({"loss": "cross_entropy", "scale": PHQ_8}, "two classes, and the scale is PHQ-8"),
    ],
)
def test_an_unknown_loss_is_refused(options, match):
    with pytest.raises(ValueError, match=match):
        UnitRegressor(units=SPEC, **options)


def test_two_classes_give_the_logistic_of_the_mean_log_odds():
    head = UnitRegressor(units=SPEC, scale=CLASSES)
    head.fit_scale(torch.tensor([0.0, 0.0, 0.0, 1.0]))
    given = units()
    weight = torch.tensor([[0.2, 0.3, 0.5], [0.9, 0.1, 0.0]])
    linear = head.regress[-1]
    by_hand = (given.x @ linear.weight.T + linear.bias).squeeze(-1) - math.log(3)
    out = head(given, Selection(weight=weight, relevance=weight))
    assert torch.allclose(out.score, (weight * by_hand).sum(-1).sigmoid())
    assert torch.allclose(out.unit_score[given.valid], by_hand[given.valid].sigmoid())
    assert out.unit_score[1, 2] == 0.0
    linear.weight.data.zero_()
    linear.bias.data.zero_()
    share = head(given, Selection(weight=weight, relevance=weight)).score
    assert torch.allclose(share, torch.tensor(0.25)), (
        "the training split's, before anything is learnt"
    )


@pytest.mark.parametrize("loss_on", ["clip", "unit"])
def test_the_loss_of_two_classes_is_the_cross_entropy(loss_on):
    head = UnitRegressor(units=SPEC, scale=CLASSES, loss_on=loss_on)
    given = units()
    out = head(given, KeepAll(units=SPEC)(given))
    labels = truth(1.0, 0.0)
    if loss_on == "clip":
        expected = binary_cross_entropy(out.score, labels.score)
    else:
        first, second = out.unit_score[0], out.unit_score[1, :2]
        expected = -(first.log().mean() + (1 - second).log().mean()) / 2
    assert torch.allclose(head.loss(given, out, labels, 0.0)["cross_entropy"], expected)


def test_a_surely_wrong_clip_still_has_a_gradient():
    head = UnitRegressor(units=SPEC, scale=CLASSES)
    torch.nn.init.constant_(head.regress[-1].bias, 40.0)
    given = units()
    out = head(given, KeepAll(units=SPEC)(given))
    head.loss(given, out, truth(0.0, 0.0), 0.0)["cross_entropy"].backward()
    assert head.regress[-1].bias.grad == pytest.approx(1.0)


def test_classes_may_be_fitted_by_squared_error():
    head = UnitRegressor(units=SPEC, scale=CLASSES, loss="mse")
    given = units()
    out = head(given, KeepAll(units=SPEC)(given))
    assert head.loss(given, out, truth(1.0, 0.0), 0.0).keys() == {"mse"}


def test_dropout_works_in_training_only():
    head = UnitRegressor(units=SPEC, dropout=0.5).eval()
    given = units()
    selection = KeepAll(units=SPEC)(given)
    assert torch.equal(head(given, selection).score, head(given, selection).score)
    head.train()
    assert not torch.equal(head(given, selection).score, head(given, selection).score)
