"""Who is best, who can't be told from the best, and whom a control contradicts."""

import pytest
from record_fixtures import as_licensed, constant

from adabench.leaderboard.statistics.standing import Standing, standings


def test_the_best_and_those_that_are_as_good(make_record):
    rows = {
        "best": [make_record(4.0, seed=1)],
        # The same predictions under another name: nothing tells the two apart.
        "as good": [make_record(4.0, seed=1, config="copy")],
        "worse": [make_record(9.0, seed=3)],
        "constant": [constant()],
    }
    found, _ = standings(rows)
    assert found["best"].best
    assert not found["as good"].best
    assert found["as good"].p_value == pytest.approx(1.0)
    assert found["as good"].is_tied
    assert found["worse"].p_value < 0.05
    assert not found["worse"].is_tied
    assert found["best"].p_value is None
    assert not found["best"].is_tied


def test_a_lone_row_is_best_of_nothing(make_record):
    assert standings({"only": [make_record()]}) == ({"only": Standing()}, {})
    assert standings({}) == ({}, {})


def test_a_contradicted_row_has_its_reason_and_is_not_the_best(make_record):
    rows = {
        "oracle": [make_record(3.0, kind="bound", method="bound: oracle")],
        "too good": [make_record(1.0, method="A")],
        "good": [make_record(5.0, method="B")],
        "fair": [make_record(6.0, method="C")],
        "useless": [make_record(41.0, method="D")],
        "constant": [constant()],
    }
    found, _ = standings(rows)
    assert "oracle" in found["too good"].contradiction
    assert "constant" in found["useless"].contradiction
    assert [key for key in rows if found[key].best] == ["good"]
    assert found["too good"].p_value is None
    assert found["oracle"] == Standing()


def test_licensed_rows_are_compared_only_with_labels(make_record):
    def licensed(error, **changes):
        return as_licensed(make_record(error, **changes), track="avec14")

    rows = {"good": [licensed(4.0)], "bad": [licensed(9.0, method="Other")]}
    assert all(each == Standing() for each in standings(rows)[0].values())
    labels = {p.session: p.label for p in make_record().predictions}
    found, _ = standings(rows, labels)
    assert found["good"].best
    assert found["bad"].p_value < 0.05


def test_bounds_are_never_best(make_record):
    rows = {
        "bound": [make_record(1.0, kind="bound", method="bound: mean")],
        "good": [make_record(5.0)],
        "bad": [make_record(9.0, method="Other")],
    }
    found, _ = standings(rows)
    assert found["good"].best
    assert not found["bound"].best
