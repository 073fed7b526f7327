"""Results by group below a track's table, in files of their own, and on the page."""

import csv
import io
import json

import pytest
from grouped_records import grouped

from adabench.leaderboard.pages.by_group import results_by_group
from adabench.leaderboard.pages.csv_text import render_csv
from adabench.leaderboard.pages.html.data import page_data
from adabench.leaderboard.pages.text import render_markdown, render_text, write_pages
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables


def table_of(*records):
    (table,) = build_tables(Entry(record, "local") for record in records)
    return table


def lines_with(text, start):
    return [line for line in text.splitlines() if start in line]


def test_a_single_run_has_its_intervals_and_seeds_their_deviation():
    first, second = grouped(0), grouped(1)
    (row,) = table_of(first).rows
    found, group = results_by_group(row)["sex: f"], first.groups["sex: f"]
    assert (found.sessions, found.persons) == (20, 20)
    assert found.numbers["bias"].value == group.bias
    assert found.numbers["bias"].interval == group.bias_interval
    assert found.numbers["slope"].interval == group.slope_interval
    assert found.numbers["RMSE"].interval == group.intervals["RMSE"]
    (row,) = table_of(first, second).rows
    both = results_by_group(row)["sex: f"].numbers["bias"]
    values = [record.groups["sex: f"].bias for record in (first, second)]
    assert both.value == pytest.approx(sum(values) / 2)
    assert both.deviation == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert both.interval is None


def test_a_table_of_its_own_stands_below_the_track_s():
    record = grouped()
    for text in (render_text(table_of(record)), render_markdown(table_of(record))):
        _, below = text.split("By group of persons, in drawn score points.")
        (women,) = lines_with(below, "sex: f")
        group = record.groups["sex: f"]
        low, high = group.bias_interval
        assert f"{group.metrics.RMSE:.2f} (" in women
        assert f"{group.bias:.2f} ({low:.2f} to {high:.2f})" in women
        (young,) = lines_with(below, "age: 0 to 29")
        assert "too few" in young
        assert len(lines_with(below, "Dep-MAP")) == 1


def test_a_track_without_groups_is_as_before(make_record, tmp_path):
    table = table_of(make_record())
    assert "By group" not in render_text(table) + render_markdown(table)
    write_pages([table], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "demo-drawn-faces.csv",
        "demo-drawn-faces.md",
    ]
    (row,) = page_data([table])["tracks"][0]["rows"]
    assert "groups" not in row


def test_the_csv_by_group_has_every_digit(tmp_path):
    record = grouped()
    paths = write_pages([table_of(record)], tmp_path)
    path = tmp_path / "groups" / "demo-drawn-faces-world-sparse.csv"
    assert path in paths
    rows = list(csv.DictReader(path.open()))
    assert [row["group"] for row in rows] == list(record.groups)
    women = next(row for row in rows if row["group"] == "sex: f")
    assert float(women["slope_high"]) == record.groups["sex: f"].slope_interval[1]
    assert float(women["CCC"]) == record.groups["sex: f"].metrics.CCC
    young = next(row for row in rows if row["group"] == "age: 0 to 29")
    assert (young["persons"], young["RMSE"], young["bias"]) == ("3", "", "")
    assert "sex" not in "".join(next(csv.reader(io.StringIO(render_csv(table_of(record))))))


def test_of_a_licensed_corpus_only_a_terminal_shows_what_is_private():
    record = grouped(licensed=True)
    table = table_of(record)
    private = record.by_group["sex: f"]
    assert f"{private.bias:.2f} (" in render_text(table)
    assert lines_with(render_text(table), "age: 0 to 29")
    (row,) = page_data([table])["tracks"][0]["rows"]
    assert [group["name"] for group in row["groups"]] == ["sex: f", "sex: m"]
    assert set(row["groups"][0]["numbers"]) == {"RMSE", "MAE"}
    assert row["groups"][0]["numbers"]["RMSE"][0] == record.groups["sex: f"].metrics.RMSE
    page = render_markdown(table)
    assert lines_with(page, "sex: f")
    assert not lines_with(page, "age: ")
    assert "Bias" not in page


def test_so_it_is_with_measures():
    told = {"Within4": {"value": 12.3456, "direction": "higher", "code": "Within4"}}
    for licensed in (True, False):
        table = table_of(grouped(licensed=licensed, measures=told))
        assert "12.35" in render_text(table)
        texts = [render_markdown(table), render_csv(table), json.dumps(page_data([table]))]
        assert ["Within4" in text for text in texts] == [not licensed] * 3


def test_the_page_has_each_group_with_its_interval_and_those_of_too_few():
    record = grouped()
    (row,) = page_data([table_of(record)])["tracks"][0]["rows"]
    groups = {group["name"]: group for group in row["groups"]}
    assert groups["age: 0 to 29"] == {
        "name": "age: 0 to 29",
        "sessions": 3,
        "persons": 3,
        "numbers": {},
    }
    women = record.groups["sex: f"]
    low, high = women.slope_interval
    wanted = [women.slope, None, low, high]
    assert groups["sex: f"]["numbers"]["slope"] == pytest.approx(wanted, abs=1e-4)
