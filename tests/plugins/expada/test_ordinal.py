from dataclasses import replace

import pytest
import torch
from adabench_plugins.expada.losses import one_hot_loss, threshold_loss
from adabench_plugins.expada.ordinal import OrdinalRegressor

from adabench.models import UnitRegressor, even_weights
from adabench.structures import FeatureSpec, Selection, Truth, UnitSpec
from adabench.testing import check_plugin, example_batch

UNITS = UnitSpec(dim=6, per_step=False, features=FeatureSpec(vector=6))
TRUTH = Truth(score=torch.tensor([4.0, 22.0, 40.0]), level=torch.tensor([0, 2, 3]))
FORMS = {"thresholds": (threshold_loss, 3), "one_hot": (one_hot_loss, 4)}


def build(**options):
    head = OrdinalRegressor(units=UNITS, **options).eval()
    head.fit_scale(TRUTH.score)
    return head


def choose(units, *kept):
    """Select some units of each clip evenly."""
    mask = torch.zeros_like(units.valid)
    for clip, places in enumerate(kept):
        mask[clip, list(places)] = True
    weight = even_weights(mask)
    return Selection(weight=weight, relevance=weight)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("hidden", [0, 8])
def test_score_and_losses_equal_plain_sums(make_units, form, hidden):
    units, head = make_units(7, 2, 4), build(ordinal=form, hidden=hidden, ordinal_weight=0.5)
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


def test_its_squared_error_is_that_of_the_plain_regressor(make_units):
    units, head = make_units(7, 2, 4), build()
    plain = UnitRegressor(units=UNITS, loss_on="unit")
    plain.fit_scale(TRUTH.score)
    plain.regress[-1].load_state_dict(head.regress.state_dict())
    weight = even_weights(units.valid)
    selection = Selection(weight=weight, relevance=weight)
    mine, its = head(units, selection), plain(units, selection)
    torch.testing.assert_close(mine.score, its.score)
    torch.testing.assert_close(
        head.loss(units, mine, TRUTH, 0.0)["mse"], plain.loss(units, its, TRUTH, 0.0)["mse"]
    )


def test_units_that_are_not_selected_teach_nothing(make_units):
    units, head = make_units(5, 5, 5), build(hidden=8)
    units.x.requires_grad_()
    selection = choose(units, (0, 1), (2,), (4,))
    sum(head.loss(units, head(units, selection), TRUTH, 0.5).values()).backward()
    assert (units.x.grad.norm(dim=-1) > 0).equal(selection.weight > 0)
    for name, parameter in head.named_parameters():
        assert parameter.grad.norm() > 0, name


def test_padding_of_any_content_is_passed_over(make_units):
    units, head = make_units(5, 2, 1), build(hidden=8)
    weight = even_weights(units.valid)
    selection = Selection(weight=weight, relevance=weight)
    filled = replace(units, x=units.x.masked_fill(~units.valid[..., None], torch.nan))
    assert torch.equal(head(filled, selection).score, head(units, selection).score)
    sum(head.loss(filled, head(filled, selection), TRUTH, 0.5).values()).backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())


def test_logits_do_not_enter_the_score(make_units):
    units, head = make_units(5, 2, 1), build(hidden=8)
    weight = even_weights(units.valid)
    before = head(units, Selection(weight=weight, relevance=weight))
    head.classify.weight.data += 5
    after = head(units, Selection(weight=weight, relevance=weight))
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


@pytest.mark.parametrize(
    "options", [{}, {"hidden": 8, "dropout": 0.3}, {"ordinal": "one_hot", "hidden": 8}]
)
def test_the_contract_is_kept(options):
    inputs, truth = example_batch()
    check_plugin({"head": {"type": "OrdinalRegressor", **options}}, inputs=inputs, truth=truth)


def test_mixed_precision_stays_finite(make_units):
    units, head = make_units(5, 2, 1), build(hidden=8).train()
    weight = even_weights(units.valid)
    with torch.autocast("cpu", torch.bfloat16):
        answer = head(units, Selection(weight=weight, relevance=weight))
        losses = head.loss(units, answer, TRUTH, 0.5)
    assert answer.score.dtype == torch.float32
    sum(losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())
