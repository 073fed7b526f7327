"""The three forms of a comparison."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from adabench.bench.comparison.compared import (
    SHARE,
    ComparedRow,
    Comparison,
    Measurement,
    Order,
    Pair,
    Spent,
)
from adabench.bench.comparison.pages import (
    render_csv,
    render_markdown,
    render_text,
    write_comparison,
)
from adabench.evaluation.ranking import RankAgreement
from adabench.leaderboard.rows.summary import Summary
from adabench.leaderboard.statistics.peers import Peers
from adabench.leaderboard.statistics.standing import Standing
from adabench.leaderboard.statistics.told import Reach
from adabench.leaderboard.statistics.wording import TIED_BEYOND_LEGEND, TIED_LEGEND
from adabench.records import Metrics
from adabench.records.drawn import drawn_notice

NAMES = ("RMSE", "MAE", "PCC", "CCC")

NOTICE = drawn_notice("drawn faces, world sparse")


def measurement(*values, seeds=(0, 1, 2), deviation=0.5):
    metrics = {name: Summary(value, deviation) for name, value in zip(NAMES, values, strict=False)}
    return Measurement(seeds, 3, metrics, 12.5, None)


def table(**changes):
    rows = (
        ComparedRow(
            None, "Other|s 2020", None, {"avec14": Pair(Metrics(RMSE=9.2, MAE=7), note="doubtful")}
        ),
        ComparedRow(
            "full",
            "Full",
            "trunk",
            {"avec14": Pair(Metrics(RMSE=5.68, MAE=4.438), measurement(6.0, 4.25), True, "hash1")},
        ),
        ComparedRow("lost", "Lost", "trunk", {"avec14": Pair(runs=True)}),
        ComparedRow(
            "single",
            "Single",
            "size",
            {"avec14": Pair(None, measurement(6.5, 5.5, seeds=(1,), deviation=None), True)},
        ),
    )
    given = {
        "suite": "s",
        "title": "Modules",
        "paper": "p",
        "table": "1",
        "tracks": {"avec14": "own"},
        "metrics": {"avec14": ("RMSE", "MAE")},
        "rows": rows,
        "orders": (Order("avec14", 3, (0, 1), RankAgreement(0.5, -0.25, 1.0)),),
        "spent": Spent(3, 240.0, 3, 600.0, 240.0),
        "notices": (),
    }
    return Comparison(**given | changes)


def markdown_cells(page):
    lines = [line for line in page.splitlines() if line.startswith("|")]
    rows = [line.replace("\\|", "PIPE").strip("|").split("|") for line in lines]
    return [[cell.strip() for cell in row] for row in rows if not row[0].startswith("---")]


def test_markdown_has_reported_and_measured_side_by_side():
    page = render_markdown(table())
    header, *rows = markdown_cells(page)
    place = "avec14 on own"
    assert header == [
        "Row",
        *(f"{place} {name} {what}" for name in NAMES[:2] for what in ("reported", "measured")),
        f"{place} seeds",
    ]
    assert rows == [
        ["OtherPIPEs 2020", "9.20", "", "7.00", "", ""],
        ["trunk:", "", "", "", "", ""],
        ["Full", "5.68", "6.00 ± 0.50", "4.438", "4.25 ± 0.50", "3"],
        ["Lost", "", "missing", "", "", ""],
        ["size:", "", "", "", "", ""],
        ["Single", "", "6.50", "", "5.50", "1 of 3"],
    ]
    assert page.startswith("# s: Modules (p, table 1)\n")
    assert "- Other\\|s 2020, avec14: doubtful" in page
    assert "0.50, 95 % interval over persons -0.25 to 1.00 (3 rows, seeds 0 1)" in page
    assert (
        "Time: 3 runs took 4.0 min where each alone, from nothing, would take 10.0 min (0.40"
        in page
    )


def test_text_says_the_same():
    text = render_text(table())
    lines = text.splitlines()
    assert lines[0] == "== s: Modules (p, table 1) =="
    (full,) = (line for line in lines if line.startswith("Full"))
    assert full.split() == ["Full", "5.68", "6.00", "±", "0.50", "4.438", "4.25", "±", "0.50", "3"]
    assert max(len(line) for line in lines) <= 100
    assert "Kendall's tau" in text


def test_text_has_a_track_at_a_time_and_only_its_rows():
    tracks = ("avec13", "avec14-freeform", "avec14-northwind")
    pair = Pair(Metrics(RMSE=1, MAE=2, PCC=0.3, CCC=0.4), measurement(1.0, 2.0, 0.3, 0.4), True)
    wide = table(
        tracks=dict.fromkeys(tracks, None) | {"avec13": "avec13"},
        metrics=dict.fromkeys(tracks, NAMES),
        rows=(
            ComparedRow("full", "Full", None, dict.fromkeys(tracks, pair)),
            ComparedRow(
                None,
                "Other",
                None,
                {**dict.fromkeys(tracks, Pair()), tracks[1]: Pair(pair.reported)},
            ),
        ),
        orders=(),
    )
    lines = render_text(wide).splitlines()
    assert sum(line.startswith("Full") for line in lines) == 3
    assert sum(line.startswith("Other") for line in lines) == 1
    assert set(tracks) < set(lines)
    assert max(len(line) for line in lines) <= 120
    assert len(markdown_cells(render_markdown(wide))[0]) == 1 + 3 * 9


def test_a_sweep_has_measured_columns_only():
    pair = {"avec14": Pair(None, measurement(6.0, 4.0), True)}
    sweep = table(table=None, rows=(ComparedRow("a", "A", None, pair),), orders=())
    header, row = markdown_cells(render_markdown(sweep))
    assert [cell.rpartition(" ")[2] for cell in header[1:]] == ["measured", "measured", "seeds"]
    assert row == ["A", "6.00 ± 0.50", "4.00 ± 0.50", "3"]
    assert render_markdown(sweep).startswith("# s: Modules\n")


def test_csv_has_a_line_a_row_and_track_in_full_precision():
    rows = list(csv.DictReader(io.StringIO(render_csv(table()))))
    assert [row["status"] for row in rows] == ["reported only", "measured", "missing", "measured"]
    full = rows[1]
    assert (full["suite"], full["group"], full["row"], full["label"]) == (
        "s",
        "trunk",
        "full",
        "Full",
    )
    assert (full["track"], full["scored_track"], full["demo"]) == ("avec14", "own", "false")
    assert (full["reported_MAE"], full["measured_RMSE"], full["sd_RMSE"]) == ("4.438", "6.0", "0.5")
    assert (full["seeds"], full["wall_seconds"], full["alone_seconds"]) == ("0 1 2", "12.5", "")
    assert full["config_hash"] == "hash1"
    assert rows[3]["sd_RMSE"] == ""
    assert rows[2]["measured_RMSE"] == rows[2]["seeds"] == ""
    assert rows[0]["note"] == "doubtful"


@pytest.mark.parametrize(
    ("spent", "told"),
    [
        (Spent(0, 0, 0, 0, 0), "Time: no run has recorded its time."),
        (
            Spent(2, 30.0, 0, 0, 0),
            "Time: 2 runs took 30 s; what each would take alone is not recorded.",
        ),
        (
            Spent(3, 45.0, 2, 100.0, 40.0),
            "Time: 3 runs took 45 s, for 2 of them 40 s where each alone, from nothing, "
            "would take 1.7 min (0.40 of it).",
        ),
    ],
)
def test_time_is_told_with_what_is_known(spent, told):
    assert told in " ".join(render_text(table(spent=spent)).split())


def test_an_order_that_is_not_compared_says_why():
    text = render_text(table(orders=(Order("avec14", reason="2 rows"),)))
    assert "avec14 on own: the order of rows is not compared: 2 rows." in text


PEERS = Peers("official", "drawn faces", is_development=True)


@pytest.fixture
def drawn():
    """A table on five draws, the second row not told from the first beyond them."""

    def pair(share, standing):
        found = measurement(6.0, 4.0)
        metrics = {SHARE: Summary(share, 0.05), **found.metrics}
        given = replace(
            found, metrics=metrics, draws=(0, 1, 2, 3, 4), planned=5, seeds=(0, 1, 2, 3, 4)
        )
        return {"avec14": Pair(None, given, True, standing=standing)}

    rows = (
        ComparedRow("a", "A", None, pair(0.6, Standing(best=True))),
        ComparedRow("b", "B", None, pair(0.7, Standing(p_value=0.01, p_beyond=0.2))),
    )
    return table(
        tracks={"avec14": "demo"},
        metrics={"avec14": (SHARE, *NAMES[:2])},
        rows=rows,
        orders=(),
        notices=(NOTICE, "Every row starts from nothing."),
        worlds=("sparse",),
        reach={"avec14": {PEERS: Reach("draws", 5, 210, 0.03, 0.08, True)}},
    )


def test_drawn_faces_are_named_and_have_no_reported_columns(drawn):
    page = render_markdown(drawn)
    header, first, second = markdown_cells(page)
    assert not any("reported" in cell for cell in header)
    assert first[1] == "0.60 ± 0.05"
    assert second[1].lstrip("\\") == "~ 0.70 ± 0.05"
    assert first[-1] == "5 (5 draws)"
    assert page.startswith("# s: Modules (drawn faces, world sparse)\n")
    assert f"**{NOTICE}**" in page
    assert "**Every row" not in page
    assert TIED_BEYOND_LEGEND in page.replace("\\", "")
    assert TIED_LEGEND not in page.replace("\\", "")
    assert "0.030 of the constant's error on these 5 draws (210 persons); beyond them 0.080" in page
    assert "drawn faces, world sparse" in render_text(drawn)
    lines = list(csv.DictReader(io.StringIO(render_csv(drawn))))
    assert [line["of_constant"] for line in lines] == ["0.6", "0.7"]
    assert {line["drawn"] for line in lines} == {"drawn faces, world sparse"}


def test_groups_of_one_start_each_say_what_they_tell_apart(drawn):
    other = PEERS._replace(start="foreign weights")
    reach = {PEERS: drawn.reach["avec14"][PEERS], other: Reach("draws", 5, 210, 0.07, None, True)}
    page = render_markdown(replace(drawn, reach={"avec14": reach}))
    assert "Starting from drawn faces: 0.030 of the constant's error" in page
    assert "Starting from foreign weights: 0.070 of the constant's error" in page
    assert "Starting from" not in render_markdown(drawn)


def test_files_on_drawn_faces_say_so_in_their_names(drawn, tmp_path):
    names = {path.name for path in write_comparison(drawn, tmp_path)}
    assert names == {"s-drawn-faces-world-sparse.md", "s-drawn-faces-world-sparse.csv"}
    of_family = replace(drawn, family="fa111e5f" * 2)
    names = {path.name for path in write_comparison(of_family, tmp_path)}
    assert "s-drawn-faces-world-sparse-fa111e5f.md" in names


def test_a_page_of_before_there_was_a_run_goes(drawn, tmp_path):
    write_comparison(table(), tmp_path)
    write_comparison(replace(drawn, worlds=(None,)), tmp_path)
    write_comparison(replace(drawn, suite="s-two", worlds=(None,)), tmp_path)
    written = {
        *write_comparison(drawn, tmp_path),
        *write_comparison(replace(drawn, worlds=("none",)), tmp_path),
    }
    others = {"s.md", "s.csv", "s-two-drawn-faces.md", "s-two-drawn-faces.csv"}
    assert {path.name for path in tmp_path.iterdir()} == {*others, *(path.name for path in written)}
    assert len(written) == 4


def test_pages_are_written_under_the_suite_s_name(tmp_path):
    paths = write_comparison(table(), tmp_path / "suites")
    assert paths == [tmp_path / "suites" / "s.md", tmp_path / "suites" / "s.csv"]
    assert Path(paths[0]).read_text(encoding="utf-8") == render_markdown(table())
