"""A method that is dear to ask is asked on the smallest view, and on its own view by `check_view`."""

import pytest
import torch
from planted_by_role import LossForgotten, RootOfZero
from planted_parts import CutGradient, Scored, Small
from torch import nn

from adabench.models import UnitRegressor
from adabench.registry import MODELS
from adabench.structures import Selection
from adabench.testing import check_contract, check_view, example_batch


class LongClips(Scored):
    """Fails on more steps than the smallest view has."""

    def forward(self, units):
        return super().forward(units) if units.x.shape[1] < 6 else units.x[:, 6:] + units.x


class HeavyClips(Scored):
    """Its weights sum to 1 on a few steps only."""

    def forward(self, units):
        selection = super().forward(units)
        weight = selection.weight * (1 if units.x.shape[1] < 6 else 7)
        return Selection(weight=weight, relevance=weight)


class LongLayer(Scored):
    """Has a layer for long clips, which the smallest view leaves idle."""

    def __init__(self, *, units):
        super().__init__(units=units)
        self.long = nn.Linear(units.dim, 1)

    def forward(self, units):
        selection = super().forward(units)
        if units.x.shape[1] >= 6:
            gate = self.long(units.x).squeeze(-1).tanh()
            weight = selection.weight * (1 + gate)
            weight = weight / weight.sum(-1, keepdim=True)
            return Selection(weight=weight, relevance=weight)
        return selection


class Gated(UnitRegressor):
    """A gate that starts at zero keeps every gradient back until a step has opened it."""

    def __init__(self, *, units):
        super().__init__(units=units)
        self.gate = nn.Parameter(torch.zeros(()))
        self.more = nn.Linear(units.dim, 1)

    def forward(self, units, selection):
        assessment = super().forward(units, selection)
        more = (selection.weight * self.more(units.x).squeeze(-1)).sum(-1)
        assessment.score = assessment.score + self.gate * more
        return assessment


def build(**parts):
    plain = {"aggregator": "Identity", "selector": "KeepAll", "head": "UnitRegressor"}
    return MODELS.build(
        {
            "type": "Assessor",
            "backbone": {"type": Small},
            **{role: {"type": kind} for role, kind in {**plain, **parts}.items()},
        }
    )


def asked(limit, **parts):
    method, batch = build(**parts), example_batch(lengths=(9, 7, 8))
    method.head.fit_scale(batch[1].score)
    return check_contract(method, *batch, limit=limit), check_view(method, *batch)


def test_what_is_dear_is_left_and_made_up_for():
    report, view = asked(-1)
    assert report.deferred
    assert report.line() == f"held, {len(report.held)} checks; its own view not asked"
    both = report.joined(view)
    assert (both.outcome, both.deferred, both.skipped) == ("held", False, {})
    assert both.line() == f"held, {len(report.held)} checks"


def test_what_is_cheap_is_asked_at_once():
    report, _ = asked(60)
    assert not report.deferred


@pytest.mark.parametrize(
    ("role", "part", "rule"),
    [("selector", LongClips, "runs"), ("selector", HeavyClips, "weights")],
)
def test_a_fault_of_long_clips_is_found_on_its_own_view(role, part, rule):
    report, view = asked(-1, **{role: part})
    assert report.outcome == "held"
    assert [(f.role, f.rule) for f in view.findings] == [(role, rule)]
    assert asked(60, **{role: part})[0].outcome == "broken"


@pytest.mark.parametrize(
    ("role", "part", "rule"),
    [
        ("selector", CutGradient, "gradients"),
        ("head", RootOfZero, "gradients"),
        ("head", LossForgotten, "losses"),
    ],
)
def test_losses_and_gradients_are_asked_there_too(role, part, rule):
    _, view = asked(-1, **{role: part})
    assert [(f.role, f.rule) for f in view.findings] == [(role, rule)]


def test_a_layer_for_long_clips_is_judged_there():
    report, view = asked(-1, selector=LongLayer)
    assert report.skipped == {"gradients": "2 parameters idle on the smallest view"}
    assert report.joined(view).skipped == {}
    assert report.joined(view).outcome == "held"


def test_a_gate_at_zero_opens():
    assert asked(-1, head=Gated)[1].outcome == "held"


def test_the_method_stays_as_it_was():
    method, batch = build(), example_batch(lengths=(9, 7, 8))
    before = {key: value.clone() for key, value in method.state_dict().items()}
    check_view(method, *batch)
    assert all(torch.equal(v, before[k]) for k, v in method.state_dict().items())
    assert all(p.grad is None for p in method.parameters())
