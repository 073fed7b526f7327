"""Aggregators over a clip's maps: a convolutional LSTM, parts, first and second order."""

from itertools import pairwise

import pytest
import torch
from clip_features import SPEC, clip_features
from torch.nn.functional import conv2d

from adabench.models import ConvLSTM, IncompatiblePartsError, MapParts, TwoOrderVector
from adabench.models.aggregators.two_order_vector import cosines, two_orders
from adabench.structures import FeatureSpec


def test_a_convolutional_lstm_is_that_of_its_equations():
    torch.manual_seed(0)
    part = ConvLSTM(features=SPEC, width=3, depth=1)
    (cell,) = part.cells
    given = clip_features([4, 2])
    units = part(given)
    weight = torch.cat([cell.see.weight, cell.recall.weight], 1)
    for clip, length in ((0, 4), (1, 2)):
        state = memory = torch.zeros(1, 3, 4, 4)
        for t in range(length):
            both = torch.cat([given.maps[0][clip, t][None], state], 1)
            let_in, forget, new, let_out = conv2d(both, weight, cell.see.bias, padding=1).chunk(
                4, 1
            )
            memory = forget.sigmoid() * memory + let_in.sigmoid() * new.tanh()
            state = let_out.sigmoid() * memory.tanh()
            torch.testing.assert_close(units.maps[0][clip, t], state[0])
            torch.testing.assert_close(units.x[clip, t], state[0].mean((1, 2)))


def test_a_second_layer_reads_the_first_one_s_states():
    torch.manual_seed(0)
    part = ConvLSTM(features=SPEC, width=3, layers=2)
    given = clip_features([4])
    first = part.cells[0](given.maps[1], given.valid)
    torch.testing.assert_close(part(given).maps[0], part.cells[1](first, given.valid))


def test_a_step_that_is_lost_leaves_the_memory_as_it_was():
    torch.manual_seed(0)
    part = ConvLSTM(features=SPEC, width=3)
    given = clip_features([4])
    given.valid[0, 1] = False
    without = given.map(lambda tensor: tensor[:, [0, 2, 3]])
    torch.testing.assert_close(part(given).x[:, [0, 2, 3]], part(without).x)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match=r"ConvLSTM.kernel is an odd number of cells; got 4"):
        ConvLSTM(features=SPEC, kernel=4)


def test_parts_are_the_means_of_cells_step_by_step():
    given = clip_features([3, 1])
    part = MapParts(features=SPEC, grid=(2, 4), depth=1)
    units = part(given)
    assert (part.spec.dim, part.spec.per_step) == (4, False)
    assert units.scale.tolist() == [1] * 24
    assert units.extra["part"].tolist() == [[*range(8)] * 3] * 2
    for t, row, column in ((0, 0, 0), (1, 1, 2), (2, 0, 3)):
        m = 8 * t + 4 * row + column
        wanted = given.maps[0][0, t, :, 2 * row : 2 * row + 2, column].mean(-1)
        torch.testing.assert_close(units.x[0, m], wanted)
        assert units.span[0, m].tolist() == given.span[0, t].tolist()
        assert units.valid[:, m].tolist() == [True, t == 0]


@pytest.mark.parametrize(
    ("grid", "got"), [((2,), r"\(2,\)"), ((0, 2), r"\(0, 2\)"), ((1, 2, 2), r"\(1, 2, 2\)")]
)
def test_a_grid_that_is_none_is_refused(grid, got):
    told = rf"MapParts.grid is rows and columns of at least 1, such as \(2, 2\); got {got}"
    with pytest.raises(ValueError, match=told):
        MapParts(features=SPEC, grid=grid)


def test_a_grid_finer_than_the_map_is_refused():
    part = MapParts(features=SPEC, grid=(2, 3))
    told = r"MapParts.grid asks for 2×3 parts of a map of 2×2 cells; take a coarser grid"
    with pytest.raises(ValueError, match=told):
        part(clip_features([2]))


@pytest.mark.parametrize("kind", [ConvLSTM, MapParts, TwoOrderVector])
def test_a_map_that_is_not_there_is_refused(kind):
    told = f"{kind.__name__}.depth 3 is asked for, and the backbone gives 2 maps, 1 the finest"
    with pytest.raises(IncompatiblePartsError, match=told):
        kind(features=SPEC, depth=3)


def samples(correlation, count=400):
    """Samples (1, C, P) of exactly this correlation."""
    wanted = torch.tensor(correlation, dtype=torch.float64)
    x = torch.randn(len(wanted), count, generator=torch.Generator().manual_seed(0)).double()
    x = x - x.mean(1, keepdim=True)
    white = torch.linalg.cholesky(x @ x.T / count).inverse() @ x
    return (torch.linalg.cholesky(wanted) @ white)[None].float()


def pairs(first, second):
    """The correlation of four channels of which two and two go together; eigenvalues 1 ± each."""
    one, other = [[1.0, first], [first, 1.0]], [[1.0, second], [second, 1.0]]
    return torch.block_diag(torch.tensor(one), torch.tensor(other)).tolist()


def test_components_near_the_correlation_s_eigenvectors_times_eigenvalues():
    x = 2.0 + 5.0 * samples([[1.0, 0.7, 0.5], [0.7, 1.0, 0.1], [0.5, 0.1, 1.0]])
    kept = torch.ones(1, 400, dtype=torch.bool)
    mean, found = two_orders(x, kept, cosines(3, 2), 60)
    torch.testing.assert_close(mean[0], x[0].mean(1))
    # All three vary alike, so that what is added to the variance is the same share of each.
    value, vector = torch.linalg.eigh(torch.corrcoef(x[0]) / 3 / 1.01)
    for k, place in ((0, 2), (1, 1)):
        wanted = 3**0.5 * value[place] * vector[:, place]
        wanted = wanted if wanted @ found[0, :, k] > 0 else -wanted
        torch.testing.assert_close(found[0, :, k], wanted, atol=1e-3, rtol=1e-3)


def largest_move(function):
    """How far a function of a correlation moves at most in 200 steps on which eigenvalues 1 and 2 cross."""
    path = torch.linspace(-0.4, 0.4, 201).tolist()
    values = [function(pairs(0.5 + s, 0.5 - s)) for s in path]
    return max(float((later - earlier).norm()) for earlier, later in pairwise(values))


def leading(correlation):
    """The leading eigenvector times its eigenvalue and 2 = √C, its largest entry positive."""
    value, vector = torch.linalg.eigh(torch.tensor(correlation, dtype=torch.float64) / 4)
    first = 2 * vector[:, -1] * value[-1]
    return first * first[first.abs().argmax()].sign()


def test_components_move_little_where_eigenvectors_jump():
    kept = torch.ones(1, 400, dtype=torch.bool)

    def found(correlation):
        return two_orders(samples(correlation), kept, cosines(4, 2), 4)[1].double()

    assert largest_move(leading) > 1.0
    assert largest_move(found) < 0.02


def test_gradients_stay_small_where_eigenvalues_are_equal():
    kept = torch.ones(1, 400, dtype=torch.bool)
    x = samples(pairs(0.0, 0.0)).requires_grad_()
    _, components = two_orders(x, kept, cosines(4, 2), 4)
    (gradient,) = torch.autograd.grad(components.square().sum() + components.sum(), x)
    assert gradient.isfinite().all()
    assert 0 < gradient.norm() < 10
    y = x.detach().requires_grad_()
    value, vector = torch.linalg.eigh(y[0] @ y[0].T / 400)
    (broken,) = torch.autograd.grad((value * vector).sum(), y)
    # Huge, or no number at all.
    assert not broken.norm() < 1000 * gradient.norm()


@pytest.mark.parametrize("products", [1, 2, 3])
def test_the_first_component_points_towards_the_start(products):
    x, kept = torch.randn(20, 5, 9), torch.ones(20, 9, dtype=torch.bool)
    _, components = two_orders(x, kept, cosines(5, 2), products)
    assert (components[..., 0].sum(1) > 0).all()


def test_gradients_stay_small_where_there_are_fewer_positions_than_components():
    torch.manual_seed(0)
    x, kept = torch.randn(2, 6, 2, requires_grad=True), torch.ones(2, 2, dtype=torch.bool)
    _, components = two_orders(x, kept, cosines(6, 3), 4)
    (gradient,) = torch.autograd.grad(components.square().sum() + components.sum(), x)
    assert gradient.norm() < 100


def test_the_clip_s_correlation_is_over_all_its_steps_and_positions():
    given = clip_features([5, 2])
    part = TwoOrderVector(features=SPEC, components=2, over="clip", depth=1)
    x = given.maps[0][0].transpose(0, 1).reshape(1, 4, -1)
    mean, components = two_orders(x, torch.ones(1, 80, dtype=torch.bool), cosines(4, 2), 4)
    wanted = torch.cat([mean, components.flatten(1)], 1)
    torch.testing.assert_close(part(given).x[0], wanted)
    assert part.spec.dim == 12


def test_without_maps_a_clip_s_samples_are_its_steps():
    plain = FeatureSpec(vector=6)
    given = clip_features([5, 2], spec=plain)
    part = TwoOrderVector(features=plain, components=2, over="clip")
    kept = torch.ones(1, 5, dtype=torch.bool)
    mean, components = two_orders(given.vector[:1].transpose(1, 2), kept, cosines(6, 2), 4)
    torch.testing.assert_close(part(given).x[0, 0], torch.cat([mean, components.flatten(1)], 1)[0])
    with pytest.raises(IncompatiblePartsError, match="the backbone gives 0 maps"):
        TwoOrderVector(features=plain)


def test_more_components_than_channels_are_refused():
    told = "TwoOrderVector.components is at most the 6 channels; got 7"
    with pytest.raises(IncompatiblePartsError, match=told):
        TwoOrderVector(features=SPEC, components=7)


def test_a_map_of_one_position_has_no_second_order():
    x, kept = torch.randn(2, 6, 1), torch.ones(2, 1, dtype=torch.bool)
    mean, components = two_orders(x, kept, cosines(6, 3), 4)
    assert torch.equal(mean, x[..., 0])
    assert torch.equal(components, torch.zeros(2, 6, 3))
