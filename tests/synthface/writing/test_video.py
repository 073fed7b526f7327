import av
import numpy as np
import pytest

from adabench.synthface.writing.video import encode


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    still = rng.integers(60, 190, (15, 20, 3)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    return [np.roll(still, shift, axis=1) for shift in range(9)]


def test_a_clip_comes_back_with_all_frames_and_its_rate(frames, tmp_path):
    path = tmp_path / "clip.mp4"
    assert encode(frames, path, fps=15) == 9
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoded = [frame.to_ndarray(format="bgr24") for frame in container.decode(stream)]
        assert float(stream.average_rate) == 15.0
    assert len(decoded) == 9
    error = np.abs(np.mean(decoded, axis=0) - np.mean(frames, axis=0)).mean()
    assert error < 12.0


def test_equal_frames_give_equal_bytes(frames, tmp_path):
    for name in ("a", "b"):
        encode(frames, tmp_path / name, fps=15)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
