"""What the page is given: groups, families, marks, and no more of a licensed corpus than allowed."""

import json

import pytest
from record_fixtures import as_licensed, constant

from adabench.leaderboard.pages.html.data import page_data
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.records import Cost, Metrics, Reported


def paper_row(make_record, rmse=7.0, paper="newmap", row="New-MAP", **changes):
    fields = {
        "origin": Reported(paper=paper, table="1", row=row),
        "method": row,
        "config": row,
        "track": "avec14",
        "metrics": Metrics(RMSE=rmse, MAE=5),
        "predictions": [],
        "intervals": {},
        "seed": None,
        "licensed": True,
    }
    return make_record(**{**fields, **changes})


def data_of(*entries, folder=None):
    return page_data(build_tables(entries), folder)


def rows_of(data, track):
    names = (track, f"{track}-drawn-faces")
    (found,) = [each for each in data["tracks"] if each["name"] in names]
    return found["rows"]


@pytest.fixture
def board(make_record, tmp_path):
    """A small leaderboard: a paper's rows, and measured ones on a demo track."""
    return data_of(
        Entry(paper_row(make_record), "reported", tmp_path / "reported" / "reported.csv"),
        Entry(paper_row(make_record, 7.5, row="Other 2020", notes=["doubtful"]), "reported"),
        Entry(make_record(4.0, 0, method="New-MAP"), "measured", tmp_path / "measured" / "a.json"),
        Entry(make_record(5.0, 1, method="New-MAP"), "measured", tmp_path / "measured" / "b.json"),
        Entry(make_record(9.0, 0, method="LSTM"), "local", tmp_path / "local" / "c.json"),
        Entry(make_record(9.0, 0, method="GRU"), "runs/mine", tmp_path / "runs" / "d.json"),
        Entry(constant(), "measured"),
        folder=tmp_path,
    )


def test_real_tracks_come_before_demo_tracks(make_record):
    data = data_of(
        Entry(make_record(track="demo"), "measured"),
        Entry(make_record(track="my-corpus", licensed=False), "local"),
        Entry(paper_row(make_record), "reported"),
        Entry(paper_row(make_record, track="avec14-freeform"), "reported"),
    )
    names = [track["name"] for track in data["tracks"]]
    assert names == ["avec14", "avec14-freeform", "my-corpus", "demo-drawn-faces"]
    assert [track["demo"] for track in data["tracks"]] == [False, False, False, True]
    titles = [track["title"] for track in data["tracks"]]
    assert titles == ["AVEC 2014", "AVEC 2014, Freeform", "my-corpus", "Demo: drawn faces"]
    assert "nothing about depression" in data["demo_notice"]


@pytest.mark.parametrize(
    ("track", "title"), [("table", "Own corpus"), ("table-clinic", "Own corpus clinic")]
)
def test_a_corpus_of_ones_own_is_called_so(make_record, track, title):
    (found,) = data_of(Entry(make_record(track=track, licensed=False), "local"))["tracks"]
    assert (found["title"], found["demo"]) == (title, False)


def test_origin_family_and_place_of_each_row(board):
    looks = {
        (row["method"], row["origin"]): (row["family"], row["place"])
        for track in board["tracks"]
        for row in track["rows"]
    }
    assert looks == {
        ("New-MAP", "reported"): ("New-MAP", "reported"),
        ("Other 2020", "reported"): ("quoted by New-MAP", "reported"),
        ("New-MAP", "measured"): ("New-MAP", "measured"),
        ("LSTM", "local"): ("baseline", "local"),
        ("GRU", "local"): ("baseline", "runs/mine"),
        ("constant", "measured"): ("control", "measured"),
    }
    assert board["families"] == ["New-MAP", "baseline", "control", "quoted by New-MAP"]


def test_a_row_holds_each_of_its_runs(board):
    row = next(row for row in rows_of(board, "demo") if row["method"] == "New-MAP")
    assert row["seeds"] == [0, 1]
    assert [run["seed"] for run in row["runs"]] == [0, 1]
    assert [run["file"] for run in row["runs"]] == ["measured/a.json", "measured/b.json"]
    assert [run["metrics"]["RMSE"] for run in row["runs"]] == [4.0, 5.0]
    assert row["metrics"]["RMSE"] == [4.5, 0.7071, 4.5, 4.5]
    assert row["setup"]["config_hash"] == "0123456789abcdef"
    assert row["setup"]["sessions"] == 15
    assert row["setup"]["subjects"] == 8
    assert "source" not in row


def test_a_single_run_has_its_interval(board):
    row = next(row for row in rows_of(board, "demo") if row["method"] == "LSTM")
    assert row["metrics"]["RMSE"][2] is not None
    assert set(row["runs"][0]["intervals"]) == {"RMSE", "MAE", "PCC", "CCC"}


def test_a_reported_row_says_where_it_is_printed(board):
    first, second = rows_of(board, "avec14")
    assert first["source"] == {
        "paper": "New-MAP",
        "table": "1",
        "row": "New-MAP",
        "scored": "not printed",
        "file": "reported/reported.csv",
    }
    assert second["source"]["file"] is None
    assert second["notes"] == ["doubtful"]
    assert "runs" not in first
    assert first["metrics"].keys() == {"RMSE", "MAE"}


def test_standing_is_passed_on(make_record):
    data = data_of(
        Entry(make_record(4.0, method="Best"), "measured"),
        Entry(make_record(4.0, method="Copy"), "measured"),
        Entry(make_record(9.0, method="Worse", seed=3), "measured"),
        Entry(make_record(41.0, method="Useless"), "measured"),
        Entry(constant(), "measured"),
    )
    rows = {row["method"]: row for row in rows_of(data, "demo")}
    assert sorted(name for name, row in rows.items() if row["best"] or row["tied"]) == [
        "Best",
        "Copy",
    ]
    assert rows["Worse"]["p"] < 0.05
    assert "constant" in rows["Useless"]["contradiction"]
    assert rows["Useless"]["p"] is None


def test_the_cost_is_the_mean_of_what_is_recorded(make_record):
    costs = [Cost(parameters=10, alone_seconds=100), Cost(parameters=10, alone_seconds=200)]
    data = data_of(*(Entry(make_record(seed=s, cost=c), "local") for s, c in enumerate(costs)))
    (row,) = rows_of(data, "demo")
    assert row["cost"] == {"parameters": 10, "alone_seconds": 150}
    assert row["runs"][1]["cost"]["alone_seconds"] == 200


def test_machines_and_packages_are_kept_once(make_record):
    machines = [{"cores": 2}, {"cores": 2}, {"cores": 4}, {}]
    data = data_of(
        *(
            Entry(make_record(seed=seed, hardware=machine, packages={"torch": "2"}), "local")
            for seed, machine in enumerate(machines)
        )
    )
    (row,) = rows_of(data, "demo")
    assert data["shared"] == {
        "hardware": [{"cores": 2}, {"cores": 4}],
        "packages": [{"torch": "2"}],
    }
    assert [run["hardware"] for run in row["runs"]] == [0, 0, 1, None]


def test_notes_of_one_run_are_told_from_those_of_all(make_record):
    records = [make_record(seed=seed, notes=["shared", f"own {seed}"]) for seed in (0, 1)]
    (row,) = rows_of(data_of(*(Entry(record, "local") for record in records)), "demo")
    assert row["notes"] == ["shared", "own 0", "own 1"]
    assert [run["notes"] for run in row["runs"]] == [["own 0"], ["own 1"]]


def test_disputed_rows_are_marked(make_record):
    data = data_of(
        Entry(paper_row(make_record, 7.0, row="Xu"), "reported"),
        Entry(paper_row(make_record, 8.0, row="Xu", paper="other"), "reported"),
        Entry(paper_row(make_record, 9.0, row="Li"), "reported"),
    )
    assert [row["disputed"] for row in rows_of(data, "avec14")] == [True, True, False]
    (case,) = data["disagreements"]
    assert (case["kind"], case["method"], case["title"]) == ("between", "Xu", "AVEC 2014")
    assert [row["metrics"]["RMSE"] for row in case["printed"]] == [7.0, 8.0]


def test_links_to_rows_last_as_long_as_the_experiment(make_record):
    def identifiers(*records):
        rows = rows_of(data_of(*(Entry(record, "measured") for record in records)), "demo")
        return {row["config"]: row["id"] for row in rows}

    first = identifiers(make_record(5.0, config="a"), make_record(6.0, config="b"))
    assert len(set(first.values())) == 2
    again = identifiers(make_record(7.0, 3, config="a"), make_record(1.0, config="c"))
    assert again["a"] == first["a"]
    twice = data_of(*[Entry(paper_row(make_record), "reported")] * 2)
    names = [row["id"] for row in rows_of(twice, "avec14")]
    assert len(set(names)) == 2


def test_predictions_and_labels_stay_in_the_records(make_record):
    record = as_licensed(make_record(error=7.25), track="avec14", corpus="avec2014")
    assert 37.0 + 0.25 in [entry.prediction for entry in record.entries]
    text = json.dumps(data_of(Entry(record, "measured"), Entry(make_record(), "measured")))
    assert "37.25" not in text
    assert '"label"' not in text


def test_nothing_at_all_is_data_too():
    data = page_data([])
    assert data["tracks"] == data["disagreements"] == data["families"] == []
