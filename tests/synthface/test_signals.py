import numpy as np
import pytest

from adabench.synthface.signals import (
    BEHAVIOUR_COLUMNS,
    POSE_COLUMNS,
    SIGNAL_COLUMNS,
    ClipTruth,
    read_truth,
    truth_text,
)


@pytest.fixture
def truth() -> ClipTruth:
    rng = np.random.default_rng(0)
    return ClipTruth(
        behaviour=rng.uniform(size=(7, len(BEHAVIOUR_COLUMNS))),
        pose=rng.normal(size=(7, len(POSE_COLUMNS))),
        key=rng.random(7) < 0.5,
    )


@pytest.mark.parametrize("with_key", [True, False])
def test_truth_survives_a_round_trip(truth, with_key, tmp_path):
    path = tmp_path / "clip.csv"
    path.write_text(truth_text(truth, with_key=with_key))
    again = read_truth(path)
    np.testing.assert_allclose(again.behaviour, truth.behaviour, atol=1e-4)
    np.testing.assert_allclose(again.pose, truth.pose, atol=1e-4)
    assert again.key.tolist() == (truth.key.tolist() if with_key else [False] * 7)


def test_columns_are_named_and_frames_count_from_zero(truth):
    lines = truth_text(truth, with_key=True).splitlines()
    assert lines[0] == ",".join(["frame", "key", *SIGNAL_COLUMNS])
    assert [line.split(",")[0] for line in lines[1:]] == [str(frame) for frame in range(7)]


def test_negative_zero_has_no_text_of_its_own(truth):
    truth.pose[0, 0] = -1e-9
    assert "-0.0000" not in truth_text(truth, with_key=False)


def test_a_missing_column_is_named(truth, tmp_path):
    path = tmp_path / "clip.csv"
    path.write_text(truth_text(truth, with_key=True).replace("AU15", "AU16"))
    with pytest.raises(ValueError, match=r"clip\.csv.*missing are \['AU15'\]"):
        read_truth(path)
