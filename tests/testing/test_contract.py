import copy

import pytest
import torch
from torch import nn

from adabench.models import Assessor, Identity, KeepAll, UnitRegressor
from adabench.registry import MODELS
from adabench.structures import Inputs, Selection, Truth
from adabench.testing import (
    RULES,
    ContractError,
    check_assessor,
    check_contract,
    check_plugin,
    check_selection,
    check_spans,
    example_batch,
    refuse_broken,
    report_plugin,
)

PLAIN = {
    "type": "Assessor",
    "backbone": {
        "type": "TimmFrames",
        "name": "resnet18",
        "options": {"channels": (8, 8, 16, 16), "stem_width": 8, "zero_init_last": False},
    },
    "aggregator": {"type": "Identity"},
    "selector": {"type": "KeepAll"},
    "head": {"type": "UnitRegressor"},
}


class Plain(KeepAll):
    pass


class CountsPadding(KeepAll):
    """Divides by the padded length, so that the weights don't sum to 1."""

    def forward(self, units):
        weight = units.valid.float() / units.valid.shape[1]
        return Selection(weight=weight, relevance=weight)


class WeighsPadding(KeepAll):
    def forward(self, units):
        weight = torch.full(units.valid.shape, 1.0 / units.valid.shape[1])
        return Selection(weight=weight, relevance=weight)


class Negative(KeepAll):
    def forward(self, units):
        weight = super().forward(units).weight.clone()
        weight[:, 0] -= 1.0
        weight[:, 1] += 1.0
        return Selection(weight=weight, relevance=weight)


class LooksAtOthers(KeepAll):
    """Weighs by the batch's mean, as a normalisation over clips would."""

    def forward(self, units):
        offset = (units.x - units.x.mean((0, 1))).norm(dim=-1)
        weight = offset.masked_fill(~units.valid, float("-inf")).softmax(-1)
        return Selection(weight=weight, relevance=weight)


class Random(KeepAll):
    def forward(self, units):
        noise = torch.rand(units.valid.shape).masked_fill(~units.valid, float("-inf"))
        weight = noise.softmax(-1)
        return Selection(weight=weight, relevance=weight)


class Remembers(KeepAll):
    """Keeps a running mean while it predicts."""

    def __init__(self, *, units):
        super().__init__(units=units)
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, units):
        self.mean.add_(1.0)
        return super().forward(units)


class Forgets(KeepAll):
    """Holds a memory that no state dict carries."""

    def __init__(self, *, units):
        super().__init__(units=units)
        self.direction = torch.zeros(units.dim)

    def update(self, inputs, output, truth, progress):
        self.direction += 10.0 * inputs.x.mean((0, 1))

    def forward(self, units):
        weight = (units.x @ self.direction).masked_fill(~units.valid, float("-inf")).softmax(-1)
        return Selection(weight=weight, relevance=weight)


class Dead(KeepAll):
    """Has a layer that nothing uses."""

    def __init__(self, *, units):
        super().__init__(units=units)
        self.unused = nn.Linear(2, 2)


class SeesTruth(KeepAll):
    def forward(self, units, truth: Truth | None = None):
        return super().forward(units)


class SeesLevel(KeepAll):
    def forward(self, units, level=None):
        return super().forward(units)


class FarSpan(Identity):
    def forward(self, features):
        units = super().forward(features)
        units.span = units.span + 1000
        return units


class WrongWidth(Identity):
    def forward(self, features):
        units = super().forward(features)
        units.x = units.x[..., :-1]
        return units


class PerClip(UnitRegressor):
    def forward(self, units, selection):
        assessment = super().forward(units, selection)
        assessment.score = assessment.score[:, None]
        return assessment


class NoLoss(UnitRegressor):
    def loss(self, inputs, output, truth, progress):
        return {"mse": torch.tensor(float("nan"))}


BROKEN = (
    CountsPadding,
    WeighsPadding,
    Negative,
    LooksAtOthers,
    Random,
    Remembers,
    Forgets,
    Dead,
    SeesTruth,
    SeesLevel,
    FarSpan,
    WrongWidth,
    PerClip,
    NoLoss,
)


@pytest.fixture(autouse=True)
def broken_parts():
    for kind in BROKEN:
        MODELS.register_module(module=kind)
    yield
    for kind in BROKEN:
        del MODELS.module_dict[kind.__name__]


def build(**parts) -> Assessor:
    return MODELS.build(copy.deepcopy({**PLAIN, **parts}))


def test_plain_parts_keep_the_contract(batch):
    check_assessor(build(), *batch)


def test_a_plugin_of_plain_parts_keeps_the_contract():
    trained = check_plugin({"name": "plain", "selector": {"type": "KeepAll"}})
    assert trained.head.score_mean == pytest.approx(22.0)


def test_cached_features_keep_the_contract(batch):
    method = build(backbone={**PLAIN["backbone"], "frozen": True})
    inputs, truth = batch
    inputs.features = method.backbone(inputs).detach()
    inputs.frames = None
    check_assessor(method, inputs, truth)


@pytest.mark.parametrize(
    ("part", "match"),
    [
        (CountsPadding, "CountsPadding: weights of a clip don't sum to 1"),
        (WeighsPadding, "WeighsPadding: an invalid unit has a weight"),
        (Negative, "Negative: a weight is negative"),
        (LooksAtOthers, r"LooksAtOthers: weight changes by .* alone"),
        (Random, r"Random: weight changes by .* a second time"),
        (Remembers, r"Remembers: predicting changed selector\.mean"),
        (Dead, r"2 parameters without a gradient: selector\.unused\.weight \(0\)"),
        (SeesTruth, "SeesTruth: forward takes 'truth'"),
        (SeesLevel, "SeesLevel: forward takes 'level'"),
        (Forgets, r"Forgets: weight changes by .* after its state dict was loaded"),
    ],
)
def test_a_selector_that_breaks_the_contract_is_named(part, match):
    with pytest.raises(ContractError, match=match):
        check_plugin({**PLAIN, "selector": {"type": part.__name__}})


@pytest.mark.parametrize(
    ("role", "part", "match"),
    [
        ("aggregator", FarSpan, r"FarSpan: span \[1000, 1001\] of unit 0 leaves its clip"),
        ("aggregator", WrongWidth, r"WrongWidth: x is \(3, 7, 15\); spec promises \(3, 7, 16\)"),
        ("head", PerClip, r"PerClip: score is \(3, 1\); expected \(3,\)"),
        ("head", NoLoss, r"NoLoss: the loss 'mse' holds a number that is not finite"),
    ],
)
def test_other_parts_that_break_the_contract_are_named(role, part, match, batch):
    method = build(**{role: {"type": part.__name__}})
    with pytest.raises(ContractError, match=match):
        check_assessor(method, *batch)


def test_parameters_can_be_exempt(batch):
    method = build(selector={"type": "Dead"})
    check_assessor(method, *batch, exempt=["selector.unused.*"])
    with pytest.raises(ContractError, match="Dead: 1 parameters without a gradient"):
        check_assessor(method, *batch, exempt=["selector.unused.weight"])


def test_frozen_parameters_need_no_gradient(batch):
    method = build(selector={"type": "Dead"})
    method.selector.requires_grad_(False)
    check_assessor(method, *batch)


def test_checks_leave_the_method_as_it_was(batch):
    method = build().train()
    before = copy.deepcopy(method.state_dict())
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    check_assessor(method, *batch)
    assert torch.equal(torch.rand(1), expected)
    assert method.training
    assert all(torch.equal(v, method.state_dict()[k]) for k, v in before.items())
    assert all(p.grad is None for p in method.parameters())
    assert method.progress == 0.0


def test_the_clips_length_bounds_its_spans(batch):
    inputs, _ = batch
    check_assessor(build(), inputs, lengths=torch.tensor([13, 9, 11]))
    with pytest.raises(ContractError, match=r"TimmFrames: span .* leaves its clip of 8 frames"):
        check_assessor(build(), inputs, lengths=torch.tensor([13, 8, 11]))


def test_spans_of_padding_may_be_anything():
    valid = torch.tensor([[True, False]])
    lengths = torch.tensor([4])
    check_spans(torch.tensor([[[0, 4], [9, 2]]]), valid, lengths, "Part")
    for bad in ([0, 5], [-1, 2], [2, 2]):
        with pytest.raises(ContractError, match="Part: span"):
            check_spans(torch.tensor([[bad, [0, 0]]]), valid, lengths, "Part")


def test_a_selection_is_checked_for_shape_and_numbers():
    valid = torch.ones(1, 2, dtype=torch.bool)
    half = torch.full((1, 2), 0.5)
    check_selection(Selection(weight=half, relevance=half), valid, "Part")
    with pytest.raises(ContractError, match=r"Part: relevance is \(1, 3\)"):
        check_selection(Selection(weight=half, relevance=torch.ones(1, 3)), valid, "Part")
    with pytest.raises(ContractError, match="relevance holds a number that is not finite"):
        check_selection(Selection(weight=half, relevance=half / 0), valid, "Part")


def test_a_clip_without_a_valid_unit_has_no_weights():
    none = torch.zeros(1, 2)
    check_selection(Selection(weight=none, relevance=none), none.bool(), "Part")


def test_without_truth_nothing_is_trained(batch):
    report = check_contract(build(), batch[0])
    assert report.outcome == "held"
    assert set(report.skipped) == {"losses", "gradients", "checkpoint"}
    assert set(report.skipped.values()) == {"no ground truth was given"}


def test_a_report_counts_what_was_asked():
    report, method = report_plugin({"selector": {"type": "Random"}})
    assert method is not None
    assert report.outcome == "broken"
    assert report.broken == ("repeats", "device")
    assert report.counts() == {"held": len(RULES) - 2, "broken": 2, "skipped": 0}
    assert report.line() == "broken: repeats by Random; device by Random"
    with pytest.raises(ContractError, match=r"(?s)Random: .*\n2 rules broken, .*\ngo elsewhere"):
        refuse_broken(report, "go elsewhere")


def test_a_trained_checkpoint_is_asked_less_and_joined(batch):
    before = check_contract(build(), *batch)
    after = check_contract(build(selector={"type": "Random"}), batch[0], trained=True)
    assert len(after.held) < len(before.held)
    both = before.joined(after)
    assert both.broken == ("repeats",)
    assert "repeats" not in both.held
    assert not set(both.skipped) & set(both.held)


def test_a_class_will_do_in_place_of_its_name():
    check_plugin({"selector": {"type": Plain}})


def test_the_example_is_padded_and_levelled():
    inputs, truth = example_batch(reads=("frames", "semantics", "signals"), lengths=(2, 4, 3))
    assert inputs.valid.sum(-1).tolist() == [2, 4, 3]
    assert isinstance(inputs, Inputs)
    assert not inputs.frames[0, 2:].any()
    assert not inputs.signals.mask[0, 2:].any()
    assert inputs.semantics.image.shape == (3, 4, 768)
    assert truth.level.tolist() == [0, 2, 3]
    with pytest.raises(ValueError, match="3 lengths came with 1 scores"):
        example_batch(scores=(1.0,))


def test_an_example_of_segments_holds_whole_ones():
    inputs, _ = example_batch(segment=4, size=8)
    assert inputs.segment_length == 4
    assert inputs.valid.sum(-1).tolist() == [12, 4, 8]
    with pytest.raises(ValueError, match=r"multiples of segment=4; got \(4, 6, 8\)"):
        example_batch(segment=4, lengths=(4, 6, 8))
    with pytest.raises(ValueError, match=r"segment is 0 .* got -1"):
        example_batch(segment=-1)


def test_segments_leave_the_content_as_it_was():
    plain, _ = example_batch(lengths=(8, 4, 4), size=8)
    cut, _ = example_batch(lengths=(8, 4, 4), size=8, segment=4)
    assert plain.segment_length == 0
    assert torch.equal(plain.frames, cut.frames)
    assert torch.equal(plain.index, cut.index)
