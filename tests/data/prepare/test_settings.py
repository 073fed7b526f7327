"""What a prepared corpus says of how it was made."""

import pickle

import pytest

from adabench.data.prepare.detect import HaarDetector
from adabench.data.prepare.settings import PrepareSettings


def test_todays_record_stays():
    record = PrepareSettings().record()
    assert list(record.items()) == [
        ("size", 64),
        ("margin", 0.1),
        ("detect_every", 5),
        ("detector", "haar"),
        ("store", "jpegs"),
        ("quality", 95),
        ("version", 1),
    ]


def test_openface_depends_on_the_size_alone():
    settings = PrepareSettings(size=96, margin=0.5, detect_every=9, source="openface")
    record = {"size": 96, "source": "openface", "store": "jpegs", "quality": 95, "version": 1}
    assert settings.record() == record


def test_settings_cross_processes():
    settings = pickle.loads(pickle.dumps(PrepareSettings(size=96)))
    assert settings == PrepareSettings(size=96)
    assert isinstance(settings.make_detector(), HaarDetector)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"source": "openfase"}, "source: expected one of 'video', 'openface', got 'openfase'"),
        ({"detector": "yunet"}, "'yunet' needs its ONNX file"),
        ({"model": "model.onnx"}, "'haar' needs none"),
        ({"detector": "yunett"}, "did you mean 'yunet'"),
    ],
)
def test_wrong_settings(setting, told):
    with pytest.raises(ValueError, match=told):
        PrepareSettings(**setting)
