"""Test labels stay shut until there are predictions of all sessions."""

from types import SimpleNamespace

import pytest
from clip_records import clip_record

from adabench.data.protocol import CrossCorpus, Folds, PersonDisjoint, Protocol, divide
from adabench.data.sealed import SealedScores, session_labels
from adabench.evaluation import BDI_II

SPLITS = ("train", "dev", "test")


def corpus(name="one"):
    clips = [
        clip_record(f"{200 + n}_1", task, split=SPLITS[n % 3], score=n, salt=name)
        for n in range(24)
        for task in ("Freeform", "Northwind")
    ]
    return SimpleNamespace(
        name=name, clips=tuple(clips), checksum=name * 8, licensed=False, scale=BDI_II
    )


@pytest.mark.parametrize(
    "protocol", [Protocol(), PersonDisjoint(), Folds(k=3, fold=2), Folds(k=3)], ids=str
)
def test_test_clips_come_without_scores(protocol):
    whole = corpus()
    parts = divide(whole, protocol, ("Freeform",))
    assert {clip.score for clip in parts.test} == {None}
    assert all(clip.score is not None for clip in (*parts.train, *parts.validate))
    sessions = {clip.session for clip in parts.test}
    labels = parts.open_labels(dict.fromkeys(sessions, 20.0))
    true = session_labels(whole.clips)
    assert labels == {session: true[session] for session in sessions}


def test_those_of_another_corpus_too():
    source = corpus("another")
    protocol = CrossCorpus("demo-freeform", ("train",), ("dev",), ("test",))
    moved = [clip_record(f"9{n}_1", split="test", score=n) for n in range(5)]
    tested = SimpleNamespace(
        name="one", clips=tuple(moved), checksum="1" * 8, licensed=False, scale=BDI_II
    )
    parts = divide(tested, protocol, ("Freeform",), source=source, source_tasks=("Freeform",))
    assert {clip.score for clip in parts.test} == {None}


def test_they_open_for_predictions_of_all_sessions_alone():
    sealed = SealedScores([clip_record(f"{n}_1", score=n) for n in range(3)])
    assert sealed.sessions == ["0_1", "1_1", "2_1"]
    with pytest.raises(ValueError, match="1 of 3 test sessions have no prediction, the first 2_1"):
        sealed.open({"0_1": 3.0, "1_1": 4.0})
    assert sealed.open({"0_1": 3.0, "1_1": 4.0, "2_1": 5.0, "9_9": 1.0}) == {
        "0_1": 0.0,
        "1_1": 1.0,
        "2_1": 2.0,
    }


def test_two_scores_of_a_session_are_told_when_it_is_sealed():
    with pytest.raises(ValueError, match=r"session 7_1 has scores 3 and 4"):
        SealedScores([clip_record("7_1", score=3), clip_record("7_1", "Northwind", score=4)])


def test_what_it_holds_is_not_shown():
    assert "31.5" not in repr(SealedScores([clip_record("7_1", score=31.5)]))
