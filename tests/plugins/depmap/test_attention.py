import pytest
import torch
import torch.nn.functional as F
from adabench_plugins.depmap.attention import ChannelAttention, GatedFeedForward


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (3, 5), (1, 1)])
def test_channel_attention_equals_restormers_steps_one_by_one(rows, columns):
    part = ChannelAttention(width=8, heads=2).double()
    part.temperature.data.uniform_(0.5, 2.0)
    x = torch.randn(3, rows, columns, 8).double()
    planes = part.mix.conv(part.expand(part.norm(x)).permute(0, 3, 1, 2))
    query, key, value = planes.flatten(2).unflatten(1, (3, 2, 4)).unbind(1)
    query, key = F.normalize(query, dim=-1), F.normalize(key, dim=-1)
    attention = torch.softmax(query @ key.transpose(-1, -2) * part.temperature, dim=-1)
    attended = (attention @ value).flatten(1, 2).transpose(1, 2).view(3, rows, columns, 8)
    torch.testing.assert_close(part(x), x + part.project(attended), atol=1e-6, rtol=1e-6)


def test_gated_feed_forward_equals_its_steps():
    part = GatedFeedForward(width=8, expansion=2.66)
    x = torch.randn(2, 4, 4, 8)
    assert part.project.in_features == 21
    gate, content = part.mix.conv(part.expand(part.norm(x)).permute(0, 3, 1, 2)).split(21, dim=1)
    wanted = x + part.project((F.gelu(gate) * content).permute(0, 2, 3, 1))
    torch.testing.assert_close(part(x), wanted, atol=1e-6, rtol=1e-6)


def test_gradient_equals_finite_differences():
    part = ChannelAttention(width=4, heads=2).double()
    x = torch.randn(1, 2, 3, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(part, x)
