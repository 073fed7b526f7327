"""Protocols that look at persons: divided anew, in folds, across corpora; what records say of them."""

import hashlib
from dataclasses import replace
from types import SimpleNamespace

import pytest
from clip_records import clip_record

from adabench.data.protocol import (
    CrossCorpus,
    Folds,
    LeakError,
    Parts,
    PersonDisjoint,
    Protocol,
    divide,
    person_note,
    refuse_shared_persons,
)
from adabench.evaluation import BDI_II, PHQ_8
from adabench.evaluation.scale import DRAWN_SCORE

OFFICIAL = Protocol()


def clip(session, split, task="Freeform", score=10, corpus="", **changes):
    return clip_record(session, task, split=split, score=score, salt=corpus, **changes)


def corpus(*clips, name="avec2014", licensed=False, scale=BDI_II):
    checksum = hashlib.sha256(name.encode()).hexdigest()
    return SimpleNamespace(
        name=name, clips=clips, checksum=checksum, licensed=licensed, scale=scale
    )


def many(seed=0, name=""):
    """Sixty sessions of forty persons in three splits, two tasks each; some persons are in two."""
    splits = ("train", "dev", "test")
    scores = [(7 * n + 13 * seed) % 46 for n in range(60)]
    sessions = [(f"{201 + n % 40}_{1 + n // 40}", splits[n % 3]) for n in range(60)]
    return [
        clip(session, split, task, score, corpus=name)
        for (session, split), score in zip(sessions, scores, strict=True)
        for task in ("Freeform", "Northwind")
    ]


MANY = corpus(*many())
PARTS = ("train", "validate", "test")


def names(clips):
    return [c.clip for c in clips]


def persons(clips):
    return {c.subject for c in clips}


def sessions(clips):
    return {c.session for c in clips}


def test_the_official_note_says_how_many_persons_are_shared():
    parts = divide(MANY, OFFICIAL, ())
    both = {
        (one, other): len(persons(getattr(parts, one)) & persons(getattr(parts, other)))
        for one, other in (("train", "validate"), ("train", "test"), ("validate", "test"))
    }
    assert parts.protocol == "official"
    assert min(both.values()) > 0
    assert parts.notes == (
        f"persons in two parts: {both['train', 'validate']} in training and validation, "
        f"{both['train', 'test']} in training and test, "
        f"{both['validate', 'test']} in validation and test",
    )


def test_official_splits_may_share_nobody():
    clips = [clip(f"{n}_1", split) for n, split in enumerate(("train", "dev", "test"), 201)]
    parts = divide(corpus(*clips), OFFICIAL, ())
    assert parts.notes == ("no person is in two parts: 1 in training, 1 in validation, 1 in test",)


def test_train_and_dev_together_select_nothing():
    protocol = Protocol("train+dev", ("train", "dev"), (), ("test",))
    parts = divide(MANY, protocol, ("Freeform",))
    assert parts.protocol == "train+dev"
    assert parts.validate == ()
    assert {c.split for c in parts.train} == {"train", "dev"}
    assert len(parts.train) == 40
    with pytest.raises(LeakError, match="train data"):
        divide(MANY, Protocol(train=("train", "test"), validate=()), ())
    with pytest.raises(ValueError, match=r"^protocol\.train: corpus avec2014 has no clip"):
        divide(MANY, Protocol(train=()), ())


@pytest.mark.parametrize(
    ("protocol", "title"),
    [
        (Protocol(), "official"),
        (Protocol(train=("train", "dev")), "official (train+dev, dev, test)"),
        (Protocol("train+dev", ("train", "dev"), ()), "train+dev"),
        (Protocol("train+dev", ("train", "dev"), ("dev",)), "train+dev (train+dev, dev, test)"),
        (Protocol("own", ("train",), (), ("dev",)), "own (train, none, dev)"),
        (PersonDisjoint(), "person-disjoint 60/20/20, seed 0"),
        (PersonDisjoint((0.7, 0.15, 0.15), 3), "person-disjoint 70/15/15, seed 3"),
        (Folds(), "5 folds, validation 20, seed 0"),
        (Folds(3, validation=0, seed=2), "3 folds, validation 0, seed 2"),
        (CrossCorpus("avec13"), "cross-corpus from avec13"),
        (CrossCorpus("avec13", validate=()), "cross-corpus from avec13 (train, none, test)"),
    ],
)
def test_a_title_tells_protocols_apart(protocol, title):
    assert protocol.title == title


@pytest.mark.parametrize("seed", range(5))
def test_person_disjoint_parts_share_nobody(seed):
    parts = divide(MANY, PersonDisjoint(seed=seed), ())
    found = [persons(getattr(parts, use)) for use in PARTS]
    assert set().union(*found) == persons(MANY.clips)
    assert sum(map(len, found)) == 40
    assert sum(len(sessions(getattr(parts, use))) for use in PARTS) == 60
    assert {c.split for c in parts.test} == {"train", "dev", "test"}
    counts = ", ".join(
        f"{len(own)} in {use}"
        for own, use in zip(found, ("training", "validation", "test"), strict=True)
    )
    assert parts.notes == (f"no person is in two parts: {counts}",)
    assert parts.protocol.startswith(f"person-disjoint 60/20/20, seed {seed}, ")


def test_the_tasks_of_a_corpus_are_divided_alike():
    whole = divide(MANY, PersonDisjoint(), ())
    one = divide(MANY, PersonDisjoint(), ("Northwind",))
    assert one.protocol == whole.protocol
    for use in PARTS:
        assert sessions(getattr(one, use)) == sessions(getattr(whole, use))
        assert {c.task for c in getattr(one, use)} == {"Northwind"}
    # One video of a session could not be prepared: everybody stays where they were.
    lame = divide(corpus(*MANY.clips[1:]), PersonDisjoint(), ("Freeform",))
    assert lame.protocol == whole.protocol
    assert sum(len(getattr(lame, use)) for use in PARTS) == 59


def test_the_record_s_name_tells_divisions_apart():
    names = {
        divide(of, protocol, ()).protocol
        for of in (MANY, corpus(*many(1)))
        for protocol in (
            PersonDisjoint(),
            PersonDisjoint(seed=1),
            PersonDisjoint((0.5, 0.25, 0.25)),
            PersonDisjoint(pool=("train", "dev")),
            Folds(3),
            Folds(3, seed=1),
            Folds(3, validation=0.25),
            Folds(4),
            Folds(3, fold=1),
            Folds(3, fold=2),
            OFFICIAL,
        )
    }
    assert len(names) == 21


def test_a_pool_of_some_splits():
    parts = divide(MANY, PersonDisjoint(pool=("train", "dev")), ())
    assert {c.split for use in PARTS for c in getattr(parts, use)} == {"train", "dev"}
    bare = corpus(*MANY.clips, clip("299_1", "test", score=None))
    assert divide(bare, PersonDisjoint(pool=("train", "dev")), ()).test
    with pytest.raises(ValueError, match=r"^protocol\.pool: 1 clips have no score"):
        divide(bare, PersonDisjoint(), ())


@pytest.mark.parametrize("validation", [0.2, 0])
def test_folds_test_each_session_once_and_share_nobody(validation):
    together = divide(MANY, Folds(4, validation=validation), ("Freeform",))
    folds = [divide(MANY, Folds(4, n, validation), ("Freeform",)) for n in range(1, 5)]
    tested = [c.session for parts in folds for c in parts.test]
    assert sorted(tested) == sorted(sessions(together.test)) == sorted(sessions(MANY.clips))
    assert (together.train, together.validate) == ((), ())
    for number, parts in enumerate(folds, 1):
        found = [persons(getattr(parts, use)) for use in PARTS]
        assert sum(map(len, found)) == len(set().union(*found)) == 40
        assert len(parts.train) + len(parts.validate) + len(parts.test) == 60
        assert bool(parts.validate) == (validation > 0)
        assert parts.protocol == f"{together.protocol}, fold {number}"
        assert parts.notes[-1].startswith("no person is in two parts: ")
    assert "each session's prediction is that of the one fold" in together.notes[0]
    assert together.notes[1:] == ("no person is in two folds: 40 persons, 60 sessions",)
    held_out = [frozenset(sessions(parts.validate)) for parts in folds]
    assert len(set(held_out)) == (4 if validation else 1)


def test_a_division_that_leaves_a_part_empty_is_refused():
    lone = [
        clip(f"{n}_1", "train", task, 5)
        for n in range(201, 221)
        for task in ("Freeform", *(["Northwind"] if n == 201 else []))
    ]
    with pytest.raises(ValueError, match=r"no \w+ session of avec2014 has a clip with task North"):
        divide(corpus(*lone), PersonDisjoint(), ("Northwind",))


SOURCE = corpus(*many(1, "avec2013"), name="avec2013")


def test_cross_corpus_leaves_out_who_is_tested():
    parts = divide(
        MANY, CrossCorpus("avec13"), ("Northwind",), source=SOURCE, source_tasks=("Freeform",)
    )
    tested = persons(parts.test)
    assert names(parts.test) == names(
        c for c in MANY.clips if c.split == "test" and c.task == "Northwind"
    )
    left_out = {}
    for use, split in (("train", "train"), ("validate", "dev")):
        own = [c for c in SOURCE.clips if c.split == split and c.task == "Freeform"]
        assert names(getattr(parts, use)) == names(c for c in own if c.subject not in tested)
        assert persons(getattr(parts, use))
        left_out[use] = f"{len(persons(own) & tested)} of {len(persons(own))}"
    assert parts.source is SOURCE
    assert parts.protocol == f"cross-corpus from avec13, {SOURCE.checksum[:8]}"
    assert parts.notes[0] == (
        f"trained on avec2013 (corpus {SOURCE.checksum[:8]}); persons left out there because they "
        f"are tested: {left_out['train']} in training, {left_out['validate']} in validation"
    )
    assert parts.notes[1].endswith("in training and validation; nobody who is tested")


def test_cross_corpus_without_validation():
    parts = divide(MANY, CrossCorpus("avec13", validate=()), (), source=SOURCE)
    assert parts.validate == ()
    assert parts.notes[-1].startswith("no person is in two parts: ")


def test_cross_corpus_that_can_not_be():
    protocol = CrossCorpus("avec13", test=("train", "dev", "test"))
    with pytest.raises(ValueError, match=r"^protocol\.train: all \d+ persons of avec2013 are also"):
        divide(MANY, protocol, (), source=SOURCE)
    with pytest.raises(ValueError, match=r"^protocol\.source: avec13 is the very corpus"):
        divide(MANY, CrossCorpus("avec13"), (), source=MANY)
    with pytest.raises(TypeError, match="needs the corpus that it trains on"):
        divide(MANY, CrossCorpus("avec13"), ())


@pytest.mark.parametrize("protocol", [PersonDisjoint(), Folds(3, 1)])
def test_a_video_under_two_names_is_refused(protocol):
    first = MANY.clips[0]
    copies = [clip(f"{900 + n}_1", "train", source_sha256=first.source_sha256) for n in range(30)]
    with pytest.raises(LeakError, match="a video stands under two persons' names"):
        divide(corpus(*MANY.clips, *copies), protocol, ())


def test_a_tested_video_in_the_other_corpus_is_refused():
    tested = next(c for c in MANY.clips if c.split == "test")
    copy = clip("999_1", "train", source_sha256=tested.source_sha256)
    with pytest.raises(LeakError, match="a video stands under two persons' names"):
        divide(MANY, CrossCorpus("x"), (), source=corpus(*SOURCE.clips, copy, name="x"))


@pytest.mark.parametrize(
    ("one", "other", "refused"),
    [("train", "test", True), ("validate", "test", True), ("train", "validate", False)],
)
def test_a_shared_person_is_an_error(one, other, refused):
    clips = {use: (clip(f"{n}_1", "train"),) for n, use in enumerate(PARTS)}
    parts = Parts(**clips, protocol="folds of mine")
    refuse_shared_persons(parts)
    assert person_note(parts).startswith("no person is in two parts")
    shared = Parts(**{**clips, other: (*clips[other], clip(f"{PARTS.index(one)}_2", "dev"))})
    with pytest.raises(LeakError, match=r"1 persons of the \w+ data are also in the .* nobody may"):
        refuse_shared_persons(shared)
    if refused:
        with pytest.raises(LeakError, match="official: 1 persons"):
            refuse_shared_persons(shared, both_learn=False)
    else:
        refuse_shared_persons(shared, both_learn=False)


def test_what_is_learnt_from_is_told_in_plain_values():
    parts = divide(MANY, CrossCorpus("avec13"), (), source=SOURCE)
    assert parts.learnt_from() == [names(parts.train), names(parts.validate), SOURCE.checksum]
    assert divide(MANY, Folds(3, 1), ()).learnt_from()[2] is None


@pytest.mark.parametrize("protocol", [PersonDisjoint(), Folds(k=5)])
def test_a_licensed_corpus_s_division_is_named_by_what_its_holders_alone_know(protocol):
    def named(licensed, name):
        return divide(corpus(*many(name=name), licensed=licensed), protocol, ()).protocol

    # Of the same sessions and scores, with other videos.
    assert named(True, "mine") != named(True, "theirs") != named(False, "theirs")
    assert named(True, "mine") == named(True, "mine")
    assert named(False, "mine") == named(False, "theirs")


def test_a_run_has_one_scale():
    other = corpus(*SOURCE.clips, name="other", scale=PHQ_8)
    with pytest.raises(ValueError, match=r"of PHQ-8, and avec2014, .* of BDI-II: a run has one"):
        divide(MANY, CrossCorpus("avec13"), (), source=other)


def test_scales_that_differ_in_name_alone_are_two():
    other = corpus(*SOURCE.clips, name="other", scale=replace(BDI_II, name="Zung"))
    with pytest.raises(ValueError, match=r"of Zung, and avec2014, .* of BDI-II: a run has one"):
        divide(MANY, CrossCorpus("avec13"), (), source=other)


def test_drawn_scores_have_the_range_and_levels_of_the_bdi_ii():
    drawn = corpus(*SOURCE.clips, name="drawn", scale=DRAWN_SCORE)
    parts = divide(MANY, CrossCorpus("drawn"), (), source=drawn)
    assert parts.source is not None
