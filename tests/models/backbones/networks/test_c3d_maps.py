"""C3D's convolutions: mmaction2's, its file, any size."""

import itertools

import pytest
import torch

from adabench.models.backbones.networks.c3d_maps import C3DMaps
from adabench.registry import MODELS
from adabench.structures import FeatureSpec
from adabench.testing import check_plugin, example_batch


def test_it_gives_mmaction2s_conv5b():
    part = C3DMaps().eval()
    with torch.device("meta"):
        whole = MODELS.require("mmaction.C3D")()
    left = whole.load_state_dict(part.net.state_dict(), strict=False, assign=True)
    assert {name.partition(".")[0] for name in left.missing_keys} == {"fc6", "fc7"}
    assert not left.unexpected_keys
    inputs = example_batch(segment=8, size=16, lengths=[8], scores=[1.0])[0]
    found = []
    whole.conv5b.register_forward_hook(lambda _, __, out: found.append(out))
    with torch.no_grad():
        features = part(inputs)
        # Its fully connected layers ask for 16 frames of 112 pixels.
        with pytest.raises(RuntimeError):
            whole(((inputs.frames - part.mean) / part.std).transpose(1, 2))
    torch.testing.assert_close(features.maps[0][0], found[0].mean(2))
    torch.testing.assert_close(features.vector[0], found[0].mean((2, 3, 4)))
    assert float(features.vector.std()) > 0.01, "random weights leave something of the input"


def test_all_parameters_are_those_of_the_eight_convolutions():
    channels = (3, 64, 128, 256, 256, 512, 512, 512, 512)
    counted = sum(27 * a * b + b for a, b in itertools.pairwise(channels))
    with torch.device("meta"):
        part = C3DMaps()
    assert sum(p.numel() for p in part.parameters()) == counted == 27_655_936
    assert part.spec == FeatureSpec(512, (512,))
    assert C3DMaps(width=4, maps=False).spec == FeatureSpec(32)


def test_a_file_of_the_whole_network_loads_without_its_fully_connected_layers(tmp_path):
    path = tmp_path / "c3d.pth"
    wanted = C3DMaps(width=2).net.state_dict()
    torch.save({"state_dict": {**wanted, "fc6.weight": torch.zeros(4, 2)}}, path)
    part = C3DMaps(width=2, weights=path)
    assert all(torch.equal(value, wanted[name]) for name, value in part.net.state_dict().items())
    with pytest.raises(ValueError, match=r"c3d\.pth does not fit this network"):
        C3DMaps(width=4, weights=path)


def test_a_segment_that_is_too_short_is_refused_with_those_that_it_takes():
    part = C3DMaps(width=2)
    assert part.trial == (8, 64)
    with pytest.raises(ValueError, match=r"C3DMaps takes no segments of 4 frames.*length=8\)"):
        part.refuse_segments(4, 64)
    part.refuse_segments(16, 112)


def test_the_contract_is_kept():
    check_plugin({"backbone": {"type": C3DMaps, "width": 2, "size": 16}})
