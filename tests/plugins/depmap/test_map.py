import pytest
import torch
from adabench_plugins.depmap.map import (
    ShareMAP,
    SparseHitsMAP,
    activations,
    build_map,
    level_share,
)


def some_logits() -> tuple[torch.Tensor, torch.Tensor]:
    logits = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    return logits, torch.tensor([[True] * 6, [True] * 4 + [False] * 2])


def test_activation_is_the_largest_cosine_over_a_frames_tokens():
    similarity = torch.randn(1, 2, 3, 4, 5)
    torch.testing.assert_close(activations(similarity)[0, 1], similarity[0, 1].max(0).values)


def test_share_is_that_of_the_clips_level():
    logits, valid = some_logits()
    share = level_share(logits, valid)
    for b in range(2):
        level = int(logits[b][valid[b]].mean(0).argmax())
        wanted = torch.softmax(logits[b], -1)[:, level] * valid[b]
        torch.testing.assert_close(share[b], wanted)


def test_only_the_u_largest_shares_weigh():
    logits, valid = some_logits()
    share_map = ShareMAP(levels=4, prototypes=8)
    weight, share = share_map(logits, None, torch.tensor([2, 3]), valid)
    assert (weight > 0).sum(-1).tolist() == [2, 3]
    torch.testing.assert_close(weight.sum(-1), torch.ones(2))
    for b in range(2):
        kept = weight[b] > 0
        assert share[b][kept].min() >= share[b][~kept].max()
        torch.testing.assert_close(weight[b][kept], share[b][kept] / share[b][kept].sum())


def test_logits_are_the_weighted_sum_of_activations():
    share_map = ShareMAP(levels=4, prototypes=3)
    share_map.weight.data.copy_(torch.arange(12.0).view(4, 3))
    activation = torch.randn(2, 5, 4, 3)
    wanted = torch.einsum("btak,ak->bta", activation, torch.arange(12.0).view(4, 3))
    torch.testing.assert_close(share_map.logits(activation), wanted)


def test_sparse_hits_count_token_slots():
    key = torch.tensor([[[1, 1], [0, 1], [0, 0]]], dtype=torch.bool)
    hits_map = SparseHitsMAP(levels=4, prototypes=8)
    weight, hits = hits_map(torch.zeros(1, 3, 4), key, torch.tensor([1]), torch.ones(1, 3) > 0)
    torch.testing.assert_close(weight, torch.tensor([[2 / 3, 1 / 3, 0.0]]))
    torch.testing.assert_close(hits, torch.tensor([[1.0, 0.5, 0.0]]))
    assert list(hits_map.parameters()) == []


def test_the_softmax_of_hits_keeps_its_u_largest():
    key = torch.zeros(1, 4, 3, dtype=torch.bool)
    key[0, 0, :2], key[0, 1, :], key[0, 2, 0] = True, True, True
    hits_map = SparseHitsMAP(levels=4, prototypes=8, softmax=True)
    valid = torch.tensor([[True, True, True, False]])
    weight, hits = hits_map(torch.zeros(1, 4, 4), key, torch.tensor([2]), valid)
    kept = torch.softmax(torch.tensor([2.0, 3.0]), -1)
    torch.testing.assert_close(weight, torch.tensor([[kept[0], kept[1], 0.0, 0.0]]))
    torch.testing.assert_close(hits, torch.tensor([[2 / 3, 1.0, 1 / 3, 0.0]]))
    nothing, _ = hits_map(torch.zeros(1, 4, 4), key, torch.tensor([0]), valid & False)
    assert nothing.tolist() == [[0.0] * 4]


def test_the_levels_cross_entropy_trains_w_in_each_mode():
    scores = torch.tensor([[0.2, 0.1, 0.0, 0.3], [0.0, 0.5, 0.1, 0.1]])
    level = torch.tensor([3, 0])
    wanted = 0.1 * torch.nn.functional.cross_entropy(scores / 0.1, level)
    for mode in ("share", "sparse_hits"):
        built = build_map(levels=4, prototypes=8, mode=mode, cross_entropy=0.1, gate=0.2)
        assert [name for name, _ in built.named_parameters()] == ["weight"]
        assert built.level_loss(scores, level, 0.19) is None
        torch.testing.assert_close(built.level_loss(scores, level, 0.2), wanted)
        assert build_map(levels=4, prototypes=8, mode=mode).level_loss(scores, level, 1.0) is None


@pytest.mark.parametrize("wrong", [{"gate": 1.0}, {"cross_entropy": -0.1}])
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        build_map(levels=4, prototypes=8, **wrong)


def test_a_clip_without_valid_frames_weighs_nothing():
    weight, _ = ShareMAP(levels=4, prototypes=8)(
        torch.randn(1, 3, 4), None, torch.tensor([0]), torch.zeros(1, 3, dtype=torch.bool)
    )
    assert weight.tolist() == [[0.0, 0.0, 0.0]]


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="sparse_hits"):
        build_map(levels=4, prototypes=8, mode="shares")
