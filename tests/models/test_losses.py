"""A head's losses by their equations, its median and its bounded scores."""

import math

import pytest
import torch

from adabench.evaluation import BDI_II
from adabench.models import Identity, KeepAll, UnitRegressor
from adabench.models.heads.losses import EACH, score_loss, score_losses
from adabench.models.heads.unit_regressor import weighted_median
from adabench.structures import Features, FeatureSpec, Selection, Truth, UnitSpec

FEATURES = FeatureSpec(vector=4)
SPEC = UnitSpec(dim=4, per_step=True, features=FEATURES)


def units(valid=None, scale=1.0):
    source = torch.Generator().manual_seed(0)
    start = torch.arange(4).expand(3, -1)
    return Identity(features=FEATURES)(
        Features(
            vector=torch.randn(3, 4, 4, generator=source) * scale,
            valid=torch.ones(3, 4, dtype=torch.bool) if valid is None else valid,
            span=torch.stack([start, start + 1], -1),
        )
    )


def test_each_loss_of_clips_is_that_of_its_equation():
    score, target = [0.5, -2.0, 1.0], [1.0, 0.5, 1.0]
    error = [s - t for s, t in zip(score, target, strict=True)]
    share = [
        math.exp(-((s - t) ** 2) / 2) / sum(math.exp(-((s - o) ** 2) / 2) for o in target)
        for s, t in zip(score, target, strict=True)
    ]
    wanted = {
        "mse": sum(e**2 for e in error) / 3,
        "l1": sum(map(abs, error)) / 3,
        "huber": (0.5 * 0.5**2 + (2.5 - 0.5) + 0.0) / 3,
        "rmse": math.sqrt(sum(e**2 for e in error) / 3),
        "balanced": -2 * sum(map(math.log, share)) / 3,
    }
    assert wanted.keys() == EACH.keys()
    for name, value in wanted.items():
        found = score_loss(name, torch.tensor(score), torch.tensor(target))
        assert float(found) == pytest.approx(value, rel=1e-5), name


@pytest.mark.parametrize("name", EACH)
def test_a_loss_of_units_is_the_weighted_mean_of_theirs(name):
    source = torch.Generator().manual_seed(1)
    score, target = torch.randn(3, 4, generator=source), torch.tensor([0.1, -1.0, 2.0])
    weight = torch.rand(3, 4, generator=source)
    weight = weight / weight.sum(1, keepdim=True)
    found = score_loss(name, score, target, weight)
    kind = "mse" if name == "rmse" else name
    each = EACH[kind](score, target[:, None].expand(3, 4))
    mean = sum(float(w * e) for w, e in zip(weight.flatten(), each.flatten(), strict=True)) / 3
    assert float(found) == pytest.approx(math.sqrt(mean) if name == "rmse" else mean, rel=1e-5)
    # Units that are all the clip's score are the clip.
    alike = score[:, :1].expand(3, 4)
    torch.testing.assert_close(
        score_loss(name, alike, target, weight), score_loss(name, score[:, 0], target)
    )


def test_balanced_scores_keep_away_from_labels_that_the_batch_has_often():
    target = torch.tensor([0.0, 0.0, 0.0, 2.0])
    score = torch.zeros(4, requires_grad=True)
    score_loss("balanced", score, target).backward()
    # A plain error would leave the first three where they are; their slope is of the rare label's share.
    share = math.exp(-2) / (3 + math.exp(-2))
    wanted = [2 * (2 * share - y) / 4 for y in target.tolist()]
    assert score.grad.tolist() == pytest.approx(wanted, rel=1e-4)


def test_a_root_of_nothing_has_a_finite_gradient():
    score = torch.zeros(3, requires_grad=True)
    score_loss("rmse", score, torch.zeros(3)).backward()
    assert score.grad.isfinite().all()


def test_losses_are_joined_by_plus():
    assert score_losses("mse+huber") == ("mse", "huber")
    head = UnitRegressor(units=SPEC, loss="mse+huber", loss_on="unit")
    given = units()
    out = head(given, KeepAll(units=SPEC)(given))
    truth = Truth(score=torch.tensor([4.0, 12.0, 40.0]), level=torch.tensor([0, 0, 3]))
    assert list(head.loss(given, out, truth, 0.0)) == ["mse", "huber"]


@pytest.mark.parametrize(
    ("weight", "wanted"),
    [
        ([0.25, 0.25, 0.25, 0.25], 3.5),
        ([1 / 3, 1 / 3, 1 / 3, 0.0], 5.0),
        ([0.0, 0.0, 0.0, 1.0], 2.0),
        ([0.6, 0.2, 0.1, 0.1], 9.0),
        ([0.0, 0.5, 0.0, 0.5], 1.5),
    ],
)
def test_the_median_lies_where_half_of_the_weight_is_on_each_side(weight, wanted):
    values = torch.tensor([[9.0, 1.0, 5.0, 2.0]])
    assert weighted_median(values, torch.tensor([weight])).tolist() == pytest.approx([wanted])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 10, 101])
def test_the_median_of_even_weights_is_numpy_s(count):
    values = torch.randn(5, count, generator=torch.Generator().manual_seed(count))
    weight = torch.full_like(values, 1 / count)
    wanted = values.double().quantile(0.5, dim=1).float()
    torch.testing.assert_close(weighted_median(values, weight), wanted)


def test_a_median_leaves_units_out_that_have_no_weight_and_clips_without_units_give_a_number():
    valid = torch.tensor([[True] * 4, [True, True, False, False], [False] * 4])
    given = units(valid)
    head = UnitRegressor(units=SPEC, combine="median")
    out = head(given, KeepAll(units=SPEC)(given))
    torch.testing.assert_close(out.score[0], out.unit_score[0].sort().values[1:3].mean())
    torch.testing.assert_close(out.score[1], out.unit_score[1, :2].mean())
    assert out.score[2] == 0.0
    out.score.sum().backward()
    assert head.regress[-1].weight.grad.isfinite().all()


def test_bounded_scores_stay_within_the_scale_and_begin_at_the_training_mean():
    given = units(scale=1000.0)
    head = UnitRegressor(units=SPEC, bounded=True)
    head.fit_scale(torch.tensor([10.0, 20.0]))
    even = torch.full((3, 4), 0.25)
    score = head(given, Selection(weight=even, relevance=even)).unit_score
    assert score.min() >= BDI_II.low
    assert score.max() <= BDI_II.high
    assert score.max() - score.min() > 60
    linear = head.regress[-1]
    torch.nn.init.zeros_(linear.weight)
    torch.nn.init.zeros_(linear.bias)
    score = head(given, Selection(weight=even, relevance=even)).score
    torch.testing.assert_close(score, torch.full((3,), 15.0))
