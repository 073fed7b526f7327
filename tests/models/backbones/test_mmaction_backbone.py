"""mmaction2's networks over segments: what they give, what they refuse, weights."""

import warnings

import pytest
import torch

from adabench.models import MMActionBackbone
from adabench.structures import FeatureSpec
from adabench.testing import check_plugin, example_batch

PATH = {
    "type": "resnet3d",
    "depth": 18,
    "pretrained": None,
    "base_channels": 8,
    "conv1_kernel": (1, 7, 7),
    "conv1_stride_t": 1,
    "pool1_stride_t": 1,
    "norm_eval": False,
}
FACTORISED = {"conv_cfg": {"type": "Conv2plus1d"}, "temporal_strides": (1, 2, 2, 2)}
BLOCKS = {"embed_dims": 24, "num_heads": 3}
# By name: options that shrink it, frames and pixels with which it was tried, channels of vector and maps.
NETWORKS = {
    "ResNet3d": ({"depth": 18, "base_channels": 8}, (4, 64), (64, 64)),
    "ResNet2Plus1d": ({"depth": 18, "base_channels": 8, **FACTORISED}, (4, 64), (64, 64)),
    "ResNet3dSlowOnly": ({"depth": 18, "base_channels": 8}, (4, 64), (64, 64)),
    "ResNet3dSlowFast": (
        {
            "slow_pathway": {**PATH, "lateral": True, "inflate": (0, 0, 1, 1)},
            "fast_pathway": {**PATH, "lateral": False, "base_channels": 1},
        },
        (8, 64),
        (72, 72),
    ),
    "ResNet3dCSN": ({"depth": 50, "base_channels": 8, "with_pool2": False}, (4, 64), (256, 256)),
    "X3D": ({"gamma_w": 1, "gamma_b": 2.25, "gamma_d": 1}, (4, 64), (432, 432)),
    "MViT": (
        {"arch": {"embed_dims": 8, "num_layers": 2, "num_heads": 1, "downscale_indices": [1]}},
        (4, 64),
        (16, 16),
    ),
    "UniFormer": ({"depth": [1] * 4, "embed_dim": [8] * 4, "head_dim": 8}, (4, 64), (8, 8)),
    "C2D": ({"depth": 18}, (4, 64), (512, 512)),
    "MobileNetV2TSM": ({"num_segments": 6, "widen_factor": 0.25}, (6, 64), (1280, 1280)),
    "TimeSformer": (
        {
            "num_frames": 6,
            "img_size": 96,
            "patch_size": 32,
            "num_transformer_layers": 1,
            **BLOCKS,
            "embed_dims": 24,
        },
        (6, 112),
        (24,),
    ),
    "VisionTransformer": ({"depth": 1, "img_size": 64, **BLOCKS}, (16, 64), (24,)),
}


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_mmaction2_is_imported_only_when_one_is_built(forks, tmp_path):
    """Of all that tools import, nothing imports it."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, adabench.models\n"
        "assert adabench.models.MMActionBackbone\n"
        "assert 'mmaction' not in sys.modules"
    )
    assert forks.run([program], tmp_path).returncode == 0


@pytest.mark.parametrize("name", NETWORKS)
def test_how_networks_are_asked_and_how_wide_they_are_is_found(name):
    options, trial, spec = NETWORKS[name]
    part = MMActionBackbone(name=name, options=options).eval()
    wanted = FeatureSpec(spec[0], tuple(spec[1:]))
    assert (part.spec, part.trial) == (wanted, trial)
    inputs, _ = example_batch(segment=trial[0], size=trial[1], lengths=[trial[0]], scores=[1.0])
    with torch.no_grad():
        features = part(inputs)
    assert features.vector.shape == (1, 1, wanted.vector)
    assert [m.shape[2] for m in features.maps] == list(wanted.maps)
    assert features.vector.isfinite().all()


@pytest.mark.parametrize(
    ("name", "length", "size", "remedy"),
    [
        ("ResNet3dSlowFast", 13, 64, r"it takes 8, 16, .* frames: SegmentView\(length=16\)"),
        ("VisionTransformer", 8, 64, r"it takes 16 frames: SegmentView\(length=16\)"),
        ("TimeSformer", 6, 64, r"it takes 96, 112 pixels: set size=96"),
        ("TimeSformer", 1, 96, r"of 6 frames, and these have 1 .*\(length=6\), or .*num_frames=1"),
        ("MobileNetV2TSM", 12, 64, r"of 6 frames, and these have 12 .*num_segments=12\)"),
    ],
)
def test_segments_that_a_network_cannot_take_are_told_with_its_numbers(name, length, size, remedy):
    with pytest.raises(ValueError, match=f"MMActionBackbone {name} .*{remedy}"):
        MMActionBackbone(name=name, options=NETWORKS[name][0]).refuse_segments(length, size)


def test_c3d_asks_for_16_frames_of_112_pixels():
    part = MMActionBackbone(name="C3D")
    assert (part.spec, part.trial) == (FeatureSpec(4096), (16, 112))
    with pytest.raises(ValueError, match=r"16 frames of 112 × 112: SegmentView\(length=16\), and"):
        part.refuse_segments(8, 64)


@pytest.mark.parametrize(
    ("name", "options", "error", "said"),
    [
        ("X3d", {}, LookupError, "Did you mean 'mmaction.X3D'"),
        ("ResNetTIN", {"depth": 50}, ValueError, "takes neither clips .*tin_shift.*RGB frames"),
        ("MViT", {"arhc": "tiny"}, ValueError, "Did you mean 'arch' by 'arhc'.* It takes .*arch"),
        ("ResNetTSM", {}, ValueError, "can't be built so .*'depth'"),
        ("X3D", {"pretrained": "x.pth"}, ValueError, r"options\.pretrained: .*weights=FILE"),
    ],
)
def test_networks_and_options_that_do_not_work_are_told(name, options, error, said):
    with pytest.raises(error, match=said):
        MMActionBackbone(name=name, options=options)


SMALL = {"name": "ResNet3d", "options": {"depth": 18, "base_channels": 8}}


def test_a_checkpoint_of_mmaction2s_loads_and_one_of_another_network_is_refused(tmp_path):
    torch.manual_seed(1)
    source = MMActionBackbone(**SMALL)
    state = {f"backbone.{name}": value for name, value in source.net.state_dict().items()}
    path = tmp_path / "zoo.pth"
    torch.save({"meta": {}, "state_dict": {**state, "cls_head.fc.bias": torch.zeros(3)}}, path)
    torch.manual_seed(2)
    part = MMActionBackbone(**SMALL, weights=str(path))
    assert all(torch.equal(part.net.state_dict()[k], v) for k, v in source.net.state_dict().items())
    with pytest.raises(ValueError, match=r"zoo\.pth does not fit this network"):
        MMActionBackbone(name="X3D", options={"gamma_d": 1}, weights=path)
    with pytest.raises(FileNotFoundError, match="weights=FILE"):
        MMActionBackbone(**SMALL, weights=tmp_path / "none.pth")
    with pytest.raises(ValueError, match="model zoo has several files for ResNet3d: download"):
        MMActionBackbone(**SMALL, weights="hub")


def test_a_result_of_this_repositorys_own_training_loads(tmp_path):
    torch.manual_seed(1)
    source = MMActionBackbone(**SMALL)
    stage = {"backbone": source.state_dict(), "meta": {}}
    training = {f"backbone.{name}": value for name, value in source.state_dict().items()}
    for content in (stage, {"state_dict": {**training, "head.bias": torch.zeros(1)}}):
        torch.save(content, tmp_path / "own.pth")
        torch.manual_seed(2)
        part = MMActionBackbone(**SMALL, weights=tmp_path / "own.pth")
        assert torch.equal(part.net.conv1.conv.weight, source.net.conv1.conv.weight)


@pytest.mark.parametrize("frozen", [False, True])
def test_the_contract_is_kept(frozen):
    backbone = {"type": "MMActionBackbone", **SMALL, "size": 32, "frozen": frozen}
    assert isinstance(check_plugin({"backbone": backbone}).backbone, MMActionBackbone)
