import pytest
import torch
from adabench_plugins.depmap.sdpm import SDPM, momentum_step
from torch.nn.functional import normalize

from adabench.evaluation import BDI_II


def some_tokens() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    tokens = torch.randn(3, 5, 2, 6, generator=source)
    key = torch.rand(3, 5, 2, generator=source) > 0.3
    return tokens, key, torch.tensor([0, 2, 2])


def test_momentum_step_equals_a_plain_loop():
    source = torch.Generator().manual_seed(1)
    prototypes = normalize(torch.randn(4, 3, 6, generator=source), dim=-1)
    total = torch.randn(4, 3, 6, generator=source)
    count = torch.randint(0, 4, (4, 3), generator=source).float()
    got = momentum_step(prototypes, total, count, 0.9)
    assert (count == 0).any()
    for a in range(4):
        for k in range(3):
            wanted = prototypes[a, k]
            if count[a, k] > 0:
                wanted = 0.9 * wanted + 0.1 * total[a, k] / count[a, k]
                wanted = wanted / wanted.norm()
            torch.testing.assert_close(got[a, k], wanted, atol=1e-6, rtol=0)


def test_update_moves_each_prototype_to_the_mean_of_its_key_tokens():
    tokens, key, level = some_tokens()
    sdpm = SDPM(length=6, prototypes=3, momentum=0.8)
    index, before = sdpm.assign(tokens, key, level, key.any(-1)), sdpm.prototypes.clone()
    sdpm.update(tokens, key, level, key.any(-1))
    for a in range(4):
        for k in range(3):
            chosen = [
                normalize(tokens[b, t, s], dim=0)
                for b, t, s in key.nonzero().tolist()
                if level[b] == a and index[b, t, s] == k
            ]
            wanted = before[a, k]
            if chosen:
                wanted = normalize(0.8 * wanted + 0.2 * torch.stack(chosen).mean(0), dim=0)
            torch.testing.assert_close(sdpm.prototypes[a, k], wanted, atol=1e-6, rtol=0)
    assert not torch.equal(sdpm.prototypes[0], before[0])
    assert torch.equal(sdpm.prototypes[1], before[1])


def test_prototypes_stay_unit_length_over_updates():
    tokens, key, level = some_tokens()
    sdpm = SDPM(length=6)
    for _ in range(20):
        sdpm.update(100 * tokens, key, level, key.any(-1))
    torch.testing.assert_close(sdpm.prototypes.norm(dim=-1), torch.ones(4, 8))


def test_key_tokens_are_balanced_and_the_rest_take_the_nearest():
    source = torch.Generator().manual_seed(2)
    sdpm = SDPM(length=6, prototypes=4)
    # Every token leans to prototype 1 of its level, so that the nearest is always that one.
    tokens = sdpm.prototypes[2, 1] + 0.3 * torch.randn(1, 40, 2, 6, generator=source)
    key = torch.zeros(1, 40, 2, dtype=torch.bool)
    key[:, :30] = True
    index = sdpm.assign(tokens, key, torch.tensor([2]), key.any(-1))
    nearest = sdpm.similarity(tokens)[:, :, :, 2].argmax(-1)
    assert torch.equal(index[~key], nearest[~key])
    counts = torch.bincount(index[key], minlength=4)
    assert counts.max() < (nearest[key] == 1).sum()
    assert counts.min() > 0


def test_tokens_that_are_not_key_have_a_set_of_their_own():
    tokens, key, level = some_tokens()
    valid = torch.ones(3, 5, dtype=torch.bool)
    valid[0, 4] = key[0, 4] = False
    sdpm = SDPM(length=6, prototypes=3, momentum=0.8, other=True)
    assert (sdpm.levels, len(sdpm.prototypes)) == (4, 5)
    sets = sdpm.sets_of(key, level)
    assert (sets[~key] == 4).all()
    assert torch.equal(sets[key], level[:, None, None].expand_as(key)[key])
    index, before = sdpm.assign(tokens, key, level, valid), sdpm.prototypes.clone()
    sdpm.update(tokens, key, level, valid)
    rest = valid[..., None] & ~key
    for k in range(3):
        mean = normalize(tokens[rest & (index == k)], dim=-1).mean(0)
        wanted = normalize(0.8 * before[4, k] + 0.2 * mean, dim=0)
        torch.testing.assert_close(sdpm.prototypes[4, k], wanted, atol=1e-6, rtol=0)


def test_start_ignores_the_global_random_state():
    torch.manual_seed(1)
    first = SDPM(length=6).prototypes
    torch.manual_seed(2)
    assert torch.equal(SDPM(length=6).prototypes, first)
    assert not torch.equal(SDPM(length=6, seed=1).prototypes, first)


def test_prototypes_are_no_parameters_and_travel_with_the_state():
    tokens, key, level = some_tokens()
    sdpm, other = SDPM(length=6), SDPM(length=6)
    sdpm.update(tokens, key, level, key.any(-1))
    assert list(sdpm.parameters()) == []
    assert not torch.equal(other.prototypes, sdpm.prototypes)
    other.load_state_dict(sdpm.state_dict())
    assert torch.equal(other.prototypes, sdpm.prototypes)


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [(4, [0] * 14 + [1] * 6 + [2] * 9 + [3] * 35), (3, [0] * 14 + [1] * 15 + [2] * 35)],
)
def test_every_score_belongs_to_one_set_of_prototypes(levels, wanted):
    sdpm = SDPM(length=6, levels=levels)
    severity = torch.from_numpy(BDI_II.level(range(64)))
    assert sdpm.levels == len(sdpm.prototypes) == levels
    assert sdpm.own_level(severity).tolist() == wanted


@pytest.mark.parametrize(
    "wrong", [{"momentum": 1.0}, {"kappa": 0}, {"prototypes": 0}, {"levels": 5}]
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SDPM(length=6, **wrong)


def test_other_processes_tokens_count_when_training_is_distributed(monkeypatch):
    tokens, key, level = some_tokens()
    elsewhere = torch.zeros(4 * 3, 6)
    elsewhere[4] = torch.tensor([3.0, 0, 0, 0, 0, 0])  # level 1, prototype 1, from three tokens
    count = torch.zeros(4 * 3)
    count[4] = 3

    def add_elsewhere(tensor: torch.Tensor) -> None:
        tensor += elsewhere if tensor.dim() == 2 else count

    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.all_reduce", add_elsewhere)
    sdpm = SDPM(length=6, prototypes=3, momentum=0.5)
    before = sdpm.prototypes[1].clone()
    sdpm.update(tokens, key, level, key.any(-1))
    wanted = normalize(0.5 * before[1] + 0.5 * elsewhere[4] / 3, dim=0)
    torch.testing.assert_close(sdpm.prototypes[1, 1], wanted)
    assert torch.equal(sdpm.prototypes[1, 0], before[0])
