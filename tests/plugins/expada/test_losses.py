"""L_WSL against a plain numpy loop and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from adabench_plugins.expada.losses import CLAMP, weak_level_loss
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


def test_half_precision_is_taken_in_float32():
    z = torch.tensor([[0.999, 0.001, 0.2, 0.1]], dtype=torch.bfloat16)
    assert weak_level_loss(z, torch.tensor([0])).dtype == torch.float32
