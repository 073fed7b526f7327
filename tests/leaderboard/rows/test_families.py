"""Which family a row belongs to."""

from adabench.leaderboard.rows.families import family, family_order, paper_names
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables


def test_a_paper_is_called_as_it_prints_its_own_method(printed):
    records = [printed("newmap", "New-MAP"), printed("newmap", "Old 2019"), printed("bare", "Old")]
    names = paper_names(build_tables(Entry(record, "reported") for record in records))
    assert names == {"newmap": "New-MAP", "bare": "bare"}


def test_families_are_read_off_the_records(printed, make_record):
    papers = {"newmap": "New-MAP", "bare": "bare"}
    assert family(printed("newmap", "New-MAP"), papers) == "New-MAP"
    assert family(printed("newmap", "Old 2019"), papers) == "quoted by New-MAP"
    assert family(printed("bare", "New-MAP"), papers) == "New-MAP"
    assert family(make_record(method="new map"), papers) == "New-MAP"
    assert family(make_record(method="LSTM"), papers) == "baseline"
    assert family(make_record(method="constant", kind="control"), papers) == "control"
    assert family(make_record(method="bound: mean", kind="bound"), papers) == "bound"


def test_the_papers_own_methods_come_first():
    papers = {"b": "B", "a": "A"}
    families = ["quoted by A", "bound", "baseline", "A", "quoted by B", "B", "baseline"]
    assert family_order(families, papers) == [
        "B",
        "A",
        "baseline",
        "bound",
        "quoted by A",
        "quoted by B",
    ]
