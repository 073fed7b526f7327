"""Aggregators over a clip's vectors: fragments, chains, dilated convolutions, residuals to centres."""

import numpy as np
import pytest
import torch
from clip_features import SPEC, clip_features
from torch.nn.functional import gelu, normalize

from adabench.models import (
    Chain,
    ConvLSTM,
    FragmentPool,
    InceptionTCN,
    IncompatiblePartsError,
    NetVLAD,
    Recurrent,
)
from adabench.structures import FeatureSpec


class Taught(FragmentPool):
    def loss(self, inputs, output, truth, progress):
        return {}


@pytest.mark.parametrize("kind", ["median", "mean", "max"])
@pytest.mark.parametrize("size", [1, 3, 4, 9])
def test_a_fragment_is_pooled_over_its_valid_steps(kind, size):
    given = clip_features([7, 3], steps=8)
    units = FragmentPool(features=SPEC, size=size, kind=kind)(given)
    assert units.x.shape[1] == -(-8 // size)
    assert units.scale.tolist() == [size] * units.x.shape[1]
    for clip, length in ((0, 7), (1, 3)):
        for m in range(units.x.shape[1]):
            first, stop = m * size, min((m + 1) * size, length)
            assert units.valid[clip, m] == (first < stop)
            if first < stop:
                x = given.vector[clip, first:stop].numpy()
                wanted = getattr(np, kind)(x, axis=0)
                np.testing.assert_allclose(units.x[clip, m].numpy(), wanted, rtol=1e-5, atol=1e-6)
                assert units.span[clip, m].tolist() == [10 + 2 * first, 10 + 2 * stop]


def test_a_chain_reads_units_as_steps_and_counts_the_backbone_s():
    torch.manual_seed(0)
    parts = [
        {"type": FragmentPool, "size": 2},
        {"type": FragmentPool, "size": 3, "kind": "max"},
        {"type": Recurrent, "width": 4},
    ]
    part = Chain(features=SPEC, parts=parts)
    given = clip_features([13, 5])
    units = part(given)
    medians = FragmentPool(features=SPEC, size=2)(given)
    largest = torch.stack([medians.x[0, m : m + 3].amax(0) for m in (0, 3, 6)])
    wanted, _ = part.parts[2].network(largest[None])
    torch.testing.assert_close(units.x[0], wanted[0])
    assert units.scale.tolist() == [6, 6, 6]
    assert units.span[0].tolist() == [[10, 22], [22, 34], [34, 36]]
    assert units.valid.tolist() == [[True] * 3, [True, False, False]]
    assert units.features is given
    assert (part.spec.dim, part.spec.per_step, part.spec.features) == (4, False, SPEC)


def test_a_chain_of_steps_hands_maps_on():
    torch.manual_seed(0)
    cells = [{"type": ConvLSTM, "width": 3}, {"type": ConvLSTM, "width": 2}]
    part = Chain(features=SPEC, parts=cells)
    given = clip_features([4])
    whole = ConvLSTM(features=SPEC, width=3, layers=2)
    assert (part.spec.per_step, part.spec.maps) == (True, (2,))
    first = part.parts[0](given)
    second = part.parts[1].cells[0](first.maps[0], given.valid)
    torch.testing.assert_close(part(given).maps[0], second)
    assert part(given).scale.tolist() == whole(given).scale.tolist()
    last = Chain(features=SPEC, parts=[cells[0], {"type": Recurrent, "out": "last"}])
    assert (last.spec.per_step, last.spec.maps, last(given).scale.tolist()) == (False, (), [0])


@pytest.mark.parametrize(
    ("parts", "error", "told"),
    [
        ([], ValueError, "Chain.parts is one or more aggregators; got none"),
        ([{"type": Taught}], IncompatiblePartsError, "Taught has a loss of its own"),
        (
            [{"type": FragmentPool}, {"type": ConvLSTM}],
            IncompatiblePartsError,
            "ConvLSTM can't follow FragmentPool: ConvLSTM needs feature maps",
        ),
        ([{"type": "KeepAll"}], TypeError, "KeepAll is no aggregator"),
    ],
)
def test_a_chain_that_can_t_work_is_refused(parts, error, told):
    with pytest.raises(error, match=told):
        Chain(features=SPEC, parts=parts)


def dilated(layer, x, t):
    """What one convolution gives of steps (T', C) at step t, 0 beside them."""
    found = layer.bias.clone()
    (kernel,), (dilation,) = layer.kernel_size, layer.dilation
    for tap in range(kernel):
        s = t + (tap - kernel // 2) * dilation
        if 0 <= s < len(x):
            near = layer.weight[..., tap]
            found += near[:, 0] * x[s] if layer.groups > 1 else near @ x[s]
    return found


def everywhere(layer, x):
    return torch.stack([dilated(layer, x, t) for t in range(len(x))])


def test_an_inception_tcn_is_that_of_its_blocks_and_gates():
    torch.manual_seed(0)
    part = InceptionTCN(features=SPEC, width=4)
    given = clip_features([11, 6])
    units = part(given)
    for clip, length in ((0, 11), (1, 6)):
        x = given.vector[clip, :length]
        for number, block in enumerate(part.blocks):
            if number:
                x = torch.stack([x[t : t + 2].amax(0) for t in range(0, len(x), 2)])
            assert [branch.dilation for branch in block.branches] == [(1,), (2,), (4,), (8,)]
            x = gelu(torch.cat([everywhere(branch, x) for branch in block.branches], 1))
        gate = part.channel_gate
        x = x * everywhere(gate.second, gelu(everywhere(gate.first, x))).sigmoid()
        x = x * sum(everywhere(near, x) for near in part.step_gate.lengths).sigmoid()
        torch.testing.assert_close(units.x[clip, : len(x)], x)
        assert units.valid[clip].sum() == len(x)
        assert units.span[clip, len(x) - 1].tolist() == [10 + 8 * (len(x) - 1), 10 + 2 * length]
    assert units.scale.tolist() == [4, 4, 4]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kernel": 2}, "InceptionTCN.kernel is an odd number of steps; got 2"),
        ({"dilations": ()}, r"InceptionTCN.dilations are one or more numbers above 0; got \(\)"),
        ({"dilations": (0, 1)}, r"got \(0, 1\)"),
        ({"width": 6}, "InceptionTCN.width is a multiple of its 4 dilations; got 6"),
    ],
)
def test_convolutions_that_can_t_be_built_are_refused(options, told):
    with pytest.raises(ValueError, match=told):
        InceptionTCN(features=SPEC, **options)


def test_net_vlad_is_that_of_its_equations():
    torch.manual_seed(0)
    part = NetVLAD(features=SPEC, clusters=3, sharpness=2.0)
    given = clip_features([7, 3])
    units = part(given)
    for clip, length in ((0, 7), (1, 3)):
        total = torch.zeros(3, 6)
        for x in given.vector[clip, :length]:
            x = x / x.norm()
            # As they start, shares fall with the squared distance to a centre (Eq 2).
            share = (-2.0 * (x - part.centres).square().sum(-1)).softmax(0)
            total += share[:, None] * (x - part.centres)
        each = total / total.norm(dim=1, keepdim=True)
        torch.testing.assert_close(units.x[clip, 0], (each / each.norm()).flatten())
    assert units.span.tolist() == [[[10, 24]], [[10, 16]]]
    assert units.scale.tolist() == [0]


def test_net_vlad_sees_neither_the_order_nor_the_length_of_steps():
    torch.manual_seed(0)
    part = NetVLAD(features=SPEC, clusters=3)
    given = clip_features([6])
    x = part(given).x
    given.vector = 3.0 * given.vector.flip(1)
    torch.testing.assert_close(part(given).x, x)
    assert torch.allclose(normalize(x, dim=-1), x)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"clusters": 1}, "NetVLAD.clusters is at least 2; got 1"),
        ({"sharpness": 0.0}, "NetVLAD.sharpness is above 0; got 0.0"),
    ],
)
def test_centres_that_tell_nothing_apart_are_refused(options, told):
    with pytest.raises(ValueError, match=told):
        NetVLAD(features=FeatureSpec(vector=4), **options)
