"""Reading checkpoints back: whose they are, that they fit, and that they run no code."""

import os

import pytest
import torch
from torch import nn

from adabench.data.digests import DigestBook
from adabench.engine.files.checkpoints import (
    check_identity,
    identity_of,
    load_model,
    plain_message_hub,
)

IDENTITY = {"config": "toy", "config_hash": "0123", "seed": 4, "best": {"value": 2.5}}


class Harmful:
    """Makes a folder when it is unpickled, as a crafted checkpoint would run a command."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def net():
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "best.pth"
    torch.save({"meta": {"adabench": IDENTITY}, "state_dict": net().state_dict()}, path)
    return path


def test_weights_come_back(path):
    model = net()
    load_model(model, path)
    stored = torch.load(path, weights_only=True)["state_dict"]
    assert all(torch.equal(value, stored[name]) for name, value in model.state_dict().items())


def test_identity_comes_back(path):
    assert identity_of(path) == IDENTITY
    assert check_identity(path, {"config_hash": "0123"}, ("config_hash",)) == IDENTITY


def test_another_configs_checkpoint_is_refused_by_field(path):
    expected = {"config": "mine", "config_hash": "4567", "seed": 4}
    with pytest.raises(ValueError, match="belongs to another config") as error:
        check_identity(path, expected, ("seed", "config_hash"))
    for said in (str(path), "config_hash", "'0123' (toy)", "'4567' (mine)", "use the config"):
        assert said in str(error.value)


def test_what_differs_is_told_where_both_tell(tmp_path):
    path = tmp_path / "told.pth"
    before = {"training": {"lr": 0.1}, "code": {"Mine": "aa"}, "method": {"parts": [1, 2]}}
    torch.save({"meta": {"adabench": {**IDENTITY, "decided": before}}}, path)
    after = {"training": {"lr": 0.2}, "code": {"Mine": "bb"}, "method": {"parts": [1, 2]}}
    expected = {"config": "toy", "config_hash": "4567", "decided": after}
    with pytest.raises(
        ValueError, match=r"differs: code\.Mine: 'aa' then, 'bb' now, training\.lr"
    ) as e:
        check_identity(path, expected, ("config_hash",))
    assert "parts" not in str(e.value)


def test_only_the_named_fields_are_compared(path):
    expected = {"config_hash": "0123", "seed": 99}
    check_identity(path, expected, ("config_hash",))
    with pytest.raises(
        ValueError, match=r"trained with seed 4, and this run.s is 99: give --seed 4"
    ):
        check_identity(path, expected, ("config_hash", "seed"))


@pytest.mark.parametrize(
    "place", ["whole", "state_dict", "message_hub", "optimizer", "meta", "best", "tensor"]
)
@pytest.mark.parametrize("read", [identity_of, lambda p: load_model(net(), p)])
def test_a_checkpoint_that_carries_code_is_refused_and_nothing_runs(tmp_path, place, read):
    trap, path = tmp_path / "trap", tmp_path / "last.pth"
    harm = Harmful(trap)
    state = net().state_dict()
    content = {"meta": {"adabench": dict(IDENTITY)}, "state_dict": state}
    match place:
        case "whole":
            content = harm
        case "best":
            content["meta"]["adabench"]["best"] = harm
        case "tensor":
            content["state_dict"] = {**state, "0.weight": harm}
        case _:
            content[place] = harm
    torch.save(content, path)
    with pytest.raises(ValueError, match="it is refused"):
        read(path)
    assert not trap.exists()


@pytest.mark.parametrize("read", [identity_of, lambda p: load_model(net(), p)])
def test_a_file_that_is_missing_or_damaged(tmp_path, path, read):
    with pytest.raises(FileNotFoundError, match=r"nothing\.pth do(es)? not exist"):
        read(tmp_path / "nothing.pth")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"best\.pth"):
        read(path)


def test_a_missing_checkpoint_names_what_to_give(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"name the best\.pth or last\.pth"):
        check_identity(tmp_path / "nothing.pth", IDENTITY, ("seed",))


@pytest.mark.parametrize("meta", [None, {}, {"meta": 3}, {"meta": {}}, {"meta": {"adabench": 3}}])
def test_a_file_that_is_no_checkpoint_of_ours(tmp_path, meta):
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": {}} if meta is None else meta, path)
    with pytest.raises(ValueError, match=r"field meta\.adabench is missing.*best\.pth"):
        identity_of(path)


def test_a_checkpoint_without_weights(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"meta": {"adabench": IDENTITY}}, path)
    with pytest.raises(ValueError, match="field state_dict is missing"):
        load_model(net(), path)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)), "0.weight"),
        (nn.Sequential(nn.Linear(3, 2)), "1.running_mean"),
        (nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2)), "2.weight"),
    ],
)
def test_weights_of_another_model_are_refused(path, model, named):
    with pytest.raises(ValueError, match="does not fit the config's model") as error:
        load_model(model, path)
    assert named in str(error.value)
    assert str(path) in str(error.value)


def test_the_message_hub_becomes_plain():
    checkpoint = {"message_hub": {"log_scalars": {"loss": object()}}, "state_dict": {}}
    plain_message_hub(checkpoint)
    assert checkpoint["message_hub"] == {
        "log_scalars": {},
        "runtime_info": {},
        "resumed_keys": {},
    }


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 10**9))


def inside(path, tensor):
    """Where a tensor's bytes stand in a file."""
    return path.read_bytes().index(tensor.numpy().tobytes())


@pytest.mark.parametrize("read", [identity_of, lambda p: load_model(net(), p)])
@pytest.mark.parametrize("noted", [True, False])
def test_a_flipped_byte_of_a_weight_is_refused(path, read, noted):
    weight = torch.load(path, weights_only=True)["state_dict"]["0.weight"]
    if noted:
        DigestBook(path.parent).note(path.name)
    flip(path, inside(path, weight) + 2)
    assert not torch.equal(torch.load(path, weights_only=True)["state_dict"]["0.weight"], weight)
    with pytest.raises(ValueError, match=r"best\.pth is damaged.*restore it, or delete it"):
        read(path)


def test_a_whole_checkpoint_in_the_place_of_another_is_refused(path):
    DigestBook(path.parent).note(path.name)
    torch.save({"meta": {"adabench": IDENTITY}, "state_dict": net().state_dict()}, path)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 10**9))
    with pytest.raises(ValueError, match="other content than was written"):
        identity_of(path)


def test_a_copy_of_a_checkpoint_is_read(path, tmp_path):
    DigestBook(path.parent).note(path.name)
    copy = tmp_path / "elsewhere" / "mine.pth"
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    assert identity_of(copy) == IDENTITY
