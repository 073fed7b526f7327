import math

import pytest
import torch
from adabench_plugins.depmap.kdm import KDM, contrastive_loss, literal_contrastive_loss


def some_similarity() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    similarity = 2 * torch.rand(2, 3, 2, 4, 5, generator=source) - 1
    return similarity, torch.tensor([1, 3]), torch.randint(0, 5, (2, 3, 2), generator=source)


def each(index: torch.Tensor):
    return [tuple(place) for place in torch.ones_like(index).nonzero().tolist()]


def test_loss_equals_a_plain_loop():
    similarity, level, index = some_similarity()
    got = contrastive_loss(similarity, level, index, 0.1)
    for place in each(index):
        s = similarity[place] / 0.1
        own = s[level[place[0]], index[place]]
        wanted = math.log(sum(math.exp(v - own) for v in s.flatten().tolist()))
        assert float(got[place]) == pytest.approx(wanted, abs=1e-4)


def test_literal_loss_equals_a_plain_loop():
    similarity, level, index = some_similarity()
    got = literal_contrastive_loss(similarity, level, index)
    for place in each(index):
        s, a, k = similarity[place], int(level[place[0]]), int(index[place])
        below = sum(math.exp(s[a, other]) for other in range(5) if other != k)
        below += sum(math.exp(s[other, k]) for other in range(4) if other != a)
        assert float(got[place]) == pytest.approx(math.log(below) - float(s[a, k]), abs=1e-5)


@pytest.mark.parametrize("literal", [False, True])
def test_total_is_over_valid_frames_alone(literal):
    similarity, level, index = some_similarity()
    kdm = KDM(branches=[], literal=literal, weight=0.1)
    valid = torch.tensor([[True, True, False], [True, False, False]])
    got = kdm.loss([similarity, -similarity], level, index, valid)
    noise = similarity.clone()
    noise[~valid] = 7.0
    torch.testing.assert_close(kdm.loss([noise, -noise], level, index, valid), got)
    branches = []
    for s in (similarity, -similarity):
        by_token = (
            literal_contrastive_loss(s, level, index)
            if literal
            else contrastive_loss(s, level, index, 0.1)
        )
        branches.append(by_token.mean(-1)[valid])
    stacked = torch.stack(branches)
    wanted = stacked.sum() / 2 if literal else stacked.mean()
    torch.testing.assert_close(got, 0.1 * wanted)


def test_tokens_that_are_not_key_weigh_a_fifth_with_a_set_of_their_own():
    similarity, level, index = some_similarity()
    valid = torch.tensor([[True, True, False], [True, False, False]])
    key = torch.rand(2, 3, 2, generator=torch.Generator().manual_seed(1)) > 0.5
    sets = torch.where(key, level[:, None, None], 3)
    counts = torch.where(key, 0.5, 0.1)
    got = KDM(branches=[], weight=1.0).loss([similarity, -similarity], sets, index, valid, counts)
    total = weight = 0.0
    for place in each(index):
        if valid[place[:2]]:
            for s in (similarity[place] / 0.1, -similarity[place] / 0.1):
                own = s[sets[place], index[place]]
                total += float(counts[place]) * float(s.flatten().logsumexp(0) - own)
                weight += float(counts[place])
    assert float(got) == pytest.approx(total / weight, abs=1e-4)


def test_zero_weight_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="kdm=None"):
        KDM(branches=[], weight=0.0)
