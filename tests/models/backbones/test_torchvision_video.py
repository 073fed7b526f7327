"""torchvision's video networks over segments."""

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from adabench.models import TorchvisionVideo, VideoNetwork
from adabench.models import weights as weights_module
from adabench.structures import FeatureSpec
from adabench.testing import check_plugin, example_batch

# By name: what it gives, frames and pixels with which it was tried.
NETWORKS = {
    "r3d_18": (FeatureSpec(512, (512,)), (4, 64)),
    "mc3_18": (FeatureSpec(512, (512,)), (4, 64)),
    "r2plus1d_18": (FeatureSpec(512, (512,)), (4, 64)),
    "s3d": (FeatureSpec(1024, (1024,)), (8, 64)),
    "swin3d_t": (FeatureSpec(768, (768,)), (4, 64)),
    "mvit_v1_b": (FeatureSpec(768), (16, 224)),
    "mvit_v2_s": (FeatureSpec(768), (16, 224)),
}


#: A network of each kind is asked by default; mvit_v2_s is by the test of its frames.
BY_DEFAULT = ("mc3_18", "swin3d_t")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in BY_DEFAULT else pytest.mark.slow) for name in NETWORKS],
)
def test_how_networks_are_asked_and_how_wide_they_are_is_found(name):
    part = TorchvisionVideo(name=name)
    assert (part.spec, part.trial) == NETWORKS[name]


@pytest.mark.parametrize(
    "name", ["mc3_18", *(pytest.param(n, marks=pytest.mark.slow) for n in ("s3d", "swin3d_t"))]
)
def test_the_vector_is_what_torchvisions_own_classifier_reads(name):
    whole = torchvision.models.get_model(name).eval()
    part = TorchvisionVideo(name=name).eval()
    part.net.load_state_dict(whole.state_dict(), strict=False)
    length, size = 16, 64
    frames = example_batch(segment=length, size=size, lengths=[length], scores=[1.0])[0]
    # Its own pooling of S3D is made for 224 px.
    whole.avgpool = torch.nn.AdaptiveAvgPool3d(1)
    read = []
    head = {"mc3_18": "fc", "s3d": "classifier", "swin3d_t": "head"}[name]
    whole.get_submodule(head).register_forward_pre_hook(lambda _, given: read.append(given[0]))
    with torch.no_grad():
        features = part(frames)
        whole(((frames.frames - part.mean) / part.std)[0].transpose(0, 1)[None])
    torch.testing.assert_close(features.vector[0], read[0].flatten(1), atol=1e-4, rtol=1e-4)


def test_frames_are_scaled_as_torchvisions_weights_ask():
    part = TorchvisionVideo(name="mc3_18")
    assert part.mean.flatten().tolist() == pytest.approx([0.43216, 0.394666, 0.37645])
    plain = TorchvisionVideo(name="mc3_18", normalise=False)
    assert (plain.mean.unique().tolist(), plain.std.unique().tolist()) == ([0.0], [1.0])


def test_mvit_asks_for_16_frames_of_224_pixels():
    part = TorchvisionVideo(name="mvit_v2_s")
    # 64 frames of 112 × 112 have as many cells, and it would take them for 16 of 224 × 224.
    for length, size in ((64, 112), (16, 112), (8, 224)):
        with pytest.raises(
            ValueError, match=r"16 frames of 224 × 224 .*\(length=16\), and size=224"
        ):
            part.refuse_segments(length, size)
    TorchvisionVideo(name="mvit_v2_s", size=224).refuse_segments(16, 112)


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(ValueError, match=r"no video network 'r3d18'\. Did you mean 'r3d_18'"):
        TorchvisionVideo(name="r3d18")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_torchvisions_own_file_loads_and_its_classifier_is_left_out(tmp_path, suffix):
    torch.manual_seed(1)
    whole = torchvision.models.get_model("mc3_18")
    path = tmp_path / f"mc3{suffix}"
    save = torch.save if suffix == ".pth" else save_file
    save(whole.state_dict(), path)
    torch.manual_seed(2)
    part = TorchvisionVideo(name="mc3_18", weights=path)
    wanted = whole.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in part.net.state_dict().items())
    with pytest.raises(ValueError, match=f"mc3{suffix} does not fit this network"):
        TorchvisionVideo(name="r3d_18", weights=path)


def test_weights_out_of_reach_are_told_with_both_ways_on(monkeypatch):
    def unreachable(name, *, weights, **_):
        assert (name, weights) == ("s3d", "DEFAULT")
        raise OSError("no route")

    monkeypatch.setattr(weights_module.torchvision.models, "get_model", unreachable)
    with pytest.raises(FileNotFoundError, match=r"torchvision's s3d .*weights=FILE.*weights=None"):
        TorchvisionVideo(name="s3d", weights="hub")


@pytest.mark.parametrize("frozen", [pytest.param(False, marks=pytest.mark.slow), True])
def test_the_contract_is_kept(frozen):
    backbone = {"type": "TorchvisionVideo", "name": "mc3_18", "size": 16, "frozen": frozen}
    assert isinstance(check_plugin({"backbone": backbone}).backbone, VideoNetwork)
