"""Selectors by their equations, and what they share: padding, choices, gradients."""

import pytest
import torch

from adabench.models import (
    AttentionMIL,
    AttentivePool,
    DualStreamMIL,
    Identity,
    RelationAttention,
    TopKMIL,
    UnitRegressor,
    largest_units,
    softmax_weights,
)
from adabench.structures import Features, FeatureSpec, Truth, UnitSpec

FEATURES = FeatureSpec(vector=4)
SPEC = UnitSpec(dim=4, per_step=True, features=FEATURES)
KINDS = {
    "attention": lambda: AttentionMIL(units=SPEC, hidden=3),
    "attention, not gated": lambda: AttentionMIL(units=SPEC, hidden=3, gated=False),
    "top 1": lambda: TopKMIL(units=SPEC),
    "top 2": lambda: TopKMIL(units=SPEC, count=2),
    "top half": lambda: TopKMIL(units=SPEC, share=0.5),
    "dual stream": lambda: DualStreamMIL(units=SPEC, width=3),
    "attentive": lambda: AttentivePool(units=SPEC, hidden=3),
    "attentive, alone": lambda: AttentivePool(units=SPEC, hidden=3, residual=False),
    "relation": lambda: RelationAttention(units=SPEC),
}


def units(clips=2, steps=5, valid=None, seed=0):
    source = torch.Generator().manual_seed(seed)
    start = torch.arange(steps).expand(clips, -1)
    return Identity(features=FEATURES)(
        Features(
            vector=torch.randn(clips, steps, 4, generator=source),
            valid=torch.ones(clips, steps, dtype=torch.bool) if valid is None else valid,
            span=torch.stack([start, start + 1], -1),
        )
    )


@pytest.fixture(params=KINDS)
def part(request):
    torch.manual_seed(0)
    return KINDS[request.param]()


def test_padding_has_no_weight_and_changes_none(part):
    valid = torch.tensor([[True] * 3 + [False] * 2, [False] * 5])
    given = units(valid=valid)
    weight = part(given).weight
    given.x[~valid] = 1e6
    assert torch.equal(part(given).weight, weight)
    assert weight[0, :3].sum().item() == pytest.approx(1.0)
    assert weight[0, 3:].tolist() == [0.0, 0.0]
    assert weight[1].tolist() == [0.0] * 5
    alone = units(valid=valid)
    alone.x, alone.valid, alone.span = alone.x[:1, :3], alone.valid[:1, :3], alone.span[:1, :3]
    torch.testing.assert_close(part(alone).weight[0], weight[0, :3])


def test_the_clip_s_score_teaches_every_weight_of_it(part):
    given, head = units(seed=1), UnitRegressor(units=SPEC)
    out = head(given, part(given))
    truth = Truth(score=torch.tensor([4.0, 40.0]), level=torch.tensor([0, 3]))
    head.loss(given, out, truth, 0.0)["mse"].backward()
    assert (out.selection.weight >= 0).all()
    for name, value in part.named_parameters():
        # One number added to all scores of a clip changes no softmax.
        flat = name in ("score.4.bias", "score.bias")
        assert flat or value.grad.abs().max() > 1e-7, name


def test_top_k_takes_the_largest_scores_and_the_gradient_of_their_softmax():
    part = TopKMIL(units=SPEC, count=2)
    given = units()
    score = given.x @ part.score.weight[0]
    out = part(given)
    chosen = torch.zeros_like(score).scatter_(1, score.topk(2).indices, 0.5)
    torch.testing.assert_close(out.weight, chosen)
    torch.testing.assert_close(out.relevance, score.softmax(1))
    factor = torch.randn(2, 5, generator=torch.Generator().manual_seed(3))
    (got,) = torch.autograd.grad((out.weight * factor).sum(), part.score.weight)
    score = given.x @ part.score.weight[0]
    (wanted,) = torch.autograd.grad((score.softmax(1) * factor).sum(), part.score.weight)
    torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize(("share", "kept"), [(0.2, 1), (0.3, 2), (0.6, 3), (1.0, 5), (0.0, 1)])
def test_a_share_of_the_valid_units_is_rounded_up(share, kept):
    weight = TopKMIL(units=SPEC, share=share)(units()).weight
    assert (weight > 0).sum(1).tolist() == [kept, kept]


def test_dual_stream_is_the_mean_of_the_critical_unit_and_of_what_resembles_it():
    torch.manual_seed(0)
    part = DualStreamMIL(units=SPEC, width=3)
    given = units(clips=1)
    h = given.x[0]
    critical = int((h @ part.score.weight[0]).argmax())
    query = h @ part.query.weight.T + part.query.bias
    attention = (query @ query[critical] / 3**0.5).softmax(0)
    wanted = attention / 2
    wanted[critical] += 0.5
    torch.testing.assert_close(part(given).weight[0], wanted)


@pytest.mark.parametrize("residual", [True, False])
def test_attentive_pool_is_a_convolution_two_layers_and_a_softmax(residual):
    torch.manual_seed(0)
    part = AttentivePool(units=SPEC, hidden=3, residual=residual)
    given = units(clips=1)
    h = torch.cat([torch.zeros(1, 4), given.x[0], torch.zeros(1, 4)])
    first, second = part.score[1], part.score[3]
    scores = []
    for t in range(5):
        near = (part.near.weight * h[t : t + 3].T[None]).sum((1, 2)) + part.near.bias
        inner = (first.weight @ near.relu() + first.bias).relu()
        scores.append((second.weight @ inner + second.bias).squeeze())
    wanted = torch.stack(scores).softmax(0)
    if residual:
        wanted = wanted / 2 + 0.1
    torch.testing.assert_close(part(given).weight[0], wanted)


def test_relation_attention_is_that_of_its_equations():
    torch.manual_seed(0)
    part = RelationAttention(units=SPEC)
    given = units(clips=1)
    h = given.x[0]
    alpha = (h @ part.alone.weight[0] + part.alone.bias).sigmoid()
    whole = (alpha[:, None] * h).sum(0) / alpha.sum()
    both = torch.cat([h, whole.expand(5, -1)], -1)
    beta = (both @ part.beside.weight[0] + part.beside.bias).sigmoid()
    wanted = alpha * beta / (alpha * beta).sum()
    torch.testing.assert_close(part(given).weight[0], wanted)


def test_relation_attention_of_tiny_factors_is_numbers():
    part = RelationAttention(units=SPEC)
    torch.nn.init.constant_(part.alone.bias, -200.0)
    weight = part(units()).weight
    assert weight.isfinite().all()
    torch.testing.assert_close(weight.sum(1), torch.ones(2))


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="an odd number of units; got 4"):
        AttentivePool(units=SPEC, kernel=4)


def test_the_largest_are_never_padding_and_of_equals_the_earlier_one():
    values, valid = torch.zeros(1, 4), torch.tensor([[False, True, True, True]])
    assert largest_units(values, torch.tensor([2]), valid).tolist() == [[False, True, True, False]]
    assert largest_units(values, torch.tensor([9]), valid).tolist() == [[False, True, True, True]]


def test_the_largest_candidates_are_marked():
    measure = torch.tensor([[0.5, 0.9, 0.9, 0.1, 9.0], [0.0, 0.0, 0.0, 0.0, 9.0]])
    candidates = torch.tensor([[True, True, True, True, False]] * 2)
    kept = largest_units(measure, torch.tensor([2, 3]), candidates)
    assert kept.tolist() == [[False, True, True, False, False], [True, True, True, False, False]]
    assert largest_units(measure, torch.tensor([9, 9]), candidates).sum(-1).tolist() == [4, 4]


@pytest.mark.parametrize("content", [1e30, float("inf"), float("nan")])
def test_no_padding_is_marked_whatever_it_measures(content):
    measure = torch.tensor([[0.0, -5.0, content], [0.1, content, content]])
    valid = torch.tensor([[True, True, False], [True, False, False]])
    kept = largest_units(measure, torch.tensor([2, 1]), valid)
    assert kept.tolist() == valid.tolist()


@pytest.mark.parametrize("gated", [True, False])
def test_attention_is_that_of_its_equations(gated):
    torch.manual_seed(0)
    part = AttentionMIL(units=SPEC, hidden=3, gated=gated)
    given = units(clips=1)
    scores = []
    for h in given.x[0]:
        inner = (part.value.weight @ h + part.value.bias).tanh()
        if gated:
            inner = inner * (part.gate.weight @ h + part.gate.bias).sigmoid()
        scores.append((part.score.weight @ inner).squeeze())
    shares = torch.stack(scores).exp()
    selection = part(given)
    torch.testing.assert_close(selection.weight[0], shares / shares.sum())
    assert torch.equal(selection.relevance, selection.weight)


def test_weights_of_scores_far_apart_are_numbers():
    score = torch.tensor([[-1e30, 1e30, 0.0]])
    valid = torch.tensor([[True, True, True]])
    assert softmax_weights(score, valid).tolist() == [[0.0, 1.0, 0.0]]
