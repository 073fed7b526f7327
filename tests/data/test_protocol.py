"""Protocols: which clips train, select and test, and what is refused."""

from types import SimpleNamespace

import pytest
from clip_records import clip_record

from adabench.data.protocol import (
    Folds,
    LeakError,
    PersonDisjoint,
    Protocol,
    divide,
    shuffle_labels,
)
from adabench.evaluation import BDI_II

OFFICIAL = Protocol()


def clip(session, split, task="Freeform", **changes):
    return clip_record(session, task, split=split, **changes)


def corpus(*clips):
    return SimpleNamespace(name="avec2014", clips=clips, scale=BDI_II)


CLIPS = (
    clip("201_1", "train"),
    clip("201_1", "train", "Northwind"),
    clip("202_1", "dev"),
    clip("202_1", "dev", "Northwind"),
    clip("203_1", "test"),
    clip("203_1", "test", "Northwind"),
)


def names(clips):
    return [c.clip for c in clips]


def test_official_splits():
    parts = divide(corpus(*CLIPS), OFFICIAL, ())
    assert names(parts.train) == ["201_1_Freeform", "201_1_Northwind"]
    assert names(parts.validate) == ["202_1_Freeform", "202_1_Northwind"]
    assert names(parts.test) == ["203_1_Freeform", "203_1_Northwind"]


def test_a_track_takes_its_tasks_only():
    parts = divide(corpus(*CLIPS), OFFICIAL, ("Northwind",))
    assert names(parts.train + parts.validate + parts.test) == [
        "201_1_Northwind",
        "202_1_Northwind",
        "203_1_Northwind",
    ]


def test_several_splits_may_train():
    parts = divide(corpus(*CLIPS), Protocol(train=("train", "dev")), ("Freeform",))
    assert names(parts.train) == ["201_1_Freeform", "202_1_Freeform"]


@pytest.mark.parametrize("use", ["train", "validate"])
def test_test_data_in_another_use_is_refused(use):
    with pytest.raises(LeakError, match=rf"2 clips of the {use} data") as error:
        divide(corpus(*CLIPS), Protocol(**{use: ("test",)}), ())
    assert "203_1_Freeform" in str(error.value)
    assert f"protocol.{use}" in str(error.value)


@pytest.mark.parametrize(("split", "use"), [("train", "train"), ("dev", "validate")])
def test_a_session_in_two_splits_is_refused(split, use):
    # the other task of a test session: another video, the same person on the same day
    leaking = clip("203_1", split, "Northwind")
    with pytest.raises(LeakError, match=f"{use} data.*203_1_Northwind"):
        divide(corpus(*CLIPS[:5], leaking), OFFICIAL, ())


@pytest.mark.parametrize(("split", "use"), [("train", "train"), ("dev", "validate")])
def test_the_same_video_under_another_name_is_refused(split, use):
    copy = clip("999_1", split, source_sha256=CLIPS[4].source_sha256)
    with pytest.raises(LeakError, match=f"{use} data.*999_1_Freeform"):
        divide(corpus(*CLIPS, copy), OFFICIAL, ())


def test_a_leak_in_a_task_of_another_track_does_not_count():
    leaking = clip("203_1", "dev", "Northwind")
    parts = divide(corpus(*CLIPS[:5], leaking), OFFICIAL, ("Freeform",))
    assert names(parts.validate) == ["202_1_Freeform"]


def test_an_empty_part_names_field_split_and_what_there_is():
    with pytest.raises(
        ValueError, match=r"^protocol\.validate: corpus avec2014 has no clip"
    ) as error:
        divide(corpus(*CLIPS[:2], *CLIPS[4:]), OFFICIAL, ("Freeform",))
    assert "'dev'" in str(error.value)
    assert "its splits are test, train" in str(error.value)


@pytest.mark.parametrize("use", ["train", "validate", "test"])
def test_the_calibration_split_is_read_by_no_protocol(use):
    kept = clip("209_1", "calibration")
    whole = corpus(*CLIPS, kept)
    with pytest.raises(ValueError, match=rf"^protocol\.{use}: the split 'calibration' is kept"):
        divide(whole, Protocol(**{use: ("calibration",)}), ())
    parts = divide(whole, OFFICIAL, ())
    assert kept.clip not in names((*parts.train, *parts.validate, *parts.test))
    assert "calibration" not in PersonDisjoint().pool + Folds().pool


def test_calibration_clips_come_beside_the_parts_with_their_scores_shut():
    kept = [clip("209_1", "calibration", task, score=31) for task in ("Freeform", "Northwind")]
    parts = divide(corpus(*CLIPS, *kept), OFFICIAL, ("Northwind",))
    assert names(parts.calibrate) == ["209_1_Northwind"]
    assert parts.calibrate[0].score is None
    assert parts.open_calibration({"209_1": 1.0}) == {"209_1": 31.0}
    assert not any("calibration" in note for note in parts.notes)
    plain = divide(corpus(*CLIPS), OFFICIAL, ("Northwind",))
    assert (parts.train, parts.validate, parts.test) == (plain.train, plain.validate, plain.test)
    assert plain.calibrate == ()
    with pytest.raises(ValueError, match="no session is kept for calibrators"):
        plain.open_calibration({})


@pytest.mark.parametrize(
    "changes", [{}, {"session": "209_1", "source_sha256": CLIPS[0].source_sha256}]
)
def test_a_calibration_clip_that_serves_anything_else_is_refused(changes):
    """The other task of a training session, and a training video under another name."""
    kept = clip(changes.pop("session", "201_1"), "calibration", "Third", **changes)
    with pytest.raises(
        LeakError, match="1 clips of the split 'calibration' of avec2014 also serve"
    ):
        divide(corpus(*CLIPS, kept), OFFICIAL, ())


def test_calibration_persons_who_are_known_are_told_of():
    kept = clip("201_2", "calibration")
    notes = divide(corpus(*CLIPS, kept), OFFICIAL, ()).notes
    assert "1 persons of the calibration sessions are in training, validation or test" in notes


def test_a_task_that_the_corpus_lacks():
    with pytest.raises(ValueError, match=r"protocol\.train.*with task Reading"):
        divide(corpus(*CLIPS), OFFICIAL, ("Reading",))


def test_missing_scores_name_field_clip_and_remedy():
    bare = clip("204_1", "test", score=None)
    with pytest.raises(ValueError, match=r"^protocol\.test: 1 clips have no score") as error:
        divide(corpus(*CLIPS, bare), OFFICIAL, ())
    assert "204_1_Freeform" in str(error.value)
    assert "prepare the corpus again with its label files" in str(error.value)


def test_a_score_of_zero_is_a_score():
    parts = divide(corpus(clip("205_1", "train", score=0), *CLIPS), OFFICIAL, ("Freeform",))
    assert "205_1_Freeform" in names(parts.train)


def test_shuffled_labels_are_dealt_out_among_sessions():
    clips = [
        clip(f"{person}_1", "train", task, score=person)
        for person in range(20, 40)
        for task in ("Freeform", "Northwind")
    ]
    dealt = shuffle_labels(clips, seed=1)
    assert [(c.clip, c.session) for c in dealt] == [(c.clip, c.session) for c in clips]
    assert sorted(c.score for c in dealt) == sorted(c.score for c in clips)
    by_session = {c.session: {d.score for d in dealt if d.session == c.session} for c in dealt}
    assert all(len(scores) == 1 for scores in by_session.values())
    assert sum(c.score != d.score for c, d in zip(clips, dealt, strict=True)) > 20
    assert shuffle_labels(clips, seed=1) == dealt
    assert shuffle_labels(clips, seed=2) != dealt
