"""Rows over the draws of a family: grouped by family, paired by draw, sorted by shares of the constant's."""

import csv
import io
from statistics import fmean, stdev

import numpy as np
import pytest
from draw_records import FAMILY, drawn_run

from adabench.leaderboard.pages.csv_text import render_csv
from adabench.leaderboard.pages.html.data import page_data
from adabench.leaderboard.pages.text import render_markdown, render_text, write_pages
from adabench.leaderboard.rows.row import OTHER_CORPORA, Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.leaderboard.statistics.differences import pair_difference, pairs_p
from adabench.leaderboard.statistics.errors import Part, Place, constants_in
from adabench.leaderboard.statistics.standing import standings
from adabench.leaderboard.statistics.told import told_from_best
from adabench.leaderboard.statistics.two_rows import compare
from adabench.records import Reported

DRAWS = range(5)


def entries(records):
    return [Entry(record, "local") for record in records]


def runs(method, spread, draws=DRAWS, **changes):
    return [drawn_run(method, draw, spread, **changes) for draw in draws]


@pytest.fixture
def records():
    """The constant, a method that is near it, and two that are far better, on five draws."""
    named = {"A": 4.0, "B": 4.1, "C": 9.0}
    rows = [record for method, spread in named.items() for record in runs(method, spread)]
    return [*runs("constant", 0), *rows]


@pytest.fixture
def table(records):
    (found,) = build_tables(entries(records))
    return found


def row_of(table, method):
    (row,) = (row for row in table.rows if row.method == method)
    return row


def test_a_row_is_its_runs_over_draws_in_shares_of_each_draws_constant(records, table):
    row = row_of(table, "C")
    own = {r.draw: r.metrics.RMSE for r in records if r.method == "C"}
    constant = {r.draw: r.metrics.RMSE for r in records if r.method == "constant"}
    shares = [own[draw] / constant[draw] for draw in DRAWS]
    assert row.draws == tuple(DRAWS)
    assert row.share.value == pytest.approx(fmean(shares))
    assert row.share.deviation == pytest.approx(stdev(shares))
    assert row.metrics["RMSE"].value == pytest.approx(fmean(own.values()))
    assert row_of(table, "constant").share.value == 1
    assert table.rows[0].method == "constant"
    values = [r.share.value for r in table.rows][1:]
    assert values == sorted(values)


def test_seeds_of_a_draw_are_averaged_before_draws_are(records):
    more = [drawn_run("C", 0, 30.0, seed=seed) for seed in range(20, 40)]
    (table,) = build_tables(entries([*records, *more]))
    row = row_of(table, "C")
    assert len(row.entries) == 25
    by_draw = {}
    for entry in row.entries:
        by_draw.setdefault(entry.record.draw, []).append(entry.record.metrics.RMSE)
    assert row.metrics["RMSE"].value == pytest.approx(fmean(map(fmean, by_draw.values())))


def test_runs_that_are_all_of_one_draw_say_so(records):
    pinned = [drawn_run("D", 0, 5.0, seed=seed) for seed in range(3)]
    (table,) = build_tables(entries([*records, *pinned]))
    row = row_of(table, "D")
    assert (row.draws, row.seeds) == ((0,), (0, 1, 2))
    assert "one draw" in row.flags
    assert "draws 0" in row.flags
    assert "one draw" not in row_of(table, "A").flags
    assert row.standing.p_value is None


def places_of(row):
    return [(entry.record.draw, entry.record.corpus_checksum) for entry in row.entries]


def test_a_draw_that_was_prepared_anew_is_a_row_of_its_own(records):
    """To the t test beyond the draws, a draw is one; nothing is left out."""
    anew = drawn_run(
        "C", 0, 9.0, seed=7, corpus_checksum="a2e3", created="2027-01-01T00:00:00+00:00"
    )
    (table,) = build_tables(entries([*records, anew]))
    whole, alone = sorted((r for r in table.rows if r.method == "C"), key=lambda r: -len(r.draws))
    assert places_of(whole) == [(draw, f"{draw:04d}c0ffee") for draw in DRAWS]
    assert places_of(alone) == [(0, "a2e3")]
    assert whole.share is not None
    assert alone.share is None
    assert (whole.named, alone.named) == (("0000c0ffee",), ("a2e3",))
    assert OTHER_CORPORA in alone.flags
    assert OTHER_CORPORA not in whole.flags
    assert not any("left out" in note for row in table.rows for note in row.notes)


def test_what_no_other_row_tells_stands_together_by_age():
    older = runs("C", 9.0, draws=range(2), created="2026-01-01T00:00:00+00:00")
    anew = [
        drawn_run("C", draw, 9.0, corpus_checksum=f"a{draw}", created="2026-02-01T00:00:00+00:00")
        for draw in range(3)
    ]
    (table,) = build_tables(entries([*older, *anew]))
    assert sorted(map(places_of, table.rows)) == [
        [(0, "0000c0ffee"), (1, "0001c0ffee")],
        [(0, "a0"), (1, "a1"), (2, "a2")],
    ]


@pytest.fixture
def two_bases(records):
    """Two methods and the constant on the same draws of another base, run later, beside `records`."""
    later = {"base": 1, "created": "2027-01-01T00:00:00+00:00"}
    named = {"constant": 0, "A": 5.0, "D": 6.0}
    return [*records, *(run for method, s in named.items() for run in runs(method, s, **later))]


def test_rows_of_two_bases_are_measured_against_the_constants_of_their_own(two_bases):
    (table,) = build_tables(entries(two_bases))
    assert sorted(row.method for row in table.rows) == list("AABCD") + ["constant"] * 2
    units = {r.corpus_checksum: r.metrics.RMSE for r in two_bases if r.method == "constant"}
    for row in table.rows:
        assert row.draws == tuple(DRAWS)
        assert len({e.record.config_hash for e in row.entries}) == 1
        own = [e.record.metrics.RMSE / units[e.record.corpus_checksum] for e in row.entries]
        assert row.share.value == pytest.approx(fmean(own))
        assert not any("left out" in note for note in row.notes)
    (reach,) = table.reach.values()
    assert reach.is_share
    best = next(row for row in table.rows if row.standing.best)
    shares = row_of(table, "C").share.value - best.share.value
    assert row_of(table, "C").standing.behind.difference == pytest.approx(shares)


def test_rows_of_other_corpora_than_the_best_are_marked(two_bases):
    (table,) = build_tables(entries(two_bases))
    assert {row.entries[0].record.config_hash[-1] for row in table.rows if row.standing.best} == {
        "0"
    }
    for row in table.rows:
        is_other = row.entries[0].record.config_hash.endswith("1")
        assert (OTHER_CORPORA in row.flags) == is_other
        if is_other:
            assert (row.standing.best, row.standing.p_value) == (False, None)
            assert "corpora 00001 00011 00021 00031 00041" in row.flags
    told = " ".join(render_text(table).split())
    assert f"rows flagged as {OTHER_CORPORA} are not compared" in told
    shown = page_data([table])["tracks"][0]["rows"]
    assert len({row["peers"] for row in shown if row["method"] == "A"}) == 2


def test_a_single_draw_tells_how_far_its_seeds_lie_apart(records):
    pinned = [drawn_run("D", 0, 5.0, seed=seed) for seed in range(3)]
    (table,) = build_tables(entries([*records, *pinned]))
    (unit,) = (r.metrics.RMSE for r in records if (r.method, r.draw) == ("constant", 0))
    shares = [record.metrics.RMSE / unit for record in pinned]
    share = row_of(table, "D").share
    assert share.value == pytest.approx(fmean(shares))
    assert share.deviation == pytest.approx(stdev(shares))


def test_worlds_families_and_older_records_have_tables_of_their_own(records):
    other = runs("A", 4.0, world="none", family="0" * 16)
    wider = runs("A", 4.0, family="1" * 16)
    older = runs("A", 4.0, draws=[7], family=None, world=None)
    tables = build_tables(entries([*records, *other, *wider, *older]))
    assert {table.name for table in tables} == {
        "demo-freeform-drawn-faces",
        "demo-freeform-drawn-faces-world-none",
        "demo-freeform-drawn-faces-world-sparse-fa111e5f",
        "demo-freeform-drawn-faces-world-sparse-11111111",
    }
    for table in tables:
        found = {(e.record.world, e.record.family) for row in table.rows for e in row.entries}
        assert len(found) == 1
    headings = {table.heading for table in tables}
    assert f"demo-freeform: drawn faces, world sparse, family {FAMILY[:8]}" in headings
    assert "demo-freeform: drawn faces, world none" in headings


def test_development_draws_are_flagged_by_their_number_and_stand_apart(records):
    later = [*runs("A", 4.0, draws=range(10, 15)), *runs("constant", 0, draws=range(10, 15))]
    (table,) = build_tables(entries([*records, *later]))
    own = [row for row in table.rows if row.method == "A"]
    assert sorted(row.draws[0] for row in own) == [0, 10]
    assert [("development" in row.flags) for row in sorted(own, key=lambda r: r.draws)] == [
        True,
        False,
    ]
    (old,) = build_tables(entries(runs("A", 4.0, draws=[3], family=None, world=None)))
    assert "development" not in old.rows[0].flags


def test_two_statements_are_made_and_five_draws_give_a_verdict(table):
    best = next(row for row in table.rows if row.standing.best)
    assert best.method in "AB"
    (near,) = (row for row in table.rows if row.method in "AB" and row is not best)
    far = row_of(table, "C").standing
    assert near.standing.is_tied
    assert far.p_value < 0.05
    assert far.p_beyond < 0.05
    low, high = far.behind.interval
    assert 0 < low < far.behind.difference < high
    shares = row_of(table, "C").share.value - best.share.value
    assert far.behind.difference == pytest.approx(shares)


def test_below_five_draws_there_is_an_interval_and_no_verdict(records):
    few = [record for record in records if record.draw < 3]
    (table,) = build_tables(entries(few))
    far = row_of(table, "C").standing
    assert far.p_value < 0.05
    assert far.p_beyond is None
    assert far.behind.interval is not None
    (reach,) = table.reach.values()
    assert (reach.design, reach.places, reach.beyond) == ("draws", 3, None)
    assert "fewer than 5 draws give an interval and no verdict" in render_markdown(table)


def test_what_holds_on_these_draws_alone_is_marked_so():
    """A method that is far better on two draws and as much worse on none: the draws disagree."""
    rows = {
        "A": [drawn_run("A", draw, 3.0 if draw < 2 else 8.0) for draw in DRAWS],
        "B": [drawn_run("B", draw, 8.0) for draw in DRAWS],
    }
    (own, _) = standings({**rows, "constant": runs("constant", 0)})
    assert own["A"].best
    assert own["B"].p_value < 0.05
    assert own["B"].p_beyond > 0.05
    assert own["B"].is_tied_beyond
    assert not own["B"].is_tied


def test_rows_are_paired_by_draw_and_what_one_lacks_is_left_out(records):
    constants = constants_in([records])
    a = runs("A", 4.0)
    c = runs("C", 9.0, draws=[1, 2, 3, 8])
    got = compare(a, c, None, constants)
    assert [place.draw for place in got.pair.places] == [1, 2, 3]
    own, other = ({r.draw: r.metrics.RMSE for r in side} for side in (a, c))
    units = {r.draw: r.metrics.RMSE for r in records if r.method == "constant"}
    wanted = [(own[draw] - other[draw]) / units[draw] for draw in (1, 2, 3)]
    assert got.pair.by_place == pytest.approx(wanted)
    text = "\n".join(got.lines())
    assert "of the constant's error" in text
    assert "on these draws" in text
    assert "no verdict below 5 draws" in text
    assert "drawn faces, world sparse" in text
    with pytest.raises(ValueError, match="no draw or fold in common"):
        compare(a, runs("C", 9.0, draws=[7, 8]))
    with pytest.raises(ValueError, match="compare runs of the same draws and corpora"):
        compare(a, runs("C", 9.0, base=1))
    with pytest.raises(ValueError, match="compare rows of one family"):
        compare(a, runs("C", 9.0, family="1" * 16))


def test_the_sides_of_a_comparison_add_up_to_its_difference(records):
    """Both are over the draws that both have, each draw once however many seeds it has."""
    a = [*runs("A", 4.0), drawn_run("A", 1, 4.0, seed=50)]
    c = runs("C", 9.0, draws=[1, 2, 8])
    got = compare(a, c, None, constants_in([records]))
    by_draw = [[r.metrics.RMSE for r in a if r.draw == draw] for draw in (1, 2)]
    assert got.first.rmse[0] == pytest.approx(fmean(map(fmean, by_draw)))
    assert got.first.share - got.second.share == pytest.approx(got.pair.effect.difference)
    assert (got.first.runs, got.first.left_out) == (3, 3)
    text = "\n".join(got.lines())
    assert f"({got.first.share:.3f} of the constant's error)" in text
    assert "(3 runs where both were run, 3 left out)" in text
    assert "(2 runs where both were run, 1 left out)" in text
    points = compare(a, c)
    difference = points.first.rmse[0] - points.second.rmse[0]
    assert difference == pytest.approx(points.pair.effect.difference)


def test_a_comparison_prints_no_p_as_0():
    got = compare(runs("A", 1.0), runs("C", 30.0))
    assert max(got.p, got.pair.effect.p) < 0.0001
    text = "\n".join(got.lines())
    assert text.count("p < 0.0001") == 2
    assert "0.0000" not in text


def test_a_comparison_says_which_draws_differ_and_which_corpora():
    a = runs("A", 4.0)
    text = "\n".join(compare(a[:1], runs("C", 9.0)).lines())
    assert "Beware: the rows are of different draws (draws 0 and 0 1 2 3 4)" in text
    assert "different corpora" not in text
    anew = [drawn_run("C", 0, 9.0, corpus_checksum="a2e3"), *runs("C", 9.0, draws=[1, 2, 3, 4])]
    text = "\n".join(compare(a, anew).lines())
    assert "Beware: the rows are of different corpora (0000c0ff and a2e3)" in text
    assert "different draws" not in text
    assert "different" not in "\n".join(compare(a, runs("C", 9.0)).lines())


def test_persons_of_two_draws_are_two_even_where_their_names_are_one(records):
    renamed = [
        record.model_copy(
            update={
                "predictions": [
                    entry.model_copy(update={"subject": entry.subject.split("-")[1]})
                    for entry in record.predictions
                ]
            }
        )
        for record in records
    ]

    def p(found):
        rows = {}
        for record in found:
            rows.setdefault(record.method, []).append(record)
        return [
            each.p
            for each in told_from_best(rows, None, constants_in(rows.values())).against.values()
        ]

    assert p(renamed) == p(records)


def test_a_row_is_judged_by_each_draws_own_control():
    constant = runs("constant", 0)
    worse = [drawn_run("D", draw, 1.0 if draw == 0 else 30.0) for draw in DRAWS]
    found, _ = standings({"constant": constant, "D": worse})
    assert "no better than the constant" in found["D"].contradiction
    assert "over 5 draws" in found["D"].contradiction


def test_no_reported_number_stands_on_drawn_faces(records):
    printed = records[-1].model_copy(
        update={"origin": Reported(paper="p", table="1", row="r"), "predictions": []}
    )
    (table,) = build_tables(entries([*records, printed]))
    assert all(row.origin == "measured (local)" for row in table.rows)


def test_every_page_says_what_it_is_of_and_what_it_tells_apart(table, tmp_path):
    for text in (render_text(table), render_markdown(table)):
        words = " ".join(text.split())
        assert "drawn faces, world sparse" in words.casefold()
        assert "nothing about depression in people" in words
        assert "BDI-II" not in words
        assert "drawn score" in words or text.startswith("==")
        assert "told apart where they differ by 0." in words
        assert "on these 5 draws (150 persons); beyond them 0." in words
        assert "Draws 0 1 2 3 4 of family fa111e5f" in words
    (head, *body) = csv.reader(io.StringIO(render_csv(table)))
    lines = [dict(zip(head, line, strict=True)) for line in body]
    assert {line["drawn"] for line in lines} == {"drawn faces, world sparse"}
    assert {line["draws"] for line in lines} == {"0 1 2 3 4"}
    (far,) = (line for line in lines if line["method"] == "C")
    assert float(far["p_beyond"]) < 0.05
    assert 0 < float(far["behind_low"]) < float(far["behind"])
    assert all(
        path.stem == "demo-freeform-drawn-faces-world-sparse"
        for path in write_pages([table], tmp_path)
    )


def test_without_its_constant_a_draw_gives_no_share(records):
    lacking = [r for r in records if not (r.method == "constant" and r.draw == 4)]
    (table,) = build_tables(entries(lacking))
    assert row_of(table, "A").share is None
    (reach,) = table.reach.values()
    assert not reach.is_share
    assert np.isfinite(reach.here)


def test_the_line_under_a_table_is_what_persons_and_draws_give():
    """Against the spread of the very differences, drawn again and again."""
    chance = np.random.default_rng(30)
    count, persons = 400, 40
    one, other = (chance.normal(0, s, (count, persons)) for s in (5.0, 6.0))
    rmse = [np.sqrt((errors**2).mean(axis=1)) for errors in (one, other)]
    spread = np.std(rmse[0] - rmse[1])
    found = []
    for number in range(40):
        parts = [
            {
                Place(None, "c", "official"): Part(
                    tuple(map(str, range(persons))),
                    tuple(map(str, range(persons))),
                    np.zeros(persons),
                    errors[number][None],
                )
            }
            for errors in (one, other)
        ]
        pair = pair_difference(*parts)
        assert pair.by_session.sum() == pytest.approx(pair.effect.difference)
        found.append(np.sqrt(persons * np.var(pair.influence, ddof=1)))
    assert np.mean(found) == pytest.approx(spread, rel=0.1)


def pairs_apart(difference, count=300, persons=42, deviation=3.5):
    """Pairs of rows on five draws whose true RMSE differ by so many points, around the deviation."""
    chance = np.random.default_rng(31)
    names = tuple(map(str, range(persons)))
    spreads = deviation - difference / 2, deviation + difference / 2
    for _ in range(count):
        rows = [
            {
                Place(draw, f"c{draw}", "official"): Part(
                    names, names, np.zeros(persons), chance.normal(0, spread, (1, persons))
                )
                for draw in DRAWS
            }
            for spread in spreads
        ]
        yield pair_difference(*rows)


def test_the_stated_difference_is_told_apart_four_times_in_five():
    """What a table of records states, held against new pairs that differ by so much, and by nothing."""
    rows = {name: [drawn_run(name, draw, 3.5, persons=42) for draw in DRAWS] for name in "ABCDEFGH"}
    stated = told_from_best(rows).reach.here
    assert not told_from_best(rows).reach.is_share
    told = {
        difference: np.mean(pairs_p([*pairs_apart(difference)]) < 0.05)
        for difference in (0.0, stated)
    }
    assert 0.03 <= told[0.0] <= 0.08
    assert 0.7 <= told[stated] <= 0.9
