"""Rows that start from different weights, or are of other draws, stand in one table and are not compared."""

import csv
import io

import pytest
from draw_records import drawn_run

from adabench.leaderboard.pages.csv_text import render_csv
from adabench.leaderboard.pages.html.data import page_data
from adabench.leaderboard.pages.text import render_markdown
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.leaderboard.statistics.errors import constants_in
from adabench.leaderboard.statistics.peers import UNKNOWN, Peers, are_peers, by_peers, start_of
from adabench.leaderboard.statistics.standing import standings
from adabench.leaderboard.statistics.told import told_apart, told_from_best, told_from_peers
from adabench.leaderboard.statistics.two_rows import compare
from adabench.records import Reported
from adabench.records.schema.sections import Flags

DRAWS = range(5)
FACES, FOREIGN, NOTHING = "drawn faces", "foreign weights", "nothing"


def runs(method, spread, start=None, draws=DRAWS, **changes):
    flags = Flags(starts_from=start)
    return [drawn_run(method, draw, spread, flags=flags, **changes) for draw in draws]


@pytest.fixture
def rows():
    """The constant, and three methods of each start: the best of all starts from drawn faces."""
    spreads = {FACES: (3.0, 4.0, 8.0), FOREIGN: (5.0, 6.5, 9.0)}
    found = {"constant": runs("constant", 0, NOTHING)}
    for start, own in spreads.items():
        for letter, spread in zip("abc", own, strict=True):
            name = f"{start} {letter}"
            found[name] = runs(name, spread, start)
    return found


def alone(rows, start):
    return {key: records for key, records in rows.items() if key.startswith((start, "constant"))}


def test_each_start_has_a_best_and_is_told_as_if_the_others_were_not_there(rows):
    found, reach = standings(rows)
    assert sorted(key for key in rows if found[key].best) == [f"{FACES} a", f"{FOREIGN} a"]
    assert [group.start for group in reach] == [FACES, FOREIGN]
    for start in (FACES, FOREIGN):
        own, (one,) = standings(alone(rows, start))[0], standings(alone(rows, start))[1].values()
        for key in (f"{start} {letter}" for letter in "abc"):
            assert found[key] == own[key]
        assert reach[Peers("official", start, is_development=True)] == one
    assert not found[f"{FOREIGN} c"].is_tied


def test_a_control_without_a_start_is_held_against_the_best_of_all(rows):
    constants = constants_in(rows.values())
    told = told_from_best(alone(rows, FACES), None, constants)
    found, _ = standings(rows)
    assert found["constant"].behind == told.against["constant"].effect
    assert found["constant"].p_value == told.against["constant"].p < 0.05


def test_pairs_are_of_one_start_or_with_a_control(rows):
    pairs = {frozenset(pair) for pair in told_apart(rows)}
    assert len(pairs) == 3 + 3 + 6
    assert frozenset((f"{FACES} a", f"{FOREIGN} a")) not in pairs
    assert frozenset(("constant", f"{FOREIGN} a")) in pairs


def test_who_has_a_start(make_record):
    (method,) = runs("A", 4.0, FOREIGN, [0])
    assert start_of(method) == FOREIGN
    assert start_of(method.model_copy(update={"flags": Flags()})) == UNKNOWN
    shuffled = {"kind": "control", "method": "shuffled labels"}
    assert start_of(method.model_copy(update=shuffled)) == FOREIGN
    for free in (
        {"kind": "control", "method": "nuisance numbers"},
        {"kind": "bound", "method": "bound: oracle"},
        {"origin": Reported(paper="p", table="1", row="r")},
    ):
        assert start_of(method.model_copy(update=free)) is None
    (other,) = runs("B", 4.0, NOTHING, [0])
    (constant,) = runs("constant", 0, NOTHING, [0])
    assert not are_peers(method, other)
    assert are_peers(method, constant)
    assert not are_peers(make_record(protocol="cross"), make_record())


def test_controls_alone_are_a_group():
    rows = {"constant": runs("constant", 0), "known": runs("known persons", 9, kind="control")}
    ((group, members),) = by_peers(rows).items()
    assert (group.start, list(members)) == (None, list(rows))
    # Nobody is the best of nothing but controls.
    assert told_from_peers(rows) == ({}, {})
    assert told_from_best(rows).best is not None


def test_tables_show_all_in_groups_and_say_so(rows):
    (table,) = build_tables(Entry(run, "local") for own in rows.values() for run in own)
    expected = [
        "constant",
        *(f"{start} {letter}" for start in (FACES, FOREIGN) for letter in "abc"),
    ]
    assert [row.method for row in table.rows] == expected
    flags = {row.method: row.flags for row in table.rows}
    assert f"starts from {FACES}" in flags[f"{FACES} a"]
    assert not any("starts from" in flag for flag in flags["constant"])
    text = " ".join(render_markdown(table).split())
    assert "(drawn faces; foreign weights), each with a best of its own" in text
    assert "Starting from drawn faces: 0." in text
    assert "Starting from foreign weights: 0." in text
    lines = list(csv.DictReader(io.StringIO(render_csv(table))))
    assert [line["starts_from"] for line in lines] == ["", *[FACES] * 3, *[FOREIGN] * 3]
    assert [line["method"] for line in lines if line["best"]] == [f"{FACES} a", f"{FOREIGN} a"]
    (track,) = page_data([table])["tracks"]
    assert track["groups"] == ["", f"starting from {FACES}", f"starting from {FOREIGN}"]
    assert [row["group"] for row in track["rows"]] == [0, 1, 1, 1, 2, 2, 2]


def test_rows_of_one_start_need_no_groups(rows):
    (table,) = build_tables(
        Entry(run, "local") for own in alone(rows, FACES).values() for run in own
    )
    text = render_markdown(table)
    assert "Starting from" not in text
    assert "best of its own" not in text


def test_development_draws_and_later_ones_each_have_a_best():
    later = range(10, 15)
    entries = [
        Entry(run, "local")
        for draws in (DRAWS, later)
        for method, spread in (("constant", 0), ("A", 4.0), ("B", 9.0))
        for run in runs(method, spread, FACES, draws)
    ]
    (table,) = build_tables(entries)
    assert [(row.method, row.draws[0]) for row in table.rows] == [
        (method, first) for first in (10, 0) for method in ("constant", "A", "B")
    ]
    assert [row.standing.best for row in table.rows] == [False, True, False] * 2
    text = render_markdown(table)
    assert "Later draws: 0." in text
    assert "Development draws: 0." in text
    assert "Some rows are of development draws" in text
    (track,) = page_data([table])["tracks"]
    assert track["groups"] == ["later draws", "development draws"]


def test_controls_that_were_run_on_more_draws_do_not_decide_where_methods_are_compared():
    rows = {
        name: runs(name, 20.0, kind="control")
        for name in ("nuisance numbers", "known persons", "shuffled labels")
    }
    rows |= {name: runs(name, spread, draws=range(3)) for name, spread in (("A", 4), ("B", 9))}
    told = told_from_best(rows)
    assert (told.best, set(told.against)) == ("A", {"B", *rows} - {"A"})
    assert told.reach.places == 3


def test_a_comparison_of_two_starts_says_that_they_differ_in_more(rows):
    one, other = rows[f"{FACES} a"], rows[f"{FOREIGN} a"]
    text = "\n".join(compare(one, other).lines())
    assert "start from different things (drawn faces and foreign weights)" in text
    for same in (rows[f"{FACES} b"], rows["constant"]):
        assert "different things" not in "\n".join(compare(one, same).lines())
