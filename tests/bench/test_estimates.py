"""How long tasks are expected to take."""

from pathlib import Path

import pytest

from adabench.bench.estimates import describe_estimate, estimate_seconds, read_took
from adabench.bench.tasks import Job, Preparing
from adabench.records import write_record


def job(config_hash, scored="demo", done=False):
    return Job("s", "a", "avec14", scored, 0, config_hash, (), Path(), done)


@pytest.fixture
def records(make_record):
    def timed(seconds, **fields):
        return make_record(
            timing={"training": seconds, "evaluation": 2.0, "corpus": 999.0}, **fields
        )

    return [
        timed(8.0, config_hash="one", seed=0),
        timed(18.0, config_hash="one", seed=1),
        timed(98.0, config_hash="other", seed=0),
    ]


def test_by_the_config_s_other_runs_then_the_track_s(records):
    own, like, far = job("one"), job("new"), job("new", "demo-freeform")
    found = estimate_seconds([own, like, far], records)
    assert found[own] == pytest.approx(15.0)
    assert found[like] == pytest.approx((10 + 20 + 100) / 3)
    assert found[far] == pytest.approx((10 + 20 + 100) / 3)


def test_what_runs_took_is_read_from_their_files(records, tmp_path):
    for record in records:
        write_record(record, tmp_path)
    (tmp_path / "demo" / "damaged.json").write_text("{")
    (tmp_path / "demo" / "odd.json").write_text('{"timing": {"training": "long"}}')
    took = list(read_took([tmp_path, tmp_path / "nowhere"]))
    assert estimate_seconds([job("one")], took) == estimate_seconds([job("one")], records)


def test_a_demo_says_nothing_of_a_real_corpus(records):
    assert estimate_seconds([job("new", "avec14"), job("new", "avec13")], records) == {}


def test_nothing_known_is_no_estimate(make_record):
    task = Preparing("p", "corpus", "demo", (), Path(), False)
    assert estimate_seconds([job("one"), task], [make_record()]) == {}
    assert list(describe_estimate([job("one")], {}, 1)) == []


def test_it_is_told_with_what_is_not_in_it(records):
    jobs = [job("one"), job("new")]
    prepare = Preparing("p", "corpus", "demo", (), Path(), False)
    tasks = [prepare, *jobs, job("ready", done=True)]
    estimates = estimate_seconds(jobs, records)
    (line,) = describe_estimate(tasks, estimates, 2)
    assert line == (
        "about 29 s for 2 runs, 2 at a time, by what runs like them took, and what 1 preparations take"
    )
