"""A licensed corpus's records on the leaderboard: added, verified, compared, without predictions."""

import json
import shutil
from functools import partial

import pytest
from record_fixtures import OF_DRAW, as_licensed

from adabench.cli.leaderboard import command
from adabench.evaluation import score_metrics
from adabench.leaderboard.acceptance.accept import RefusedError
from adabench.leaderboard.acceptance.accept import accept as accept_all
from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.pages.publish import publish
from adabench.records import Metrics, read_record, write_record
from adabench.records.files.labels import read_labels
from adabench.records.files.side_files import digests, write_side_files
from adabench.records.schema.fields import RecordFields
from adabench.records.schema.record import content_checksum
from adabench.records.schema.tracks import PRIVATE_FOLDER

# These records have no config beside them.
accept = partial(accept_all, allow_dirty=True)

NEW_IN_3 = ("counts", "clips", "private", "scale", "calibration", "load", "selection", "stages")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "leaderboard").mkdir()
    return tmp_path / "leaderboard"


@pytest.fixture
def labels(licensed_corpus):
    return read_labels([licensed_corpus])


@pytest.fixture
def older(sound, licensed, root):
    """The file of a record of version 2, which holds predictions, among the local ones."""
    names = RecordFields.model_fields.keys() - {*NEW_IN_3, *OF_DRAW}
    content = json.loads(sound(error=4.123).model_dump_json(include=names))
    named = {"track": "avec14", "corpus": "avec2014", "licensed": True, "schema_version": 2}
    content |= {**named, "corpus_checksum": licensed().corpus_checksum}
    for entry in content["predictions"]:
        entry["label"] = None
    path = root / "local" / "avec14" / "old.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**content, "checksum": content_checksum(content)}))
    return path


def private_files(folder):
    return sorted(folder.rglob(f"{PRIVATE_FOLDER}/*.json"))


def texts_below(folder):
    return [path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()]


def test_adding_moves_no_prediction(root, licensed, labels):
    path = write_record(licensed(), root / "local")
    (kept,) = private_files(root)
    accepted = accept(path, root, labels)
    assert private_files(root) == [kept]
    assert kept.is_relative_to(root / "local")
    assert not [text for text in texts_below(root / "measured") if "003_1" in text]
    found = verify(root, labels, intervals=True)
    assert (found.problems, found.unlabelled) == ((), ())
    assert read_record(accepted).entries == licensed().entries


def test_without_its_private_file_a_record_is_only_counted(root, licensed, labels):
    path = write_record(licensed(), root / "local")
    shutil.rmtree(root / "local" / PRIVATE_FOLDER)
    found = verify(root, labels)
    assert found.holds
    assert found.unlabelled == (path,)
    assert "private side files were not at hand" in list(found.lines())[-1]


@pytest.mark.parametrize(
    "harm", [lambda text: text.replace("4.0", "4.5"), lambda text: text + " ", lambda text: "{"]
)
def test_a_changed_private_file_is_told(root, licensed, labels, harm):
    path = write_record(licensed(), root / "local")
    (kept,) = private_files(root)
    kept.write_text(harm(kept.read_text()))
    (problem,) = verify(root, labels).problems
    assert problem.path == path
    assert "was changed after it was written" in problem.reason
    with pytest.raises(RefusedError, match="was changed after it was written"):
        accept(path, root, labels)


def test_adding_strips_an_older_record_and_keeps_its_predictions(root, older, labels, capsys):
    entries = read_record(older).entries
    assert command(["add", str(older), "--allow-dirty", "--root", str(root)]) == 0
    told = capsys.readouterr().out
    assert "no prediction was moved" in told
    assert "the predictions by session and all digits but two were left out" in told
    assert not older.exists()
    (accepted,) = (root / "measured" / "avec14").glob("*.json")
    assert not [text for text in texts_below(root / "measured") if "003_1" in text]
    (kept,) = private_files(root)
    assert kept.parent == root / "local" / PRIVATE_FOLDER
    assert read_record(accepted).entries == entries
    found = verify(root, labels)
    assert (found.problems, found.unlabelled) == ((), ())


def test_an_older_record_that_lies_among_the_accepted_does_not_hold(root, older):
    assert verify(root).holds is False  # its name is not that of a record
    moved = root / "measured" / "avec14" / older.name
    moved.parent.mkdir(parents=True)
    older.rename(moved)
    reasons = [problem.reason for problem in verify(root).problems if problem.path == moved]
    assert any("move it to local/ and add it again" in reason for reason in reasons)


def test_no_private_file_lies_where_git_tracks_records(root, licensed):
    path = write_record(licensed(), root / "measured")
    assert [kept.parent for kept in private_files(root)] == [root / "local" / PRIVATE_FOLDER]
    assert read_record(path).entries
    shutil.copytree(root / "local" / PRIVATE_FOLDER, root / "measured" / PRIVATE_FOLDER)
    (problem,) = verify(root).problems
    assert "private side files, where git tracks records" in problem.reason


def test_pages_of_older_records_hold_no_session(root, older, labels):
    publish(root, corpora=labels)
    pages = [*root.glob("*.html"), *(root / "local" / "tables").iterdir()]
    assert len(pages) >= 3
    assert not [page for page in pages if "003_1" in page.read_text()]
    assert "4.123" not in "".join(page.read_text() for page in pages)


def test_rows_are_compared_where_both_are_at_hand(root, licensed, licensed_corpus, capsys):
    write_record(licensed(3.0, method="One", config="one"), root / "local")
    write_record(licensed(11.0, method="Two", config="two", config_hash="f"), root / "local")
    names = ["compare", "One", "Two", "--root", str(root)]
    assert command([*names, "--data", str(licensed_corpus)]) == 0
    assert "One (one) has the smaller errors" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command(names)
    assert "is licensed: give the labels of your own copy" in capsys.readouterr().err
    shutil.rmtree(root / "local" / PRIVATE_FOLDER)
    with pytest.raises(SystemExit):
        command([*names, "--data", str(licensed_corpus)])
    assert "private side file" in capsys.readouterr().err


def test_what_names_a_session_in_words_is_refused(root, licensed, labels):
    for seed, told in enumerate(
        (
            {"notes": ["session 003_1 was hard"]},
            {"timing": {"003_1": 3.0}},
            {"contract": {"outcome": "broken", "reasons": ["clip of 003_1: state"]}},
        )
    ):
        path = write_record(licensed(seed=seed + 2, **told), root / "local")
        with pytest.raises(RefusedError, match="it names session '003_1'"):
            accept(path, root, labels)
    assert accept(write_record(licensed(seed=1, notes=["all hard"]), root / "local"), root, labels)


@pytest.mark.parametrize(
    "told",
    [
        {"notes": ["003_1_Freeform_video was short"]},
        {"notes": ["read /data/faces/003_1_Freeform.jpegs"]},
        {"overrides": ["data.skip=['003_1']"]},
        {"stages": [{"name": "trunk", "type": "T", "key": "of-003_1"}]},
        {"hardware": {"slow at": "003_1's"}},
        {"decoy": {"outcome": "not asked", "reason": "003_1: one clip"}},
    ],
)
def test_its_private_file_tells_what_names_a_session(root, licensed, told):
    path = write_record(licensed(**told), root / "local")
    with pytest.raises(RefusedError, match="it names session '003_1'"):
        accept(path, root)
    assert any("names session" in problem.reason for problem in verify(root).problems)


@pytest.mark.parametrize("note", ["1003_15 steps", "seed 003", "v0.003_10", "a003_1b"])
def test_a_longer_word_or_number_is_no_session(root, licensed, note):
    assert accept(write_record(licensed(notes=[note]), root / "local"), root)


def test_a_config_that_names_a_clip_is_refused(root, licensed, labels):
    files = {"config.json": '{"skip": ["003_1_Freeform"]}'}
    record = licensed().model_copy(update={"provenance": digests(files)})
    path = write_record(record, root / "local")
    write_side_files(path, files)
    with pytest.raises(RefusedError, match=r"config\.json names clip '003_1_Freeform'"):
        accept(path, root, labels)


def test_counts_are_those_of_the_private_file(root, licensed, labels):
    wrong = licensed(counts={"sessions": 14, "persons": 8})
    path = write_record(wrong, root / "local")
    with pytest.raises(RefusedError, match="counts are 14 sessions of 8 persons"):
        accept(path, root, labels)


def test_a_private_file_is_not_another_records(sound):
    one, other = as_licensed(sound()), as_licensed(sound(seed=1))
    with pytest.raises(ValueError, match="take the one that was written with it"):
        one.with_private(other.kept)


@pytest.mark.parametrize("sessions", [1, 2, 9])
def test_few_sessions_of_a_licensed_corpus_are_not_passed_on(root, sound, sessions):
    record = of_first(sound(), sessions)
    path = write_record(record, root / "local")
    assert verify(root).holds
    with pytest.raises(RefusedError, match=f"tested on {sessions} sessions of a licensed corpus"):
        accept(path, root)
    write_record(record, root / "measured")
    assert not verify(root).holds


def of_first(record, sessions, **changes):
    """The licensed form of a record that was tested on its first sessions alone."""
    entries = record.predictions[:sessions]
    guess, truth = [e.prediction for e in entries], [e.label for e in entries]
    own = {"track": "avec14", "corpus": "avec2014", "corpus_checksum": f"of {sessions}"}
    metrics = Metrics(**score_metrics(guess, truth))
    made = record.model_copy(update={"predictions": entries, "metrics": metrics})
    return as_licensed(made, **{**own, **changes})


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, True),
        ({"track": "avec14-freeform"}, True),
        ({"seed": 7}, True),
        ({"protocol": "train+dev"}, True),
        ({"protocol": "cross-corpus from avec13"}, True),
        ({"protocol": "person-disjoint 50/25/25, seed 0, 0123abcd"}, False),
        ({"corpus": "avec2013", "track": "avec13"}, False),
    ],
)
def test_tests_that_differ_by_few_sessions_do_not_stand_together(root, sound, changes, refused):
    accept(write_record(of_first(sound(), 15), root / "local"), root)
    path = write_record(of_first(sound(), 14, **changes), root / "local")
    assert verify(root).holds
    if refused:
        with pytest.raises(RefusedError, match=r"on 14 sessions .* on 15: of two tests"):
            accept(path, root)
    else:
        accept(path, root)
    # As two branches do that take one each.
    write_record(of_first(sound(), 14, **changes), root / "measured")
    told = [problem.reason for problem in verify(root).problems]
    assert [("of two tests" in reason) for reason in told] == [True] * refused


def test_so_do_divisions_that_were_dealt_alike(root, sound):
    def dealt(sessions, seed, digest):
        named = {"protocol": f"person-disjoint 50/25/25, seed {seed}, {digest}"}
        return write_record(of_first(sound(), sessions, **named), root / "local")

    accept(dealt(15, 0, "0123abcd"), root)
    with pytest.raises(RefusedError, match="of two tests"):
        accept(dealt(14, 0, "4567cdef"), root)
    accept(dealt(14, 1, "4567cdef"), root)


DEALT_ALIKE = [
    ("person-disjoint 65/15/20, seed 0, 0123abcd", "person-disjoint 65/10/25, seed 0, 4567cdef"),
    ("5 folds, validation 20, seed 0, 0123abcd", "5 folds, validation 10, seed 0, 4567cdef"),
    ("5 folds, validation 20, seed 0, 0123abcd", "10 folds, validation 0, seed 3, 4567cdef"),
    (
        "5 folds, validation 20, seed 0, 0123abcd, fold 2",
        "5 folds, validation 0, seed 0, 4567cdef, fold 2",
    ),
]
DEALT_APART = [
    ("person-disjoint 60/20/20, seed 0, 0123abcd", "person-disjoint 50/25/25, seed 0, 4567cdef"),
    ("person-disjoint 60/20/20, seed 0, 0123abcd", "person-disjoint 1/2/x, seed 0, 4567cdef"),
    (
        "5 folds, validation 20, seed 0, 0123abcd, fold 2",
        "5 folds, validation 20, seed 0, 0123abcd, fold 3",
    ),
    (
        "5 folds, validation 20, seed 0, 0123abcd",
        "5 folds, validation 20, seed 0, 0123abcd, fold 2",
    ),
]


@pytest.mark.parametrize(("one", "other"), [*DEALT_ALIKE, *DEALT_APART])
def test_divisions_of_which_one_test_holds_the_other(root, sound, one, other):
    accept(write_record(of_first(sound(), 15, protocol=one), root / "local"), root)
    path = write_record(of_first(sound(), 14, protocol=other), root / "local")
    if (one, other) in DEALT_APART:
        accept(path, root)
    else:
        with pytest.raises(RefusedError, match="of two tests that differ by fewer than 10"):
            accept(path, root)


def test_as_many_sessions_may_be_others(root, sound):
    accept(write_record(of_first(sound(), 14), root / "local"), root)
    entries = sound().predictions
    guess, truth = [e.prediction for e in entries[1:]], [e.label for e in entries[1:]]
    metrics = Metrics(**score_metrics(guess, truth))
    rest = sound().model_copy(update={"predictions": entries[1:], "metrics": metrics})
    own = {"track": "avec14", "corpus": "avec2014", "corpus_checksum": "others"}
    with pytest.raises(RefusedError, match="of two tests that differ by fewer than 10"):
        accept(write_record(as_licensed(rest, **own), root / "local"), root)


def test_tests_of_as_many_sessions_stand_together(root, sound):
    for seed in (0, 1):
        accept(write_record(of_first(sound(seed=seed), 15), root / "local"), root)
