"""The ordinal head and its losses, by their equations and scikit-learn's cross-entropy."""

import math

import pytest
import torch
from unit_batches import TRUTH, UNITS, choose, clip_units

from adabench.models import OrdinalRegressor, UnitRegressor
from adabench.models.heads.losses import mean_over_units, one_hot_loss, threshold_loss

LEVEL = TRUTH.level
FORMS = {"thresholds": (threshold_loss, 3), "one_hot": (one_hot_loss, 4)}


def build(**options):
    head = OrdinalRegressor(units=UNITS, **options).eval()
    head.fit_scale(TRUTH.score)
    return head


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("hidden", [0, 8])
def test_score_and_losses_equal_plain_sums(form, hidden):
    units, head = clip_units(7, 2, 4), build(ordinal=form, hidden=hidden, ordinal_weight=0.5)
    kept = [(0, 3, 6), (1,), (0, 2)]
    answer = head(units, choose(units, *kept)).detach()
    losses = head.loss(units, answer, TRUTH, 0.5)
    mean, std = TRUTH.score.mean(), TRUTH.score.std(unbiased=False)
    level_loss, count = FORMS[form]
    logits = answer.extra["logits"]
    assert logits.shape == (3, 7, count)
    each = level_loss(logits, TRUTH.level)
    squared, ordinal = [], []
    for clip, places in enumerate(kept):
        scores = torch.stack([answer.unit_score[clip, n] for n in places])
        torch.testing.assert_close(answer.score[clip], scores.mean(), atol=1e-4, rtol=1e-6)
        target = (TRUTH.score[clip] - mean) / std
        squared.append(((scores - mean) / std - target).square().mean())
        ordinal.append(torch.stack([each[clip, n] for n in places]).mean())
    assert set(losses) == {"mse", "ordinal"}
    assert float(losses["mse"]) == pytest.approx(float(sum(squared) / 3), abs=1e-6)
    assert float(losses["ordinal"]) == pytest.approx(float(0.5 * sum(ordinal) / 3), abs=1e-6)
    assert not answer.unit_score[~units.valid].any()


def test_its_squared_error_is_that_of_the_plain_regressor():
    units, head = clip_units(7, 2, 4), build()
    plain = UnitRegressor(units=UNITS, loss_on="unit")
    plain.fit_scale(TRUTH.score)
    plain.regress[-1].load_state_dict(head.regress.state_dict())
    selection = choose(units)
    mine, its = head(units, selection), plain(units, selection)
    torch.testing.assert_close(mine.score, its.score)
    torch.testing.assert_close(
        head.loss(units, mine, TRUTH, 0.0)["mse"], plain.loss(units, its, TRUTH, 0.0)["mse"]
    )


def test_logits_do_not_enter_the_score():
    units, head = clip_units(5, 2, 1), build(hidden=8)
    before = head(units, choose(units))
    head.classify.weight.data += 5
    after = head(units, choose(units))
    assert torch.equal(before.score, after.score)
    assert not torch.equal(before.extra["logits"], after.extra["logits"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ordinal": "softmax"}, "ordinal is one of thresholds, one_hot; got 'softmax'"),
        ({"ordinal_weight": 0.0}, "above 0; got 0.0.*take UnitRegressor with loss_on='unit'"),
        ({"ordinal_weight": float("nan")}, "above 0; got nan"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def cross_entropy(target, probability):
    return -(target * math.log(probability) + (1 - target) * math.log(1 - probability))


def test_threshold_loss_is_eq_12():
    logits = torch.randn(3, 5, 3) * 3
    came = threshold_loss(logits, LEVEL)
    for clip, level in enumerate(LEVEL.tolist()):
        for unit in range(5):
            wanted = sum(
                cross_entropy(float(level > k), 1 / (1 + math.exp(-float(logits[clip, unit, k]))))
                for k in range(3)
            )
            assert float(came[clip, unit]) == pytest.approx(wanted, abs=1e-6, rel=1e-6)
    even = torch.full((3, 5), 0.2)
    assert float(mean_over_units(came, even)) == pytest.approx(float(came.mean()), abs=1e-6)


@pytest.mark.parametrize("level", range(4))
def test_thresholds_below_the_level_are_exceeded(level):
    sure = torch.tensor([30.0 if level > k else -30.0 for k in range(3)]).view(1, 1, 3)
    assert float(threshold_loss(sure, torch.tensor([level]))) < 1e-6
    for other in set(range(4)) - {level}:
        loss = float(threshold_loss(sure, torch.tensor([other])))
        assert loss == pytest.approx(30.0 * abs(other - level), rel=1e-5)


def test_one_hot_loss_averages_over_levels():
    logits = torch.randn(3, 5, 4)
    target = torch.nn.functional.one_hot(LEVEL, 4).float()[:, None].expand(-1, 5, -1)
    wanted = torch.nn.functional.binary_cross_entropy(
        logits.sigmoid(), target, reduction="none"
    ).mean(-1)
    torch.testing.assert_close(one_hot_loss(logits, LEVEL), wanted, atol=1e-6, rtol=1e-5)


def test_the_selection_weighs_units_and_clips_count_the_same():
    values = torch.tensor([[1.0, 2.0, 9.0], [4.0, 5.0, 6.0]])
    weight = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    assert float(mean_over_units(values, weight)) == pytest.approx((1.5 + 6.0) / 2)


def test_logits_of_half_precision_are_taken_in_float32():
    logits = torch.zeros(1, 2, 3, dtype=torch.bfloat16)
    assert threshold_loss(logits, LEVEL[:1]).dtype == torch.float32
