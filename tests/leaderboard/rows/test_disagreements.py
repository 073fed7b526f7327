"""Papers that print different numbers, and papers that print several."""

import pytest

from adabench.leaderboard.rows.collect import collect
from adabench.leaderboard.rows.disagreements import find_disagreements
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.records import Metrics, Reported


@pytest.fixture
def find(make_record):
    def from_rows(*rows):
        records = [
            make_record(
                origin=Reported(paper=paper, table="1", row=row),
                method=method,
                config=row,
                track=track,
                licensed=True,
                predictions=[],
                intervals={},
                seed=None,
                metrics=Metrics(RMSE=rmse, MAE=mae),
            )
            for paper, row, method, track, rmse, mae in rows
        ]
        return find_disagreements(build_tables(Entry(record, "reported") for record in records))

    return from_rows


def test_two_papers_that_quote_one_method_differently(find):
    (case,) = find(
        ("p", "Xu", "Xu 2024", "avec14", 7.18, 5.86),
        ("q", "Xu", "xu 2024", "avec14", 7.65, 6.24),
        ("p", "Li", "Li 2020", "avec14", 8.0, 6.0),
        ("q", "Li", "Li 2020", "avec14", 8.0, 6.0),
    )
    assert (case.kind, case.method, case.track) == ("between", "Xu 2024", "avec14")
    assert [(row.paper, row.metrics["RMSE"]) for row in case.printed] == [("p", 7.18), ("q", 7.65)]
    assert case.spread == pytest.approx(0.47)


def test_another_track_is_no_disagreement(find):
    assert not find(("p", "X", "X", "avec13", 7.0, 5.0), ("q", "X", "X", "avec14", 8.0, 6.0))


def test_variants_of_a_papers_own_method(find):
    (case,) = find(
        ("p", "P", "P", "avec14", 7.0, 5.0),
        ("p", "without b", "P", "avec14", 9.0, 7.0),
        ("p", "full", "P", "avec14", 7.0, 5.0),
    )
    assert case.kind == "within"
    assert {row.row for row in case.printed} == {"P", "without b", "full"}
    assert case.spread == 2.0


def test_quoting_any_one_of_the_variants_is_no_disagreement(find):
    rows = [("p", "P", "P", "avec14", 7.0, 5.0), ("p", "less", "P", "avec14", 9.0, 7.0)]
    cases = find(*rows, ("q", "P", "P", "avec14", 9.0, 7.0))
    assert [case.kind for case in cases] == ["within"]
    cases = find(*rows, ("q", "P", "P", "avec14", 8.0, 6.0))
    assert [case.kind for case in cases] == ["between", "within"]
    assert len(cases[0].printed) == 3


def test_measured_rows_take_no_part(make_record):
    records = [make_record(3.0), make_record(4.0, config="other")]
    assert not find_disagreements(build_tables(Entry(record, "measured") for record in records))


def test_the_repositorys_own_table_has_the_known_one():
    entries, _ = collect()
    cases = find_disagreements(build_tables(entries))
    (known,) = [case for case in cases if case.kind == "between"]
    assert (known.method, known.track) == ("Xu et al. 2024", "avec14")
    assert {row.metrics["RMSE"] for row in known.printed} == {7.18, 7.65}
    assert {case.track for case in cases if case.kind == "within"} >= {"avec13", "avec14"}
