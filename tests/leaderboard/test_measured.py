"""The project's own records: each holds, and the demo tracks have constant, bounds and seeds."""

from pathlib import Path

import pytest

from adabench.records.results import read_records

MEASURED = Path(__file__).parents[2] / "leaderboard" / "measured"


def test_every_committed_record_holds():
    records, problems = read_records(MEASURED)
    assert records
    assert not problems, problems


@pytest.mark.parametrize("track", ["demo", "demo-freeform", "demo-northwind"])
def test_each_demo_track_has_its_references(track):
    records, _ = read_records(MEASURED / track)
    assert len({r.corpus_checksum for r in records}) == 1
    assert [r.method for r in records].count("constant") == 1
    assert "bound: oracle" in {r.method for r in records}
    assert all(r.flags.demo for r in records)
    assert all(r.clean_tree and r.commit for r in records)


@pytest.mark.parametrize(
    ("track", "row"),
    [
        ("demo", "expada_table1/expada"),
        ("demo-freeform", "expada_table1/expada"),
        ("demo-freeform", "depmap_table3/r18_full"),
    ],
)
def test_both_papers_rows_have_their_seeds(track, row):
    """They rest on a trunk of 11 labels: a run of today, whose trunk learns 17, is another version."""
    records, _ = read_records(MEASURED / track)
    (config_hash,) = {r.config_hash for r in records if r.config == row}
    assert sorted(r.seed for r in records if r.config_hash == config_hash) == [0, 1, 2]
