"""Aggregators over a clip's steps: what they compute, what a unit sees, what padding may not do."""

import pytest
import torch
from torch import nn

from adabench.models import (
    IncompatiblePartsError,
    Recurrent,
    TemporalConvolution,
    TemporalTransformer,
    clip_unit,
)
from adabench.models.aggregators.temporal_transformer import sinusoids
from adabench.structures import Features, FeatureSpec

SPEC = FeatureSpec(vector=5)
PARTS = {
    "rnn": lambda: Recurrent(features=SPEC, kind="rnn", width=6),
    "lstm": lambda: Recurrent(features=SPEC, width=6),
    "gru, both ways": lambda: Recurrent(features=SPEC, kind="gru", width=6, bidirectional=True),
    "lstm, last": lambda: Recurrent(features=SPEC, width=6, layers=2, out="last"),
    "lstm, last, both ways": lambda: Recurrent(
        features=SPEC, width=6, bidirectional=True, out="last"
    ),
    "convolution": lambda: TemporalConvolution(features=SPEC, width=6, layers=3),
    "causal convolution": lambda: TemporalConvolution(features=SPEC, width=6, causal=True),
    "transformer": lambda: TemporalTransformer(features=SPEC, width=8, heads=2),
    "transformer without positions": lambda: TemporalTransformer(
        features=SPEC, width=8, heads=2, positions=False
    ),
}


def features(lengths, steps=None, seed=0):
    steps = steps or max(lengths)
    valid = torch.arange(steps) < torch.tensor(lengths)[:, None]
    source = torch.Generator().manual_seed(seed)
    start = 10 + 2 * torch.arange(steps).expand(len(lengths), -1)
    span = torch.stack([start, start + 2], -1) * valid[..., None]
    vector = torch.randn(len(lengths), steps, SPEC.vector, generator=source)
    return Features(vector=vector, valid=valid, span=span)


def alone(given, clip, steps):
    return Features(*(field[[clip], :steps] for field in (given.vector, given.valid, given.span)))


@pytest.fixture(params=PARTS)
def part(request):
    torch.manual_seed(0)
    return PARTS[request.param]().eval()


def test_units_are_what_the_spec_says(part):
    units = part(features([7, 4]))
    assert units.x.shape == (2, 7 if part.spec.per_step else 1, part.spec.dim)
    assert units.valid.shape == units.x.shape[:2] == units.span.shape[:2]
    assert units.scale.tolist() == [1] * 7 if part.spec.per_step else [0]


def test_neither_padding_nor_what_stands_there_nor_other_clips_matter(part):
    given = features([7, 4])
    together = part(given)
    given.vector[1, 4:] = 1e6
    noisy = part(given)
    for clip, steps in ((0, 7), (1, 4)):
        one = part(alone(given, clip, steps))
        for found in (together, noisy):
            kept = found.x[clip][found.valid[clip]]
            torch.testing.assert_close(kept, one.x[0], atol=1e-5, rtol=1e-4)
            assert torch.equal(found.span[clip][found.valid[clip]], one.span[0])


def test_a_clip_without_a_step_gives_numbers_and_no_valid_unit(part):
    units = part(features([3, 0]))
    assert units.x.isfinite().all()
    assert units.valid[0].all()
    assert not units.valid[1].any()


def test_gradients_reach_every_weight(part):
    units = part.train()(features([7, 4]))
    (units.x * units.valid[..., None]).square().sum().backward()
    for name, weight in part.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        if "bias" not in name:
            assert weight.grad.abs().max() > 0, name


def reach(part, steps=64, at=32):
    """Which steps the unit of step ``at`` sees, as distances to it."""
    given = features([steps])
    given.vector.requires_grad_()
    part(given).x[0, at].sum().backward()
    (seen,) = torch.nonzero(given.vector.grad[0].abs().sum(-1), as_tuple=True)
    return seen.min().item() - at, seen.max().item() - at


@pytest.mark.parametrize(
    ("layers", "kernel", "causal", "expected"),
    [
        (1, 3, False, (-2, 2)),
        (3, 3, False, (-14, 14)),
        (3, 3, True, (-28, 0)),
        (2, 2, True, (-6, 0)),
        (2, 5, False, (-12, 12)),
    ],
)
def test_a_convolution_reaches_as_far_as_its_docstring_says(layers, kernel, causal, expected):
    torch.manual_seed(0)
    part = TemporalConvolution(features=SPEC, width=16, layers=layers, kernel=kernel, causal=causal)
    first, last = reach(part)
    assert (first, last) == expected
    assert last - first + 1 == 1 + 2 * (kernel - 1) * (2**layers - 1)


def test_reading_forward_sees_no_later_step_and_reading_both_ways_all():
    torch.manual_seed(0)
    assert reach(Recurrent(features=SPEC, width=6)) == (-32, 0)
    both = Recurrent(features=SPEC, width=6, bidirectional=True)
    assert reach(both) == (-32, 31)


def test_the_last_state_is_that_of_the_last_step_in_each_direction():
    torch.manual_seed(0)
    steps = Recurrent(features=SPEC, width=6, bidirectional=True)
    last = Recurrent(features=SPEC, width=6, bidirectional=True, out="last")
    last.load_state_dict(steps.state_dict())
    given = features([7, 4])
    each, final = steps(given).x, last(given).x
    for clip, length in ((0, 7), (1, 4)):
        wanted = torch.cat([each[clip, length - 1, :6], each[clip, 0, 6:]])
        torch.testing.assert_close(final[clip, 0], wanted)


def test_an_lstm_equals_its_equations():
    torch.manual_seed(0)
    part = Recurrent(features=SPEC, width=3)
    given = features([4])
    weights = dict(part.network.named_parameters())
    state = cell = torch.zeros(3)
    for t in range(4):
        gates = (
            weights["weight_ih_l0"] @ given.vector[0, t]
            + weights["bias_ih_l0"]
            + weights["weight_hh_l0"] @ state
            + weights["bias_hh_l0"]
        )
        let_in, forget, new, let_out = gates.chunk(4)
        cell = forget.sigmoid() * cell + let_in.sigmoid() * new.tanh()
        state = let_out.sigmoid() * cell.tanh()
        torch.testing.assert_close(part(given).x[0, t], state)


def test_without_positions_a_transformer_does_not_see_the_order():
    given = features([6])
    turned = Features(given.vector.flip(1), given.valid, given.span)
    for positions in (True, False):
        torch.manual_seed(0)
        part = TemporalTransformer(features=SPEC, width=8, heads=2, positions=positions).eval()
        same = torch.allclose(part(given).x.flip(1), part(turned).x, atol=1e-5)
        assert same is not positions


def test_sinusoids_are_those_of_the_paper():
    found = sinusoids(9, 7)
    assert found.shape == (9, 7)
    for place, channel in ((0, 0), (8, 0), (3, 1), (5, 4), (8, 6), (7, 5)):
        angle = torch.tensor(place / 10_000 ** (channel // 2 * 2 / 7))
        wanted = angle.cos() if channel % 2 else angle.sin()
        torch.testing.assert_close(found[place, channel], wanted, atol=1e-5, rtol=1e-5)


def test_a_width_that_heads_can_t_share_is_refused():
    with pytest.raises(IncompatiblePartsError, match="width 6 is no multiple of its 4 heads"):
        TemporalTransformer(features=SPEC, width=6, heads=4)


def test_the_clip_s_unit_spans_its_valid_steps():
    units = clip_unit(torch.ones(2, 3), features([3, 0], steps=5))
    assert units.span.tolist() == [[[10, 16]], [[0, 0]]]
    assert units.valid.tolist() == [[True], [False]]
    assert units.x.tolist() == [[[1.0] * 3], [[0.0] * 3]]


def test_a_convolution_s_weights_are_normed():
    block = TemporalConvolution(features=SPEC, width=6, layers=1).blocks[0]
    first = block.convolve[0]
    norm = first.weight.flatten(1).norm(dim=1)
    torch.testing.assert_close(norm, first.parametrizations.weight.original0.flatten())
    assert isinstance(block.past, nn.Conv1d)
