"""DFS's pure functions against plain loops and numpy."""

import numpy as np
import pytest
import torch
from adabench_plugins.expada.selection import (
    keep_count,
    level_evidence,
    level_probability,
    most_confident,
    most_frequent_level,
    of_level,
    relevance_share,
)
from scipy.special import softmax

from adabench.models import largest_units


@pytest.fixture
def logits():
    return torch.randn(3, 7, 4) * 3, torch.randn(3, 7, 4) * 3


@pytest.fixture
def valid():
    return torch.arange(7) < torch.tensor([7, 1, 4])[:, None]


def test_branches_and_z_equal_scipy_clip_by_clip(logits, valid):
    probability = level_probability(logits[0])
    share = relevance_share(logits[1], valid)
    evidence, z = level_evidence(probability, share)
    for clip, count in enumerate((7, 1, 4)):
        first, second = (x[clip, :count].double().numpy() for x in logits)
        p, r = softmax(first, axis=1), softmax(second, axis=0)
        np.testing.assert_allclose(probability[clip, :count], p, atol=1e-6)
        np.testing.assert_allclose(share[clip, :count], r, atol=1e-6)
        np.testing.assert_allclose(evidence[clip, :count], p * r, atol=1e-6)
        np.testing.assert_allclose(z[clip], (p * r).sum(0), atol=1e-6)
    assert not share[~valid].any()
    assert not evidence[~valid].any()


@pytest.mark.parametrize("content", [1e4, -1e4, 1e30, float("inf"), float("nan")])
def test_padding_has_no_share_whatever_it_holds(logits, valid, content):
    filled = logits[1].masked_fill(~valid[..., None], content).requires_grad_()
    share = relevance_share(filled, valid)
    torch.testing.assert_close(share, relevance_share(logits[1], valid))
    share.square().sum().backward()
    assert filled.grad.isfinite().all()


def test_a_clip_without_units_gives_zeros(logits):
    nothing = torch.zeros(3, 7, dtype=torch.bool)
    assert not relevance_share(logits[1], nothing).any()
    assert not largest_units(torch.randn(3, 7), torch.ones(3).long(), nothing).any()


@pytest.mark.parametrize(
    ("units", "percent", "count"),
    [
        (90, 70, 63),
        (10, 20, 2),
        (14, 20, 2),
        (15, 20, 3),
        (4, 20, 1),
        (1, 20, 1),
        (0, 20, 1),
        (90, 100, 90),
        (7, 1, 1),
        (300, 29, 87),
    ],
)
def test_k_is_counted_in_whole_numbers(units, percent, count):
    assert keep_count(torch.tensor([units]), percent).tolist() == [count]


@pytest.mark.parametrize("percent", range(1, 101))
def test_k_never_suffers_from_rounding(percent):
    units = range(400)
    wanted = [max(1, percent * m // 100) for m in units]
    assert keep_count(torch.tensor(units), percent).tolist() == wanted


def test_the_most_frequent_level_counts_votes_and_asks_z_between_equals():
    def units(*levels):
        return torch.nn.functional.one_hot(torch.tensor(levels), 4).float()

    probability = torch.stack([units(0, 2, 2, 3), units(1, 3, 0, 0), units(1, 3, 3, 1)])
    valid = torch.tensor([[True] * 4, [True, True, False, False], [True] * 4])
    z = torch.tensor([[0.9, 0.0, 0.1, 0.9], [1.0, 0.2, 0.0, 0.3], [0.0, 0.4, 1.0, 0.3]])
    assert most_frequent_level(probability, valid, z).tolist() == [2, 3, 1]


def test_eq_5_keeps_confident_units_of_the_clips_level():
    probability = torch.tensor(
        [[[0.7, 0.1, 0.1, 0.1], [0.4, 0.3, 0.2, 0.1], [0.3, 0.5, 0.1, 0.1], [0.9, 0.1, 0.0, 0.0]]]
    )
    valid = torch.tensor([[True, True, True, False]])

    def kept(level, count):
        return most_confident(probability, torch.tensor([level]), torch.tensor([count]), valid)[0]

    assert kept(0, 1).tolist() == [True, False, False, False]
    assert kept(0, 3).tolist() == [True, True, False, False]
    assert kept(1, 3).tolist() == [False, False, True, False]
    assert not kept(3, 3).any()


def test_a_clips_own_level_is_taken():
    values = torch.randn(2, 5, 4)
    came = of_level(values, torch.tensor([3, 1]))
    assert torch.equal(came, torch.stack([values[0, :, 3], values[1, :, 1]]))
