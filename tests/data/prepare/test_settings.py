"""What a prepared corpus says of how it was made."""

import pickle

import pytest

from adabench.data.corpora.generated import SynthfaceReader
from adabench.data.prepare.detection.mtcnn import MtcnnDetector
from adabench.data.prepare.run import settings_of
from adabench.data.prepare.settings import PrepareSettings


def test_the_cascade_s_record_stays():
    """Corpora of before there was a choice have it."""
    record = settings_of(SynthfaceReader(), size=64, detector="haar", cut=None).record()
    assert list(record.items()) == [
        ("size", 64),
        ("margin", 0.1),
        ("detect_every", 5),
        ("detector", "haar"),
        ("store", "jpegs"),
        ("quality", 95),
        ("version", 1),
    ]


def test_a_record_says_what_its_frames_depend_on():
    box, aligned = (PrepareSettings(cut=cut).record() for cut in ("box", "aligned"))
    assert box["detector"] == "mtcnn"
    assert len(box["model_sha256"]) == 64
    assert aligned == {**box, "cut": "aligned"}


def test_openface_depends_on_the_size_alone():
    settings = PrepareSettings(size=96, margin=0.5, detect_every=9, source="openface")
    record = {"size": 96, "source": "openface", "store": "jpegs", "quality": 95, "version": 1}
    assert settings.record() == record


def test_settings_cross_processes():
    settings = pickle.loads(pickle.dumps(PrepareSettings(size=96)))
    assert settings == PrepareSettings(size=96)
    assert isinstance(settings.make_detector(), MtcnnDetector)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"source": "openfase"}, "source: expected one of 'video', 'openface', got 'openfase'"),
        ({"detector": "yunet"}, "'yunet' needs its ONNX file"),
        ({"model": "model.onnx"}, r"'mtcnn' needs none.*\(yunet\)"),
        ({"cut": "alined"}, "cut: expected one of 'box', 'aligned', got 'alined'"),
        ({"cut": "aligned", "detector": "haar"}, "'haar' doesn't give: take 'mtcnn' or 'yunet'"),
        ({"detector": "yunett"}, "did you mean 'yunet'"),
    ],
)
def test_wrong_settings(setting, told):
    with pytest.raises(ValueError, match=told):
        PrepareSettings(**setting)
