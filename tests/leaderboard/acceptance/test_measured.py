"""The project's own records: each holds, and the demo track has constant, bounds and controls."""

from pathlib import Path

import pytest

from adabench.evaluation.controls import FACELESS
from adabench.records.drawn import is_development
from adabench.records.files.results import read_records

MEASURED = Path(__file__).parents[3] / "leaderboard" / "measured"


def test_every_committed_record_holds():
    records, problems = read_records(MEASURED)
    assert records
    assert not problems, problems


@pytest.mark.parametrize("track", ["demo"])
def test_each_demo_track_has_its_references(track):
    records, _ = read_records(MEASURED / track)
    assert len({(r.corpus_checksum, r.family, r.draw) for r in records}) == 1
    assert all(is_development(r) and r.world == "sparse" for r in records)
    assert [r.method for r in records].count("constant") == 1
    assert {"bound: oracle", *FACELESS} < {r.method for r in records}
    assert all(r.flags.demo for r in records)
    assert all(r.clean_tree and r.commit for r in records)
