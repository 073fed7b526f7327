"""AVEC's rows: the official numbers and those with persons kept apart, on one line."""

import csv
import io

import pytest
from record_fixtures import as_licensed, constant

from adabench.leaderboard.pages.csv_text import render_csv
from adabench.leaderboard.pages.html.data import page_data
from adabench.leaderboard.pages.text import render_markdown, render_text
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables

DISJOINT = "person-disjoint 60/20/20, seed 0, 0123abcd"


def licensed(record):
    return as_licensed(record, track="avec14", corpus="avec2014")


@pytest.fixture
def table(make_record):
    """A method with both protocols, one with each alone, and the constant with both."""
    other = {"protocol": DISJOINT, "config_hash": "fedcba9876543210"}
    records = [
        make_record(5.0, method="Both", config="both"),
        make_record(8.0, method="Both", config="both", **other),
        make_record(6.0, method="Official", config="official"),
        make_record(9.0, method="Apart", config="apart", **other),
        constant(config="constant_avec14"),
        constant(50.0, **other),
    ]
    (found,) = build_tables(Entry(licensed(record), "local") for record in records)
    return found


def cells(table):
    """Method → column → cell of the Markdown table."""
    lines = [line for line in render_markdown(table).splitlines() if line.startswith("|")]
    head, _, *body = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {line[0]: dict(zip(head, line, strict=True)) for line in body}


def test_a_method_has_one_line_with_both(table):
    found = cells(table)
    assert [row.method for row in table.rows] == ["constant", "Both", "Official", "Apart"]
    assert (found["Both"]["RMSE"], found["Both"]["RMSE disjoint"]) == ("5.00", "8.00")
    assert (found["Official"]["RMSE"], found["Official"]["RMSE disjoint"]) == ("6.00", "")
    assert (found["Apart"]["RMSE"], found["Apart"]["RMSE disjoint"]) == ("", "9.00")
    assert found["constant"]["MAE"]
    assert found["constant"]["MAE disjoint"]
    for name in ("RMSE disjoint", "MAE disjoint"):
        assert name in render_text(table)


def test_both_columns_are_there_where_nobody_ran_the_second(make_record):
    (table,) = build_tables([Entry(licensed(make_record(5.0)), "local")])
    assert cells(table)["Dep-MAP"]["RMSE disjoint"] == ""
    (drawn,) = build_tables([Entry(make_record(5.0), "local")])
    assert "disjoint" not in render_markdown(drawn)


def test_the_csv_and_the_page_have_both(table):
    lines = {line["method"]: line for line in csv.DictReader(io.StringIO(render_csv(table)))}
    assert float(lines["Both"]["RMSE_disjoint"]) == 8
    assert lines["Apart"]["RMSE"] == lines["Official"]["RMSE_disjoint"] == ""
    (track,) = page_data([table])["tracks"]
    assert track["both"]
    rows = {row["method"]: row for row in track["rows"]}
    assert rows["Both"]["disjoint"]["RMSE"][0] == 8
    assert rows["Official"]["disjoint"] == {}
    assert rows["Both"]["beside"]["protocol"] == DISJOINT
    assert [run["metrics"]["RMSE"] for run in rows["Both"]["beside"]["runs"]] == [8]
    assert "beside" not in rows["Official"]
    assert [row["disjoint_only"] for row in track["rows"]] == [False, False, False, True]


def test_rows_of_other_configs_do_not_stand_beside(make_record):
    records = [
        make_record(5.0, config="one"),
        make_record(8.0, config="two", protocol=DISJOINT),
        make_record(7.0, config="one", protocol=DISJOINT, overrides=["training.epochs=2"]),
    ]
    (table,) = build_tables(Entry(licensed(record), "local") for record in records)
    assert len(table.rows) == 3
    assert all(row.beside is None for row in table.rows)
