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


@pytest.mark.parametrize("track", ["demo", "demo-freeform"])
def test_each_draw_of_a_demo_track_has_its_references(track):
    records, _ = read_records(MEASURED / track)
    assert all(is_development(r) and r.world == "sparse" and r.flags.demo for r in records)
    assert all(r.clean_tree and r.commit for r in records)
    assert len({r.family for r in records}) == 1
    for draw in {r.draw for r in records}:
        drawn = [r for r in records if r.draw == draw]
        methods = [r.method for r in drawn]
        assert len({r.corpus_checksum for r in drawn}) == 1
        assert methods.count("constant") == 1
        assert {*FACELESS} < set(methods)
        assert track != "demo" or "bound: oracle" in methods
