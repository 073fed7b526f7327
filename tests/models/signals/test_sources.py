"""Sources of signals: columns by name, and what a trunk sees."""

import pytest
import torch

from adabench.models import TimmFrames
from adabench.models.signals import PreparedSignals, TrunkSignals
from adabench.structures import Inputs
from adabench.synthface import SIGNAL_COLUMNS

NETWORK = {"type": "TimmFrames", "name": "resnet18", "options": {"channels": [8, 8, 16, 16]}}
COLUMNS = ["AU01", "AU12", "yaw"]


def stage(path, **changes):
    """A pretraining stage's checkpoint of random weights."""
    torch.manual_seed(1)
    trunk = TimmFrames(name="resnet18", options=NETWORK["options"])
    content = {
        "network": NETWORK,
        "trunk": trunk.net.state_dict(),
        "au_head": {"weight": torch.randn(3, 16), "bias": torch.tensor([0.5, 0.0, -1.0])},
        "columns": COLUMNS,
        "scale": {"mean": torch.tensor([0.2, 0.4, 5.0]), "std": torch.tensor([0.1, 0.2, 10.0])},
    }
    kept = {k: v for k, v in {**content, **changes}.items() if v is not None}
    torch.save(kept, path)
    return path


def test_groups_are_openface_s_columns():
    groups = {"au_intensity": 17, "au_presence": 18, "gaze": 6, "gaze_angle": 2, "pose": 6}
    for name, count in {**groups, "landmarks": 136}.items():
        assert len(PreparedSignals(columns=[name]).names) == count
    both = PreparedSignals(columns=["pose", "AU12_r"]).names
    assert both == ("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz", "AU12_r")
    assert "AU28_c" in PreparedSignals(columns=["au_presence"]).names
    assert "AU28_r" not in PreparedSignals(columns=["au_intensity"]).names


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "is a list of names"),
        ("pose", "is a list of names"),
        (["AU01_r", 4], "is a list of names"),
        (["AU01_r", "AU01_r"], "names 'AU01_r' twice"),
        (["AU01_r", "au_intensity"], "names 'AU01_r' twice"),
    ],
)
def test_columns_that_are_none(columns, message):
    with pytest.raises(ValueError, match=f"PreparedSignals.columns {message}"):
        PreparedSignals(columns=columns)


def test_a_trunk_s_heads_give_labels_in_their_units(tmp_path):
    path = stage(tmp_path / "result.pth")
    source = TrunkSignals(stage=path, columns=["yaw", "AU01"])
    frames = torch.rand(5, 3, 32, 32)
    found = source.compute(frames)
    trunk = TimmFrames(name="resnet18", options=NETWORK["options"], weights=str(path), frozen=True)
    alone = torch.ones(1, 5, dtype=torch.bool)
    vector = trunk(Inputs(valid=alone, index=alone.long(), frames=frames[None])).vector[0]
    content = torch.load(path, weights_only=True)
    wanted = vector @ content["au_head"]["weight"].T + content["au_head"]["bias"]
    wanted = wanted * content["scale"]["std"] + content["scale"]["mean"]
    torch.testing.assert_close(found, wanted[:, [2, 0]], rtol=1e-4, atol=1e-4)
    assert source.compute(frames[:0]).shape == (0, 2)


def test_what_a_checkpoint_carries_makes_the_same(tmp_path):
    source = TrunkSignals(stage=stage(tmp_path / "result.pth"), columns=COLUMNS)
    carried = source.carried()
    again = TrunkSignals(stage=carried["stage"], columns=carried["names"])
    frames = torch.rand(2, 3, 32, 32)
    assert torch.equal(again.compute(frames), source.compute(frames))
    assert again.fingerprint() == source.fingerprint()


def test_a_fingerprint_tells_columns_and_weights(tmp_path):
    path = stage(tmp_path / "a.pth")
    other = stage(tmp_path / "b.pth", au_head={"weight": torch.zeros(3, 16), "bias": torch.ones(3)})
    sources = [(path, COLUMNS), (path, COLUMNS[:2]), (other, COLUMNS)]
    assert len({TrunkSignals(stage=s, columns=c).fingerprint() for s, c in sources}) == 3


def test_names_are_known_before_the_stage_is_trained(tmp_path):
    assert TrunkSignals(stage="stage:trunk").names == SIGNAL_COLUMNS
    assert len(SIGNAL_COLUMNS) == 17


def test_what_is_no_such_checkpoint(tmp_path):
    source = TrunkSignals(stage=stage(tmp_path / "a.pth", network=None), columns=COLUMNS)
    with pytest.raises(ValueError, match=r"a\.pth has no network: it is no checkpoint of an"):
        source.compute(torch.rand(1, 3, 32, 32))
    source = TrunkSignals(stage=stage(tmp_path / "b.pth"), columns=["AU01", "pitch"])
    with pytest.raises(ValueError, match="the stage learnt no pitch; its columns are AU01, AU12"):
        source.fingerprint()
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        TrunkSignals(stage=tmp_path / "none.pth", columns=COLUMNS).fingerprint()
