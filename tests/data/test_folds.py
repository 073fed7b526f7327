"""Folds over persons, against scikit-learn's own and against what must hold of any."""

import random
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from adabench.data.folds import deal, division_digest, hold_out, person_folds, share_folds
from adabench.data.manifest import ClipRecord
from adabench.evaluation import BDI_II, PHQ_8, Scale
from adabench.synthface import SynthfaceParameters
from adabench.synthface.sessions.plan import TASKS, draw_sessions

SHARES = {"train": 0.6, "validate": 0.2, "test": 0.2}


def clip(session, subject, score, task="Freeform", split="train"):
    name = f"{session}_{task}"
    return ClipRecord(
        name, subject, session, task, split, score, 15.0, 4, 1.0, f"{name}.mp4", "0" * 64
    )


def corpus(parameters):
    return [
        clip(s.name, str(s.person), s.score, task, s.split)
        for s in draw_sessions(parameters)
        for task in TASKS
    ]


DEMO = corpus(SynthfaceParameters(seed=3107, every_level=True))
PERSON = {c.session: c.subject for c in DEMO}
LEVEL = {c.session: int(BDI_II.level(c.score)) for c in DEMO}


def drawn(seed):
    """A corpus of any sizes: persons with 1 to 5 sessions of any score."""
    rng = random.Random(seed)
    return [
        clip(f"{person}_{number}", f"p{person}", rng.randint(0, 63))
        for person in range(rng.randint(12, 60))
        for number in range(rng.randint(1, 5))
    ]


@pytest.mark.parametrize(("k", "seed"), [(3, 0), (5, 0), (5, 1), (10, 7)])
def test_scikit_learn_deals_the_persons(k, seed):
    sessions = sorted(PERSON)
    levels, persons = [LEVEL[s] for s in sessions], [PERSON[s] for s in sessions]
    own = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
    expected = {}
    for fold, (_, test) in enumerate(own.split(sessions, levels, persons)):
        expected |= dict.fromkeys((sessions[i] for i in test), fold)
    assert person_folds(DEMO, k, seed) == expected


@pytest.mark.parametrize("seed", range(12))
def test_nobody_is_in_two_folds_and_every_session_in_one(seed):
    clips = drawn(seed)
    folds = person_folds(clips, 5, seed)
    assert folds.keys() == {c.session for c in clips}
    assert set(folds.values()) == set(range(5))
    of_person = defaultdict(set)
    for c in clips:
        of_person[c.subject].add(folds[c.session])
    assert {len(found) for found in of_person.values()} == {1}


def test_order_and_tasks_of_clips_do_not_matter_and_the_seed_does():
    one_task = [c for c in reversed(DEMO) if c.task == "Freeform"]
    assert person_folds(one_task, 5, 3) == person_folds(DEMO, 5, 3)
    assert person_folds(DEMO, 5, 4) != person_folds(DEMO, 5, 3)


@pytest.mark.parametrize("seed", range(4))
def test_severity_levels_are_spread_evenly(seed):
    folds = person_folds(DEMO, 5, seed)
    counts = Counter((folds[session], LEVEL[session]) for session in folds)
    everyone = Counter(LEVEL.values())
    for fold in range(5):
        for level in range(4):
            assert abs(counts[fold, level] - everyone[level] / 5) <= 1.5


@pytest.mark.parametrize(
    ("shares", "folds"),
    [
        ((0.6, 0.2, 0.2), (3, 1, 1)),
        ((0.5, 0.25, 0.25), (2, 1, 1)),
        ((0.8, 0.0, 0.2), (4, 0, 1)),
        ((0.7, 0.15, 0.15), (14, 3, 3)),
        ((1 / 3, 1 / 3, 1 / 3), (1, 1, 1)),
        ((0.34, 0.33, 0.33), (1, 1, 1)),
    ],
)
def test_shares_are_whole_numbers_of_folds(shares, folds):
    assert share_folds(shares) == folds


@pytest.mark.parametrize(
    "shares", [(0.6, 0.2, 0.1), (0.6, 0.6, -0.2), (0.97, 0.0, 0.03), (0.613, 0.187, 0.2)]
)
def test_shares_that_are_none(shares):
    with pytest.raises(ValueError, match=r"shares: expected parts of 1 in whole .* got \(0\."):
        share_folds(shares)


@pytest.mark.parametrize("seed", range(4))
def test_parts_have_their_shares_of_sessions_and_levels_and_share_nobody(seed):
    dealt = deal(DEMO, SHARES, seed)
    assert set().union(*dealt.values()) == PERSON.keys()
    persons = [{PERSON[s] for s in sessions} for sessions in dealt.values()]
    assert not persons[0] & persons[1] | persons[0] & persons[2] | persons[1] & persons[2]
    for part, sessions in dealt.items():
        assert len(sessions) == pytest.approx(SHARES[part] * 150, abs=4)
        severe = np.mean([LEVEL[s] == 3 for s in sessions])
        assert severe == pytest.approx(27 / 150, abs=0.06)
    assert deal(DEMO, SHARES, seed) == dealt
    assert deal(DEMO, SHARES, seed + 1) != dealt


def test_a_share_of_nothing():
    assert deal(DEMO, {"train": 0.8, "validate": 0.0, "test": 0.2}, 0)["validate"] == frozenset()
    assert hold_out(DEMO, 0, 1) == frozenset()


def test_what_is_held_out_is_of_persons_of_its_own():
    held_out = hold_out(DEMO, 0.25, 5)
    assert len(held_out) == pytest.approx(150 / 4, abs=4)
    assert not {PERSON[s] for s in held_out} & {PERSON[s] for s in PERSON.keys() - held_out}


def test_too_few_persons_are_told():
    few = [clip(f"{n}_1", str(n), 5) for n in range(3)]
    with pytest.raises(ValueError, match="5 folds can't be made of 3 persons") as error:
        person_folds(few, 5, 0)
    assert "fewer folds" in str(error.value)
    # Twelve persons, but no level has as many sessions as there are folds.
    spread = [clip(f"{n}_1", str(n), (5, 15, 25, 35)[n % 4]) for n in range(12)]
    with pytest.raises(ValueError, match="commonest severity level has 3 sessions"):
        person_folds(spread, 5, 0)
    with pytest.raises(ValueError, match="2 folds can't be made of 0 persons"):
        person_folds([], 2, 0)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (clip("1_1", "2", 5, "Northwind"), "session 1_1 is of person 1 .* and of person 2"),
        (clip("1_1", "1", 6, "Northwind"), "with score 5 and of person 1 with score 6"),
        (clip("1_1", "1", None, "Northwind"), "clip 1_1_Northwind has no score"),
    ],
)
def test_a_session_has_one_person_and_one_score(other, said):
    with pytest.raises(ValueError, match=said):
        person_folds([clip("1_1", "1", 5), other], 2, 0)


def test_a_division_has_a_name():
    folds = person_folds(DEMO, 5, 0)
    name = division_digest(folds)
    assert len(name) == 8
    assert name == division_digest(dict(reversed(folds.items())))
    assert name != division_digest(person_folds(DEMO, 5, 1))
    assert name != division_digest(person_folds(DEMO[2:], 5, 0))


def test_levels_are_those_of_the_scale():
    clips = [replace(c, score=round(24 * c.score / 63)) for c in DEMO]
    classes = [replace(c, score=int(c.score >= 14)) for c in DEMO]
    binary = Scale.of_classes("depressed", ("no", "yes"))
    for given, scale in ((clips, PHQ_8), (classes, binary)):
        folds = person_folds(given, 5, 0, scale)
        level = {c.session: int(scale.level(c.score)) for c in given}
        for value in set(level.values()):
            counts = np.bincount([f for s, f in folds.items() if level[s] == value], minlength=5)
            assert counts.max() - counts.min() <= 3
    with pytest.raises(ValueError, match=r"a PHQ-8 score lies in \[0, 24\]"):
        person_folds(DEMO, 5, 0, PHQ_8)
