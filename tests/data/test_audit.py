"""The audit's figures: the generator's own counts, and mistakes that were put in."""

import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from adabench.data.audit import audit_text
from adabench.data.manifest import ClipRecord
from adabench.synthface import SynthfaceParameters
from adabench.synthface.sessions.plan import TASKS, draw_sessions


def clips_of(parameters):
    return [
        ClipRecord(
            clip=s.clip_name(task),
            subject=str(s.person),
            session=s.name,
            task=task,
            split=s.split,
            score=s.score,
            fps=15.0,
            frames=100,
            face_rate=1.0,
            source=f"{s.clip_name(task)}.mp4",
            source_sha256=hashlib.sha256(s.clip_name(task).encode()).hexdigest(),
        )
        for s in draw_sessions(parameters)
        for task in TASKS
    ]


def one_a_session(clips):
    """As AVEC 2013 holds the sessions of 2014: one clip without a task."""
    return [
        replace(c, clip=c.session, task="", source_sha256="f" * 64)
        for c in clips
        if c.task == "Freeform"
    ]


DEMO = clips_of(SynthfaceParameters(seed=0, every_level=True))


def row(text, name, number=0):
    """The cells of a table's row: the number-th that begins so."""
    found = [line for line in text.splitlines() if line.strip().startswith(name)]
    return re.split(r"\s{2,}", found[number].strip())[1:]


@pytest.mark.parametrize("seed", [0, 1, 3107])
def test_shared_persons_come_out_as_the_generator_draws_them(seed):
    text = audit_text(clips_of(SynthfaceParameters.demo(seed)), "synthface")
    assert row(text, "train and dev") == ["26", "0", "0"]
    assert row(text, "train and test") == ["10", "0", "0"]
    assert row(text, "dev and test") == ["12", "0", "0"]
    assert "leak" not in text


def test_sizes_and_levels_of_each_split():
    text = audit_text(DEMO, "synthface")
    persons = {
        split: len({c.subject for c in DEMO if c.split == split}) for split in ("train", "dev")
    }
    assert row(text, "train") == ["100", "50", "50", "50", str(persons["train"])]
    assert row(text, "dev") == ["100", "50", "50", "50", str(persons["dev"])]
    assert row(text, "all")[:4] == ["300", "150", "150", "150"]
    scores = [c.score for c in DEMO if c.split == "test" and c.task == "Freeform"]
    levels = row(text, "test", 1)
    assert levels[:4] == ["26", "8", "7", "9"]
    assert levels[4:] == [f"{min(scores)} to {max(scores)}", f"{np.mean(scores):.2f}", "0"]


def test_the_constants_errors_are_those_of_the_training_mean():
    text = audit_text(DEMO, "synthface")
    truth = {
        s: [c.score for c in DEMO if c.split == s and c.task == "Freeform"]
        for s in ("train", "dev", "test")
    }
    mean = np.mean(truth["train"])
    assert f"the mean of 50 training sessions: {mean:.4f}" in text
    errors = text.split("the constant predictor")[1]
    for split in ("dev", "test"):
        guess = np.full(50, mean)
        assert row(errors, split) == [
            f"{root_mean_squared_error(truth[split], guess):.4f}",
            f"{mean_absolute_error(truth[split], guess):.4f}",
        ]


def test_two_corpora_with_the_same_sessions():
    other = [c for c in one_a_session(DEMO) if c.session != DEMO[0].session]
    text = audit_text(DEMO, "avec2014", other, "avec2013")
    assert "== avec2014 ==" in text
    assert row(text, "all", 2)[:3] == ["149", "149", "149"]
    assert "clips without a task" in text
    assert (
        "sessions in both, by name: 149 of 150 and 149; 149 in the same split; 149 of 149 with the "
        "same score"
    ) in text
    persons = {split: {c.subject for c in DEMO if c.split == split} for split in ("dev", "test")}
    theirs = {c.subject for c in other if c.split == "train"}
    for split, own in persons.items():
        assert row(text, f"{split} of avec2014")[0] == f"{len(own & theirs)} / 0"
    assert row(text, "test of avec2014")[2].endswith(" / 50")


def test_sessions_that_moved_or_have_another_score():
    other = one_a_session(DEMO)
    other[0] = replace(other[0], split="test")
    other[1] = replace(other[1], score=63 - other[1].score)
    text = audit_text(DEMO, "a", other, "b")
    assert "150 of 150 and 150; 149 in the same split; 149 of 150 with the same score" in text


def test_corpora_that_share_nothing():
    other = [replace(c, subject=f"x{c.subject}", session=f"x{c.session}") for c in DEMO]
    text = audit_text(DEMO, "a", other, "b")
    assert "persons in both: 0 of" in text
    assert "0 of 150 and 150; 0 in the same split; 0 of 0 with the same score" in text


def test_a_session_in_two_splits_is_a_leak():
    moved = replace(DEMO[0], split="test")
    text = audit_text([moved, *DEMO[1:]], "synthface")
    assert row(text, "train and test")[1:] == ["1", "0"]
    assert "is a leak: a run on these splits is refused" in text
    copied = replace(DEMO[0], clip="copy", session="900_1", subject="900", split="test")
    text = audit_text([*DEMO, copied], "synthface")
    assert row(text, "train and test")[1:] == ["0", "1"]


def test_missing_scores_are_counted():
    bare = [replace(c, score=None) if c.split == "test" else c for c in DEMO]
    text = audit_text(bare, "synthface")
    assert row(text, "test", 1) == ["0", "0", "0", "0", "none", "50"]
    assert not re.search(r"^test +\d+\.\d{4}", text, re.M)
    nothing = audit_text([replace(c, score=None) for c in DEMO], "synthface")
    assert "no training session has a score" in nothing


def test_one_split_alone():
    text = audit_text([c for c in DEMO if c.split == "train"], "mine")
    assert "one split: nothing to share" in text
    assert "the mean of 50 training sessions" in text


def test_what_can_not_be_audited():
    with pytest.raises(ValueError, match="corpus mine has no clip"):
        audit_text([], "mine")
    odd = replace(DEMO[1], score=(DEMO[1].score + 1) % 64)
    with pytest.raises(ValueError, match=f"session {odd.session} has scores"):
        audit_text([DEMO[0], odd], "mine")
