import math

import pytest
import torch
from adabench_plugins.depmap.sparsity import key_count, key_tokens, max_mean_measure


def some_tokens() -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randn(2, 6, 3, 5, generator=torch.Generator().manual_seed(0))
    valid = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 0]], dtype=torch.bool)
    return tokens, valid


def test_measure_equals_a_plain_loop():
    tokens, valid = some_tokens()
    measure = max_mean_measure(tokens, valid)
    for b in range(2):
        frames = [t for t in range(6) if valid[b, t]]
        for slot in range(3):
            for t in range(6):
                if t not in frames:
                    assert measure[b, t, slot] == -math.inf
                    continue
                scores = [
                    float(tokens[b, t, slot].double() @ tokens[b, i, slot].double()) / math.sqrt(5)
                    for i in frames
                ]
                wanted = max(scores) - sum(scores) / len(scores)
                assert float(measure[b, t, slot]) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 7, 12, 13, 25, 50, 400])
def test_key_count_follows_its_formula(frames):
    wanted = max(1, min(frames, math.ceil(5 * math.log(frames)))) if frames else 0
    assert int(key_count(torch.tensor([frames]))) == wanted


def test_key_tokens_are_the_top_u_of_each_slot():
    tokens, valid = some_tokens()
    key = key_tokens(tokens, valid, factor=1.0)
    assert key.sum(1).tolist() == [[2, 2, 2], [2, 2, 2]]
    assert not key[~valid].any()
    measure = max_mean_measure(tokens, valid)
    kept = measure.masked_fill(~key, math.inf).amin(1)
    dropped = measure.masked_fill(key, -math.inf).amax(1)
    assert (kept >= dropped).all()


def test_rounding_decides_between_no_two_frames_of_the_same_token():
    kinds = torch.randn(2, 5, generator=torch.Generator().manual_seed(2))
    tokens = kinds[[0, 1, 0, 1, 0, 1]].expand(1, 6, 5).unsqueeze(2)
    valid = torch.ones(1, 6, dtype=torch.bool)
    plain = key_tokens(tokens, valid, factor=1.0, discrete=True)
    # The last bit of a number, which another batch may round otherwise.
    noisy = tokens + 1e-12 * torch.arange(6.0, dtype=torch.float64).view(1, 6, 1, 1)
    assert torch.equal(key_tokens(noisy, valid, factor=1.0, discrete=True), plain)
    assert plain[0, :, 0].nonzero().flatten().tolist() in ([0, 2], [1, 3])


def test_padding_does_not_change_the_measure():
    tokens, _ = some_tokens()
    alone = max_mean_measure(tokens[:, :4], torch.ones(2, 4, dtype=torch.bool))
    tokens[:, 4:] = 1e4
    padded = max_mean_measure(tokens, torch.tensor([[True] * 4 + [False] * 2] * 2))
    torch.testing.assert_close(padded[:, :4], alone)
