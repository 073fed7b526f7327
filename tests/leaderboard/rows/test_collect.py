"""Which folders are read, and how the table of a run is shown."""

import pytest

from adabench.leaderboard.pages.publish import show_track
from adabench.leaderboard.rows.collect import collect
from adabench.records import write_record

CSV = """paper,table,row,method,track,RMSE,MAE,PCC,CCC,scored,note
p,1,M,M,avec14,7.0,5.0,,,sessions,
p,2,S1,M,avec14,7.0,5.0,0.8,0.7,sessions,as printed
p,1,M,M,avec13,8.0,6.0,,,sessions,
"""


@pytest.fixture
def root(make_record, tmp_path):
    reported = tmp_path / "board" / "reported"
    reported.mkdir(parents=True)
    (reported / "reported.csv").write_text(CSV)
    write_record(make_record(seed=0), tmp_path / "board" / "measured" / "demo")
    write_record(make_record(seed=1), tmp_path / "board" / "local")
    write_record(make_record(seed=2), tmp_path / "mine")
    return tmp_path / "board"


def test_collect_reads_the_three_folders(root):
    entries, problems = collect(root)
    assert [entry.place for entry in entries] == ["reported"] * 3 + ["measured", "local"]
    assert problems == []
    assert entries[0].path == root / "reported" / "reported.csv"
    assert entries[-1].path.parent == root / "local" / "demo"
    assert entries[-1].path.is_file()


def test_given_folders_stand_in_for_measured_and_local(root):
    entries, _ = collect(root, [root.parent / "mine"])
    assert [entry.record.seed for entry in entries] == [None] * 3 + [2]
    assert entries[-1].place == str(root.parent / "mine")


def test_damaged_files_are_problems_not_the_end(root):
    (root / "reported" / "bad.csv").write_text("nonsense\n")
    (root / "local" / "bad.json").write_text("{")
    entries, problems = collect(root)
    assert len(entries) == 5
    assert sorted(problem.path.name for problem in problems) == ["bad.csv", "bad.json"]
    assert str(problems[0]).count("bad.csv") == 1


def test_missing_folders_are_named(root, tmp_path):
    with pytest.raises(FileNotFoundError, match="--root"):
        collect(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="absent"):
        collect(root, [tmp_path / "absent"])
    with pytest.raises(NotADirectoryError, match="is a file; expected"):
        collect(root, [root / "reported" / "reported.csv"])


def test_a_run_is_shown_beside_accepted_and_reported_rows(root, make_record):
    own = root / "local"
    write_record(make_record(1.0, method="Better", track="avec14"), own)
    shown = show_track("avec14", [own], root)
    assert shown.index("Better") < shown.index("reported (p, table 1)")
    assert "measured (local)" in shown
    demo = show_track("demo", [root.parent / "mine"], root)
    assert "measured  " in demo
    assert "mine)" in demo
    assert "reported" not in demo


def test_a_run_far_from_any_leaderboard_is_shown_alone(root, tmp_path):
    shown = show_track("demo", [tmp_path / "mine"], tmp_path / "nowhere")
    assert shown.count("Dep-MAP") == 1


def test_accepted_records_named_twice_count_once(root):
    assert show_track("demo", [root / "measured"], root).count("Dep-MAP") == 1


def test_the_table_of_a_run_names_damaged_files(root):
    (root / "local" / "bad.json").write_text("{")
    shown = show_track("demo", [root / "local"], root)
    assert "left out: " in shown
    assert "bad.json: not a JSON file" in shown
