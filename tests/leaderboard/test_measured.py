"""The project's own records: each holds, and the demo tracks have constant, bounds and seeds."""

from pathlib import Path

import pytest

from adabench.config.experiment import load_config
from adabench.records.results import read_records

CONFIGS = Path(__file__).parents[2] / "configs"
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
    "name", ["expada_avec14", "expada_avec14_freeform", "depmap_r18_avec14_freeform"]
)
def test_the_demo_of_a_config_has_its_seeds(name):
    run = load_config(CONFIGS / f"{name}.py", demo=True)
    records, _ = read_records(MEASURED / run.track)
    assert sorted(r.seed for r in records if r.config_hash == run.hash()) == [0, 1, 2]
