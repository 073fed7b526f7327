"""The project's own records: each holds, and the demo's cover constant, bounds and three seeds."""

from pathlib import Path

from adabench.bench.results import read_records

MEASURED = Path(__file__).parents[2] / "leaderboard" / "measured"


def test_every_committed_record_holds():
    records, problems = read_records(MEASURED)
    assert records
    assert not problems, problems


def test_the_demo_has_its_references():
    records, _ = read_records(MEASURED / "demo")
    assert {r.corpus_checksum for r in records} == {records[0].corpus_checksum}
    seeds = sorted(r.seed for r in records if r.method == "Dep-MAP")
    assert seeds == [0, 1, 2]
    assert [r.method for r in records].count("constant") == 1
    assert "bound: oracle" in {r.method for r in records}
    assert all(r.flags.demo for r in records)
