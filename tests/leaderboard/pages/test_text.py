"""The three forms of a table."""

import csv
import io

import pytest
from record_fixtures import constant

from adabench.leaderboard.pages.csv_text import render_csv
from adabench.leaderboard.pages.text import (
    CONTRADICTED_LEGEND,
    TIED_LEGEND,
    render_markdown,
    render_text,
    write_pages,
)
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.records import Metrics, Reported
from adabench.records.drawn import drawn_notice

NOTICE = drawn_notice("drawn faces")


def table_of(*records):
    (table,) = build_tables(Entry(record, "local") for record in records)
    return table


@pytest.fixture
def real(make_record):
    return table_of(
        make_record(
            track="avec14",
            licensed=True,
            predictions=[],
            intervals={},
            seed=None,
            method="M",
            config="M",
            metrics=Metrics(RMSE=7.125, MAE=5),
            origin=Reported(paper="p", table="1", row="M"),
        )
    )


@pytest.fixture
def demo(make_record):
    merged = [make_record(error, seed, method="A|B") for seed, error in enumerate((4.0, 6.0))]
    return table_of(*merged, make_record(9.0, method="single", notes=["x < y\nz"]))


def markdown_cells(page):
    lines = [line for line in page.splitlines() if line.startswith("|")]
    rows = [line.replace("\\|", "PIPE").strip("|").split("|") for line in lines]
    return [[cell.strip() for cell in row] for row in rows if not row[0].startswith("---")]


def test_demo_pages_say_what_their_numbers_do_not_mean(demo, real):
    assert "nothing about depression in people" in NOTICE
    assert NOTICE in render_markdown(demo)
    assert NOTICE in " ".join(render_text(demo).split())
    assert "drawn" not in render_markdown(real)
    assert "drawn" not in render_text(real)


def test_markdown_has_every_filled_column_and_rounds(demo):
    header, *rows = markdown_cells(render_markdown(demo))
    columns = ["Method", "Config", "Origin", "Seeds", "Behind the best"]
    columns += ["RMSE", "MAE", "PCC", "CCC"]
    assert header == [*columns, "RMSE 95 %", "Note"]
    first = dict(zip(header, rows[0], strict=True))
    second = dict(zip(header, rows[1], strict=True))
    assert first["Method"] == "APIPEB"
    assert first["RMSE"] == "5.00 ± 1.41"
    assert first["Seeds"] == "2"
    assert first["RMSE 95 %"] == "5.00 to 5.00"
    assert second["RMSE"] == "9.00"
    assert second["RMSE 95 %"] == "9.00 to 9.00"


def test_a_table_says_over_what_errors_were_taken_where_they_differ(real, demo, make_record):
    assert "Scored" not in render_markdown(demo)
    header, row = markdown_cells(render_markdown(real))
    assert row[header.index("Scored")] == "not printed"
    over_clips = [Metrics(RMSE=value, MAE=4.0, PCC=0.5, CCC=0.4) for value in (6.0, 8.0)]
    runs = [make_record(seed=s, clip_metrics=own) for s, own in enumerate(over_clips)]
    joint = table_of(*runs, make_record(9.0, method="older"))
    header, *rows = markdown_cells(render_markdown(joint))
    told = ["sessions; over clips RMSE 7.00 ± 1.41, MAE 4.00 ± 0.00", "sessions"]
    assert [row[header.index("Scored")] for row in rows] == told
    assert "Scored says over what" in render_markdown(joint)
    assert told[0] in render_csv(joint)


def test_flags_that_every_row_has_are_said_once(demo, make_record):
    assert "\n\nEvery measured row: joint, protocol official.\n\n" in render_markdown(demo)
    mixed = table_of(make_record(), make_record(9.0, method="other", fusion="fused"))
    header, *rows = markdown_cells(render_markdown(mixed))
    assert [row[header.index("Flags")] for row in rows] == ["joint", "fused"]
    assert "Every measured row: protocol official." in render_markdown(mixed)
    lone = render_text(table_of(make_record()))
    assert "Every measured row" not in lone
    assert "joint" in lone


def test_notes_stand_below_the_markdown_table_once(make_record):
    notes = ["x < y\nz", "shared"]
    table = table_of(make_record(3.0, notes=notes), make_record(9.0, method="b", notes=["shared"]))
    page = render_markdown(table)
    header, *rows = markdown_cells(page)
    assert [row[header.index("Note")] for row in rows] == ["1, 2", "2"]
    assert page.endswith("\n\n1. x &lt; y z\n2. shared\n")


def test_what_single_runs_say_of_themselves_is_left_to_the_csv(make_record):
    runs = [make_record(seed=seed, notes=["all", f"only {seed}"]) for seed in (0, 1)]
    table = table_of(*runs)
    for page in (render_markdown(table), render_text(table)):
        assert "all" in page
        assert "only" not in page
    assert "all; only 0; only 1" in render_csv(table)


def test_rows_not_told_from_the_best_are_marked(make_record):
    table = table_of(
        make_record(4.0), make_record(4.0, config="the same"), make_record(9.0, method="other")
    )
    header, *rows = markdown_cells(render_markdown(table))
    cells = [row[header.index("RMSE")] for row in rows]
    assert sorted(cells) == ["4.00", "9.00", "≈ 4.00"]
    assert TIED_LEGEND in render_markdown(table)
    assert "≈ 4.00" in render_text(table)
    best, tied, worse = csv.DictReader(io.StringIO(render_csv(table)))
    assert [best["best"], tied["best"], worse["best"]] == ["yes", "", ""]
    assert best["p_best"] == ""
    assert float(tied["p_best"]) == pytest.approx(1.0)
    assert float(worse["p_best"]) < 0.05


def test_a_contradicted_row_is_flagged_with_its_reason(make_record):
    table = table_of(
        constant(),
        make_record(41.0, method="useless"),
    )
    page = render_markdown(table)
    header, _, row = markdown_cells(page)
    assert "contradicted" in row[header.index("Flags")]
    assert "\n1. contradicted: no better than the constant" in page
    assert CONTRADICTED_LEGEND in page
    assert "contradicted" in render_text(table)
    _, useless = csv.DictReader(io.StringIO(render_csv(table)))
    assert useless["contradiction"].startswith("no better than the constant")


def test_marks_that_no_row_has_are_not_explained(real):
    assert TIED_LEGEND not in render_markdown(real)
    assert CONTRADICTED_LEGEND not in render_markdown(real)


def test_csv_has_full_precision(demo):
    rows = list(csv.DictReader(io.StringIO(render_csv(demo))))
    (single,) = (row for row in demo.rows if row.method == "single")
    assert float(rows[1]["CCC"]) == single.metrics["CCC"].value
    assert float(rows[1]["PCC_low"]) == single.metrics["PCC"].interval[0]
    assert rows[1]["RMSE_sd"] == ""
    assert float(rows[0]["RMSE_sd"]) == pytest.approx(2**0.5)
    assert rows[0]["seeds"] == "0 1"
    assert {row["track"] for row in rows} == {"demo-drawn-faces"}
    assert {row["drawn"] for row in rows} == {"drawn faces"}


def test_what_a_paper_leaves_out_stays_empty(real):
    (row,) = csv.DictReader(io.StringIO(render_csv(real)))
    assert row["RMSE"] == "7.125"
    assert row["PCC"] == row["CCC"] == row["seeds"] == ""


def test_the_terminal_leaves_out_columns_that_nothing_fills(real, demo):
    assert "PCC" not in render_text(real)
    assert "Seeds" not in render_text(real)
    assert "reported (p, table 1)" in render_text(real)
    assert "PCC" in render_text(demo)


def test_rows_of_several_corpora_come_with_a_warning(make_record):
    table = table_of(make_record(), make_record(corpus_checksum="beef" * 4))
    assert "2 different corpora (beefbeef, c0ffee00)" in render_markdown(table)
    assert "2 different corpora" in render_text(table)


def test_pages_are_written_per_track(demo, real, tmp_path):
    paths = write_pages([demo, real], tmp_path / "out")
    assert [path.name for path in paths] == [
        "demo-drawn-faces.md",
        "demo-drawn-faces.csv",
        "avec14.md",
        "avec14.csv",
    ]
    assert paths[0].read_text(encoding="utf-8") == render_markdown(demo)
    assert paths[3].read_text(encoding="utf-8") == render_csv(real)
