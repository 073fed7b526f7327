"""How fast prepare is, over decoding alone."""

import pytest

from adabench.profiling.prepare import decode, profile_prepare
from adabench.synthface import SynthfaceParameters, generate


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    out = tmp_path_factory.mktemp("raw") / "synthface"
    parameters = SynthfaceParameters(seed=3, sessions=4, seconds=(1.0, 1.0), fps=5)
    return generate(parameters, out, processes=1, progress=False)


def test_prepare_takes_longer_than_decoding(raw, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = profile_prepare("synthface", raw, processes=[1], clips=3, size=32)
    (speed,) = found.speeds
    assert speed.processes == 1
    assert 0 < speed.prepared < speed.bare
    assert speed.ratio == pytest.approx(speed.prepared / speed.bare)
    assert "3 clips, 15 frames of synthface, median of 1" in found.about
    assert found.format().splitlines()[-1].startswith("| 1 | ")
    assert found.as_dict()["speeds"][0]["processes"] == 1
    assert list(tmp_path.glob("tmp*")) == []


def test_cpu_time_of_this_process(raw):
    found = profile_prepare("synthface", raw, processes=[0], clips=1, size=32, repeats=2)
    (speed,) = found.speeds
    assert 0 < speed.prepared < speed.bare
    assert speed.ratio == pytest.approx(speed.prepared / speed.bare)
    assert "by CPU time, the best turn" in found.format()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"clips": 0}, "clips: expected 1 or more, got 0"),
        ({"repeats": 0}, "repeats: expected 1 or more, got 0"),
        ({"processes": []}, "processes: expected 0 or more, got -1"),
        ({"size": 3}, "size: expected an integer from 16"),
    ],
)
def test_wrong_input(raw, wrong, told):
    with pytest.raises(ValueError, match=told):
        profile_prepare("synthface", raw, **{"processes": [1], "clips": 1, **wrong})


def test_decoding_counts_frames(raw):
    video = next(raw.rglob("*.mp4"))
    assert (decode(video), decode(video, 3)) == (5, 3)
