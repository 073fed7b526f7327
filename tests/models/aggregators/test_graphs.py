"""Graphs over steps, channels and maps, against loops over their edges."""

from itertools import product

import pytest
import torch
from clip_features import SPEC, clip_features, of_clip
from torch.nn.functional import conv2d, elu, interpolate, leaky_relu, relu

from adabench.models import Identity, MatrixGraph, SpectralGraph, StepGraph
from adabench.models.aggregators.graph_attention import GraphAttention
from adabench.models.aggregators.matrix_graph import FrameGraph, ScaleGraph
from adabench.models.aggregators.spectral_graph import spectra
from adabench.models.aggregators.step_graph import edges_in_time, nearest_steps

CPU = torch.device("cpu")


def heard(mask):
    """For each node those that it hears."""
    return {i: row.nonzero().flatten().tolist() for i, row in enumerate(mask)}


def attended(layer, x, hears):
    """Eq 1 to 5 of Velickovic et al. 2018, edge by edge: (N, heads · width)."""
    heads, width = layer.hear.shape
    nodes = (x @ layer.project.weight.T).view(len(x), heads, width)
    found = torch.zeros(len(x), heads, width)
    for i, h in product(range(len(x)), range(heads)):
        together = torch.cat([layer.hear[h], layer.tell[h]])
        scores = [
            leaky_relu(together @ torch.cat([nodes[i, h], nodes[j, h]]), 0.2).exp()
            for j in hears[i]
        ]
        for score, j in zip(scores, hears[i], strict=True):
            found[i, h] += score / sum(scores) * nodes[j, h]
    return found.flatten(1) + layer.bias


def moved(part):
    """A part whose biases are not 0 either."""
    with torch.no_grad():
        for weight in part.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return part.eval()


def test_graph_attention_is_that_of_its_equations():
    torch.manual_seed(0)
    layer = moved(GraphAttention(5, 3, heads=2))
    x, edges = torch.randn(6, 5), torch.rand(6, 6) < 0.4
    edges |= torch.eye(6, dtype=torch.bool)
    wanted = attended(layer, x, heard(edges))
    torch.testing.assert_close(layer(x[None], edges[None])[0], wanted)


def test_edges_in_time_lead_where_their_names_say():
    seen = heard(edges_in_time("next5+10", 13, CPU))
    for i in range(13):
        assert seen[i] == [j for j in range(13) if i - j in (0, 1, 2, 3, 4, 5, 10)]
    assert heard(edges_in_time("causal", 4, CPU)) == {i: [*range(i + 1)] for i in range(4)}
    assert edges_in_time("full", 4, CPU).all()


def test_the_nearest_steps_are_found_among_the_valid_ones():
    x = torch.tensor([[0.0], [1.0], [3.0], [3.5], [0.9]])[None]
    valid = torch.tensor([[True] * 4 + [False]])
    seen = heard(nearest_steps(x, valid, 1)[0])
    assert [seen[i] for i in range(4)] == [[1], [0], [3], [2]]
    seen = heard(nearest_steps(x, valid, 2)[0])
    assert [seen[i] for i in range(4)] == [[1, 2], [0, 2], [1, 3], [1, 2]]
    # Far from 0 the distances are the same.
    assert torch.equal(nearest_steps(x + 4096, valid, 2), nearest_steps(x, valid, 2))


@pytest.mark.parametrize("edges", ["next5+10", "causal", "full", "knn"])
def test_a_step_graph_is_its_layers_over_its_edges(edges):
    torch.manual_seed(0)
    part = StepGraph(features=SPEC, edges=edges, width=6, heads=2, layers=3, neighbours=2)
    moved(part)
    given = clip_features([12, 3])
    x = given.vector[0]
    if edges == "knn":
        far = (x[:, None] - x).norm(dim=-1)
        hears = {i: far[i].argsort()[:3].tolist() for i in range(12)}
    else:
        hears = heard(edges_in_time(edges, 12, CPU))
    first, second, last = part.network.layers
    assert (first.hear.shape, second.hear.shape, last.hear.shape) == ((2, 3), (2, 3), (1, 6))
    # The vector is as wide as a unit, so that each layer adds its input.
    x = elu(attended(first, x, hears) + x)
    x = elu(attended(second, x, hears) + x)
    x = attended(last, x, hears) + x
    units = part(given)
    torch.testing.assert_close(units.x[0], x, atol=1e-5, rtol=1e-4)
    part.out = "mean"
    units = part(given)
    torch.testing.assert_close(units.x[0, 0], x.mean(0), atol=1e-5, rtol=1e-4)
    assert units.span.tolist() == [[[10, 34]], [[10, 16]]]
    assert units.scale.tolist() == [0]


def test_a_first_layer_of_another_width_adds_nothing():
    torch.manual_seed(0)
    part = moved(StepGraph(features=SPEC, edges="full", width=4, heads=2, layers=1))
    given = clip_features([4])
    wanted = attended(part.network.layers[0], given.vector[0], {i: range(4) for i in range(4)})
    torch.testing.assert_close(part(given).x[0], wanted)


@pytest.mark.parametrize("kind", [StepGraph, SpectralGraph])
def test_a_width_that_heads_can_t_share_is_refused(kind):
    with pytest.raises(
        ValueError, match=f"{kind.__name__}.width is a multiple of its 4 heads; got 6"
    ):
        kind(features=SPEC, width=6, heads=4)


def test_spectra_are_the_bins_that_clips_of_all_lengths_share():
    given = clip_features([12, 8], steps=14)
    found = spectra(given.vector, given.valid, 4)
    for clip, length in ((0, 12), (1, 8)):
        x = given.vector[clip, :length]
        # A true median: of an even number of steps the mean of the middle two.
        x = x - x.quantile(0.5, dim=0)
        bins = torch.fft.rfft(x, dim=0)[:: length // 4] / length
        assert len(bins) == 3
        wanted = torch.cat([bins.abs(), bins.real, bins.imag]).T
        torch.testing.assert_close(found[clip], wanted)


def test_a_clip_of_no_whole_fragments_is_told_at_the_same_frequencies():
    given = clip_features([7])
    x = given.vector[0] - given.vector[0].median(0).values
    wave = torch.exp(-2j * torch.pi * torch.arange(7) * 1 / 4)
    wanted = (wave[:, None] * x).sum(0) / 7
    found = spectra(given.vector, given.valid, 4)[0]
    torch.testing.assert_close(found[:, 3 + 1], wanted.real)
    torch.testing.assert_close(found[:, 6 + 1], wanted.imag)


@pytest.mark.parametrize("nodes", [None, 3])
def test_a_spectral_graph_connects_all_channels_and_takes_their_mean(nodes):
    torch.manual_seed(0)
    part = SpectralGraph(features=SPEC, resolution=4, nodes=nodes, width=6, heads=2, layers=2)
    moved(part)
    given = clip_features([9])
    vector = given.vector if nodes is None else given.vector @ part.embed.weight.T
    x = spectra(vector, given.valid, 4)[0]
    every = {i: range(nodes or 6) for i in range(nodes or 6)}
    first, last = part.network.layers
    x = elu(attended(first, x, every))
    x = attended(last, x, every) + x
    torch.testing.assert_close(part(given).x[0, 0], x.mean(0))


def test_each_scale_is_the_gated_sum_of_all():
    torch.manual_seed(0)
    graph = moved(ScaleGraph(2, 4))
    maps = [torch.randn(3, 4, 4, 4), torch.randn(3, 4, 2, 2)]
    for i, found in enumerate(graph(maps)):
        total = 0
        for j in range(2):
            near = interpolate(maps[j], size=maps[i].shape[-2:], mode="nearest")
            gate = graph.gates[2 * i + j]
            both = torch.cat([maps[i], near], 1)
            total = total + conv2d(both, gate.weight, gate.bias, padding=1).sigmoid() * near
        torch.testing.assert_close(found, relu(graph.norms[i](total)))


def frame_node(graph, maps, i):
    """The node of frame i (width, H, W), pixel by pixel and edge by edge."""
    found = torch.zeros(maps.shape[1:])

    def apply(layer, x):
        out = layer.weight[:, :, 0, 0] @ x
        return out if layer.bias is None else out + layer.bias

    for r, c in product(range(maps.shape[2]), range(maps.shape[3])):
        own = maps[i, :, r, c]
        found[:, r, c] = apply(graph.stay, own)
        for j in range(i + 1):
            other = maps[j, :, r, c]
            gate = (apply(graph.ask, own) + apply(graph.answer, other)).sigmoid()
            found[:, r, c] += gate * apply(graph.tell, other)
    return relu(graph.norm(found[None]))[0]


@pytest.mark.parametrize("readout", ["last", "mean"])
def test_a_frame_hears_itself_and_all_earlier_ones(readout):
    torch.manual_seed(0)
    graph = moved(FrameGraph(4, readout))
    maps, valid = torch.randn(2, 5, 4, 2, 2), torch.arange(5) < torch.tensor([[5], [3]])
    found = graph(maps, valid)
    for clip, steps in ((0, 5), (1, 3)):
        nodes = [frame_node(graph, maps[clip], i) for i in range(steps)]
        wanted = nodes[-1] if readout == "last" else sum(nodes) / steps
        torch.testing.assert_close(found[clip], wanted)


def test_a_matrix_graph_goes_over_scales_then_frames_then_scales():
    torch.manual_seed(0)
    part = moved(MatrixGraph(features=SPEC, width=4, out=3))
    given = clip_features([3])
    maps = [unify(m[0]) for unify, m in zip(part.unify, given.maps, strict=True)]
    maps = part.before(maps)
    nodes = [frame_node(graph, m, 2) for graph, m in zip(part.over_time, maps, strict=True)]
    last = part.behind([node[None] for node in nodes])
    share = part.weight / part.weight.norm()
    wanted = 0
    for m, project, weight in zip(last, part.project, share, strict=True):
        # As the paper has it: a 1×1 convolution, then the mean over space.
        wanted = wanted + weight * conv2d(m, project.weight[..., None, None], project.bias).mean(
            (2, 3)
        )
    units = part(given)
    torch.testing.assert_close(units.x[0], wanted)
    scales = torch.stack([node.mean((1, 2)) for node in nodes])
    torch.testing.assert_close(units.extra["scales"][0], scales)


def test_later_steps_reach_no_earlier_unit_of_a_causal_graph():
    torch.manual_seed(0)
    part = StepGraph(features=SPEC, edges="causal", width=6, heads=2).eval()
    given = clip_features([6])
    cut = of_clip(given, 0, 4)
    torch.testing.assert_close(part(given).x[:, :4], part(cut).x)
    assert not torch.allclose(part(given).x[:, 4:], Identity(features=SPEC)(given).x[:, 4:])
