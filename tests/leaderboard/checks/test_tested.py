"""A record's sessions, persons and labels are exactly those that its protocol tests."""

from dataclasses import replace
from statistics import fmean

import pytest
from clip_records import clip_record
from record_fixtures import as_licensed
from sent_records import TINY, drawn, experiment, predicted, send, sent

from adabench.data.prepared import CorpusDescription, PreparedCorpus, write_description
from adabench.data.protocol import Folds, PersonDisjoint, divide
from adabench.leaderboard.acceptance.accept import RefusedError, accept
from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.checks.tested import agreement_reasons, session_reasons
from adabench.records import Flags, read_record, write_record
from adabench.records.files.labels import read_labels
from adabench.synthface import TASKS


@pytest.fixture
def root(tmp_path):
    (tmp_path / "board").mkdir()
    return tmp_path / "board"


def clips_of(sessions):
    return [
        clip_record(
            session.name,
            task,
            subject=session.subject,
            split=session.split,
            score=session.score,
            frames=1,
        )
        for session in sessions
        for task in TASKS
    ]


@pytest.fixture
def prepared(tmp_path):
    """The drawn corpus as it would be prepared, opened."""
    clips = [clip for split in ("train", "dev", "test") for clip in clips_of(drawn(split))]
    folder = tmp_path / "corpus"
    (folder / "faces").mkdir(parents=True)
    for clip in clips:
        (folder / "faces" / f"{clip.clip}.jpegs").touch()
    write_description(
        folder, CorpusDescription("synthface", "synthface", False, {"size": 8}, None), clips
    )
    return PreparedCorpus.open(folder)


def scored(sessions):
    """Sessions, predicted without any error."""
    return predicted(sessions, [float(session.score) for session in sessions])


def changed(**fields):
    """The sessions that are tested, the first of them changed."""
    first, *others = drawn()
    return [replace(first, **fields), *others]


def with_persons(name):
    """The sessions that are tested, all under one person's name."""
    content = scored(drawn())
    entries = [entry.model_copy(update={"subject": name}) for entry in content["predictions"]]
    return {**content, "predictions": entries}


WRONG = {
    "the best three": (lambda: scored(drawn()[:3]), "lacks 5, the first"),
    "one session": (lambda: scored(drawn()[:1]), "lacks 7, the first"),
    "all but one": (lambda: scored(drawn()[1:]), "lacks 1, the first"),
    "the training sessions": (lambda: scored(drawn("train")), "has in excess 8, the first"),
    "the validation sessions": (lambda: scored(drawn("dev")), "has in excess 8, the first"),
    "more than it tests": (lambda: scored(drawn() + drawn("dev")), "has in excess 8, the first"),
    "another draw": (lambda: scored(drawn(seed=4)), "the first"),
    "an invented session": (
        lambda: scored(changed(person=999)),
        "has in excess 1, the first '00999_",
    ),
    "a label that is forged": (lambda: scored(changed(score=63)), "with label "),
    "another person": (lambda: with_persons("1"), "is of subject"),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("track", ["demo", "demo-northwind"])
def test_a_generated_corpus_is_drawn_anew(kind, track, root):
    make, reason = WRONG[kind]
    path = send(root / "local", run={"track": track}, **{**make(), "intervals": {}})
    with pytest.raises(RefusedError) as caught:
        accept(path, root)
    assert any(reason in each for each in caught.value.reasons), caught.value.reasons
    found = verify(root)
    assert any(reason in problem.reason for problem in found.problems)


@pytest.mark.parametrize("kind", WRONG)
def test_a_corpus_at_hand_says_who_is_tested(kind, root, prepared):
    make, reason = WRONG[kind]
    content = {**make(), "intervals": {}, "corpus_checksum": prepared.checksum}
    path = send(root / "local", provenance={}, files={}, **content)
    labels = read_labels([prepared.root])
    with pytest.raises(RefusedError) as caught:
        accept(path, root, labels, allow_dirty=True)
    told = {"a label that is forged": "has label 63, its corpus"}.get(kind, reason)
    assert any(told in each for each in caught.value.reasons), caught.value.reasons
    assert not verify(root, labels).holds


def test_the_sessions_that_are_tested_are_taken(root, prepared):
    path = send(root / "local", corpus_checksum=prepared.checksum)
    assert accept(path, root, read_labels([prepared.root])).is_file()
    assert verify(root, read_labels([prepared.root]), intervals=True).holds


def test_parameters_decide_what_is_drawn(root):
    config = {"data": {"synthface": {**TINY, "sessions": 9}}}
    sessions = drawn(sessions=9)
    assert accept(send(root / "local", run=config, sessions=sessions), root).is_file()
    of_draw = {"draw": 0, "family": "f" * 16, "world": "sparse"}
    path = send(root / "local", run={"data": {"synthface": {"preset": "huge"}}}, **of_draw)
    assert any("can't be drawn" in problem.reason for problem in verify(root).problems)
    with pytest.raises(RefusedError, match="can't be drawn from its config"):
        accept(path, root)


PROTOCOLS = {
    "person-disjoint": (
        {"kind": "person-disjoint", "shares": (0.5, 0.25, 0.25), "seed": 1},
        PersonDisjoint((0.5, 0.25, 0.25), 1),
    ),
    "all folds": ({"kind": "folds", "k": 3, "validation": 0.0}, Folds(3, None, 0.0)),
    "one fold": ({"kind": "folds", "k": 3, "fold": 2, "validation": 0.0}, Folds(3, 2, 0.0)),
    "other splits": (
        {"name": "early", "train": ["train"], "validate": [], "test": ["dev"]},
        None,
    ),
}


@pytest.mark.parametrize("kind", PROTOCOLS)
def test_other_protocols_are_divided_again(kind, root, prepared):
    section, protocol = PROTOCOLS[kind]
    if protocol is None:
        names, title = {session.name for session in drawn("dev")}, "early (train, none, dev)"
    else:
        parts = divide(prepared, protocol, ())
        names, title = {clip.session for clip in parts.test}, parts.protocol
    every = [s for split in ("train", "dev", "test") for s in drawn(split)]
    own = [session for session in every if session.name in names]
    config = {"protocol": section}
    assert accept(send(root / "local", run=config, sessions=own, protocol=title), root).is_file()
    for sessions, name in (
        (own[1:], title),
        (drawn(), title),
        (own, "official"),
        (own, f"{title}0"),
    ):
        if (sessions, name) == (own, title):
            continue
        path = send(root / "local", 4.0, 1, run=config, sessions=sessions, protocol=name)
        with pytest.raises(RefusedError, match=r"tests|but its config and corpus give"):
            accept(path, root)


def test_a_protocol_is_read_from_its_name_where_no_config_lies_beside(prepared):
    (labels,) = read_labels([prepared.root]).values()
    for protocol, split in (
        ("official", "test"),
        ("train+dev", "test"),
        ("early (train, none, dev)", "dev"),
    ):
        good, _ = sent(sessions=drawn(split), protocol=protocol)
        assert list(session_reasons(good, None, labels)) == []
        wrong, _ = sent(sessions=drawn("train"), protocol=protocol)
        assert len(list(session_reasons(wrong, None, labels))) == 2
    unknown, _ = sent(sessions=drawn("train"), protocol="3 folds, validation 0, seed 0, 01234567")
    assert list(session_reasons(unknown, None, labels)) == []


def test_a_record_without_predictions_is_left_alone(prepared):
    (labels,) = read_labels([prepared.root]).values()
    bare = sent()[0].model_copy(update={"predictions": []})
    assert list(session_reasons(bare, None, labels)) == []
    assert list(agreement_reasons(bare, [("x", sent()[0])])) == []


FOLDS = {"kind": "folds", "k": 3, "validation": 0.0}


@pytest.mark.parametrize(
    ("section", "protocol", "right"),
    [
        ({}, "official", True),
        ({}, "official, 01234567", False),
        ({}, "train+dev", False),
        (FOLDS, "3 folds, validation 0, seed 0, 01234567", True),
        (FOLDS, "official", False),
        (FOLDS, "3 folds, validation 0, seed 1, 01234567", False),
        (FOLDS, "3 folds, validation 0, seed 0, 01234567, fold 2", False),
        ({**FOLDS, "fold": 2}, "3 folds, validation 0, seed 0, 01234567, fold 2", True),
        ({**FOLDS, "fold": 2}, "3 folds, validation 0, seed 0, 01234567, fold 3", False),
        ({"kind": "person-disjoint"}, "person-disjoint 60/20/20, seed 0, 01234567", True),
        ({"kind": "person-disjoint"}, "person-disjoint 60/20/20, seed 0", False),
        ({"kind": "cross-corpus", "source": "avec13"}, "cross-corpus from avec13, 01234567", True),
        ({"kind": "cross-corpus", "source": "avec13"}, "official", False),
    ],
)
def test_a_protocol_follows_as_far_as_no_corpus_is_needed(section, protocol, right):
    run = experiment(protocol=section, track="avec14", is_demo=False, data={})
    reasons = list(session_reasons(sent(protocol=protocol)[0], run, None))
    assert [each for each in reasons if "its config gives" in each] == reasons
    assert bool(reasons) != right


def constant_of(value, **changes):
    method = {"name": "constant", "type": "EstimatorMethod"}
    sessions = changes.pop("sessions", drawn())
    return {
        "run": {"name": "constant", "method": method, **changes.pop("run", {})},
        "kind": "control",
        **predicted(sessions, [value(session.name) for session in sessions]),
        **changes,
    }


def mean_of(clips):
    return fmean({clip.session: clip.score for clip in clips}.values())


TRAINED = fmean(session.score for session in drawn("train"))
TESTED = fmean(session.score for session in drawn())


@pytest.mark.parametrize("value", [59.0, 0.0, TESTED, TRAINED + 0.01])
def test_a_constant_is_the_mean_of_its_own_training_scores(root, prepared, value):
    config = {"intervals": {}, "corpus_checksum": prepared.checksum}
    fine = send(root / "local", **constant_of(lambda _: TRAINED, **config))
    wrong = send(root / "sent", **constant_of(lambda _: value, **config))
    labels = read_labels([prepared.root])
    for known in ({}, labels):
        with pytest.raises(RefusedError, match="but the mean of the training scores is"):
            accept(wrong, root, known)
    assert verify(root, labels).holds
    assert accept(fine, root).is_file()


def test_a_constant_of_folds_has_the_mean_of_each(root, prepared):
    section = {"kind": "folds", "k": 3, "validation": 0.0}
    parts = [divide(prepared, Folds(3, fold, 0.0), ()) for fold in (1, 2, 3)]
    means = {clip.session: mean_of(part.train) for part in parts for clip in part.test}
    every = [session for split in ("train", "dev", "test") for session in drawn(split)]
    title = divide(prepared, Folds(3, None, 0.0), ()).protocol
    made = {"sessions": every, "run": {"protocol": section}, "protocol": title, "intervals": {}}
    turned = dict(zip(means, [*list(means.values())[1:], means[min(means)]], strict=True))
    path = send(root / "sent", **constant_of(turned.get, **made))
    with pytest.raises(RefusedError, match="but the mean of the training scores is"):
        accept(path, root)
    assert accept(send(root / "local", **constant_of(means.get, **made)), root).is_file()


@pytest.mark.parametrize("clip", ["201_1_Nowhere", "x"])
def test_clips_are_those_that_are_tested(root, clip):
    names = {f"{drawn()[0].name}_{task}": 1.0 for task in TASKS}
    assert accept(send(root / "local", clips=names), root).is_file()
    with pytest.raises(RefusedError, match=f"clips has '{clip}', which its protocol"):
        accept(send(root / "local", seed=1, clips={**names, clip: 1.0}), root)


def bare(record, sessions, persons, **changes):
    """Its licensed form as strangers have it: without the private side file."""
    counts = {"sessions": sessions, "persons": persons}
    own = {"track": "avec14", "corpus": "avec2014", "flags": Flags()}
    return type(record).model_validate(
        as_licensed(record, counts=counts, **own, **changes).model_dump()
    )


def test_licensed_records_without_names_agree_in_counts(root, make_record):
    first = write_record(bare(make_record(), 15, 8), root / "local")
    accept(first, root, allow_dirty=True)
    for seed, (sessions, persons) in enumerate([(40, 8), (15, 15), (15, 1)], 1):
        path = write_record(bare(make_record(seed=seed), sessions, persons), root / "local")
        with pytest.raises(RefusedError, match="not those of another record"):
            accept(path, root, allow_dirty=True)
    assert len(verify(root).warnings) == 4
    same = write_record(bare(make_record(seed=9), 15, 8), root / "local")
    assert accept(same, root, allow_dirty=True).is_file()


def test_counts_are_those_that_the_corpus_gives(root, make_record, licensed_corpus):
    labels = read_labels([licensed_corpus])
    (checksum,) = labels
    good = bare(make_record(), 15, 8, corpus_checksum=checksum)
    assert accept(write_record(good, root / "local"), root, labels, allow_dirty=True).is_file()
    for seed, (sessions, persons) in enumerate([(40, 8), (15, 15)], 1):
        wrong = bare(make_record(seed=seed), sessions, persons, corpus_checksum=checksum)
        with pytest.raises(RefusedError, match="tests 15 sessions of 8 persons, but counts are"):
            accept(write_record(wrong, root / "local"), root, labels, allow_dirty=True)
        assert not verify(root, labels).holds


OWN = {
    "track": "table",
    "corpus": "table",
    "provenance": {},
    "files": {},
    "intervals": {},
    "flags": Flags(),
}


def send_own(root, **changes):
    """A record on a corpus of one's own, without a config beside it."""
    return write_record(sent(**{**OWN, **changes})[0], root)


@pytest.mark.parametrize(
    "odd",
    [
        {"sessions": drawn()[1:]},
        {"sessions": changed(person=999)},
        {"sessions": changed(score=63)},
        {"sessions": drawn("train")},
    ],
    ids=["fewer", "invented", "another label", "others"],
)
def test_records_of_the_same_data_agree(odd, root):
    first = accept(send_own(root / "local", seed=0), root, allow_dirty=True)
    second = accept(send_own(root / "local", seed=1), root, allow_dirty=True)
    path = send_own(root / "local", seed=2, **odd)
    with pytest.raises(RefusedError, match="not those of another record") as caught:
        accept(path, root, allow_dirty=True)
    assert str(first) in str(caught.value) or str(second) in str(caught.value)
    found = verify(root)
    assert found.holds
    assert {warning.path for warning in found.warnings} in ({path, first}, {path, second})
    # Of another corpus or protocol they are no rivals.
    for changes in ({"corpus_checksum": "beef"}, {"protocol": "train+dev"}):
        assert accept(send_own(root / "local", seed=3, **odd, **changes), root, allow_dirty=True)


def test_a_record_of_another_draw_under_the_same_checksum_is_the_odd_one(root):
    accept(send(root / "local"), root)
    config = {"data": {"synthface": {**TINY, "seed": 4}}}
    path = send(root / "local", seed=1, run=config, sessions=drawn(seed=4))
    with pytest.raises(RefusedError, match="not those of another record"):
        accept(path, root)
    assert accept(send(root / "local", seed=1), root).is_file()
    assert read_record(path).seed == 1
