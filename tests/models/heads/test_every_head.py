"""What every head keeps: the contract, padding, precision, what is selected, and its scale."""

from dataclasses import replace

import pytest
import torch
from clip_features import Pyramid
from unit_batches import TRUTH, UNITS, choose, clip_units, uneven

from adabench.evaluation import PHQ_8, Scale
from adabench.models import (
    LabelDistribution,
    MemoryRegressor,
    OrdinalRegressor,
    Quantiles,
    UnitRegressor,
)
from adabench.registry import MODELS
from adabench.testing import check_contract, example_batch

KINDS = {
    "UnitRegressor": (UnitRegressor, {"hidden": 8, "loss": "mse+huber", "loss_on": "unit"}),
    "OrdinalRegressor": (OrdinalRegressor, {"hidden": 8, "dropout": 0.3}),
    "OrdinalRegressor, one-hot": (OrdinalRegressor, {"ordinal": "one_hot"}),
    "LabelDistribution": (LabelDistribution, {"hidden": 8}),
    "LabelDistribution, units": (LabelDistribution, {"loss_on": "unit", "bins": 9}),
    "Quantiles": (Quantiles, {"hidden": 8, "dropout": 0.2}),
    "Quantiles, units": (Quantiles, {"loss_on": "unit", "quantiles": (0.1, 0.25, 0.5, 0.9)}),
    "MemoryRegressor": (MemoryRegressor, {"hidden": (8, 4), "dropout": 0.2, "renewed": 0.0}),
    "MemoryRegressor, units": (MemoryRegressor, {"loss_on": "unit", "points": True}),
}
NEW = ("LabelDistribution", "Quantiles", "MemoryRegressor")


@pytest.fixture(params=KINDS)
def name(request):
    return request.param


def built(name, **options):
    kind, own = KINDS[name]
    head = kind(units=UNITS, **own, **options).eval()
    head.fit_scale(TRUTH.score)
    return head


@pytest.mark.parametrize("scale", [None, PHQ_8], ids=["BDI-II", "PHQ-8"])
def test_the_contract_holds(name, scale):
    kind, own = KINDS[name]
    given = {} if scale is None else {"scale": scale}
    config = {
        "type": "Assessor",
        "backbone": {"type": Pyramid},
        "aggregator": {"type": "Identity"},
        "selector": {"type": "AttentionMIL", "hidden": 3},
        "head": {"type": kind, **own},
        **given,
    }
    assessor = MODELS.build(config)
    inputs, truth = example_batch(size=8, **given)
    assessor.head.fit_scale(truth.score)
    report = check_contract(assessor, inputs, truth, rebuild=lambda: MODELS.build(config))
    assert [f"{found.rule}: {found.detail}" for found in report.findings] == []
    assert report.skipped == {}


def test_padding_of_any_content_is_passed_over(name):
    units, head = clip_units(5, 2, 1), built(name)
    filled = replace(units, x=units.x.masked_fill(~units.valid[..., None], torch.nan))
    found, clean = (head(each, choose(each)) for each in (filled, units))
    assert torch.equal(found.score, clean.score)
    assert not found.unit_score[~units.valid].any()
    sum(head.loss(filled, found, TRUTH, 0.5).values()).backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())
    head.update(filled, found.detach(), TRUTH, 0.5)
    assert all(value.isfinite().all() for value in head.buffers())


def test_a_clip_without_a_unit_has_a_score_and_no_bad_gradient(name):
    units, head = clip_units(5, 0, 1), built(name)
    found = head(units, uneven(units))
    assert found.score.isfinite().all()
    sum(head.loss(units, found, TRUTH, 0.5).values()).backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())


def test_half_precision_loses_little(name):
    units, head = clip_units(7, 3, 1), built(name)
    full = head(units, uneven(units))
    with torch.autocast("cpu", torch.bfloat16):
        half = head(units, uneven(units))
        losses = head.loss(units, half, TRUTH, 0.5)
    assert half.score.dtype == half.unit_score.dtype == torch.float32
    off = (half.unit_score - full.unit_score)[units.valid]
    assert off.abs().max() < 0.1 * float(head.score_std)
    # Its layers are in bfloat16; points that were, too, would be on its grid.
    assert not torch.equal(half.unit_score, half.unit_score.bfloat16().float())
    assert all(loss.dtype == torch.float32 for loss in losses.values())


def test_no_loss_reaches_units_that_are_not_selected(name):
    units, head = clip_units(5, 5, 5), built(name)
    units.x.requires_grad_()
    selection = choose(units, (0, 1), (2,), (4,))
    sum(head.loss(units, head(units, selection), TRUTH, 0.5).values()).backward()
    assert (units.x.grad.norm(dim=-1) > 0).equal(selection.weight > 0)


@pytest.mark.parametrize("name", NEW)
def test_two_classes_are_refused(name):
    classes = Scale.of_classes("depressed", ("no", "yes"))
    with pytest.raises(
        ValueError, match=f"{name} gives points, .*'depressed' has two classes: take"
    ):
        built(name, scale=classes)


@pytest.mark.parametrize("name", [*NEW, "UnitRegressor"])
def test_what_the_loss_is_on_is_one_of_two(name):
    with pytest.raises(ValueError, match=f"{name}.loss_on is 'clip' or 'unit'; got 'frame'"):
        KINDS[name][0](units=UNITS, loss_on="frame")
