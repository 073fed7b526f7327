import pytest
import torch

from adabench.models import AttentionMIL, Identity, softmax_weights
from adabench.structures import Features, FeatureSpec, UnitSpec

FEATURES = FeatureSpec(vector=4)
SPEC = UnitSpec(dim=4, per_step=True, features=FEATURES)


def units(clips=2, steps=5, valid=None):
    source = torch.Generator().manual_seed(0)
    start = torch.arange(steps).expand(clips, -1)
    return Identity(features=FEATURES)(
        Features(
            vector=torch.randn(clips, steps, 4, generator=source),
            valid=torch.ones(clips, steps, dtype=torch.bool) if valid is None else valid,
            span=torch.stack([start, start + 1], -1),
        )
    )


@pytest.mark.parametrize("gated", [True, False])
def test_weights_are_those_of_the_equations(gated):
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


def test_padding_has_no_weight_and_changes_none():
    torch.manual_seed(0)
    part = AttentionMIL(units=SPEC)
    valid = torch.tensor([[True] * 3 + [False] * 2, [False] * 5])
    given = units(valid=valid)
    weight = part(given).weight
    given.x[~valid] = 1e6
    assert torch.equal(part(given).weight, weight)
    assert weight[0, 3:].tolist() == [0.0, 0.0]
    assert weight[0].sum().item() == pytest.approx(1.0)
    assert weight[1].tolist() == [0.0] * 5


def test_weights_of_scores_far_apart_are_numbers():
    score = torch.tensor([[-1e30, 1e30, 0.0]])
    valid = torch.tensor([[True, True, True]])
    assert softmax_weights(score, valid).tolist() == [[0.0, 1.0, 0.0]]
