import torch
from adabench_plugins.depmap.tokens import HardTokens, SoftTokens, cell_centres, sample


def test_cell_centres_are_what_sampling_reads_exactly():
    maps = torch.randn(2, 3, 7, 7)
    place = cell_centres(7, maps.device).expand(2, 49, 2)
    torch.testing.assert_close(sample(maps, place), maps.flatten(2).transpose(1, 2))


def test_a_place_between_two_cells_reads_their_mean():
    maps = torch.randn(1, 3, 2, 2)
    got = sample(maps, torch.tensor([[[0.0, -0.5]]]))
    torch.testing.assert_close(got[0, 0], maps[0, :, 0].mean(-1))


def test_a_soft_token_lies_where_its_response_is_strong():
    tokens = SoftTokens(channels=4, width=4, slots=2, length=6)
    tokens.project.weight.data.copy_(torch.eye(4)[..., None, None])
    tokens.project.bias.data.zero_()
    tokens.respond.weight.data.copy_(50 * torch.eye(4)[:2, :, None, None])
    maps = torch.zeros(1, 4, 7, 7)
    maps[0, 0, 1, 5] = maps[0, 1, 6, 2] = 1.0
    centres = cell_centres(7, maps.device)
    wanted = torch.stack([centres[1 * 7 + 5], centres[6 * 7 + 2]])
    torch.testing.assert_close(tokens(maps).place[0], wanted, atol=1e-4, rtol=0)


def test_soft_tokens_pass_gradient_to_map_and_to_every_weight():
    tokens = SoftTokens(channels=5)
    maps = torch.randn(3, 5, 4, 4, requires_grad=True)
    tokens(maps).vector.square().sum().backward()
    assert maps.grad.norm() > 0
    for name, parameter in tokens.named_parameters():
        assert parameter.grad.norm() > 1e-6, name


def test_hard_tokens_are_the_four_strongest_places_of_each_channel():
    tokens = HardTokens(channels=5, width=3)
    maps = torch.randn(2, 5, 7, 7, requires_grad=True)
    found = tokens(maps)
    response = tokens.project(maps)[1, 2].flatten()
    strongest = response.topk(4).indices
    centres = cell_centres(7, maps.device)[strongest]
    torch.testing.assert_close(found.vector[1, 2], tokens.encode(centres.flatten()))
    torch.testing.assert_close(found.place[1, 2], centres[0])
    assert found.vector.shape == (2, 3, 49)
    found.vector.sum().backward()
    assert maps.grad is None
    assert not tokens.project.weight.requires_grad
    assert tokens.encode.weight.grad.norm() > 0


def test_any_size_of_map_gives_tokens():
    tokens = SoftTokens(channels=2)
    for size in (1, 2, 3, 7, 12):
        assert tokens(torch.randn(1, 2, size, size)).vector.isfinite().all()
