import ot
import pytest
import torch
from adabench_plugins.depmap.sinkhorn import KAPPA, sinkhorn


def cosines(tokens: int, prototypes: int, seed: int = 0) -> torch.Tensor:
    source = torch.Generator().manual_seed(seed)
    a, b = torch.randn(tokens, 6, generator=source), torch.randn(prototypes, 6, generator=source)
    unit = torch.nn.functional.normalize
    return unit(a, dim=-1).double() @ unit(b, dim=-1).double().t()


@pytest.mark.parametrize(("tokens", "prototypes"), [(40, 8), (5, 8), (1, 8), (130, 3)])
def test_assignment_equals_pot(tokens, prototypes):
    similarity = cosines(tokens, prototypes)
    got = sinkhorn(similarity, iterations=20000, tolerance=1e-13)
    wanted = ot.sinkhorn(
        torch.full((tokens,), 1 / tokens, dtype=torch.double),
        torch.full((prototypes,), 1 / prototypes, dtype=torch.double),
        -similarity,
        reg=KAPPA,
        method="sinkhorn_log",
        numItermax=20000,
        stopThr=1e-13,
    )
    torch.testing.assert_close(got, wanted, atol=1e-6 / (tokens * prototypes), rtol=1e-6)


def test_default_tolerance_in_float32_meets_the_sums():
    similarity = cosines(300, 8).float()
    assignment = sinkhorn(similarity)
    assert (assignment >= 0).all()
    torch.testing.assert_close(assignment.sum(0), torch.full((8,), 1 / 8), atol=2e-5, rtol=0)
    torch.testing.assert_close(assignment.sum(1), torch.full((300,), 1 / 300), atol=1e-6, rtol=0)


def test_balance_spreads_tokens_that_all_lie_nearest_to_one_prototype():
    similarity = 0.1 * cosines(64, 4)
    similarity[:, 0] += 0.8
    assert (similarity.argmax(1) == 0).all()
    counts = torch.bincount(sinkhorn(similarity).argmax(1), minlength=4)
    assert counts.min() >= 8
