"""A paper's table beside what was measured, against numbers worked out by hand."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from draw_records import drawn_run
from record_fixtures import as_licensed

from adabench.bench.comparison.compare import compare, compare_apart
from adabench.bench.comparison.compared import SHARE
from adabench.bench.suites import Suite, SuiteRow
from adabench.bench.tasks import Cell, Turn
from adabench.records import Cost, Record
from adabench.records.files.reported import read_reported
from adabench.records.schema.sections import Flags

CSV = """paper,table,row,method,track,RMSE,MAE,PCC,CCC,scored,note
p,1,First et al.,First,avec14,10.5,9.2,,,not printed,doubtful
p,1,plain,M,avec14,9.0,8.0,0.5,0.4,not printed,
p,1,plain,M,avec13,9.5,8.5,,,not printed,
p,1,Second et al.,Second,avec14,8.5,7.0,,,not printed,
p,1,some,M,avec14,8.0,6.0,0.6,0.5,not printed,
p,1,full,M,avec14,6.28,4.99,0.9,0.8,not printed,
p,1,Third et al.,Third,avec14,5.0,4.0,,,not printed,
p,2,elsewhere,M,avec14,1.0,1.0,,,not printed,
"""


@pytest.fixture
def reported(tmp_path):
    path = tmp_path / "reported.csv"
    path.write_text(CSV)
    return read_reported(path)


def suite(*names, **fields):
    rows = tuple(SuiteRow(name=name, label=name.title(), reported=name) for name in names)
    given = {"paper": "p", "table": "1", "title": "T", "base": "b.py", "tracks": ("avec14",)}
    return Suite(**{"name": "s", "path": Path("s.py"), "rows": rows, **given, **fields})


def cells_of(*names, track="avec14", scored="own", seeds=(0, 1, 2)):
    turns = tuple(Turn(seed) for seed in seeds)
    return [Cell("s", name, track, scored, f"h{name}", turns) for name in names]


@pytest.fixture
def measured(make_record):
    """Records by key: a row's RMSE and MAE are its errors, a seed each."""

    def records(errors, **changes):
        return {
            (f"h{name}", seed, None, "own"): make_record(
                error, seed, config_hash=f"h{name}", **{"track": "own", **changes}
            )
            for name, each in errors.items()
            for seed, error in enumerate(each)
        }

    return records


def test_mean_and_sample_deviation_over_seeds(reported, measured):
    records = measured({"plain": [4.0, 6.0, 8.0], "full": [3.0]})
    found = compare(suite("plain", "some", "full"), cells_of("plain", "some", "full"), records, [])
    plain, some, full = (row.pairs["avec14"] for row in found.rows)
    assert plain.measured.metrics["RMSE"].value == pytest.approx(6)
    assert plain.measured.metrics["RMSE"].deviation == pytest.approx(2)
    assert plain.measured.metrics["MAE"].value == pytest.approx(6)
    assert plain.measured.seeds == (0, 1, 2)
    assert full.measured.metrics["RMSE"].deviation is None
    assert (full.measured.seeds, full.measured.planned) == ((0,), 3)
    assert some.measured is None
    assert some.runs


def test_other_seeds_tracks_and_configs_stay_out(reported, measured, make_record):
    records = measured({"plain": [4.0, 6.0]})
    for key in (
        ("hplain", 7, None, "own"),
        ("hplain", 0, None, "demo-freeform"),
        ("hother", 0, None, "own"),
    ):
        records[key] = make_record(1.0, key[1], config_hash=key[0], track=key[3])
    cells = [*cells_of("plain"), Cell("other", "plain", "avec14", "demo", "hother", (Turn(0),))]
    (row,) = compare(suite("plain"), cells, records, []).rows
    assert row.pairs["avec14"].measured.metrics["RMSE"].value == pytest.approx(5)


def test_rows_that_no_suite_row_covers_keep_their_places(reported):
    found = compare(suite("plain", "full"), cells_of("plain", "full"), {}, reported)
    assert [(row.name, row.label) for row in found.rows] == [
        (None, "First et al."),
        ("plain", "Plain"),
        (None, "Second et al."),
        (None, "some"),
        ("full", "Full"),
        (None, "Third et al."),
    ]
    first = found.rows[0].pairs["avec14"]
    assert (first.reported.RMSE, first.measured, first.runs, first.note) == (
        10.5,
        None,
        False,
        "doubtful",
    )
    assert found.rows[1].pairs["avec14"].reported.CCC == 0.4


def test_the_suite_s_order_counts_and_unprinted_rows_stay_where_they_are(reported):
    rows = (
        SuiteRow(name="full", label="Full", reported="full"),
        SuiteRow(name="own", label="Own"),
        SuiteRow(name="plain", label="Plain", reported="plain"),
    )
    found = compare(suite(rows=rows), [], {}, reported)
    assert [row.label for row in found.rows] == [
        "First et al.",
        "Second et al.",
        "some",
        "Full",
        "Own",
        "Plain",
        "Third et al.",
    ]


def test_a_block_shows_the_metrics_that_its_table_prints(reported):
    given = suite("plain", tracks=("avec14", "avec13"))
    found = compare(given, [], {}, reported)
    assert found.metrics == {"avec14": ("RMSE", "MAE", "PCC", "CCC"), "avec13": ("RMSE", "MAE")}
    assert list(found.tracks) == ["avec14", "avec13"]
    sweep = Suite(**{**given.model_dump(), "table": None, "rows": [{"name": "a", "label": "A"}]})
    found = compare(sweep, [], {}, reported)
    assert found.metrics["avec13"] == ("RMSE", "MAE", "PCC", "CCC")
    assert len(found.rows) == 1
    assert found.orders == ()


def test_the_order_of_rows_is_compared_with_the_paper_s(reported, measured):
    names = ("plain", "some", "full")
    same = measured({"plain": [9.0, 9.0], "some": [7.0, 7.0], "full": [3.0, 3.0]})
    (order,) = compare(suite(*names), cells_of(*names), same, reported).orders
    assert (order.rows, order.seeds) == (3, (0, 1))
    assert (order.agreement.tau, order.agreement.low, order.agreement.high) == (1, 1, 1)
    # Two of three pairs are turned around: (1 - 2) / 3.
    turned = measured({"plain": [3.0], "some": [7.0], "full": [5.0]})
    (order,) = compare(suite(*names), cells_of(*names), turned, reported).orders
    assert order.agreement.tau == pytest.approx(-1 / 3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("few", "printed rows that are measured: 2; an order needs 3"),
        ("seeds", "the rows have no seed in common"),
        ("licensed", "the records hold no labels, since their corpus is licensed"),
        ("sent", "the records hold no labels, since their corpus is licensed"),
        ("sessions", "the rows were tested on different sessions; run them again"),
    ],
)
def test_why_an_order_is_not_compared(reported, measured, make_record, change, reason):
    names = ("plain", "some", "full")
    records = measured({name: [4.0] for name in names})
    last = records.pop(("hfull", 0, None, "own"))
    if change == "seeds":
        records["hfull", 1, None, "own"] = last
    if change in ("licensed", "sent"):
        licensed = as_licensed(last)
        # One somebody sent, whose private side file is not at hand.
        bare = Record.model_validate_json(licensed.model_dump_json())
        keys = [*records, ("hfull", 0, None, "own")]
        records = dict.fromkeys(keys, bare if change == "sent" else licensed)
    if change == "sessions":
        moved = [p.model_copy(update={"session": f"x{p.session}"}) for p in last.predictions]
        records["hfull", 0, None, "own"] = make_record(4.0, predictions=moved, track="own")
    (order,) = compare(suite(*names), cells_of(*names), records, reported).orders
    assert order.agreement is None
    assert order.reason == reason


def test_time_is_counted_once_a_run(measured, make_record):
    records = {
        ("hplain", seed, None, "own"): make_record(4.0, seed, cost=Cost(wall_seconds=wall))
        for seed, wall in enumerate((10.0, 30.0))
    }
    two_tracks = [*cells_of("plain"), *cells_of("plain", track="avec13")]
    found = compare(suite("plain", tracks=("avec14", "avec13")), two_tracks, records, [])
    assert (found.spent.runs, found.spent.took) == (2, 40)
    assert found.rows[0].pairs["avec14"].measured.wall_seconds == pytest.approx(20)


def test_time_alone_stands_beside_the_time_taken(make_record):
    costs = [
        Cost(wall_seconds=10.0, alone_seconds=40.0),
        Cost(wall_seconds=30.0, alone_seconds=60.0),
        Cost(wall_seconds=5.0),
    ]
    records = {
        ("hplain", seed, None, "own"): make_record(4.0, seed, cost=cost)
        for seed, cost in enumerate(costs)
    }
    found = compare(suite("plain"), cells_of("plain"), records, [])
    spent = found.spent
    assert (spent.runs, spent.took, spent.counted) == (3, 45, 2)
    assert (spent.alone, spent.took_of_counted) == (100, 40)
    assert found.rows[0].pairs["avec14"].measured.alone_seconds is None


def test_what_a_reader_must_know_comes_first(reported, measured, make_record):
    records = measured({"plain": [4.0]}, track="demo")
    records = {(*key[:3], "demo"): record for key, record in records.items()}
    records["hsome", 0, None, "demo"] = make_record(5.0, corpus_checksum="beefbeefbeef")
    cells = [
        *cells_of("plain", "some", scored="demo"),
        *cells_of("plain", track="avec13", scored="demo"),
    ]
    found = compare(suite("plain", "some", tracks=("avec14", "avec13")), cells, records, reported)
    demo, same, corpora = found.notices
    assert "nothing about depression" in demo
    assert same.startswith("avec14 and avec13 are measured on one track, demo")
    assert re.search(r"2 different corpora \(beefbeef, c0ffee00\)", corpora)
    real = [Cell("s", "plain", "avec14", "avec14", "h", (Turn(0),))]
    assert compare(suite("plain"), real, {}, reported).notices == ()


def drawn(rows, draws=range(5), **changes):
    """Records by key and cells of rows that were run on draws."""
    runs = {
        (f"h{name}", draw, draw, "demo-freeform"): drawn_run(
            name, draw, spread, config_hash=f"h{name}", **changes
        )
        for name, spread in rows.items()
        for draw in draws
    }
    turns = tuple(Turn(draw, draw) for draw in draws)
    cells = [Cell("s", name, "avec14", "demo-freeform", f"h{name}", turns) for name in rows]
    return runs, cells


def test_on_drawn_faces_nothing_reported_stands_beside_what_was_measured(reported):
    records, cells = drawn({"plain": 9.0, "full": 4.0, "some": 5.0, "constant": 0.0})
    found = compare(suite("plain", "some", "full"), cells[:3], records, reported)
    assert all(pair.reported is None for row in found.rows for pair in row.pairs.values())
    assert found.orders == ()
    assert found.metrics["avec14"][0] == SHARE
    assert (found.drawn, found.worlds) == ("drawn faces, world sparse", ("sparse",))
    pairs = {row.name: row.pairs["avec14"] for row in found.rows if row.name}
    shares = [
        records["hfull", d, d, "demo-freeform"].metrics.RMSE
        / records["hconstant", d, d, "demo-freeform"].metrics.RMSE
        for d in range(5)
    ]
    assert pairs["full"].measured.metrics[SHARE].value == pytest.approx(sum(shares) / 5)
    assert pairs["full"].measured.draws == (0, 1, 2, 3, 4)
    assert pairs["full"].standing.best
    assert pairs["plain"].standing.p_beyond < 0.05
    (reach,) = found.reach["avec14"].values()
    assert reach.design == "draws"


def test_rows_are_compared_with_those_of_their_start_alone(reported):
    near, nearc = drawn({"full": 4.0, "some": 5.0}, flags=Flags(starts_from="drawn faces"))
    far, farc = drawn({"plain": 9.0, "copy": 9.5}, flags=Flags(starts_from="foreign weights"))
    records = {**near, **far, **drawn({"constant": 0.0})[0]}
    found = compare(suite("plain", "copy", "some", "full"), [*nearc, *farc], records, reported)
    standing = {row.name: row.pairs["avec14"].standing for row in found.rows if row.name}
    assert sorted(name for name in standing if standing[name].best) == ["full", "plain"]
    assert [group.start for group in found.reach["avec14"]] == ["drawn faces", "foreign weights"]
    alone = compare(suite("some", "full"), nearc, records, reported)
    (some,) = (row for row in alone.rows if row.name == "some")
    assert standing["some"] == some.pairs["avec14"].standing


def test_families_of_draws_have_tables_of_their_own(reported):
    records, cells = drawn({"plain": 9.0, "some": 5.0})
    others, more = drawn({"full": 4.0}, family="0" * 16, world="none")
    found = compare_apart(
        suite("plain", "some", "full"), [*cells, *more], records | others, reported
    )
    assert [one.drawn for one in found] == ["drawn faces, world none", "drawn faces, world sparse"]
    measured = [
        {row.name for row in one.rows if row.name and row.pairs["avec14"].measured} for one in found
    ]
    assert measured == [{"full"}, {"plain", "some"}]
    (alone,) = compare_apart(suite("plain", "some"), cells, records, reported)
    assert alone.family is None


def test_persons_are_the_records_own(reported, measured, monkeypatch):
    asked = []

    def agreement(printed, predicted, labels, persons, **options):
        asked.append(list(persons))
        raise ValueError("enough")

    monkeypatch.setattr("adabench.bench.comparison.order.rank_agreement", agreement)
    names = ("plain", "some", "full")
    records = measured({name: [4.0] for name in names})
    compare(suite(*names), cells_of(*names, seeds=(0,)), records, reported)
    assert asked == [[str(index // 2) for index in range(15)]]


STARTS = {"plain": "drawn faces", "some": "nothing", "full": "drawn faces"}


def test_rows_that_start_from_several_things_stand_apart_and_are_ordered_apart(reported, measured):
    cells = [replace(cell, start=STARTS[cell.row]) for cell in cells_of(*STARTS)]
    records = measured({"plain": [4.0], "some": [3.0], "full": [2.0]})
    found = compare(suite(*STARTS), cells, records, reported)
    rows = [(row.group, row.label) for row in found.rows]
    quoted = [(None, name) for name in ("First et al.", "Second et al.", "Third et al.")]
    assert rows == [
        *quoted,
        ("starts from drawn faces", "Plain"),
        ("starts from drawn faces", "Full"),
        ("starts from nothing", "Some"),
    ]
    assert [(order.start, order.rows) for order in found.orders] == [
        ("drawn faces", 2),
        ("nothing", 1),
    ]
    assert "Rows stand apart by what their weights were learnt on (drawn faces; nothing)" in (
        " ".join(found.notices)
    )


def test_what_must_be_said_of_drawn_faces_stands_first():
    records, cells = drawn({"plain": 9.0, "some": 4.0})
    notices = compare(suite("plain", "some"), cells, records, []).notices
    assert notices[0].startswith("Drawn faces, world sparse.")
    assert notices[1].startswith("Development draws")


def test_rows_that_start_from_one_thing_keep_their_order_and_say_so(reported, measured):
    cells = [replace(cell, start="drawn faces") for cell in cells_of(*STARTS)]
    records = measured({name: [3.0] for name in STARTS})
    told, bare = (compare(suite(*STARTS), c, records, reported) for c in (cells, cells_of(*STARTS)))
    assert [row.label for row in told.rows] == [row.label for row in bare.rows]
    assert [row.group for row in told.rows] == [None] * 6
    assert "Every row starts from drawn faces." in told.notices
    assert not [notice for notice in bare.notices if "starts from" in notice]
