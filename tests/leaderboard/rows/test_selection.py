"""What a user can call a row: a file, a folder, or its name in the tables."""

import pytest

from adabench.leaderboard.rows.selection import select_runs
from adabench.records import write_record

CSV = """paper,table,row,method,track,RMSE,MAE,PCC,CCC,scored,note
p,1,Printed,Printed,avec14,7.0,5.0,,,sessions,
"""


@pytest.fixture
def root(sound, tmp_path):
    board = tmp_path / "board"
    (board / "reported").mkdir(parents=True)
    (board / "reported" / "reported.csv").write_text(CSV)
    for seed in range(3):
        write_record(sound(seed=seed), board / "measured")
        other = {"method": "Other", "config": "other", "config_hash": "b" * 16}
        write_record(sound(seed=seed, **other), board / "measured")
    ablation = {"config": "ablation", "config_hash": "d" * 16}
    write_record(sound(track="demo-freeform", **ablation), board / "local")
    return board


def seeds(records):
    return [(record.method, record.config, record.track, record.seed) for record in records]


def test_a_file(root):
    path = next((root / "measured" / "demo").glob("other-other-2-*.json"))
    assert seeds(select_runs(str(path), root)) == [("Other", "other", "demo", 2)]


def test_a_folder_of_seeds(root, sound, tmp_path):
    for seed in (4, 1):
        write_record(sound(seed=seed), tmp_path / "mine")
    found = select_runs(str(tmp_path / "mine"), root)
    assert [record.seed for record in found] == [1, 4]


def test_a_folder_with_a_damaged_record_is_refused(root, sound, tmp_path):
    path = write_record(sound(), tmp_path / "mine")
    path.with_name("cut.json").write_text("{")
    with pytest.raises(ValueError, match=r"cut\.json: not a JSON file"):
        select_runs(str(tmp_path / "mine"), root)


def test_an_empty_folder_and_one_without_the_track_are_named(root, sound, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ValueError, match="no record in this folder"):
        select_runs(str(tmp_path / "mine"), root)
    write_record(sound(), tmp_path / "mine")
    with pytest.raises(ValueError, match="no record of track 'avec14'"):
        select_runs(str(tmp_path / "mine"), root, "avec14")


@pytest.mark.parametrize("name", ["Other", "OTHER", "other", "Other/other"])
def test_a_method_or_config_by_name(root, name):
    expected = [("Other", "other", "demo", seed) for seed in range(3)]
    assert seeds(select_runs(name, root)) == expected


def test_a_name_that_several_tracks_have_needs_one(root):
    with pytest.raises(ValueError, match="names 2 rows; name one by --track") as caught:
        select_runs("Dep-MAP", root)
    text = str(caught.value)
    assert "demo  Dep-MAP  depmap_r18_avec14  measured" in text
    assert "seeds 0,1,2" in text
    assert "demo-freeform  Dep-MAP  ablation  measured (local)" in text
    assert len(select_runs("Dep-MAP", root, "demo")) == 3
    assert len(select_runs("Dep-MAP", root, "demo-freeform")) == 1
    assert len(select_runs("Dep-MAP/ablation", root)) == 1


def test_measured_and_local_rows_are_not_mixed(root, sound):
    path = write_record(sound(4.0, seed=9), root / "local")
    with pytest.raises(ValueError, match="names 2 rows") as caught:
        select_runs("Dep-MAP", root, "demo")
    assert str(path) in str(caught.value)
    assert len(select_runs(str(path), root)) == 1


def test_an_unknown_name_gets_the_nearest(root):
    with pytest.raises(ValueError, match=r"'Othr' is no file.* did you mean 'Other'"):
        select_runs("Othr", root)
    with pytest.raises(ValueError, match="no measured row on track 'demo-freeform'"):
        select_runs("Other", root, "demo-freeform")


def test_what_only_papers_report_can_not_be_compared(root):
    with pytest.raises(ValueError, match="only reported by papers"):
        select_runs("printed", root)


def test_a_missing_leaderboard_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="--root"):
        select_runs("Other", tmp_path / "nowhere")
