"""Gated MLPs against their equations, and what a fixed number of steps asks of a clip."""

import pytest
import torch
from clip_features import SPEC, clip_features, of_clip
from torch.nn.functional import gelu

from adabench.models import DualGatedMLP, GatedMLP

KINDS = {
    "gated": lambda frames: GatedMLP(features=SPEC, width=4, frames=frames, layers=1),
    "dual": lambda frames: DualGatedMLP(features=SPEC, frames=frames, layers=1),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def drawn(part):
    """A part whose gates are far from 1."""
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in part.parameters():
            weight.copy_(torch.randn_like(weight) / 2)
    return part


def stepped(gate, x):
    """Σ_s W_ts x_s + b_t over the steps that there are (T', C)."""
    return torch.stack(
        [
            sum(gate.mix.weight[t, s] * x[s] for s in range(len(x))) + gate.mix.bias[t]
            for t in range(len(x))
        ]
    )


@pytest.mark.parametrize("length", [3, 5])
def test_a_gated_block_is_that_of_the_paper(length):
    part = drawn(GatedMLP(features=SPEC, width=4, frames=5, layers=1))
    (block,) = part.blocks
    given = clip_features([length])
    x = part.embed(given.vector[0])
    inner = gelu(block.widen(block.norm(x)))
    through, asked = inner[:, :8], inner[:, 8:]
    wanted = x + block.narrow(through * stepped(block.gate, block.gate_norm(asked)))
    torch.testing.assert_close(part(given).x[0], wanted)


@pytest.mark.parametrize("length", [3, 5])
def test_a_dual_gated_block_multiplies_both_gates_onto_its_input(length):
    part = drawn(DualGatedMLP(features=SPEC, frames=5, layers=1))
    (block,) = part.blocks
    given = clip_features([length])
    x = given.vector[0]
    normed = block.norm(x)
    wanted = x + normed * block.channels(normed) * stepped(block.steps, normed)
    torch.testing.assert_close(part(given).x[0], wanted)


def test_gates_let_everything_through_at_the_start():
    torch.manual_seed(0)
    given = clip_features([5])
    part = DualGatedMLP(features=SPEC, frames=5, layers=1)
    open_gates = given.vector + part.blocks[0].norm(given.vector)
    torch.testing.assert_close(part(given).x, open_gates, atol=0.3, rtol=0)


def test_a_clip_with_more_steps_is_refused_with_the_remedy(kind):
    part = kind(4)
    told = (
        rf"{type(part).__name__}.frames is 4 steps, for which its gates have weights, and a clip has 6: "
        r"read clips by StridedView\(frames=4\), or set frames=6"
    )
    with pytest.raises(ValueError, match=told):
        part(clip_features([6, 2], steps=8))


def test_padding_beyond_the_steps_is_none(kind):
    part = drawn(kind(4))
    given = clip_features([4, 2], steps=9)
    units = part(given)
    assert units.x.shape[1] == 9
    for clip, length in ((0, 4), (1, 2)):
        alone = part(of_clip(given, clip, length))
        torch.testing.assert_close(units.x[clip, :length], alone.x[0])
