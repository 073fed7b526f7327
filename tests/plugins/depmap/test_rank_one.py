import pytest
import torch
from adabench_plugins.depmap.rank_one import channel_attention


def some_input(places: int, spread: float = 1.0):
    source = torch.Generator().manual_seed(0)
    query, key = (spread * torch.randn(2, 5, generator=source).double() for _ in range(2))
    value = torch.randn(2, 5, places, generator=source).double()
    given = (query, key, value, torch.tensor(0.3, dtype=torch.double))
    return tuple(tensor.requires_grad_() for tensor in given)


@pytest.mark.parametrize("places", [1, 3, 5, 7])
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_attention_equals_a_plain_loop(places, spread):
    query, key, value, gamma = some_input(places, spread)
    got = channel_attention(query, key, value, gamma)
    for n in range(2):
        for i in range(5):
            share = torch.softmax(query[n, i] * key[n], dim=0)
            wanted = value[n, i] + gamma * sum(share[j] * value[n, j] for j in range(5))
            torch.testing.assert_close(got[n, i], wanted, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("places", [1, 3, 5, 7])
def test_gradients_equal_finite_differences(places):
    assert torch.autograd.gradcheck(channel_attention, some_input(places))


def test_large_scores_stay_finite_in_float32():
    query, key, value, gamma = (t.detach().float() for t in some_input(3, 1e3))
    query.requires_grad_()
    out = channel_attention(query, key, value, gamma)
    out.sum().backward()
    assert out.isfinite().all()
    assert query.grad.isfinite().all()


def test_half_precision_is_computed_in_float32_and_given_back():
    query, key, value, gamma = (t.detach().float() for t in some_input(3))
    low = value.bfloat16()
    out = channel_attention(query, key, low, gamma)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out, channel_attention(query, key, low.float(), gamma).bfloat16())
