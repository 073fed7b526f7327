"""How long tasks are expected to take."""

from pathlib import Path

import pytest

from adabench.bench.estimates import Took, describe_estimate, estimate_seconds, read_took
from adabench.bench.tasks import Job, Preparing
from adabench.records import write_record


def job(config_hash, scored="demo", done=False):
    return Job("s", "a", "avec14", scored, 0, config_hash, (), Path(), done)


def took(seconds, config_hash, shared=None):
    return Took("method", config_hash, "demo", seconds, shared)


@pytest.fixture
def records():
    return [took(10.0, "one", 60.0), took(20.0, "one", 100.0), took(100.0, "other")]


def test_by_the_config_s_other_runs_then_the_track_s(records):
    own, like, far = job("one"), job("new"), job("new", "demo-freeform")
    found = estimate_seconds([own, like, far], records)
    assert found[own] == pytest.approx(15.0)
    assert found[like] == pytest.approx((10 + 20 + 100) / 3)
    assert found[far] == pytest.approx((10 + 20 + 100) / 3)


def test_what_runs_took_is_read_from_their_files(make_record, tmp_path):
    timing, cost = {"training": 8.0, "evaluation": 2.0, "corpus": 999.0}, {"alone_seconds": 70.0}
    for record in (
        make_record(timing=timing, config_hash="one", seed=0, cost=cost),
        make_record(timing=timing, config_hash="other", seed=0),
    ):
        write_record(record, tmp_path)
    (tmp_path / "demo" / "damaged.json").write_text("{")
    (tmp_path / "demo" / "odd.json").write_text('{"timing": {"training": "long"}}')
    found = {one.config_hash: one for one in read_took([tmp_path, tmp_path / "nowhere"])}
    assert found["one"] == took(10.0, "one", 60.0)
    assert found["other"] == took(10.0, "other")


def test_a_demo_says_nothing_of_a_real_corpus(records):
    assert estimate_seconds([job("new", "avec14"), job("new", "avec13")], records) == {}


def test_nothing_known_is_no_estimate():
    task = Preparing("p", "corpus", "demo", (), Path(), False)
    assert estimate_seconds([job("one"), task], [took(0.0, "one")]) == {}
    assert list(describe_estimate([job("one")], {}, 1)) == []


@pytest.mark.parametrize(
    ("shared", "told"), [(True, "at most 40 s for what"), (False, "what")], ids=["told", "not told"]
)
def test_it_is_told_with_what_is_not_in_it(records, shared, told):
    jobs = [job("one"), job("new")]
    prepare = Preparing("p", "corpus", "demo", (), Path(), False)
    tasks = [prepare, *jobs, job("ready", done=True)]
    known = records if shared else [took(one.own, one.config_hash) for one in records]
    (line,) = describe_estimate(tasks, estimate_seconds(tasks, known), 2)
    assert line == (
        "about 29 s for 2 runs, 2 at a time, by what runs like them took, and "
        f"{told} 1 preparations take"
    )
