import contextlib
import hashlib
import os
import pickle
import re
import warnings
from pathlib import Path

import huggingface_hub.constants
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from adabench.models import TimmFrames
from adabench.models.weights import (
    file_checksum,
    load_part,
    load_timm,
    local_checksums,
    read_weights,
    weights_digest,
)

NETWORKS = {
    "resnet18": {"channels": (8, 8, 16, 16), "stem_width": 8},
    "mobilenetv3_small_050": {},
    "vit_tiny_patch16_224": {"img_size": 32, "depth": 3, "embed_dim": 48},
    "convnext_atto": {"dims": (4, 4, 8, 8)},
}


class Harmful:
    """Runs a command when it is unpickled, as a crafted checkpoint would."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def deepest(part: TimmFrames, frames: torch.Tensor) -> torch.Tensor:
    return part.eval()._layout(part.net((frames - part.mean) / part.std)[-1])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_timms_own_file_loads_into_every_kind_of_network(tmp_path, name, suffix):
    options = NETWORKS[name]
    whole = timm.create_model(name, num_classes=10, **options).eval()
    with torch.no_grad():
        for tensor in whole.parameters():
            tensor.normal_(0.0, 0.2)
    path = tmp_path / f"weights{suffix}"
    state = {k: v.contiguous() for k, v in whole.state_dict().items()}
    if suffix == ".pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    part = TimmFrames(name=name, scales=1, weights=path, options=options)
    frames = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        expected = whole.forward_intermediates(
            (frames - part.mean) / part.std, indices=1, intermediates_only=True
        )[-1]
        assert torch.allclose(deepest(part, frames), expected, rtol=1e-4, atol=1e-5)


def test_a_stages_trunk_loads_whatever_the_number_of_scales(tmp_path):
    options = NETWORKS["resnet18"]
    trained = TimmFrames(name="resnet18", scales=1, options=options)
    path = tmp_path / "stage.pth"
    torch.save({"trunk": trained.net.state_dict(), "columns": ["AU1"], "meta": {}}, path)
    part = TimmFrames(name="resnet18", scales=4, weights=str(path), options=options)
    frames = torch.rand(1, 3, 64, 64)
    assert torch.equal(deepest(part, frames), deepest(trained, frames))


def test_position_embeddings_are_fitted_to_another_image_size(tmp_path):
    small = {"depth": 3, "embed_dim": 48}
    whole = timm.create_model("vit_tiny_patch16_224", img_size=64, **small)
    path = tmp_path / "vit.pth"
    torch.save(whole.state_dict(), path)
    options = {"img_size": 32, **small}
    part = TimmFrames(name="vit_tiny_patch16_224", scales=1, weights=path, options=options)
    assert part.net.model.pos_embed.shape[1] == 1 + 4
    assert torch.equal(part.net.model.patch_embed.proj.weight, whole.patch_embed.proj.weight)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "resnet18"])
def test_a_file_of_another_network_is_refused(tmp_path, name):
    other = timm.create_model("mobilenetv3_small_050", num_classes=3)
    path = tmp_path / "other.pth"
    torch.save(other.state_dict(), path)
    with pytest.raises(ValueError, match=r"other\.pth does not fit this network: .*same network"):
        TimmFrames(name=name, scales=1, weights=path, options=NETWORKS[name])


def test_a_file_of_another_width_is_refused(tmp_path):
    other = timm.create_model("resnet18", channels=(8, 8, 16, 32), stem_width=8)
    path = tmp_path / "wide.pth"
    torch.save(other.state_dict(), path)
    with pytest.raises(ValueError, match="of another shape, the first 'layer4"):
        TimmFrames(name="resnet18", weights=path, options=NETWORKS["resnet18"])


def test_a_stage_of_another_network_is_refused(tmp_path):
    path = tmp_path / "stage.pth"
    torch.save({"trunk": {"conv1.weight": torch.zeros(1)}}, path)
    with pytest.raises(ValueError, match="tensors are missing or of another shape"):
        TimmFrames(name="resnet18", weights=path, options=NETWORKS["resnet18"])


def test_missing_weights_name_file_and_both_ways_on(tmp_path):
    path = tmp_path / "none.pth"
    with pytest.raises(FileNotFoundError) as caught:
        TimmFrames(name="resnet18", weights=path)
    for part in (str(path), "weights=FILE", "weights=None"):
        assert part in str(caught.value)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_file_that_carries_code_is_refused_and_does_not_run(tmp_path):
    made = tmp_path / "made"
    for name, content in (("a.pth", Harmful(made)), ("b.pth", {"trunk": Harmful(made)})):
        torch.save(content, tmp_path / name)
        with pytest.raises(ValueError, match=f"{name} holds more than tensors.*refused"):
            read_weights(tmp_path / name)
    (tmp_path / "c.pth").write_bytes(pickle.dumps(Harmful(made)))
    with pytest.raises(ValueError, match=r"c\.pth"):
        TimmFrames(name="resnet18", weights=tmp_path / "c.pth", options=NETWORKS["resnet18"])
    assert not made.exists()


@pytest.mark.parametrize("name", ["cut.pth", "cut.safetensors"])
def test_a_damaged_file_is_named(tmp_path, name):
    state = {"w": torch.rand(100)}
    path = tmp_path / name
    if path.suffix == ".pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=f"{name} can't be read as weights"):
        read_weights(path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("zipped", [True, False])
def test_no_changed_byte_escapes_as_another_error(tmp_path, zipped):
    path = tmp_path / "weights.pth"
    torch.save({"w": torch.rand(10)}, path, _use_new_zipfile_serialization=zipped)
    good = path.read_bytes()
    unharmed = 0
    for position in range(0, len(good), 7):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0x5A]) + good[position + 1 :])
        with contextlib.suppress(ValueError):
            read_weights(path)
            unharmed += 1
    assert unharmed < len(good) / 7


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"root:x:0:0\n", "is no checkpoint of torch, but a text; name another file"),
        (b"", "is empty, and no weights"),
        (b"version https://git-lfs.github.com/spec/v1\n", "the pointer of Git LFS to one"),
        (b"\x08\0\0\0\0\0\0\0{}      ", "one of safetensors is named .safetensors"),
        (b"\x93NUMPY\x01\0", "but another kind of file"),
    ],
)
def test_what_is_no_checkpoint_is_told(tmp_path, content, told):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"weights\.pth") as error:
        read_weights(path)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("timmm", "weights timmm do not exist. Did you mean 'timm'?"),
        ("hub", "weights hub do not exist; give a local file"),
        ("", "no file is named; give a local file"),
        ("/", "weights / are a folder; name a file in it"),
    ],
)
def test_a_name_of_no_file_is_told(tmp_path, monkeypatch, name, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        read_weights(Path(name))
    assert str(error.value).startswith(told)


def test_what_is_no_state_dict_is_refused(tmp_path):
    path = tmp_path / "list.pth"
    torch.save([torch.ones(1)], path)
    with pytest.raises(ValueError, match=r"list\.pth holds a list; expected a dict"):
        read_weights(path)


def test_plain_values_are_read(tmp_path):
    path = tmp_path / "plain.pth"
    torch.save({"meta": {"epoch": 3, "names": ["a"]}, "w": torch.ones(2)}, path)
    content = read_weights(path)
    assert content["meta"] == {"epoch": 3, "names": ["a"]}
    assert torch.equal(content["w"], torch.ones(2))


def test_a_hub_out_of_reach_names_weights_and_both_ways_on(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"resnet18 could not be.*weights=FILE.*=None"):
        load_timm("resnet18", pretrained=True, features_only=True)


def test_checksum_is_sha256(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 100_000)
    assert file_checksum(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()


class Normalised(nn.Module):
    """A layer with a buffer that its checkpoints leave out."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        self.register_buffer("mean", torch.zeros(1), persistent=False)


def test_every_tensor_of_a_network_counts():
    net = Normalised()
    seen = {weights_digest(net)}
    for name in ("layer.0.weight", "layer.0.bias", "layer.1.running_var", "mean"):
        tensor = dict(net.named_parameters()).get(name, dict(net.named_buffers()).get(name))
        with torch.no_grad():
            tensor.view(-1)[0] += 1e-6
        seen.add(weights_digest(net))
    assert len(seen) == 5


def test_names_shapes_and_types_count():
    weight = torch.zeros(4)
    plain = nn.ParameterDict({"a": weight})
    assert weights_digest(plain) == weights_digest(nn.ParameterDict({"a": weight.clone()}))
    assert weights_digest(plain) != weights_digest(nn.ParameterDict({"b": weight}))
    assert weights_digest(plain) != weights_digest(nn.ParameterDict({"a": weight.view(2, 2)}))
    assert weights_digest(plain) != weights_digest(nn.ParameterDict({"a": weight[:2].double()}))


def test_training_mode_and_gradients_do_not_count():
    net = Normalised()
    before = weights_digest(net)
    net.eval().requires_grad_(False)
    assert weights_digest(net) == before


def backbone_file(path, content):
    torch.save(content, path)
    return path


def whole_backbone(seed=0):
    torch.manual_seed(seed)
    return TimmFrames(name="resnet18", scales=2, options=NETWORKS["resnet18"])


def test_a_backbone_loads_from_a_stage_and_from_a_training(tmp_path):
    state = whole_backbone(1).state_dict()
    training = {f"backbone.{k}": v for k, v in state.items()} | {"head.bias": torch.ones(1)}
    files = [
        backbone_file(tmp_path / "result.pth", {"backbone": state}),
        backbone_file(tmp_path / "best.pth", {"state_dict": training, "meta": {"epoch": 3}}),
    ]
    for path in files:
        part = whole_backbone()
        load_part("backbone", part, path)
        loaded = part.state_dict()
        assert loaded.keys() == state.keys()
        assert all(torch.equal(loaded[k], v) for k, v in state.items())


def test_a_backbones_inner_names_survive_a_training(tmp_path):
    """A backbone whose own part is called ``backbone`` keeps that name."""
    part = nn.ModuleDict({"backbone": nn.Linear(2, 1)})
    state = {f"backbone.{k}": v + 1 for k, v in part.state_dict().items()}
    load_part("backbone", part, backbone_file(tmp_path / "best.pth", {"state_dict": state}))
    assert torch.equal(part["backbone"].bias, state["backbone.backbone.bias"])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda s: s.pop("net.conv1.weight"), "'net.conv1.weight'"),
        (lambda s: s.update({"net.conv1.weight": torch.ones(2)}), "'net.conv1.weight'"),
        (lambda s: s.update({"query.weight": torch.ones(2)}), "'query.weight'"),
    ],
)
def test_another_backbones_weights_are_refused(tmp_path, change, named):
    part = whole_backbone()
    before = weights_digest(part)
    state = dict(whole_backbone(1).state_dict())
    change(state)
    path = backbone_file(tmp_path / "result.pth", {"backbone": state})
    with pytest.raises(ValueError, match=r"result\.pth does not fit this network: 1 of") as told:
        load_part("backbone", part, path)
    assert named in str(told.value)
    assert weights_digest(part) == before


def test_a_file_without_a_backbone_is_refused(tmp_path):
    for name, content in (
        ("trunk.pth", {"trunk": {}}),
        ("head.pth", {"state_dict": {"head.a": 1}}),
    ):
        with pytest.raises(
            ValueError, match=rf"{name} holds no backbone: name the file of a stage"
        ):
            load_part("backbone", whole_backbone(), backbone_file(tmp_path / name, content))
    with pytest.raises(FileNotFoundError, match=r"none\.pth do not exist; give a local file"):
        load_part("backbone", whole_backbone(), tmp_path / "none.pth")


def test_checksums_of_the_files_that_a_config_names(tmp_path):
    first, second = (tmp_path / name for name in ("a.pth", "b.pth"))
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    config = {
        "backbone": {"weights": str(first), "trunk": {"weights": "timm"}},
        "others": [{"weights": str(second)}, {"weights": "stage:trunk"}, {"weights": None}],
    }
    assert local_checksums(config) == [file_checksum(first), file_checksum(second)]
    assert local_checksums({"weights": str(tmp_path / "none")}) == []
    second.write_bytes(b"3")
    assert local_checksums(config)[1] == file_checksum(second)


def test_a_torchscript_archive_is_named_and_the_mend_that_is_told_works(tmp_path, recwarn):
    path = tmp_path / "ViT-B-32.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)).save(str(path))
    with pytest.raises(ValueError, match="is a TorchScript archive") as error:
        read_weights(path)
    assert not recwarn.list
    told = re.search(r"torch\.save\(.*\)", str(error.value))[0]
    mended = tmp_path / "ViT-B-32-state.pth"
    exec(told.replace("'ViT-B-32-state.pth'", repr(str(mended))), {"torch": torch})
    assert set(read_weights(mended)) == {"weight", "bias"}
