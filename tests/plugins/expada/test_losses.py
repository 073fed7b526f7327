"""L_WSL, L_ORD and the one-hot form against plain numpy loops and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from adabench_plugins.expada.losses import (
    CLAMP,
    mean_over_selected,
    one_hot_loss,
    threshold_loss,
    weak_level_loss,
)
from sklearn.metrics import log_loss

LEVEL = torch.tensor([0, 2, 3])


def cross_entropy(target, probability):
    return -(target * math.log(probability) + (1 - target) * math.log(1 - probability))


def test_weak_loss_is_eq_13():
    z = torch.rand(3, 4)
    wanted = np.mean(
        [
            sum(cross_entropy(float(c == level), float(z[n, c])) for c in range(4)) / 4
            for n, level in enumerate(LEVEL.tolist())
        ]
    )
    assert float(weak_level_loss(z, LEVEL)) == pytest.approx(wanted, abs=1e-6)
    target = torch.nn.functional.one_hot(LEVEL, 4).flatten().numpy()
    assert float(weak_level_loss(z, LEVEL)) == pytest.approx(
        log_loss(target, z.flatten().double().numpy()), abs=1e-6
    )


def test_weak_loss_is_finite_and_clamped_at_the_ends():
    z = torch.tensor([[0.0, 1.0, 0.0, 1.0 + 1e-7]], requires_grad=True)
    loss = weak_level_loss(z, torch.tensor([0]))
    loss.backward()
    assert z.grad.isfinite().all()
    assert float(loss.detach()) == pytest.approx(-3 * math.log(CLAMP) / 4, rel=1e-2)


def test_threshold_loss_is_eq_12():
    logits = torch.randn(3, 5, 3) * 3
    came = threshold_loss(logits, LEVEL)
    for clip, level in enumerate(LEVEL.tolist()):
        for unit in range(5):
            wanted = sum(
                cross_entropy(float(level > k), 1 / (1 + math.exp(-float(logits[clip, unit, k]))))
                for k in range(3)
            )
            assert float(came[clip, unit]) == pytest.approx(wanted, abs=1e-6, rel=1e-6)
    even = torch.full((3, 5), 0.2)
    assert float(mean_over_selected(came, even)) == pytest.approx(float(came.mean()), abs=1e-6)


@pytest.mark.parametrize("level", range(4))
def test_thresholds_below_the_level_are_exceeded(level):
    sure = torch.tensor([30.0 if level > k else -30.0 for k in range(3)]).view(1, 1, 3)
    assert float(threshold_loss(sure, torch.tensor([level]))) < 1e-6
    for other in set(range(4)) - {level}:
        loss = float(threshold_loss(sure, torch.tensor([other])))
        assert loss == pytest.approx(30.0 * abs(other - level), rel=1e-5)


def test_one_hot_loss_averages_over_levels():
    logits = torch.randn(3, 5, 4)
    target = torch.nn.functional.one_hot(LEVEL, 4).float()[:, None].expand(-1, 5, -1)
    wanted = torch.nn.functional.binary_cross_entropy(
        logits.sigmoid(), target, reduction="none"
    ).mean(-1)
    torch.testing.assert_close(one_hot_loss(logits, LEVEL), wanted, atol=1e-6, rtol=1e-5)


def test_the_selection_weighs_units_and_clips_count_the_same():
    values = torch.tensor([[1.0, 2.0, 9.0], [4.0, 5.0, 6.0]])
    weight = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    assert float(mean_over_selected(values, weight)) == pytest.approx((1.5 + 6.0) / 2)


def test_half_precision_is_taken_in_float32():
    z = torch.tensor([[0.999, 0.001, 0.2, 0.1]], dtype=torch.bfloat16)
    assert weak_level_loss(z, torch.tensor([0])).dtype == torch.float32
    assert (
        threshold_loss(torch.zeros(1, 2, 3, dtype=torch.bfloat16), LEVEL[:1]).dtype == torch.float32
    )
