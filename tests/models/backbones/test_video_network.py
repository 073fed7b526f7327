"""Networks for clips and for frames as backbones over segments; what they take, found by a dry run."""

import pytest
import torch
from torch import nn

from adabench.batching import pad_inputs
from adabench.models import Frozen, VideoNetwork
from adabench.models.backbones.dry_run import RefusedInputError, dry_run
from adabench.models.backbones.video_network import Exactly
from adabench.registry import MODELS
from adabench.structures import FeatureSpec
from adabench.testing import check_plugin, example_batch

SCALE = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.2)}


class Clips(nn.Module):
    """Takes clips of a multiple of 4 frames; two paths of one size, a finer map, a class token."""

    def __init__(self):
        super().__init__()
        self.fine = nn.Conv3d(3, 5, 1, stride=(1, 4, 4))
        self.slow = nn.Conv3d(5, 6, (4, 2, 2), stride=(4, 2, 2))
        self.fast = nn.Conv3d(5, 2, (1, 2, 2), stride=(1, 2, 2))
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        x = self.fine(x)
        slow, fast = self.slow(x), self.fast(x)
        slow + fast[:, :1].unflatten(2, (-1, 4)).mean(3)
        return [x, (self.drop(slow), fast), slow.mean((2, 3, 4))]


class Vectors(nn.Module):
    """Takes 16 frames of 32 pixels exactly, and gives vectors."""

    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(torch.randn(3, 16, 4, 4))
        self.fold = nn.Linear(self.place.numel(), 4)

    def forward(self, x):
        return self.fold((nn.functional.avg_pool3d(x, (1, 8, 8)) + self.place).flatten(1))


class Frames(nn.Module):
    """Takes frames and mixes ``count`` in a row, whatever a segment has."""

    def __init__(self, count=4):
        super().__init__()
        self.count = count
        self.conv = nn.Conv2d(3, 4, 8, stride=8)

    def forward(self, x):
        x = self.conv(x).unflatten(0, (-1, self.count))
        return (x + x.mean(1, keepdim=True)).flatten(0, 1)


class Content(nn.Module):
    """Looks at content, which a tensor on the meta device has none of."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 8, stride=8, padding=(4, 0, 0))

    def forward(self, x):
        return self.conv(x) * (2 if float(x.sum()) > 0 else 1)


def build(net, **options):
    torch.manual_seed(0)
    return VideoNetwork(net, title="Mine", **{**SCALE, **options})


def batch(length=4, size=32):
    return example_batch(segment=length, size=size)[0]


def test_how_it_is_asked_and_what_it_gives_is_found_by_itself():
    assert build(Clips()).spec == FeatureSpec(vector=8, maps=(5, 8))
    assert build(Frames()).spec == FeatureSpec(vector=4, maps=(4,))
    assert build(Vectors()).spec == FeatureSpec(vector=4)
    assert build(Content()).spec == FeatureSpec(vector=4, maps=(4,))
    assert build(Clips(), maps=False).spec == FeatureSpec(vector=8)
    assert (build(Vectors()).trial, build(Clips()).trial) == ((16, 32), (4, 64))


def test_maps_are_means_over_time_joined_by_size_and_the_vector_is_the_deepest_ones_mean():
    part, inputs = build(Clips()).eval(), batch()
    features = part(inputs)
    scaled = (inputs.frames - torch.tensor(SCALE["mean"]).view(3, 1, 1)) / 0.2
    fine, (slow, fast), _ = part.net(scaled[2, 4:8].transpose(0, 1)[None])
    torch.testing.assert_close(features.maps[0][2, 1], fine[0].mean(1))
    joined = torch.cat([slow[0].mean(1), fast[0].mean(1)])
    torch.testing.assert_close(features.maps[1][2, 1], joined)
    torch.testing.assert_close(features.vector[2, 1], joined.mean((-2, -1)))


def test_frames_of_one_segment_are_not_mixed_with_anothers():
    part, inputs = build(Frames(), exactly=Exactly(4, option="num_segments")).eval(), batch()
    features = part(inputs)
    alone = batch()
    alone.frames[2, :4] = 0.3
    assert torch.equal(part(alone).vector[2, 1], features.vector[2, 1])
    assert not torch.equal(part(alone).vector[2, 0], features.vector[2, 0])


def test_padding_within_a_segment_is_its_last_real_frame():
    part, inputs = build(Content()).eval(), batch(length=3)
    inputs.segment_length = 1
    padded = pad_inputs(inputs, 12, fill=0.8)
    padded.segment_length, padded.valid[0, 6:] = 12, False
    filled = padded.frames[:1].clone()
    filled[0, 6:] = filled[0, 5]
    found = part(padded).vector[0, 0]
    padded.frames[0] = filled[0]
    padded.valid[0] = True
    torch.testing.assert_close(found, part(padded).vector[0, 0])


def test_a_long_clip_passes_in_portions_without_gradient(monkeypatch):
    part, inputs = build(Clips()).eval(), batch()
    whole = part(inputs)
    monkeypatch.setattr("adabench.models.backbones.video_network._CHUNK", 8)
    sizes = []
    part.net.register_forward_hook(lambda _, given, __: sizes.append(len(given[0])))
    with torch.no_grad():
        features = part(inputs)
    assert sizes == [2, 2, 2]
    torch.testing.assert_close(features.vector, whole.vector)
    torch.testing.assert_close(features.maps[0], whole.maps[0])


def test_frames_are_scaled_to_the_size_that_is_asked_for():
    part = build(Vectors(), size=32).eval()
    assert part(batch(length=16, size=48)).vector.shape == (3, 3, 4)
    part.refuse_segments(16, 48)


@pytest.mark.parametrize(
    ("net", "length", "size", "remedy"),
    [
        (Clips, 6, 32, r"at that size it takes 4, 8, 12, 16, 20 … frames: SegmentView\(length=4\)"),
        (Vectors, 16, 48, r"with that many it takes 32 pixels: set size=32"),
        (Vectors, 8, 48, r"it takes 16 frames of 32 × 32: SegmentView\(length=16\), and size=32"),
    ],
)
def test_what_it_cannot_take_is_told_with_the_numbers_that_it_wants(net, length, size, remedy):
    part = build(net())
    said = rf"Mine takes no segments of {length} frames of {size} × {size} pixels; {remedy}"
    with pytest.raises(ValueError, match=said):
        part.refuse_segments(length, size)
    with pytest.raises(ValueError, match=said):
        part(batch(length, size))


def test_frames_that_would_be_mistaken_in_silence_are_refused():
    part = build(Frames(), exactly=Exactly(4, option="num_segments"))
    said = (
        r"made for segments of 4 frames, and these have 8 of 32 × 32: .*length=4\), or options=dict"
    )
    for ask in (lambda: part.refuse_segments(8, 32), lambda: part(batch(length=8))):
        with pytest.raises(ValueError, match=said):
            ask()


def test_what_else_goes_wrong_is_told_as_it_is():
    part = build(Clips())

    def fail(_, given, __):
        if given[0].device.type == "cpu":
            raise RuntimeError("no memory")

    part.net.fine.register_forward_hook(fail)
    with pytest.raises(RuntimeError, match="no memory"):
        part(batch())


def test_a_network_of_something_else_is_refused_with_its_own_reasons():
    with pytest.raises(ValueError, match=r"Mine takes neither clips .*RuntimeError.* nor frames"):
        build(nn.Conv2d(7, 2, 1))
    with pytest.raises(ValueError, match=r"it gives .* neither maps nor vectors"):
        build(nn.Flatten(2))
    with pytest.raises(ValueError, match="Mine: size is a number of pixels"):
        build(Clips(), size=0)


def test_a_dry_run_leaves_the_network_as_it_was():
    net = nn.Sequential(nn.Conv3d(3, 4, 1), nn.BatchNorm3d(4)).train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    (found,) = dry_run(net, (2, 3, 4, 8, 8))
    assert (found.shape, found.device.type) == ((2, 4, 4, 8, 8), "meta")
    assert net.training
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in before.items())
    with pytest.raises(RefusedInputError, match="nothing is left"):
        dry_run(nn.Conv3d(3, 0, 1), (2, 3, 4, 8, 8))


class Normed(Clips):
    """Its token goes through a norm that no map depends on."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(6)

    def forward(self, x):
        *maps, token = super().forward(x)
        return [*maps, self.norm(token)]


def test_what_nothing_depends_on_that_is_read_is_left_untrained():
    part = build(Normed())
    still = {name for name, parameter in part.net.named_parameters() if not parameter.requires_grad}
    assert still == {"norm.weight", "norm.bias"}
    assert part.net.training


def test_a_frozen_one_stays_and_passes_its_cached_features_through():
    part, inputs = build(Clips(), frozen=True).train(), batch()
    assert part.frozen_part() is part
    assert not any(module.training for module in part.modules())
    assert not any(parameter.requires_grad for parameter in part.parameters())
    features = part(inputs)
    assert not features.vector.requires_grad
    inputs.features = features
    assert part(inputs) is features
    trained = build(Clips())
    assert trained.frozen_part() is None
    assert trained(batch()).vector.requires_grad


class Registered(VideoNetwork):
    """A plugin's own network through the base class."""

    def __init__(self, *, net, **options):
        super().__init__(net(), title="Registered", **SCALE, **options)


def test_a_frozen_wrapper_is_asked_with_what_its_inner_one_takes(monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, "Registered", Registered)
    assert Frozen(backbone={"type": "Registered", "net": Vectors}).trial == (16, 32)


@pytest.mark.parametrize("net", [Clips, Frames, Vectors])
def test_the_contract_is_asked_with_segments_that_it_takes(monkeypatch, net):
    monkeypatch.setitem(MODELS.module_dict, "Registered", Registered)
    options = {"size": 16, "maps": False} if net is not Vectors else {}
    exempt = ["backbone.net.fine.*"] if net is Clips else []
    check_plugin({"backbone": {"type": "Registered", "net": net, **options}}, exempt=exempt)
