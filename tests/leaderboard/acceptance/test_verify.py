"""Every file that does not hold is named, for its own reason, and harms no other."""

import json

import pytest

from adabench.leaderboard.acceptance import between, looks
from adabench.leaderboard.acceptance.verify import verify
from adabench.records import Metrics, read_record, write_record
from adabench.records.files.labels import read_labels
from adabench.records.schema.record import content_checksum

CSV = """paper,table,row,method,track,RMSE,MAE,PCC,CCC,scored,note
p,1,M,M,avec14,7.0,5.0,,,sessions,
p,1,M,M,avec13,8.0,6.0,,,sessions,
"""


@pytest.fixture
def root(sound, tmp_path):
    """A leaderboard that holds."""
    board = tmp_path / "board"
    (board / "reported").mkdir(parents=True)
    (board / "reported" / "reported.csv").write_text(CSV)
    for seed in range(3):
        write_record(sound(seed=seed), board / "measured")
    write_record(sound(seed=0, track="demo-freeform"), board / "local")
    return board


def some_record(root, seed=0):
    (path,) = (root / "measured" / "demo").glob(f"*-{seed}-*.json")
    return path


def edit(path, change, *, signed=False):
    content = json.loads(path.read_text())
    change(content)
    if signed:
        content.pop("checksum")
        content["checksum"] = content_checksum(content)
    path.write_text(json.dumps(content))


def reasons(found, path):
    return [problem.reason for problem in found.problems if problem.path == path]


def test_a_sound_leaderboard_holds(root):
    found = verify(root)
    assert found.holds
    assert len(found.holding) == 5
    assert (found.problems, found.warnings, found.unlabelled) == ((), (), ())
    assert list(found.lines()) == ["5 files hold, 0 do not, 0 warnings"]


DAMAGE = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:900]), "not a JSON file"),
    "emptied": (lambda path: path.write_bytes(b""), "not a JSON file"),
    "binary": (lambda path: path.write_bytes(b"\xff\x00\xfe"), "not a JSON file"),
    "edited": (
        lambda path: edit(path, lambda content: content.update(notes=["better"])),
        "changed after it was written",
    ),
    "edited number": (
        lambda path: edit(path, lambda content: content["metrics"].update(RMSE=1.0)),
        "changed after it was written",
    ),
    "edited and signed": (
        lambda path: edit(path, lambda content: content["metrics"].update(RMSE=1.0), signed=True),
        "metrics.RMSE is 1.0, but predictions and labels give 5.0",
    ),
    "of the future": (
        lambda path: edit(path, lambda content: content.update(schema_version=5), signed=True),
        "update adabench",
    ),
    "foreign": (lambda path: path.write_text('{"name": "a package"}'), "checksum is missing"),
    "foreign list": (lambda path: path.write_text("[1, 2]"), "expected a record, got a JSON list"),
    "foreign and signed": (
        lambda path: path.write_text(json.dumps({"checksum": content_checksum({"a": 1}), "a": 1})),
        "a: Extra inputs are not permitted",
    ),
    "unknown field": (
        lambda path: edit(path, lambda content: content.update(more=1), signed=True),
        "more: Extra inputs",
    ),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "it is a folder"),
    "a dead link": (
        lambda path: (path.unlink(), path.symlink_to("no.json")),
        "it is a link; a plain file",
    ),
    "resigned, old name": (
        lambda path: edit(path, lambda content: content.update(notes=["new"]), signed=True),
        "its name does not follow",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_named_and_harms_no_other(root, kind):
    damage, reason = DAMAGE[kind]
    path = some_record(root)
    damage(path)
    found = verify(root)
    assert not found.holds
    assert {problem.path for problem in found.problems} == {path}
    assert any(reason in each for each in reasons(found, path)), reasons(found, path)
    assert len(found.holding) == 4
    assert any(str(path) in line for line in found.lines())


def test_a_file_that_nobody_may_read_is_named(root, monkeypatch):
    path = some_record(root)
    real = looks.load_record

    def refuse(asked):
        if asked == path:
            raise PermissionError(13, "Permission denied", str(asked))
        return real(asked)

    monkeypatch.setattr(looks, "load_record", refuse)
    found = verify(root)
    assert "Permission denied" in reasons(found, path)[0]
    assert len(found.holding) == 4


def test_a_file_that_is_moved_away_meanwhile_is_no_problem(root, monkeypatch):
    gone = some_record(root).with_name("gone-0-00000000.json")
    real = looks.record_files
    monkeypatch.setattr(looks, "record_files", lambda folder: [*real(folder), gone])
    assert verify(root).holds


def test_a_renamed_file_and_a_wrong_folder_are_named(root):
    renamed = some_record(root, 1).rename(root / "measured" / "demo" / "mine.json")
    (root / "measured" / "avec14").mkdir()
    path = some_record(root, 2)
    moved = path.rename(root / "measured" / "avec14" / path.name)
    found = verify(root)
    assert "its name does not follow" in reasons(found, renamed)[0]
    assert "belongs into" in reasons(found, moved)[0]
    assert len(found.problems) == 2


def test_the_same_record_in_two_files_is_a_problem_of_the_later(root):
    path = some_record(root)
    (root / "local" / "demo").mkdir()
    copy = root / "local" / "demo" / path.name
    copy.write_bytes(path.read_bytes())
    found = verify(root)
    assert reasons(found, copy) == [f"the same record as {path}; remove one of the two"]
    assert len(found.problems) == 1
    assert path in found.holding


def test_a_run_recorded_twice_is_a_warning(root, sound):
    again = write_record(sound(4.0, created="2026-01-03T03:04:05+00:00"), root / "measured")
    found = verify(root)
    assert found.holds
    (warning,) = found.warnings
    (first,) = set((root / "measured" / "demo").glob("*-0-*.json")) - {warning.path}
    assert again in (first, warning.path)
    assert f"another record of the run in {first}: RMSE" in warning.reason
    assert "1 warning" in list(found.lines())[-1]


def test_a_repetition_that_is_moved_away_meanwhile_is_none(root, sound, monkeypatch):
    write_record(sound(4.0, created="2026-01-03T03:04:05+00:00"), root / "measured")

    def gone(path):
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(between, "read_record", gone)
    assert verify(root).warnings == ()


def test_a_local_run_of_an_accepted_one_is_no_warning(root, sound):
    write_record(sound(4.0, created="2026-01-03T03:04:05+00:00"), root / "local")
    found = verify(root)
    assert (found.holds, found.warnings) == (True, ())


def test_side_folders_are_checked(root, sound, with_side_folder):
    files = {"config.json": "{}", "changes.patch": "x"}
    path = with_side_folder(sound(seed=7), root / "local", files)
    assert verify(root).holds
    (path.with_suffix(".provenance") / "changes.patch").write_text("y")
    found = verify(root)
    assert "changes.patch was changed after" in reasons(found, path)[0]
    path.unlink()
    found = verify(root)
    assert found.holds
    assert found.warnings[0].path == path.with_suffix(".provenance")


def test_what_a_killed_process_left_is_a_warning(root):
    part = root / "measured" / "demo" / ".part-0123-record.json"
    part.write_text("{")
    found = verify(root)
    assert (found.holds, [warning.path for warning in found.warnings]) == (True, [part])


def test_a_side_folder_that_is_a_file_is_named(root, sound, with_side_folder):
    path = write_record(sound(seed=7), root / "local")
    path.with_suffix(".provenance").write_text("a file")
    found = verify(root)
    assert "its side folder can't be read" in reasons(found, path)[0]
    assert len(found.problems) == 1


def test_reported_tables_are_checked(root):
    table = root / "reported" / "reported.csv"
    table.write_text(CSV + "p,1,M,M,avec14,7.5,5.0,,,sessions,\n")
    (root / "reported" / "other.csv").write_text(CSV.replace("7.0", "seven"))
    found = verify(root)
    assert reasons(found, table) == ["paper p, table 1, row 'M' stands twice for avec14"]
    (reason,) = reasons(found, root / "reported" / "other.csv")
    assert "line 2: RMSE: expected a number, got 'seven'" in reason
    assert len(found.holding) == 4


def test_licensed_records_are_recomputed_where_their_corpus_is_given(
    root, licensed, licensed_corpus
):
    good = write_record(licensed(), root / "measured")
    fake = licensed(seed=1, metrics=Metrics(RMSE=1.0, MAE=1.0, PCC=0.9, CCC=0.9))
    bad = write_record(fake, root / "measured")
    other = write_record(licensed(seed=2, corpus_checksum="other"), root / "local")
    found = verify(root)
    assert found.holds
    assert set(found.unlabelled) == {good, bad, other}
    assert "3 files could not be recomputed" in list(found.lines())[-1]
    assert "--data" in list(found.lines())[-1]
    found = verify(root, read_labels([licensed_corpus]))
    assert found.unlabelled == (other,)
    assert [reason.split()[0] for reason in reasons(found, bad)] == [
        "metrics.RMSE",
        "metrics.MAE",
        "metrics.PCC",
        "metrics.CCC",
    ]
    assert good in found.holding


def test_intervals_are_recomputed_on_request(root, sound):
    path = write_record(sound(seed=8, intervals={"RMSE": (1.0, 2.0)}), root / "local")
    assert verify(root).holds
    found = verify(root, intervals=True)
    assert "the interval of RMSE is [1.0, 2.0]" in reasons(found, path)[0]
    assert len(found.problems) == 1


def test_several_processes_find_the_same(root, sound, monkeypatch):
    for kind, seed in (("truncated", 0), ("edited", 1)):
        DAMAGE[kind][0](some_record(root, seed))
    write_record(sound(seed=8, intervals={"RMSE": (1.0, 2.0)}), root / "local")
    alone = verify(root, intervals=True)
    monkeypatch.setattr(looks, "_ALONE", 1)
    monkeypatch.setattr(looks, "_CHUNK", 1)
    assert verify(root, intervals=True) == alone
    assert len(alone.problems) == 3


def test_a_missing_root_is_named_and_missing_folders_are_empty(tmp_path):
    with pytest.raises(FileNotFoundError, match="--root"):
        verify(tmp_path / "nowhere")
    found = verify(tmp_path)
    assert found.holds
    assert found.holding == ()


def in_first_schema(path):
    content = json.loads(path.read_text())
    for name in ("checksum", "provenance"):
        del content[name]
    for entry in content["predictions"]:
        del entry["subject"]
    content["schema_version"] = 1
    checksum = content_checksum(content)
    path.unlink()
    old = path.with_name(f"{path.stem[:-8]}{checksum[:8]}.json")
    old.write_text(json.dumps({**content, "checksum": checksum}))
    return old


def test_records_of_the_first_schema_keep_their_names(root):
    # All of one track: the persons that follow from names of sessions are not those of the fixture.
    checksums = {read_record(some_record(root, seed)).checksum for seed in range(3)}
    olds = [in_first_schema(some_record(root, seed)) for seed in range(3)]
    found = verify(root)
    assert (found.problems, found.warnings) == ((), ())
    assert set(olds) <= set(found.holding)
    assert not checksums & {read_record(old).checksum for old in olds}
