"""MSN, MDN and STA-DRN: the published sizes, what a block computes, what is refused."""

import itertools
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from adabench.models import VideoNetwork
from adabench.models.backbones.networks.max_diff import MaxDiff, MaxDiff3d
from adabench.models.backbones.networks.multi_kernel import MultiKernel, MultiKernel3d
from adabench.models.backbones.networks.sta import STA, STA3d
from adabench.models.backbones.networks.stages import Residual
from adabench.structures import FeatureSpec
from adabench.testing import check_plugin, example_batch

SMALL = {"width": 2, "stem": 4, "blocks": (1, 1, 1, 2), "size": 16}
#: By kind: the fewest frames with which a narrow one is asked.
LENGTHS = {MultiKernel3d: 8, MaxDiff3d: 16, STA3d: 4}


@pytest.fixture
def unasked(monkeypatch):
    """Networks are built without their dry run, which of 152 layers takes seconds."""
    found = SimpleNamespace(trial=(16, 112), spec=None)
    monkeypatch.setattr(VideoNetwork, "_look", lambda self: found)
    monkeypatch.setattr(VideoNetwork, "_set_aside", lambda self: None)


def small(kind, **options):
    torch.manual_seed(0)
    return kind(**{**SMALL, "length": LENGTHS[kind], **options})


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize(
    ("kind", "options", "head", "parameters", "billions"),
    [
        (MultiKernel3d, {}, (512, 512, 1), 77_716_673, 100.5),
        (MaxDiff3d, {}, (256, 1), 52_181_377, 13.27),
        (STA3d, {}, (1,), 31_269_569, 48.7),
        (STA3d, {"width": 16}, (1,), 7_822_785, 19.3),
    ],
)
def test_parameters_and_multiplications_are_the_published(
    kind, options, head, parameters, billions
):
    with torch.device("meta"):
        part = kind(**options).eval()
        clip = torch.zeros(1, 3, part.frames, 112, 112)
        with torch.no_grad(), FlopCounterMode(display=False) as counted:
            last = part.net(clip)
        widths = (last.shape[1], *head)
        layers = [nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
    total = sum(p.numel() for each in (part.net, *layers) for p in each.parameters())
    assert total == parameters
    assert counted.get_total_flops() / 2e9 == pytest.approx(billions, abs=0.051)


def settled(module):
    """The module in evaluation, each of its tensors at random, deviations positive."""
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.5 if "running_var" in name else value.normal_())
    return module.eval()


def plain(layers, x, padding, stride=1, groups=1, relu=True):
    """Convolution, batch norm and ReLU, written with the layers' tensors."""
    convolution, norm = list(layers)[:2]
    x = F.conv3d(x, convolution.weight, None, stride, padding, 1, groups)
    x = F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)
    return x.relu() if relu else x


def test_a_multi_kernel_block_joins_its_kernels_between_two_layers_over_time():
    block, x = settled(MultiKernel(3, 4, 5, (3, 5))), torch.randn(2, 3, 4, 6, 6)
    first = plain(block.first, x, (1, 0, 0))
    joined = torch.cat([plain(block.scales[0], first, 1), plain(block.scales[1], first, 2)], 1)
    wanted = plain(block.last, joined, (1, 0, 0), relu=False)
    torch.testing.assert_close(block(x), wanted)
    assert wanted.shape == (2, 5, 4, 6, 6)


def test_a_max_diff_block_adds_maxima_and_differences_of_the_frames_from_each_on():
    block = settled(MaxDiff(3, 4, pools=(1, 2, 4), stride=2, frames=5))
    x = torch.randn(2, 3, 5, 6, 6)
    maxima = [
        torch.stack([x[:, :, t : t + size].amax(2) for t in range(5)], 2) for size in (1, 2, 4)
    ]
    zero = torch.zeros_like(x[:, :, 0])
    lagged = [
        torch.stack(
            [(x[:, :, t + n] - x[:, :, t]).abs() if t + n < 5 else zero for t in range(5)], 2
        )
        for n in (1, 2)
    ]
    both = 0
    for images, convolve, join in (
        (maxima, block.plus, block.plus_joined),
        (lagged, block.minus, block.minus_joined),
    ):
        seen = [plain(c, image, (0, 1, 1)) for c, image in zip(convolve, images, strict=True)]
        both = both + plain(join, torch.cat(seen, 1), 0, stride=2, relu=False)
    wanted = plain(block.last, both.relu(), 0, relu=False)
    torch.testing.assert_close(block(x), wanted)
    assert wanted.shape == (2, 4, 3, 3, 3)


def test_an_sta_block_weighs_the_sum_of_its_two_by_attention_over_groups():
    block, x = settled(STA(3, 4, stride=2)), torch.randn(2, 3, 4, 6, 6)
    first = plain(block.first, x, 0)
    temporal, spatial = (
        plain(layers, first, 1, stride=2, groups=2) for layers in (block.temporal, block.spatial)
    )

    def shares(attention, mean):
        convolution, norm = attention.score, attention.norm
        score = F.conv3d(mean, convolution.weight, convolution.bias, groups=2)
        score = F.batch_norm(score, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        one, two = score[:, :2].exp(), score[:, 2:].exp()
        return torch.cat([one / (one + two), two / (one + two)], 1)

    time = shares(block.over_time, temporal.mean((3, 4), keepdim=True))
    space = shares(block.over_space, spatial.mean(2, keepdim=True))
    # A norm stands behind the score's bias, so that there is nothing to learn of it.
    still = {name for name, p in block.named_parameters() if not p.requires_grad}
    assert still == {"over_time.score.bias", "over_space.score.bias"}
    assert (time.shape, space.shape) == ((2, 4, 2, 1, 1), (2, 4, 1, 3, 3))
    wanted = plain(block.last, space * time * (spatial + temporal), 0, relu=False)
    torch.testing.assert_close(block(x), wanted)


@pytest.mark.usefixtures("unasked")
def test_a_stages_first_block_takes_the_maxima_of_the_stage_before():
    blocks = small(MaxDiff3d, blocks=(1, 2, 2, 2)).net.modules()
    found = [block.pools for block in blocks if isinstance(block, MaxDiff)]
    first, second, third, fourth = (2, 3, 4), (1, 2, 3), (1, 1, 2), (1, 1, 1)
    assert found == [first, first, second, second, third, third, fourth]


def test_what_goes_past_a_block_is_added_before_the_relu():
    block = Residual(nn.Hardtanh(), nn.Threshold(-1.5, -4.0))
    assert block(torch.tensor([-3.0, -0.5, 2.0])).tolist() == [0.0, 0.0, 3.0]
    assert block(torch.tensor([-1.6, 0.25])).tolist() == [0.0, 0.5]


@pytest.mark.usefixtures("unasked")
def test_a_shortcut_is_a_convolution_where_the_published_has_one():
    paths = {
        kind: [
            type(b.past)
            for b in small(kind, blocks=(2, 2, 1, 1)).net.modules()
            if hasattr(b, "past")
        ]
        for kind in LENGTHS
    }
    assert set(paths[MultiKernel3d]) == set(paths[MaxDiff3d]) == {nn.Sequential}
    changes = [nn.Sequential, nn.Identity] * 2 + [nn.Sequential] * 2
    assert paths[STA3d] == changes
    # The stem has the channels of the first stage, which has no stride.
    wide = small(STA3d, stem=8, blocks=(1, 1, 1, 1))
    assert isinstance(wide.net.stage1[0].past, nn.Identity)


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize(("length", "some"), [(16, True), (64, False)])
def test_what_works_on_differences_that_are_always_zero_is_left_untrained(length, some):
    part = small(MaxDiff3d, length=length)
    still = {name for name, p in part.net.named_parameters() if not p.requires_grad}
    assert bool(still) == some
    part.requires_grad_(True)
    part.net(torch.rand(3, 3, length, 16, 16)).pow(2).sum().backward()
    idle = {name for name, p in part.net.named_parameters() if not p.grad.any()}
    # A join of nothing but zeros still has its norm's bias.
    assert still == idle
    assert any("minus_joined" in name for name in still) == some


@pytest.mark.parametrize(
    ("kind", "options", "spec"),
    [
        (MultiKernel3d, {}, FeatureSpec(64, (64,))),
        (MaxDiff3d, {}, FeatureSpec(16, (16,))),
        (STA3d, {"width": 4, "maps": False}, FeatureSpec(128)),
    ],
)
def test_all_channels_follow_the_width(kind, options, spec):
    assert small(kind, **options).spec == spec


@pytest.mark.usefixtures("unasked")
def test_frames_are_scaled_as_published_unless_told_otherwise():
    assert small(MultiKernel3d).mean.flatten().tolist() == pytest.approx([0.5141, 0.4074, 0.3588])
    assert small(STA3d).std.flatten().tolist() == pytest.approx([0.229, 0.224, 0.225])
    assert small(MaxDiff3d, normalise=False).mean.unique().tolist() == [0.0]


@pytest.mark.parametrize("kind", LENGTHS)
def test_segments_of_another_length_are_refused_with_the_one_it_was_built_for(kind):
    part, length = small(kind), LENGTHS[kind]
    said = (
        rf"{kind.__name__} was made for segments of {length} frames.*length={length}\), or length=7"
    )
    with pytest.raises(ValueError, match=said):
        part.refuse_segments(7, 64)
    with pytest.raises(ValueError, match=said):
        part(example_batch(segment=7, size=16)[0])
    assert (part.trial, kind.frames) == ((length, 16), 64 if kind is STA3d else 16)


@pytest.mark.parametrize(
    ("kind", "options", "match"),
    [
        (MultiKernel3d, {"length": 7}, "MultiKernel3d.length is at least 8 frames; got 7"),
        (MaxDiff3d, {"blocks": (1, 1, 1)}, r"MaxDiff3d.blocks .* each of 4 stages.*\[1, 1, 1\]"),
        (STA3d, {"blocks": (1, 1, 0, 1)}, r"STA3d.blocks .* at least 1; got \[1, 1, 0, 1\]"),
        (STA3d, {"width": 3}, "STA3d.width is a multiple of its 2 groups; got 3"),
    ],
)
def test_structures_that_can_not_be_are_refused(kind, options, match):
    with pytest.raises(ValueError, match=match):
        small(kind, **options)


def test_weights_of_the_same_network_load_and_those_of_another_are_refused(tmp_path):
    path = tmp_path / "net.pth"
    torch.save(settled(small(STA3d).net).state_dict(), path)
    part = small(STA3d, weights=path, frozen=True)
    wanted = torch.load(path)
    assert all(torch.equal(value, wanted[name]) for name, value in part.net.state_dict().items())
    assert part.frozen_part() is part
    with pytest.raises(ValueError, match=r"net\.pth does not fit this network"):
        small(STA3d, weights=path, width=4)


@pytest.mark.parametrize("kind", LENGTHS)
def test_half_precision_changes_little(kind):
    part, inputs = small(kind).eval(), example_batch(segment=LENGTHS[kind], size=16)[0]
    with torch.no_grad():
        whole = part(inputs).vector
        with torch.autocast("cpu", torch.bfloat16):
            half = part(inputs).vector.float()
    assert float((half - whole).norm() / whole.norm()) < 0.05


@pytest.mark.parametrize("kind", LENGTHS)
def test_the_contract_is_kept(kind):
    check_plugin({"backbone": {"type": kind, **SMALL, "length": LENGTHS[kind]}})
