"""What holds of every aggregator: the contract, clips without a step, units' spans, half precision."""

import pytest
import torch
from clip_features import SPEC, Pyramid, clip_features, with_padding

from adabench.models import (
    Chain,
    ConvLSTM,
    DualGatedMLP,
    FragmentPool,
    GatedMLP,
    InceptionTCN,
    MapParts,
    MatrixGraph,
    NetVLAD,
    SpectralGraph,
    StepGraph,
    TwoOrderVector,
)
from adabench.registry import MODELS
from adabench.testing import check_contract, example_batch

GRAPH = {"type": StepGraph, "width": 8, "heads": 2}
PARTS = {
    "ConvLSTM": {"type": ConvLSTM, "width": 5, "layers": 2},
    "GatedMLP": {"type": GatedMLP, "width": 8, "frames": 8},
    "DualGatedMLP": {"type": DualGatedMLP, "frames": 8},
    "StepGraph": GRAPH,
    "StepGraph, causal, mean": {**GRAPH, "edges": "causal", "out": "mean"},
    "StepGraph, full": {**GRAPH, "edges": "full", "layers": 1},
    "StepGraph, knn": {**GRAPH, "edges": "knn", "neighbours": 2},
    "SpectralGraph": {"type": SpectralGraph, "resolution": 4, "width": 6, "heads": 2, "layers": 2},
    "SpectralGraph of nodes": {"type": SpectralGraph, "resolution": 4, "nodes": 3},
    "MatrixGraph": {"type": MatrixGraph, "width": 8, "out": 5},
    "MatrixGraph, mean": {"type": MatrixGraph, "width": 8, "out": 5, "readout": "mean"},
    "NetVLAD": {"type": NetVLAD, "clusters": 3},
    "TwoOrderVector": {"type": TwoOrderVector, "components": 2},
    "TwoOrderVector, clip": {"type": TwoOrderVector, "components": 2, "over": "clip"},
    "MapParts": {"type": MapParts, "grid": (2, 1)},
    "InceptionTCN": {"type": InceptionTCN, "width": 8},
    "FragmentPool": {"type": FragmentPool, "size": 2},
    "FragmentPool, mean": {"type": FragmentPool, "size": 2, "kind": "mean"},
    "Chain": {"type": Chain, "parts": [{"type": FragmentPool, "size": 2}, GRAPH]},
}
#: Units of 7 steps, where they are not the steps.
UNITS = {"MapParts": 14, "InceptionTCN": 2, "FragmentPool": 4, "FragmentPool, mean": 4, "Chain": 4}


@pytest.fixture(params=PARTS)
def name(request):
    return request.param


def built(name, features=SPEC):
    torch.manual_seed(0)
    return MODELS.build({**PARTS[name], "features": features}).eval()


def test_the_contract_holds(name):
    torch.manual_seed(0)
    assessor = MODELS.build(
        {
            "type": "Assessor",
            "backbone": {"type": Pyramid},
            "aggregator": PARTS[name],
            "selector": {"type": "KeepAll"},
            "head": {"type": "UnitRegressor"},
        }
    )
    report = check_contract(assessor, *example_batch(size=8))
    assert [f"{found.rule}: {found.detail}" for found in report.findings] == []
    assert report.skipped == {}


def test_units_are_what_the_spec_says(name):
    given = clip_features([7, 3])
    part = built(name)
    units = part(given)
    steps = 7 if part.spec.per_step else UNITS.get(name.partition(" of")[0], 1)
    assert units.x.shape == (2, steps, part.spec.dim)
    assert [m.shape[:3] for m in units.maps] == [(2, 7, c) for c in part.spec.maps]
    assert units.features is given
    span = units.span[units.valid]
    assert (span[:, 0] < span[:, 1]).all()
    assert span.min() == 10
    assert span.max() == 24


def test_padding_and_clips_without_a_step_change_nothing(name):
    part = built(name)
    given = clip_features([5, 0, 3], steps=7)
    clean, noisy = part(given), part(with_padding(given, 1e6))
    assert clean.valid.any(1).tolist() == [True, False, True]
    assert torch.equal(clean.x[clean.valid], noisy.x[noisy.valid])
    assert clean.x.isfinite().all()


def test_gradients_are_finite_beside_a_clip_without_a_step(name):
    part = built(name)
    given = clip_features([5, 0, 1], steps=7)
    for tensor in (given.vector, *given.maps):
        tensor.requires_grad_()
    part(given).x.square().sum().backward()
    reached = [
        t.grad for t in (*part.parameters(), given.vector, *given.maps) if t.grad is not None
    ]
    assert reached
    assert all(grad.isfinite().all() for grad in reached)


def test_half_precision_loses_little(name):
    part = built(name)
    given = clip_features([7, 3])
    full = part(given)
    with torch.autocast("cpu", torch.bfloat16):
        half = part(given)
    # bfloat16 has 8 bits: a part that adds up in it, or whose softmax is in it, is further off.
    off = (half.x.float() - full.x)[full.valid].square().mean().sqrt()
    assert off < 0.01 * full.x[full.valid].square().mean().sqrt()
