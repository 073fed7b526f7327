"""What an estimator takes, on noise."""

import pytest

from adabench.models import EstimatorMethod, Extractor
from adabench.profiling.estimator import profile_estimator

SMALL = {"clips": 12, "frames": 4, "size": 16, "repeats": 2}


class Seeing(Extractor):
    """The first colours of a clip; remembers what it was shown."""

    def __init__(self):
        self.seen = []

    def __call__(self, clip):
        self.seen.append((tuple(clip.frames.shape), clip.segment_length, clip.score))
        return clip.frames[0, :, 0, 0].float()


def svr(**options):
    return EstimatorMethod(estimator={"type": "SVR"}, **options)


def test_each_step_is_timed_and_the_method_stays_as_it_is():
    method = svr(extractor=Seeing(), search={"grid": {"C": [1.0, 10.0]}, "folds": 3})
    found = profile_estimator(method, **SMALL)
    assert (found.features, found.clips) == (3, 12)
    assert found.fit > found.predict > 0
    assert found.extract > 0
    assert method.chosen is None
    assert method.extractor.seen == []
    assert found.as_dict()["fit"] == found.fit


def test_the_extractor_sees_a_clip_once_a_turn(monkeypatch):
    shown = []
    monkeypatch.setattr(Seeing, "__call__", lambda _, clip: shown.append(clip) or [1.0, 2.0])
    found = profile_estimator(svr(extractor=Seeing()), **SMALL, segment_length=2)
    assert len(shown) == 1 + SMALL["repeats"]
    assert {(tuple(c.frames.shape), c.segment_length) for c in shown} == {((4, 3, 16, 16), 2)}
    assert "extract a clip" in found.format()


def test_one_over_signals_is_profiled():
    method = svr(extractor={"type": "SignalStatistics"})
    found = profile_estimator(method, **SMALL, signals=("AU01_r", "AU12_r"))
    assert found.features == 2 * 2 * 3


def test_one_that_reads_nothing_is_timed_too():
    found = profile_estimator(EstimatorMethod(), **SMALL)
    assert found.features == 0
    assert "extract" not in found.format()


@pytest.mark.parametrize("name", SMALL)
def test_a_wrong_count_is_told(name):
    with pytest.raises(ValueError, match=f"{name} is 1 or more; got 0"):
        profile_estimator(svr(extractor=Seeing()), **{**SMALL, name: 0})
