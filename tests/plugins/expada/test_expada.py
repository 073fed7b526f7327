"""ExpADA as a whole: the three methods of its Table 2, short clips, training."""

import pytest
import torch
from mmengine.optim import OptimWrapper

from adabench.registry import MODELS
from adabench.testing import check_plugin, example_batch

METHODS = {
    "base_regression": {"head": {"type": "UnitRegressor", "loss_on": "unit"}},
    "ordinal_regression": {"head": {"type": "OrdinalRegressor"}},
    "feature_selection": {
        "aggregator": {"type": "MTE", "dim": 16, "hidden": 16},
        "selector": {"type": "DFS", "percent": 50, "hidden": 8},
        "head": {"type": "OrdinalRegressor", "hidden": 8},
    },
}
PLAIN = {"aggregator": {"type": "Identity"}, "selector": {"type": "KeepAll"}}


def build(vat, name, seed=0, **more):
    torch.manual_seed(seed)
    model = MODELS.build(
        {"type": "Assessor", "backbone": {**vat, **more}, **PLAIN, **METHODS[name]}
    )
    model.head.fit_scale(torch.tensor([4.0, 12.0, 25.0, 40.0]))
    return model


@pytest.mark.parametrize("name", METHODS)
def test_the_contract_is_kept(vat, segments, name):
    inputs, truth = segments
    check_plugin({"backbone": vat, **METHODS[name]}, inputs=inputs, truth=truth)


def test_projections_keep_the_contract(vat, segments):
    inputs, truth = segments
    backbone = {**vat, "projections": True}
    check_plugin({"backbone": backbone, **METHODS["base_regression"]}, inputs=inputs, truth=truth)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("segments", [(1, 1), (2, 1), (3, 2), (7, 4)])
def test_clips_of_few_segments_train_and_predict(vat, name, segments):
    inputs, truth = example_batch(segment=4, lengths=[4 * n for n in segments], scores=(3.0, 33.0))
    model = build(vat, name)
    losses = model(inputs, truth, mode="loss")
    sum(losses.values()).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    assessment = model.eval().assess(inputs)
    assert assessment.score.isfinite().all()
    if name == "feature_selection":
        units = [sum(max(0, n - s + 1) for s in (1, 2, 3)) for n in segments]
        kept = (assessment.selection.weight > 0).sum(-1)
        assert kept.tolist() == [max(1, 50 * m // 100) for m in units]


def test_a_clip_shorter_than_a_segment_repeats_its_last_frame(vat):
    inputs, _ = example_batch(segment=4, lengths=(4,), scores=(3.0,))
    # What SegmentView gives of a clip of 2 frames.
    inputs.index[0] = torch.tensor([0, 1, 1, 1])
    inputs.frames[0, 2:] = inputs.frames[0, 1]
    features = build(vat, "feature_selection").eval().backbone(inputs)
    assert features.span.tolist() == [[[0, 2]]]
    assert features.vector.isfinite().all()


def test_a_units_span_is_the_segments_it_covers(vat, segments):
    model = build(vat, "feature_selection").eval()
    units = model.aggregator(model.backbone(segments[0]))
    # Frames are two apart, four a segment.
    assert units.span[0].tolist() == [[0, 7], [8, 15], [16, 23], [0, 15], [8, 23], [0, 23]]
    assert units.scale.tolist() == [1, 1, 1, 2, 2, 3]


@pytest.mark.parametrize("name", METHODS)
def test_a_few_steps_fit_three_clips(vat, segments, name):
    inputs, truth = segments
    model = build(vat, name, trunk={**vat["trunk"], "frozen": True})
    optimiser = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-2))
    model.train()
    first, *_, last = (
        float(model.train_step({"inputs": inputs, "truth": truth}, optimiser)["head.mse"])
        for _ in range(25)
    )
    assert last < 0.3 * first


@pytest.mark.parametrize("name", METHODS)
def test_mixed_precision_trains(vat, segments, name):
    model = build(vat, name).train()
    with torch.autocast("cpu", torch.bfloat16):
        losses = model(*segments, mode="loss")
        total = torch.stack([value.float() for value in losses.values()]).sum()
    total.backward()
    assert total.isfinite()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), parameter_name


def test_losses_are_named_after_the_paper(vat, segments):
    losses = build(vat, "feature_selection")(*segments, mode="loss")
    assert set(losses) == {"selector.wsl", "head.mse", "head.ordinal"}


CROSSINGS = {
    "prototypes over scales of segments": {
        "aggregator": {"type": "MTE", "dim": 16, "hidden": 16},
        "selector": {"type": "PrototypeMAP"},
    },
    "wavelets under DFS": {
        "backbone": {"type": "TimmFrames", "name": "resnet18", "options": {"channels": (8,) * 4}},
        "aggregator": {"type": "MSR", "width": 16},
        "selector": {"type": "DFS", "hidden": 8},
        "head": {"type": "OrdinalRegressor"},
    },
}


@pytest.mark.parametrize("name", CROSSINGS)
def test_parts_mix_with_those_of_another_method(vat, segments, name):
    inputs, truth = segments
    check_plugin({"backbone": vat, **CROSSINGS[name]}, inputs=inputs, truth=truth)
