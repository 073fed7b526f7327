"""Tasks as jobs of a real Slurm with one node, which the tests start."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import slurm_cluster

from adabench.bench.jobs import Plan
from adabench.bench.process import LOG, claim
from adabench.bench.progress import Progress
from adabench.bench.runner import run_plan
from adabench.bench.tasks import Job
from adabench.records import read_records

slurm = pytest.importorskip("adabench.bench.slurm")

TOY = Path(__file__).with_name("toy_train.py")
QUICK = {"time": 5, "cpus_per_task": 1, "signal_delay_s": 5}

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def cluster():
    absent = slurm_cluster.missing()
    if absent:
        pytest.skip(f"no Slurm can be started here; it needs {', '.join(absent)}")
    with tempfile.TemporaryDirectory() as folder:
        # munged, under its own user, has to reach its folder; pytest's are for their owner alone.
        Path(folder).chmod(0o755)
        with slurm_cluster.cluster(Path(folder)) as environment:
            yield environment


@pytest.fixture(autouse=True)
def found(cluster, monkeypatch):
    for name, value in cluster.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(slurm, "_PAUSE", 0.2)
    monkeypatch.setattr(slurm, "_PATIENCE", 3.0)


@pytest.fixture
def make_job(tmp_path):
    def make(row, seed=0):
        work_dir = tmp_path / "work" / "s" / f"{row}-demo-hash{row}" / f"seed{seed}"
        words = ["s.py", "--row", row, "--track", "avec14", "--seed", str(seed), "--demo"]
        folders = ["--results", str(tmp_path / "results"), "--work-dir", str(work_dir)]
        command = (sys.executable, str(TOY), *words, *folders)
        return Job(
            "s", row, "avec14", "demo", seed, f"hash{row}", command, work_dir, False, draw=seed
        )

    return make


def run(tmp_path, *jobs, parallel=2, **parameters):
    plan = Plan(tuple(jobs), (), (), (), time.time() - 1)
    executor = slurm.SlurmExecutor(parallel, {**QUICK, **parameters})
    return run_plan(
        plan,
        tmp_path / "results",
        executor=executor,
        progress=Progress(len(jobs), parallel, open(os.devnull, "w")),  # noqa: PTH123
    )


def starts(tmp_path, row):
    path = tmp_path / "journal.txt"
    lines = path.read_text().splitlines() if path.is_file() else []
    return sum(line.startswith(f"start {row} ") for line in lines)


def wait_for(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


def submit(job):
    """Submit as a bench does that is killed at once: its lock goes with it."""
    executor = slurm.SlurmExecutor(1, QUICK)
    with claim(job) as lock:
        running = executor.start(job, lock)
    running.close()
    return json.loads((job.work_dir / slurm.STATE).read_text())["job"]


def test_jobs_run_and_failures_are_told_with_their_reason(make_job, tmp_path):
    jobs = [make_job("good", 1), make_job("fails"), make_job("dies"), make_job("good")]
    summary = run(tmp_path, *jobs)
    told = {(o.job.row, o.job.seed): o for o in summary.outcomes}
    assert {key: o.status for key, o in told.items()} == {
        ("good", 0): "done",
        ("good", 1): "done",
        ("fails", 0): "failed",
        ("dies", 0): "failed",
    }
    assert told["fails", 0].reason == "loss is not finite at step 3"
    assert "ended by SIGKILL" in told["dies", 0].reason
    assert told["good", 1].rmse == 2.0
    records, problems = read_records(tmp_path / "results")
    assert (len(records), problems) == (2, [])
    assert "error: loss is not finite" in (jobs[1].work_dir / LOG).read_text()
    assert not (jobs[0].work_dir / slurm.STATE).exists()


def test_a_job_of_a_bench_that_was_killed_is_found_again(make_job, tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_SECONDS", "4")
    job = make_job("good")
    submit(job)
    summary = run(tmp_path, job)
    assert [o.status for o in summary.outcomes] == ["done"]
    assert starts(tmp_path, "good") == 1


def test_a_job_that_ended_meanwhile_is_not_run_again(make_job, tmp_path):
    job = make_job("good")
    submit(job)
    wait_for(lambda: (tmp_path / "results").is_dir() and read_records(tmp_path / "results")[0])
    summary = run(tmp_path, job)
    assert [o.status for o in summary.outcomes] == ["skipped"]
    assert starts(tmp_path, "good") == 1


def test_a_job_that_slurm_asks_to_leave_goes_on_later(make_job, tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_SECONDS", "6")
    job = make_job("good")
    number = submit(job)
    wait_for(lambda: starts(tmp_path, "good") == 1)
    # What Slurm sends before a time limit, and submitit answers with a requeue.
    subprocess.run(["scancel", "--signal=USR2", number], check=True)
    wait_for(lambda: "pending" in state(number).lower() or starts(tmp_path, "good") == 2)
    subprocess.run(["scontrol", "update", f"JobId={number}", "StartTime=now"], check=False)
    summary = run(tmp_path, job)
    assert [o.status for o in summary.outcomes] == ["done"]
    assert starts(tmp_path, "good") == 2
    assert len(read_records(tmp_path / "results")[0]) == 1


def state(number):
    words = ["squeue", "--noheader", "--format=%T", f"--jobs={number}"]
    return subprocess.run(words, capture_output=True, text=True).stdout.strip()


def test_a_job_that_someone_cancels_is_a_failure(make_job, tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_SECONDS", "60")
    job = make_job("good")
    number = submit(job)
    wait_for(lambda: starts(tmp_path, "good") == 1)
    subprocess.run(["scancel", number], check=True)
    job = make_job("good")
    with claim(job) as lock:
        running = slurm.SlurmExecutor(1, QUICK).start(job, lock)
    # It may be found while it ends, or submitted anew; cancelled either way.
    running.ask_to_stop()
    wait_for(lambda: running.poll() is not None)
    code = running.poll()
    assert code != 0
    assert "Slurm job" in running.reason(code)
    running.close()


def test_a_partition_that_does_not_exist_is_told(make_job, tmp_path):
    summary = run(tmp_path, make_job("good"), partition="nowhere")
    (outcome,) = summary.outcomes
    assert outcome.status == "failed"
    assert "invalid partition" in outcome.reason.lower()


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["partition"], "takes KEY=VALUE pairs"),
        (["gpus=many"], "--slurm gpus is a whole number; got 'many'"),
    ],
)
def test_options_that_are_none_are_refused(pairs, message):
    with pytest.raises(ValueError, match=message):
        slurm.slurm_parameters(pairs)


def test_options_by_our_names_and_slurm_s():
    found = slurm.slurm_parameters(["partition=gpu", "gpus=2", "memory=8GB", "minutes=30", "qos=x"])
    assert found | {} == {
        **slurm.DEFAULTS,
        "partition": "gpu",
        "gpus_per_node": 2,
        "mem": "8GB",
        "time": 30,
        "qos": "x",
    }
