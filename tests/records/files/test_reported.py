"""The papers' numbers, as data."""

import re
from collections import Counter
from pathlib import Path

import pytest

from adabench.evaluation.calibration import possible_sigmas
from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.records import Metrics, Record, Reported
from adabench.records.files.reported import COLUMNS, impossible, read_reported
from adabench.records.schema.rounding import HALF_STEP

REPORTED = Path(__file__).parents[3] / "leaderboard" / "reported" / "reported.csv"
HEADER = ",".join(COLUMNS)


@pytest.fixture(scope="module")
def records():
    return read_reported(REPORTED)


def find(records, paper, table, row, track):
    (found,) = (
        record
        for record in records
        if (record.origin.paper, record.origin.table, record.origin.row, record.track)
        == (paper, table, row, track)
    )
    return found


def test_all_rows_are_read_on_their_tracks(records):
    assert len(records) == 83
    assert Counter(record.track for record in records) == {
        "avec13": 28,
        "avec14": 33,
        "avec14-freeform": 11,
        "avec14-northwind": 11,
    }
    assert Counter((record.origin.paper, record.origin.table) for record in records) == {
        ("expada", "1"): 32,
        ("expada", "2"): 9,
        ("depmap", "1"): 19,
        ("depmap", "2"): 7,
        ("depmap", "3"): 16,
    }


def test_the_corpus_follows_from_the_track(records):
    for record in records:
        assert record.corpus == ("avec2013" if record.track == "avec13" else "avec2014")
        assert record.licensed


def test_every_row_and_track_of_a_table_is_there_once(records):
    places = [(*record.origin.model_dump().values(), record.track) for record in records]
    assert len(set(places)) == 83


def test_numbers_are_those_printed(records):
    full = find(records, "depmap", "3", "r18_full", "avec14-northwind").metrics
    assert (full.RMSE, full.MAE, full.PCC, full.CCC) == (6.25, 5.25, 0.95, 0.79)
    expada = find(records, "expada", "1", "ExpADA", "avec14")
    assert (expada.metrics.RMSE, expada.metrics.MAE) == (6.89, 5.11)
    assert expada.metrics.PCC is None
    assert "decision-level fusion" in expada.notes[0]


def test_it_is_said_over_what_each_number_was_taken(records):
    told = Counter((record.track, record.origin.scored) for record in records)
    # One clip a session, but on both tasks of AVEC 2014 together.
    assert told == {
        ("avec13", "sessions"): 28,
        ("avec14-freeform", "sessions"): 11,
        ("avec14-northwind", "sessions"): 11,
        ("avec14", "sessions"): 1,
        ("avec14", "not printed"): 32,
    }
    assert find(records, "expada", "1", "ExpADA", "avec14").origin.scored == "sessions"
    best = find(records, "depmap", "1", "Dep-MAP", "avec14")
    assert best.notes == ["unit of scoring not printed; public code: clips"]


def test_where_papers_disagree_both_are_kept_with_a_note(records):
    quoted = [
        find(records, paper, "1", "Xu et al. 2024", "avec14") for paper in ("expada", "depmap")
    ]
    assert [record.metrics.RMSE for record in quoted] == [7.18, 7.65]
    assert all("quotes" in record.notes[0] for record in quoted)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("paper,row\nx,y\n", "line 1: expected the columns"),
        ("", "line 1: expected the columns.*got nothing"),
        (f"{HEADER}\np,1,r,m,avec31,1,1,,,sessions,\n", "line 2: track: expected one of avec13"),
        (
            f"{HEADER}\np,1,r,m,avec13,low,1,,,sessions,\n",
            "line 2: RMSE: expected a number, got 'low'",
        ),
        (f"{HEADER}\np,1,r,m,avec13,,1,,,sessions,\n", "line 2: RMSE: Field required"),
        (f"{HEADER}\np,1,r,m,avec13,1,1,1.2,,sessions,\n", "line 2: PCC"),
        (f"{HEADER}\np,1,r,m,avec13,nan,1,,,sessions,\n", "line 2: RMSE: .*finite"),
        (f"{HEADER}\n,1,r,m,avec13,1,1,,,sessions,\n", "line 2: paper"),
        (f"{HEADER}\np,1,r,m,avec13,1,1,,,people,\n", "line 2: scored: Input should be 'sessions'"),
        (
            f"{HEADER}\np,1,a, b,m,avec13,1,1,,,sessions,\n",
            "line 2: expected 11 columns; quote a name",
        ),
        (f"{HEADER}\np,1,r\n", "line 2: expected 11 columns"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, text, message):
    path = tmp_path / "more.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_reported(path)
    assert str(path) in str(caught.value)


def row_of(track="avec14", **metrics):
    return Record(
        kind="method",
        method="Theirs",
        config="Theirs",
        track=track,
        corpus="avec2014",
        licensed=True,
        metrics=Metrics(**metrics),
        origin=Reported(paper="p", table="1", row="Theirs"),
    )


def test_the_papers_numbers_are_possible():
    """Each row's RMSE, PCC and CCC go with labels whose deviation is within a point of AVEC 2014's."""
    records = read_reported(REPORTED)
    full = [record for record in records if record.metrics.CCC is not None]
    assert len(full) == 23
    assert [told for record in records if (told := impossible(record))] == []
    # One deviation fits all of them, which are of the same sessions.
    spans = [possible_sigmas(r.metrics.RMSE, r.metrics.PCC, r.metrics.CCC, HALF_STEP) for r in full]
    assert max(low for low, _ in spans) == pytest.approx(9.49, abs=0.01)
    assert min(high for _, high in spans) == pytest.approx(11.53, abs=0.01)


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"RMSE": 5.0, "MAE": 5.02}, "MAE 5.02 is larger than RMSE 5"),
        ({"RMSE": 5.0, "MAE": 4.0, "PCC": 0.8, "CCC": 0.85}, "CCC 0.85 go with no labels"),
        (
            {"RMSE": 5.0, "MAE": 4.0, "PCC": 0.9, "CCC": 0.5},
            r"is 2\.01 to 6\.80, and here it is 11",
        ),
        ({"RMSE": 14.0, "MAE": 9.0, "PCC": 0.85, "CCC": 0.84}, r"deviation is 2\d\.\d\d to 2\d"),
    ],
)
def test_numbers_that_no_predictions_have_are_named(metrics, told):
    assert re.search(told, impossible(row_of(**metrics)))


def test_where_labels_are_not_known_only_the_equations_speak():
    own = {"RMSE": 5.0, "MAE": 4.0, "PCC": 0.9, "CCC": 0.5}
    assert impossible(row_of("avec13", **own)) is None
    assert impossible(row_of(RMSE=5.0, MAE=5.01)) is None


def test_an_impossible_row_is_noted_in_its_table_and_warned_of(tmp_path):
    row = row_of(RMSE=5.0, MAE=4.0, PCC=0.8, CCC=0.85)
    (table,) = build_tables([Entry(row, "reported")])
    assert table.rows[0].notes[-1].startswith("impossible: RMSE 5, PCC 0.8 and CCC 0.85")
    (tmp_path / "reported").mkdir()
    lines = [",".join(COLUMNS), "p,1,Theirs,Theirs,avec14,5.0,4.0,0.8,0.85,not printed,"]
    (tmp_path / "reported" / "reported.csv").write_text("\n".join(lines) + "\n")
    found = verify(tmp_path)
    assert found.holds
    assert "row 'Theirs' for avec14: impossible" in str(found.warnings[0])
