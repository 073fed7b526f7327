"""VAT: the plain form of its mathematics, segments, padding, trunks, weights."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from adabench_plugins.expada.vat import time_position

from adabench.batching import pad_inputs, slice_inputs, trim_inputs
from adabench.models import TimmFrames
from adabench.registry import MODELS
from adabench.structures import Inputs
from adabench.testing import check_plugin, example_batch


@pytest.fixture
def model(vat):
    torch.manual_seed(0)
    return MODELS.build(vat).eval()


@pytest.mark.parametrize("channels", [6, 7, 1])
def test_position_is_the_printed_formula(channels):
    came = time_position(torch.arange(40), channels)
    for place in (0, 1, 17, 39):
        for i in range(channels):
            angle = torch.tensor(place / 10000 ** (2 * (i // 2) / channels))
            wanted = angle.cos() if i % 2 else angle.sin()
            torch.testing.assert_close(came[place, i], wanted, atol=1e-5, rtol=1e-5)


def plain_vector(model, frames):
    """VAT in evaluation for one segment (L, 3, H, W), frame by frame and head by head."""
    length, width = len(frames), model.width // model.heads
    maps = model.trunk(
        Inputs(
            valid=torch.ones(1, length, dtype=torch.bool),
            index=torch.arange(length)[None],
            frames=frames[None],
        )
    ).maps[-1][0]
    seen = []
    for place, one in enumerate(maps):
        one = F.batch_norm(
            one[None],
            model.norm.running_mean,
            model.norm.running_var,
            model.norm.weight,
            model.norm.bias,
        )
        position = time_position(torch.tensor([place]), one.shape[1])[0]
        one = model.query(one + position[None, :, None, None]).flatten().relu()
        seen.append((one - one.mean()) / (one.var(unbiased=False) + 1e-5).sqrt())
    parts = []
    for head in range(model.heads):
        own = slice(head * width, (head + 1) * width)
        keys = torch.stack([vector[own] for vector in seen])
        query = seen[length // 2][own]
        for block in model.blocks:
            weight = (keys @ query / width**0.5).softmax(0)
            query = query + (weight[:, None] * keys).sum(0)
            query = F.layer_norm(query, (width,)) * block.norm_attention.weight[head]
            query = query + block.norm_attention.bias[head]
            hidden = query @ block.expand.weight[head] + block.expand.bias[head]
            given = hidden.relu() @ block.project.weight[head] + block.project.bias[head]
            query = F.layer_norm(query + given, (width,)) * block.norm_output.weight[head]
            query = query + block.norm_output.bias[head]
        parts.append(query)
    joined = torch.cat(parts)
    return joined / joined.norm()


def test_vectors_equal_a_plain_loop_over_segments_frames_and_heads(model, segments):
    inputs, _ = segments
    for name, parameter in model.named_parameters():
        if "blocks" in name or name.startswith("norm"):
            torch.nn.init.normal_(parameter)
    model.norm.running_mean.normal_()
    model.norm.running_var.uniform_(0.5, 2.0)
    features = model(inputs)
    for clip, count in enumerate((3, 1, 2)):
        for n in range(count):
            wanted = plain_vector(model, inputs.frames[clip, 4 * n : 4 * n + 4])
            torch.testing.assert_close(features.vector[clip, n], wanted, atol=1e-5, rtol=1e-4)
    assert features.valid.tolist() == [[True] * 3, [True, False, False], [True, True, False]]
    assert features.span[2].tolist() == [[0, 7], [8, 15], [0, 0]]
    assert not features.vector[~features.valid].any()
    assert features.maps == ()


def test_a_vector_has_unit_length_and_fits_its_promise(model, segments):
    features = model(segments[0])
    assert features.vector.shape == (3, 3, model.spec.vector)
    assert not model.spec.maps
    norm = features.vector.norm(dim=-1)[features.valid]
    torch.testing.assert_close(norm, torch.ones_like(norm))


def test_the_order_of_frames_counts(model, segments):
    inputs, _ = segments
    # Everything but the middle frame, which asks, changes places.
    order = torch.tensor([3, 1, 2, 0, *range(4, 12)])
    moved = model(replace(inputs, frames=inputs.frames[:, order])).vector - model(inputs).vector
    assert moved[0, 0].norm() > 1e-4
    assert not moved[0, 1:].any()


@pytest.mark.parametrize("length", [1, 2, 5, 90])
def test_any_length_of_segment(model, length):
    inputs, _ = example_batch(segment=length, lengths=(2 * length, length), scores=(1.0, 2.0))
    features = model(inputs)
    assert features.vector.shape == (2, 2, 32)
    assert features.vector.isfinite().all()


def test_a_segment_that_is_padded_inside_equals_the_shorter_one(model):
    whole, _ = example_batch(lengths=(3,), scores=(1.0,), segment=3)
    part = replace(whole, segment_length=1)
    part = replace(pad_inputs(part, 5, fill=0.7), segment_length=5)
    torch.testing.assert_close(model(part).vector, model(whole).vector, atol=1e-6, rtol=1e-5)
    assert model(part).span.tolist() == model(whole).span.tolist()


def test_padding_reaches_no_statistics_in_training(vat, segments):
    inputs, _ = segments
    results = []
    for given in (inputs, pad_inputs(inputs, 24, fill=50.0)):
        torch.manual_seed(0)
        model = MODELS.build(vat).train()
        vector = model(given).vector[:, :3]
        results.append((vector, dict(model.named_buffers())))
    (vector, buffers), (padded_vector, padded_buffers) = results
    torch.testing.assert_close(padded_vector, vector, atol=1e-6, rtol=1e-5)
    moved = [name for name in buffers if name.endswith("running_mean")]
    assert len(moved) > 10
    for name, value in buffers.items():
        torch.testing.assert_close(padded_buffers[name], value, atol=1e-6, rtol=1e-5)
    assert model.norm.running_mean.abs().max() > 0


@pytest.mark.parametrize("last", [12, 10])
def test_statistics_are_those_of_the_valid_frames(vat, segments, last):
    inputs = replace(segments[0], valid=segments[0].valid & (torch.arange(12) < last))
    model = MODELS.build({**vat, "trunk": {**vat["trunk"], "frozen": True}}).train()
    model.norm.momentum = None
    model(inputs)
    maps = model.trunk(inputs).maps[-1][inputs.valid]
    torch.testing.assert_close(model.norm.running_mean, maps.mean((0, 2, 3)), atol=1e-5, rtol=1e-4)


def test_alone_and_in_another_order_nothing_changes(model, segments):
    inputs, _ = segments
    vector = model(inputs).vector
    for clip in range(3):
        alone = model(trim_inputs(slice_inputs(inputs, [clip]))).vector[0]
        torch.testing.assert_close(alone, vector[clip, : len(alone)], atol=1e-6, rtol=1e-5)
    backwards = model(slice_inputs(inputs, [2, 1, 0])).vector
    torch.testing.assert_close(backwards.flip(0), vector, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("length", [0, 5])
def test_inputs_without_whole_segments_are_refused(model, segments, length):
    with pytest.raises(ValueError, match=rf"12 frames .*segment_length={length}; .*SegmentView"):
        model(replace(segments[0], segment_length=length))


def test_a_map_of_another_size_is_refused_with_the_remedy(vat, segments):
    model = MODELS.build({**vat, "map_size": 7})
    with pytest.raises(ValueError, match=r"map_size=7.* came with 2 × 2: set map_size=2"):
        model(segments[0])
    inputs = replace(segments[0], frames=segments[0].frames[..., :32])
    with pytest.raises(ValueError, match=r"came with 2 × 1: give the trunk square frames"):
        MODELS.build(vat)(inputs)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"width": 30}, ValueError, "width is a multiple of heads=4; got 30"),
        ({"width": 0}, ValueError, "width is a multiple of heads=4; got 0"),
        ({"map_size": 0}, ValueError, "map_size is at least 1; got 0"),
        ({"heads": 0}, ValueError, "heads is at least 1; got 0"),
        ({"blocks": 0}, ValueError, "blocks is at least 1; got 0"),
        ({"trunk": {"type": "KeepAll", "units": None}}, TypeError, "KeepAll is no backbone"),
    ],
)
def test_wrong_arguments_are_named(vat, options, error, message):
    with pytest.raises(error, match=message):
        MODELS.build({**vat, **options})


def test_a_trunk_without_maps_is_refused(vat, trunk):
    with pytest.raises(ValueError, match=r"TimmFrames gives a vector only; .*scales of 1 or more"):
        MODELS.build({**vat, "trunk": {**trunk, "scales": 0}})


def test_what_the_trunk_reads_is_read(vat, trunk, segments):
    guided = {"type": "ESA", "trunk": trunk}
    model = MODELS.build({**vat, "trunk": guided}).eval()
    assert model.reads == ("frames", "semantics")
    inputs, _ = example_batch(reads=model.reads, segment=4)
    assert model(inputs).vector.isfinite().all()


@pytest.mark.parametrize("frozen", [True, False])
def test_cached_maps_of_the_trunk_give_the_same(vat, trunk, segments, frozen):
    inputs, _ = segments
    model = MODELS.build({**vat, "trunk": {**trunk, "frozen": frozen}}).eval()
    assert model.frozen_part() is (model.trunk if frozen else None)
    cached = replace(inputs, frames=None, features=model.trunk(inputs).detach())
    torch.testing.assert_close(model(cached).vector, model(inputs).vector, atol=1e-6, rtol=1e-5)


def test_a_frozen_trunk_stays_while_the_rest_trains(vat, trunk, segments):
    model = MODELS.build({**vat, "trunk": {**trunk, "frozen": True}}).train()
    before = {k: v.clone() for k, v in model.trunk.state_dict().items()}
    model(segments[0]).vector[..., 0].sum().backward()
    for name, value in model.trunk.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert model.query.weight.grad.norm() > 0
    assert all(p.grad is None for p in model.trunk.parameters())


def method(backbone):
    """A whole method around a backbone, which may start from weights."""
    parts = {"aggregator": "Identity", "selector": "KeepAll", "head": "UnitRegressor"}
    others = {role: {"type": name} for role, name in parts.items()}
    return MODELS.build({"type": "Assessor", "backbone": backbone, **others})


def test_pretrained_weights_stay_as_they_were_loaded(vat, trunk, tmp_path):
    torch.manual_seed(3)
    source = MODELS.build(trunk)
    for buffer in source.net.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    path = tmp_path / "trunk.pth"
    torch.save({"trunk": source.net.state_dict()}, path)
    torch.manual_seed(4)
    built = method({**vat, "trunk": {**trunk, "weights": path}})
    built.init_weights()
    for name, wanted in source.net.state_dict().items():
        assert torch.equal(built.backbone.trunk.net.state_dict()[name], wanted), name


def test_seeds_differ_and_repeat(vat):
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(MODELS.build(vat).blocks[0].expand.weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_projections_are_added_to_what_is_there_without_them(vat, segments):
    torch.manual_seed(3)
    plain = MODELS.build(vat).eval()
    projected = MODELS.build({**vat, "projections": True}).eval()
    added = projected.state_dict().keys() - plain.state_dict().keys()
    assert added == {f"blocks.{n}.projections.weight" for n in range(3)}
    projected.load_state_dict(plain.state_dict(), strict=False)
    inputs, _ = segments
    assert (projected(inputs).vector - plain(inputs).vector).abs().max() > 1e-3
    # With the identity for each, nothing is projected.
    for block in projected.blocks:
        block.projections.weight.data[:] = torch.eye(block.projections.weight.shape[-1])
    torch.testing.assert_close(projected(inputs).vector, plain(inputs).vector, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("frozen", [False, True])
def test_it_starts_from_the_whole_of_what_was_trained_and_learns_on(
    vat, tmp_path, segments, frozen
):
    torch.manual_seed(5)
    trained = MODELS.build(vat)
    for name, value in trained.state_dict().items():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5) if "running_var" in name else value.normal_(0, 0.1)
    path = tmp_path / "result.pth"
    torch.save({"backbone": trained.state_dict()}, path)
    trunk = {**vat["trunk"], "frozen": frozen}
    started = method({**vat, "trunk": trunk, "weights": path}).backbone
    for name, wanted in trained.state_dict().items():
        assert torch.equal(started.state_dict()[name], wanted), name
    inputs, _ = segments
    torch.testing.assert_close(started.eval()(inputs).vector, trained.eval()(inputs).vector)
    learning = {name for name, p in started.named_parameters() if p.requires_grad}
    every = {name for name, _ in started.named_parameters()}
    assert learning == {name for name in every if not (frozen and name.startswith("trunk"))}
    with pytest.raises(ValueError, match="does not fit this network"):
        method({**vat, "blocks": 2, "weights": path})


def test_the_description_tells_what_weights_do_not(vat):
    # Caches are keyed by it, beside the weights.
    assert repr(MODELS.build(vat)) != repr(MODELS.build({**vat, "dropout": 0.1}))


# By name: options that shrink it, size of a frame, side of the deepest map.
TRUNKS = {
    "resnet50": (
        {"channels": (16, 16, 32, 32), "stem_width": 8, "zero_init_last": False},
        (64, 2),
    ),
    "convnext_atto": ({"depths": (1, 1, 1, 1), "dims": (8, 8, 16, 16)}, (32, 1)),
    "efficientnet_b0": ({}, (32, 1)),
    "swin_tiny_patch4_window7_224": (
        {"img_size": 64, "window_size": 2, "embed_dim": 12, "depths": (1, 1, 1, 1)},
        (64, 2),
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=[pytest.mark.slow] if name in ("resnet50", "efficientnet_b0") else []
        )
        for name in TRUNKS
    ],
)
def test_the_contract_is_kept_over_any_trunk(name):
    options, (size, side) = TRUNKS[name]
    inputs, truth = example_batch(segment=4, size=size)
    trunk = {"type": "TimmFrames", "name": name, "scales": 1, "options": options}
    backbone = {"type": "VAT", "trunk": trunk, "map_size": side, "width": 32, "heads": 4}
    head = {"type": "UnitRegressor", "loss_on": "unit"}
    built = check_plugin({"backbone": backbone, "head": head}, inputs=inputs, truth=truth)
    assert isinstance(built.backbone.trunk, TimmFrames)


def test_mixed_precision_stays_finite(vat, segments):
    model = MODELS.build(vat).train()
    with torch.autocast("cpu", torch.bfloat16):
        features = model(segments[0])
    assert features.vector.dtype == torch.float32
    assert features.vector.isfinite().all()
    features.vector[..., 0].sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
