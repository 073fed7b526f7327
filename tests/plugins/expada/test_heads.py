import pytest
import torch
import torch.nn.functional as F
from adabench_plugins.expada.heads import HeadBlock, attend


def one_head(block, head, query, memory):
    """One head of a block, of one segment, frame by frame: query (E,), memory (L, E)."""

    def norm(layer, x):
        return F.layer_norm(x, x.shape, layer.weight[head], layer.bias[head])

    keys = values = memory
    asked = query
    if block.projections is not None:
        of_query, of_keys, of_values = block.projections.weight[:, head]
        asked, keys, values = query @ of_query, memory @ of_keys, memory @ of_values
    score = torch.stack([asked @ frame for frame in keys]) / len(query) ** 0.5
    weight = score.exp() / score.exp().sum()
    attended = sum(w * frame for w, frame in zip(weight, values, strict=True))
    query = norm(block.norm_attention, query + attended)
    hidden = (query @ block.expand.weight[head] + block.expand.bias[head]).clamp_min(0)
    given = hidden @ block.project.weight[head] + block.project.bias[head]
    return norm(block.norm_output, query + given)


@pytest.mark.parametrize("projections", [False, True])
@pytest.mark.parametrize("channels", [4, 5, 1])
def test_all_heads_at_once_equal_a_loop_over_heads(channels, projections):
    block = HeadBlock(heads=3, channels=channels, dropout=0.5, projections=projections)
    block = block.double().eval()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter)
    query = torch.randn(2, 3, channels).double()
    memory = torch.randn(2, 3, 6, channels).double()
    real = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    came = block(query, memory, real)
    for segment in range(2):
        for head in range(3):
            frames = memory[segment, head][real[segment]]
            wanted = one_head(block, head, query[segment, head], frames)
            torch.testing.assert_close(came[segment, head], wanted, atol=1e-6, rtol=1e-6)


def test_attention_is_torchs_own_and_passes_padding_over():
    query, memory = torch.randn(3, 2, 4), torch.randn(3, 2, 5, 4)
    real = torch.arange(5) < torch.tensor([5, 3, 1])[:, None]
    wanted = F.scaled_dot_product_attention(
        query[:, :, None], memory, memory, attn_mask=real[:, None, None]
    )
    came = attend(query, memory, memory, real)
    torch.testing.assert_close(came, wanted[:, :, 0], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(came[2], memory[2, :, 0])


@pytest.mark.parametrize("projections", [False, True])
def test_heads_share_no_weight(projections):
    block = HeadBlock(heads=2, channels=4, dropout=0.0, projections=projections)
    query = torch.randn(3, 2, 4, requires_grad=True)
    memory = torch.randn(3, 2, 5, 4)
    # A weighted sum, because the plain sum of a normalised vector is constant.
    (
        block(query, memory, torch.ones(3, 5, dtype=torch.bool))[:, 0] * torch.arange(4.0)
    ).sum().backward()
    for name, parameter in block.named_parameters():
        # Those of the projections stand behind query, keys and values.
        by_head = parameter.grad.transpose(0, 1) if "projections" in name else parameter.grad
        each = by_head[0] if "projections" in name else by_head[0][None]
        assert each.flatten(1).norm(dim=-1).min() > 0, name
        assert not by_head[1].any(), name
    assert not query.grad[:, 1].any()
