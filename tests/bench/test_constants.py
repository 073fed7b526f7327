"""The constant predictors and bounds beside a plan's rows: jobs of their own, once for each data."""

from pathlib import Path

import pytest

from adabench.bench.jobs import plan
from adabench.bench.tasks import CONSTANTS, Options
from adabench.config.controls import constant_of, constants_of
from adabench.config.reading.load import load_config
from adabench.records import write_record

CONFIGS = Path(__file__).parents[2] / "configs"
ONE_TASK = ("depmap_r18_avec14_freeform", "depmap_r18_avec14_northwind")


@pytest.fixture
def planned(tmp_path):
    """Plans the demos of configs."""

    def make(*names, **options):
        given = {"demo": True, "results": tmp_path / "results", "work_dirs": tmp_path / "work"}
        paths = tuple(CONFIGS / f"{name}.py" for name in names)
        return plan([], load_config, Options(configs=paths, **given, **options))

    return make


def controls(made):
    return [job for job in made.jobs if job.suite == CONSTANTS]


def mode(job):
    return job.command[job.command.index("--controls") + 1]


def test_one_job_a_track_and_draw_after_its_rows(planned):
    made = planned(*ONE_TASK, seeds=(0, 1))
    each = ["configs"] * 2 + [CONSTANTS] * 2
    assert [(job.suite, job.draw) for job in made.jobs] == [
        (suite, draw) for draw in (0, 1) for suite in each
    ]
    assert [job.scored for job in controls(made)] == ["demo-freeform", "demo-northwind"] * 2
    assert [mode(job) for job in made.jobs] == (["none"] * 2 + ["only"] * 2) * 2
    for job in controls(made):
        config = next(c for c in ONE_TASK if c.endswith(job.scored.removeprefix("demo-")))
        constant = constant_of(load_config(CONFIGS / f"{config}.py", demo=True))
        assert job.config_hash == constant.hash()
        assert (job.seed, job.done) == (0, False)


def test_methods_on_the_same_data_share_it(planned):
    made = planned("depmap_r18_avec14", "depmap_r18_avec14_compat", "constant_avec14")
    assert len(controls(made)) == 1


def test_it_waits_for_a_corpus_that_is_made_for_several(planned):
    made = planned(*ONE_TASK)
    (corpus,) = [task for task in made.preparing if task.until == "corpus"]
    assert all(job.needs == (corpus.id,) for job in controls(made))
    (alone,) = controls(planned(ONE_TASK[0]))
    assert alone.needs == ()


def test_a_protocol_has_its_own(planned):
    folds = controls(planned(ONE_TASK[0], overrides=("protocol.kind=folds",)))
    official = controls(planned(ONE_TASK[0]))
    assert len(folds) == len(official) == 1
    assert folds[0].config_hash != official[0].config_hash


def test_a_model_per_task_adds_those_of_its_tasks():
    fused = load_config(CONFIGS / "expada_avec14.py", demo=True)
    tracks = [constant.track_.name for constant in constants_of(fused)]
    assert tracks == ["demo", "demo-freeform", "demo-northwind"]


def test_a_single_fold_has_none():
    folds = load_config(CONFIGS / "depmap_r18_avec14.py", demo=True, protocol="folds")
    assert len(constants_of(folds)) == 1
    assert constants_of(folds.members()[0]) == ()


def test_it_is_done_when_its_record_is_there(planned, make_record, tmp_path):
    (job,) = controls(planned(ONE_TASK[0]))
    record = make_record(
        kind="control",
        method="constant",
        config="constant",
        config_hash=job.config_hash,
        track=job.scored,
        draw=0,
    )
    write_record(record, tmp_path / "results")
    (job,) = controls(planned(ONE_TASK[0]))
    assert job.done
