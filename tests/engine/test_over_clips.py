"""What a record of one model on several tasks says of its clips."""

import pytest
from clip_records import clip_record

from adabench.engine.recording.reporting import over_clips


def test_each_clip_is_held_against_its_sessions_label():
    clips = [clip_record(s, clip=f"{s}_{task}") for s in ("a", "b") for task in ("F", "N")]
    scores = {"a_F": 8.0, "a_N": 14.0, "b_F": 30.0, "b_N": 20.0}
    labels = {"a": 10.0, "b": 26.0}
    found = over_clips(clips, scores, labels)
    assert pytest.approx((2 + 4 + 4 + 6) / 4) == found.MAE
    assert pytest.approx(((4 + 16 + 16 + 36) / 4) ** 0.5) == found.RMSE
    assert pytest.approx(3.0) == over_clips(clips[:2], scores, {"a": 10.0}).MAE


def test_a_clip_without_a_score_leaves_them_out():
    clips = [clip_record("a", clip="a_F"), clip_record("a", clip="a_N")]
    assert over_clips(clips, {"a_F": 8.0}, {"a": 10.0}) is None
