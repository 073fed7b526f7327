"""Two versions of a method's code: the newest is the row, the older ones are told under it."""

import csv
import io

import pytest
from draw_records import FAMILY
from sent_records import experiment, send

from adabench.leaderboard.pages.csv_text import render_csv
from adabench.leaderboard.pages.html.data import page_data
from adabench.leaderboard.pages.text import render_markdown, render_text
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.records import read_record
from adabench.records.files.side_files import CONFIG
from adabench.records.schema.sections import Code

OLD, NEW = "a" * 64, "b" * 64
METHOD = {"name": "Mine", "type": "EstimatorMethod", "estimator": {"type": "NearMean"}}


@pytest.fixture
def table(tmp_path):
    """Makes a table of runs: (sha256 of its code or None, seed, day, error, more of its config)."""

    def make(*runs):
        entries = []
        for sha256, seed, day, error, *more in runs:
            run = {"method": METHOD, "code": {"NearMean": sha256} if sha256 else {}, "seed": seed}
            run |= more[0] if more else {}
            own = experiment(**run)
            code = {n: Code(unit="mine", kind="file", sha256=s) for n, s in own.code.items()}
            created = f"2026-01-{day:02d}T00:00:00+00:00"
            path = send(tmp_path, error, seed, run=run, code=code, created=created)
            entries.append(Entry(read_record(path), "local", path))
        (made,) = build_tables(entries, "demo")
        return made

    return make


def test_the_newest_version_stands_and_none_is_averaged_with_another(table):
    (row,) = table((OLD, 0, 1, 3.0), (OLD, 1, 2, 4.0), (NEW, 0, 3, 6.0)).rows
    assert row.seeds == (0,)
    assert row.metrics["RMSE"].value == pytest.approx(6.0)
    (older,) = row.older
    assert older.seeds == (0, 1)
    assert older.metrics["RMSE"].value == pytest.approx(3.5)


def test_an_older_version_on_another_corpus_of_the_same_draw_is_a_row_of_its_own(tmp_path):
    """Under the newest, nobody would hold it against the constant of its own corpus."""
    entries = []
    for sha256, day, corpus in ((OLD, 1, "beef"), (OLD, 2, "cafe"), (NEW, 3, "cafe")):
        run = {"method": METHOD, "code": {"NearMean": sha256}, "seed": 0}
        code = {"NearMean": Code(unit="mine", kind="file", sha256=sha256)}
        drawn = {"draw": 0, "family": FAMILY, "world": "sparse", "corpus_checksum": corpus}
        created = f"2026-01-{day:02d}T00:00:00+00:00"
        path = send(tmp_path, day, 0, run=run, code=code, created=created, **drawn)
        entries.append(Entry(read_record(path), "local", path))
    (table,) = build_tables(entries, "demo")
    found = {row.named: [older.named for older in row.older] for row in table.rows}
    assert found == {("cafe",): [("cafe",)], ("beef",): []}


def test_the_older_ones_stand_in_their_order(table):
    (row,) = table((OLD, 0, 2, 3.0), (NEW, 0, 3, 6.0), ("c" * 64, 0, 1, 5.0)).rows
    assert [older.metrics["RMSE"].value for older in row.older] == pytest.approx([3.0, 5.0])


def test_code_that_came_into_the_repository_is_the_newer_version(table):
    (row,) = table((OLD, 0, 1, 3.0), (None, 0, 2, 6.0)).rows
    assert row.metrics["RMSE"].value == pytest.approx(6.0)
    assert len(row.older) == 1


def test_a_part_of_the_repository_whose_version_was_raised_is_a_newer_version(table):
    newer = {"versions": {"NearMean": 2}}
    (row,) = table((None, 0, 1, 3.0), (None, 0, 2, 6.0, newer)).rows
    assert row.metrics["RMSE"].value == pytest.approx(6.0)
    (older,) = row.older
    assert older.metrics["RMSE"].value == pytest.approx(3.0)


def test_an_older_version_is_no_bar_for_the_others(table):
    other = {"name": "other", "method": {**METHOD, "name": "Other"}}
    rows = table((OLD, 0, 1, 0.1), (NEW, 0, 3, 6.0), (NEW, 0, 3, 4.0, other)).rows
    assert [(row.method, row.standing.best) for row in rows] == [("Other", True), ("Mine", False)]


def test_another_config_is_no_version(table):
    rows = table((OLD, 0, 1, 3.0), (NEW, 0, 2, 6.0, {"paper_compat": True})).rows
    assert [row.older for row in rows] == [(), ()]


def test_without_the_config_beside_nothing_is_folded(table, tmp_path):
    table((OLD, 0, 1, 3.0), (NEW, 0, 2, 6.0))
    for path in tmp_path.glob(f"*/*.provenance/{CONFIG}"):
        path.unlink()
    paths = tmp_path.glob("*/*.json")
    (found,) = build_tables([Entry(read_record(path), "local", path) for path in paths], "demo")
    assert [row.older for row in found.rows] == [(), ()]


def test_every_page_tells_the_older_version(table, tmp_path):
    found = table((OLD, 0, 1, 3.0), (OLD, 1, 2, 4.0), (NEW, 0, 3, 6.0))
    told = "NearMean aaaaaaaa, 2026-01-01, 2 seeds: RMSE 3.50 ± 0.71"
    note = f"older version of its code, {told}"
    assert "older version of its code" in " ".join(render_text(found).split())
    assert note in render_markdown(found)
    (line,) = csv.DictReader(io.StringIO(render_csv(found)))
    assert note in line["note"]
    (row,) = page_data([found], tmp_path)["tracks"][0]["rows"]
    (older,) = row["older"]
    assert older["told"] == told
    assert [name.startswith("demo/") for name in older["files"]] == [True, True]
