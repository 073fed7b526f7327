"""From suites to jobs: what runs, what is the same run, what is done, and in which order."""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from adabench.bench import jobs
from adabench.bench.jobs import measured_records, plan
from adabench.bench.suites import Suite, SuiteRow
from adabench.bench.tasks import Options
from adabench.data.tracks import Track, get_track
from adabench.records import write_record
from adabench.records.files.results import find_record


@dataclass
class Toy:
    """A config as planning sees it."""

    track_: Track
    content: str
    stages: dict = field(default_factory=dict)

    def hash(self):
        return f"{self.content}{self.track_.name}".replace("-", "")

    seed: int = 0
    pinned: int | None = None

    def members(self):
        return ()

    def model_copy(self, update):
        return replace(self, **update)

    @property
    def draw(self):
        drawn = self.seed if self.pinned is None else self.pinned
        return drawn if self.track_.is_demo else None


MISSING = {}


@pytest.fixture(autouse=True)
def _toys(monkeypatch):
    """A toy has nothing to prepare and no controls; tests with real configs are further down."""
    monkeypatch.setattr(jobs, "corpus_problem", lambda toy: MISSING.get(toy.track_.corpus))
    monkeypatch.setattr(jobs, "preparations", lambda toy: ())
    monkeypatch.setattr(jobs, "drawn_of", lambda toy: ())
    monkeypatch.setattr(jobs, "constants_of", lambda toy: ())
    monkeypatch.setattr(jobs, "starts_from", lambda toy: "nothing")


def load(path, *, demo, overrides, change, name, stage, draw):
    if "broken" in change:
        raise ValueError(f"{path}: {change['broken']}")
    track = get_track(change["track"])
    stages = {s: {"kind": s} for s in change.get("stages", ())}
    content = f"{path.stem}{stage or ''}{change.get('k', '')}{''.join(overrides)}"
    return Toy(get_track(track.demo) if demo else track, content, stages, pinned=draw)


def suite(name, *rows, **fields):
    given = {
        "paper": None,
        "table": None,
        "title": name,
        "base": "../base.py",
        "tracks": ("avec14-northwind", "avec14-freeform"),
        "seeds": (0, 1),
    }
    return Suite(name=name, path=Path("configs/suites") / f"{name}.py", rows=rows, **given | fields)


def row(name, change=None, **fields):
    return SuiteRow(name=name, label=name, change=change or {}, **fields)


@pytest.fixture
def options(tmp_path):
    return Options(results=tmp_path / "results", work_dirs=tmp_path / "work", script=Path("t.py"))


def with_(options, **changes):
    return Options(**{**vars(options), **changes})


def names(planned):
    return [(job.row, job.track, job.seed) for job in planned.jobs]


def test_rows_times_tracks_times_seeds(options):
    planned = plan([suite("s", row("a"), row("b", {"k": 1}))], load, options)
    assert sorted(names(planned)) == sorted(
        (r, t, s)
        for r in ("a", "b")
        for t in ("avec14-northwind", "avec14-freeform")
        for s in (0, 1)
    )
    assert len({job.work_dir for job in planned.jobs}) == 8
    assert not any(job.done for job in planned.jobs)
    assert planned.refused == ()


def test_own_tracks_and_given_seeds(options):
    planned = plan(
        [suite("s", row("a", tracks=("avec13",)))], load, with_(options, seeds=(5, 3, 5))
    )
    assert names(planned) == [("a", "avec13", 5), ("a", "avec13", 3)]


def test_the_same_run_is_one_job(options):
    one = suite("one", row("a"), row("same"), row("other", {"k": 1}))
    two = suite("two", row("b"), row("stage", stage="encoder"), tracks=("avec14-freeform",))
    planned = plan([one, two], load, options)
    assert len(planned.jobs) == 2 * (2 + 2 + 1)
    first = next(job for job in planned.jobs if job.track == "avec14-freeform" and job.row == "a")
    assert first.also == ("one/same avec14-freeform", "two/b avec14-freeform")
    assert len(planned.cells) == 8


def test_tracks_with_one_demo_run_once_in_a_demo(options):
    tracks = {"tracks": ("avec13", "avec14-freeform", "avec14-northwind")}
    assert len(plan([suite("s", row("a"), **tracks)], load, options).jobs) == 6
    planned = plan([suite("s", row("a"), **tracks)], load, with_(options, demo=True))
    assert [(job.track, job.scored, job.seed) for job in planned.jobs] == [
        ("avec13", "demo-freeform", 0),
        ("avec14-northwind", "demo-northwind", 0),
        ("avec13", "demo-freeform", 1),
        ("avec14-northwind", "demo-northwind", 1),
    ]
    assert planned.jobs[0].also == ("s/a avec14-freeform",)


def test_a_draw_follows_the_seed_or_is_pinned(options):
    seeds = suite("s", row("a"), tracks=("avec13",))
    free = plan([seeds], load, with_(options, demo=True)).jobs
    assert [(job.seed, job.draw, job.work_dir.name) for job in free] == [
        (0, 0, "seed0"),
        (1, 1, "seed1"),
    ]
    assert all("--draw" not in job.command for job in free)
    one = plan([seeds], load, with_(options, demo=True, draw=0)).jobs
    assert [(job.seed, job.draw, job.work_dir.name) for job in one] == [
        (0, 0, "seed0"),
        (1, 0, "seed1-draw0"),
    ]
    assert one[1].command[one[1].command.index("--draw") + 1] == "0"
    assert free[0].key == one[0].key
    assert free[1].key != one[1].key
    assert [job.name for job in one] == [
        f"s/a  avec13 on demo-freeform  seed {seed}  draw 0" for seed in (0, 1)
    ]
    assert [job.name for job in free] == [
        f"s/a  avec13 on demo-freeform  seed {seed}" for seed in (0, 1)
    ]
    real = plan([seeds], load, options).jobs
    assert [job.draw for job in real] == [None, None]


def test_a_draw_of_recorded_corpora_is_refused_once(options):
    rows = row("a"), row("b"), row("own", tracks=("demo",))
    given = with_(options, draw=1)
    with pytest.raises(ValueError, match=r"--draw 1 .*avec14-freeform, avec14-northwind.*--demo"):
        plan([suite("s", *rows[:2])], load, given)
    some = [suite("s", row("a", tracks=("avec13",)), rows[2])]
    with pytest.raises(ValueError, match=r"recorded one \(avec13\)"):
        plan(some, load, with_(given, tracks=("avec13",)))
    assert plan([suite("s", *rows)], load, given).jobs
    assert plan([suite("s", *rows)], load, with_(given, demo=True)).jobs
    assert plan([suite("s", *rows)], load, options).jobs


def test_stages_come_together_then_tracks_then_seeds(options):
    one = suite(
        "one",
        row("plain", {"stages": ("trunk",)}),
        row("select", {"stages": ("trunk", "encoder"), "k": 3}),
        row("alone", {"k": 1}),
    )
    two = suite("two", row("late", {"stages": ("trunk",), "k": 2}), seeds=(0,))
    order = names(plan([one, two], load, options))
    north, free = "avec14-northwind", "avec14-freeform"
    assert order == [
        ("alone", north, 0),
        ("alone", north, 1),
        ("alone", free, 0),
        ("alone", free, 1),
        ("plain", north, 0),
        ("late", north, 0),
        ("plain", north, 1),
        ("plain", free, 0),
        ("late", free, 0),
        ("plain", free, 1),
        ("select", north, 0),
        ("select", north, 1),
        ("select", free, 0),
        ("select", free, 1),
    ]


def test_a_row_that_can_not_be_loaded_stops_no_other(options):
    rows = row("bad", {"broken": "no such part"}), row("good")
    planned = plan([suite("s", *rows, tracks=("avec13",), seeds=(0,))], load, options)
    assert names(planned) == [("good", "avec13", 0)]
    (refused,) = planned.refused
    assert refused.name == "s/bad avec13"
    assert "no such part" in refused.reason
    assert list(planned.describe()) == [
        "to do  s/good  avec13  seed 0",
        f"failed s/bad avec13: {Path('configs/base.py')}: no such part",
    ]


def test_the_command_is_train_py_s(options, tmp_path):
    given = with_(options, demo=True, overrides=("a.b=1", "c=2"), plugins=(Path("mine"), Path("x")))
    (job, *_) = plan([suite("s", row("a"))], load, given).jobs
    assert list(job.command) == [
        *(sys.executable, "t.py", str(Path("configs/suites/s.py"))),
        *("--row", "a", "--track", "avec14-northwind", "--seed", "0", "--demo", "--resume"),
        *("--results", str(tmp_path / "results")),
        *("--plugins", "mine", "--plugins", "x", "--cfg-options", "a.b=1", "c=2"),
        *("--controls", "none", "--work-dir", str(job.work_dir)),
    ]
    folder = f"a-demo-northwind-{job.config_hash}"
    assert job.work_dir == tmp_path / "work" / "s" / folder / "seed0"
    assert job.config_hash == "basea.b=1c=2demonorthwind"


def test_a_valid_record_makes_a_job_done(options, make_record):
    small = [suite("s", row("a"), tracks=("demo",))]
    config_hash = plan(small, load, options).jobs[0].config_hash
    for changes in (
        {"config_hash": "another", "seed": 0},
        {"config_hash": config_hash, "seed": 2, "draw": 2},
        {"config_hash": config_hash, "seed": 0, "track": "demo-freeform"},
    ):
        write_record(make_record(**{"draw": 0, **changes}), options.results)
    write_record(make_record(config_hash=config_hash, seed=1, draw=0), options.results)
    assert [job.done for job in plan(small, load, options).jobs] == [False, False]
    path = write_record(make_record(config_hash=config_hash, seed=1, draw=1), options.results)
    planned = plan(small, load, options)
    assert [job.done for job in planned.jobs] == [False, True]
    assert next(planned.describe()).startswith("to do  s/a  demo  seed 0")
    path.write_text("{")
    planned = plan(small, load, options)
    assert [job.done for job in planned.jobs] == [False, False]
    assert [problem.path for problem in planned.problems] == [path]


def test_work_that_another_suite_began_is_gone_on_with(options):
    one, two = suite("one", row("a")), suite("two", row("b"))
    (begun, *_) = plan([two], load, options).jobs
    begun.work_dir.mkdir(parents=True)
    both = plan([one, two], load, options)
    again = next(job for job in both.jobs if job.key == begun.key)
    assert again.suite == "one"
    assert again.work_dir == begun.work_dir


def test_of_two_records_of_a_run_the_newest_counts(make_record, tmp_path):
    old = make_record(5.0, created="2026-01-02T03:04:05+00:00")
    new = make_record(4.0, created="2026-01-03T03:04:05+02:00")
    for record in (new, old):
        write_record(record, tmp_path)
    records, problems = measured_records(tmp_path)
    assert records == {(old.config_hash, 0, None, "demo"): new}
    assert problems == []
    assert measured_records(tmp_path / "nowhere") == ({}, [])


def test_the_record_of_a_run_is_found_among_others(make_record, tmp_path):
    run = {"track": "demo", "config_hash": "0123456789abcdef", "seed": 1, "draw": None}
    assert find_record(tmp_path, **run) is None
    path = write_record(make_record(seed=1), tmp_path)
    write_record(make_record(seed=1, config_hash="other"), tmp_path)
    write_record(make_record(seed=11), tmp_path)
    (tmp_path / "demo" / "x-1-bad.json").write_text("{")
    assert find_record(tmp_path, **run).seed == 1
    assert find_record(tmp_path, **run, since=path.stat().st_mtime + 60) is None
