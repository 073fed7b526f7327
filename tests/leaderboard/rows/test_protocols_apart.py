"""Rows of different protocols stand in one table and are never ranked together."""

import pytest

from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.leaderboard.statistics.standing import standings
from adabench.leaderboard.statistics.told import told_apart


@pytest.fixture
def rows(make_record):
    return {
        "a": [make_record(9.0, method="A")],
        "b": [make_record(5.0, method="B")],
        "c": [make_record(4.0, method="A", protocol="cross")],
        "d": [make_record(8.0, method="B", protocol="cross")],
        "e": [make_record(1.0, method="B", protocol="alone")],
    }


def test_each_protocol_has_its_best(rows):
    found, reach = standings(rows)
    assert [key for key in found if found[key].best] == ["b", "c"]
    assert [key for key in found if found[key].p_value is not None] == ["a", "d"]
    assert [group.protocol for group in reach] == ["official", "cross"]


def test_no_pair_of_two_protocols_is_compared(rows):
    assert set(told_apart(rows)) == {("a", "b"), ("c", "d")}


def test_further_protocols_stand_below_the_official_one(rows, make_record):
    constants = [
        make_record(40.0, method="constant", kind="control", protocol=p)
        for p in ("official", "cross")
    ]
    records = [record for row in rows.values() for record in row]
    (table,) = build_tables(Entry(r, "local") for r in [*records, *constants])
    assert [(row.method, row.entries[0].record.protocol) for row in table.rows] == [
        ("constant", "official"),
        ("B", "official"),
        ("A", "official"),
        ("B", "alone"),
        ("constant", "cross"),
        ("A", "cross"),
        ("B", "cross"),
    ]
