"""What several jobs share becomes a task they wait for."""

from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from adabench.bench.jobs import Plan, plan
from adabench.bench.preparing import run_command, with_preparations
from adabench.bench.runner import tasks_to_run
from adabench.bench.suites import load_suites
from adabench.bench.tasks import CONFIGS, PREPARED, Cell, Job, Options, Turn
from adabench.config.experiment import Data
from adabench.config.reading.load import load_config

SUITES = Path(__file__).parents[2] / "configs" / "suites"

Shared = namedtuple("Shared", "until key alike")
CORPUS = Shared("corpus", "c", "c")


@pytest.fixture
def options(tmp_path):
    return Options(demo=True, work_dirs=tmp_path / "work", script=Path("t.py"))


def cell(row, *shared, seeds=(0, 1), scored="demo"):
    source = Path("configs/suites/s.py")
    turns = tuple(Turn(seed, shared=shared) for seed in seeds)
    return Cell("s", row, "avec14", scored, f"hash{row}", turns, source)


def jobs_of(*cells, done=()):
    return [
        Job("s", c.row, c.track, c.scored, seed, c.config_hash, (), Path("w"), c.row in done)
        for c in cells
        for seed in c.seeds
    ]


def test_jobs_wait_for_what_they_share(options):
    trunk, cache = Shared("trunk", "t", "t"), Shared("features", "f", "f")
    cells = [cell("a", CORPUS, trunk, cache), cell("b", CORPUS)]
    jobs, tasks = with_preparations(jobs_of(*cells), cells, options)
    assert [(t.id, t.until, t.needs, t.runs) for t in tasks] == [
        ("c", "corpus", (), 4),
        ("t", "trunk", ("c",), 2),
        ("f", "features", ("t",), 2),
    ]
    assert [job.needs for job in jobs] == [("c", "t", "f")] * 2 + [("c",)] * 2
    order = [task.id for task in Plan(tuple(jobs), tuple(cells), (), (), 0, tuple(tasks)).tasks()]
    assert order == ["c", "t", "f", "hasha demo 0", "hasha demo 1", "hashb demo 0", "hashb demo 1"]


def test_a_world_that_is_named_stands_in_the_name(options):
    drawn = Data(synthface={"preset": "demo", "seed": 0, "world": "diffuse"})
    turns = tuple(Turn(seed, draw=seed, drawn=(drawn,), shared=(CORPUS,)) for seed in (0, 1))
    one = Cell("s", "a", "avec14", "demo", "hasha", turns, Path("s.py"))
    jobs = [
        Job(*("s", "a", "avec14", "demo", turn.seed, "hasha"), (), Path("w"), False, draw=turn.draw)
        for turn in turns
    ]
    _, (task,) = with_preparations(jobs, [one], options)
    assert task.name == "preparing corpus  demo  world diffuse  draw 0  for 2 runs"
    assert replace(jobs[0], world="diffuse").name == "s/a  avec14 on demo  world diffuse  seed 0"


def test_what_one_job_wants_is_left_to_it(options):
    cells = [cell("a", CORPUS, Shared("trunk", "t", "t"), seeds=(0,)), cell("b", CORPUS)]
    jobs, tasks = with_preparations(jobs_of(*cells), cells, options)
    assert [t.id for t in tasks] == ["c"]
    assert jobs[0].needs == ("c",)
    done, none = with_preparations(jobs_of(*cells, done=("a", "b")), cells, options)
    assert none == []
    assert all(job.needs == () for job in done)


def test_alike_work_is_done_one_after_the_other(options):
    cells = [
        cell("a", CORPUS, Shared("trunk", "t1", "alike"), scored="demo"),
        cell("b", CORPUS, Shared("trunk", "t2", "alike"), scored="demo-freeform"),
    ]
    _, tasks = with_preparations(jobs_of(*cells), cells, options)
    assert {t.id: t.needs for t in tasks} == {"c": (), "t1": ("c",), "t2": ("c", "t1")}


def test_what_was_made_is_not_made_again(options):
    cells = [cell("a", CORPUS)]
    _, (task,) = with_preparations(jobs_of(*cells), cells, options)
    assert not task.done
    task.work_dir.mkdir(parents=True)
    (task.work_dir / PREPARED).touch()
    _, (task,) = with_preparations(jobs_of(*cells), cells, options)
    assert task.done


def test_preparations_of_jobs_that_failed_before_are_left_out(options):
    cells = [cell("a", CORPUS, Shared("trunk", "t", "t"))]
    jobs, tasks = with_preparations(jobs_of(*cells), cells, options)
    jobs = [replace(job, failure="it broke") for job in jobs]
    plan = Plan(tuple(jobs), tuple(cells), (), (), 0, tuple(tasks))
    assert tasks_to_run(plan) == []
    assert [task.id for task in tasks_to_run(plan, retry_failed=True)][:2] == ["c", "t"]


def test_shipped_suites_together_prepare_each_draw_s_corpus_once(options, tmp_path):
    suites, broken = load_suites(["depmap_table3", "expada_table2"], SUITES)
    assert not broken
    seeds, results = (0, 1, 2), tmp_path / "results"
    made = plan(suites, load_config, replace(options, seeds=seeds, results=results))
    assert not made.refused
    assert {job.suite for job in made.jobs if not job.is_control} == {one.name for one in suites}
    corpora = {task.draw: task.id for task in made.preparing if task.until == "corpus"}
    assert sorted(corpora) == list(seeds)
    assert sum(task.until == "corpus" for task in made.preparing) == len(seeds)
    # Whatever reads a draw waits for its corpus, and for no other draw's.
    for job in made.jobs:
        assert {d for d, name in corpora.items() if name in job.needs} == {job.draw}, job.name


def test_commands_of_rows_and_of_configs(options):
    one = cell("a", CORPUS)
    _, (task,) = with_preparations(jobs_of(one), [one], options)
    words = list(task.command)
    assert words[1:7] == ["t.py", "configs/suites/s.py", "--row", "a", "--track", "avec14"]
    assert words[-2:] == ["--prepare", "corpus"]
    assert "--demo" in words
    config = Cell(CONFIGS, "mine", "demo", "demo", "h", (Turn(2),), Path("configs/mine.py"))
    words = list(run_command(config, config.turns[0], options))
    assert words[1:5] == ["t.py", "configs/mine.py", "--seed", "2"]
    assert "--row" not in words
