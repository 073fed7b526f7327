"""Running a plan with a toy in place of training: failures, limits, interrupts, other benches."""

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from adabench.bench.executors import LocalExecutor
from adabench.bench.jobs import Plan
from adabench.bench.process import LOG, JobProcess, claim
from adabench.bench.progress import Progress, duration
from adabench.bench.runner import Summary, run_plan
from adabench.bench.tasks import PREPARED, Job, Preparing, Refused
from adabench.data.locks import FolderInUseError
from adabench.records import read_records

TOY = Path(__file__).with_name("toy_train.py")


@pytest.fixture
def make_job(tmp_path):
    def make(row, seed=0, *, done=False, script=TOY):
        config_hash = f"hash{row}"
        work_dir = tmp_path / "work" / "s" / f"{row}-demo-{config_hash}" / f"seed{seed}"
        words = ["s.py", "--row", row, "--track", "avec14", "--seed", str(seed), "--demo"]
        folders = ["--results", str(tmp_path / "results"), "--work-dir", str(work_dir)]
        command = (sys.executable, str(script), *words, *folders)
        return Job(
            "s", row, "avec14", "demo", seed, config_hash, command, work_dir, done, draw=seed
        )

    return make


@pytest.fixture
def run(tmp_path):
    """Runs jobs and returns the summary and what was printed."""

    def run_jobs(*jobs, refused=(), **options):
        plan = Plan(tuple(jobs), (), tuple(refused), (), time.time() - 1)
        out = io.StringIO()
        to_run = sum(not job.done for job in jobs)
        parallel = options.pop("parallel", 1)
        progress = Progress(to_run, parallel, out)
        executor = LocalExecutor(parallel, gpus=(), cores=options.pop("cores", 4))
        summary = run_plan(
            plan, tmp_path / "results", executor=executor, progress=progress, **options
        )
        return summary, out.getvalue()

    return run_jobs


@pytest.fixture
def let_go(monkeypatch):
    """The draws whose corpora were asked to go, in order; that of draw 7 is in use."""
    asked = []

    def remove(draw):
        asked.append(draw)
        if draw == 7:
            raise FolderInUseError("another run works in this folder")
        return [Path(f"synthface-{draw}")]

    monkeypatch.setattr("adabench.engine.data.corpora.remove_drawn", remove)
    monkeypatch.setattr(Plan, "drawn", lambda plan, draw: [draw])
    return asked


def statuses(summary):
    return {outcome.job.row: outcome.status for outcome in summary.outcomes}


def reasons(summary):
    return {outcome.job.row: outcome.reason for outcome in summary.outcomes}


def journal(tmp_path):
    return (tmp_path / "journal.txt").read_text().splitlines()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A container without an init keeps ended orphans as zombies.
    return " Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]


def wait_for(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")


def test_jobs_run_in_order_and_done_ones_are_skipped(make_job, run, tmp_path):
    summary, out = run(make_job("b"), make_job("kept", done=True), make_job("a", seed=2))
    assert statuses(summary) == {"kept": "skipped", "b": "done", "a": "done"}
    assert [line.split()[1] for line in journal(tmp_path) if "start" in line] == ["b", "a"]
    assert {outcome.job.row: outcome.rmse for outcome in summary.outcomes} == {
        "kept": None,
        "b": 1.0,
        "a": 3.0,
    }
    first, second = out.splitlines()
    assert re.fullmatch(
        r"\[1/2\] s/b  avec14 on demo  seed 0 \.\.\. done in \d+ s, RMSE 1\.00  \(\d+ s left\)",
        first,
    )
    assert re.fullmatch(
        r"\[2/2\] s/a  avec14 on demo  seed 2 \.\.\. done in \d+ s, RMSE 3\.00", second
    )
    assert summary.exit_code == 0
    assert next(summary.lines()).startswith("done 2, skipped 1, failed 0, not run 0; ")
    records, problems = read_records(tmp_path / "results")
    assert (len(records), problems) == (2, [])


def test_failures_are_told_and_the_rest_runs(make_job, run):
    rows = ("fails", "raises", "dies", "silent", "good")
    summary, out = run(*[make_job(row) for row in rows])
    assert statuses(summary) == dict.fromkeys(rows, "failed") | {"good": "done"}
    told = reasons(summary)
    assert told["fails"] == "loss is not finite at step 3"
    assert told["raises"] == "RuntimeError: a shape does not fit"
    assert told["dies"] == "ended by SIGKILL; was there enough memory?"
    assert "holds no record with its config hash hashsilent" in told["silent"]
    assert summary.exit_code == 1
    lines = list(summary.lines())
    assert lines[0].startswith("done 1, skipped 0, failed 4, not run 0")
    at = lines.index("failed  s/fails  avec14 on demo  seed 0: loss is not finite at step 3")
    log = Path(lines[at + 1].removeprefix("        log: "))
    assert log.name == LOG
    assert "error: an early one" in log.read_text()
    assert "failed in" in out


def test_the_log_keeps_earlier_attempts_and_the_reason_is_of_the_last(make_job, run, tmp_path):
    job = make_job("fails")
    run(job)
    script = tmp_path / "other.py"
    script.write_text("print('nothing to say')\nraise SystemExit(3)")
    summary, _ = run(make_job("fails", script=script))
    assert reasons(summary)["fails"] == "nothing to say"
    assert (job.work_dir / LOG).read_text().count("== ") == 2


def test_a_missing_script_and_an_unwritable_folder_are_failures(make_job, run, tmp_path):
    blocked = make_job("blocked")
    blocked.work_dir.parent.mkdir(parents=True)
    blocked.work_dir.write_text("a file")
    lost = make_job("lost", script=tmp_path / "no.py")
    summary, _ = run(lost, blocked, make_job("good"))
    assert statuses(summary) == {"lost": "failed", "blocked": "failed", "good": "done"}
    assert "can't open file" in reasons(summary)["lost"]
    assert "File exists" in reasons(summary)["blocked"]


def test_rows_that_can_not_be_loaded_count_as_failed(make_job, run):
    summary, _ = run(make_job("good"), refused=[Refused("s", "bad", "avec13", "no such part")])
    assert summary.exit_code == 1
    lines = list(summary.lines())
    assert "failed 1" in lines[0]
    assert "failed  s/bad avec13: no such part" in lines


def test_a_job_over_its_limit_is_killed_with_its_children(make_job, run):
    job = make_job("hangs")
    summary, _ = run(job, make_job("good"), limit=5)
    assert statuses(summary) == {"hangs": "failed", "good": "done"}
    assert reasons(summary)["hangs"] == "killed after 5 s, the limit being 5 s"
    child = int(re.search(r"child (\d+)", (job.work_dir / LOG).read_text()).group(1))
    wait_for(lambda: not alive(child))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_what_runs(make_job, run, number):
    job = make_job("hangs")

    def interrupt():
        log = job.work_dir / LOG
        wait_for(lambda: log.is_file() and "child" in log.read_text())
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    thread = threading.Thread(target=interrupt)
    thread.start()
    summary, _ = run(job, make_job("never"))
    thread.join()
    assert signal.getsignal(number) is before
    assert statuses(summary) == {"hangs": "stopped"}
    assert (summary.not_run, summary.interrupted, summary.exit_code) == (1, True, 130)
    child = int(re.search(r"child (\d+)", (job.work_dir / LOG).read_text()).group(1))
    wait_for(lambda: not alive(child))
    assert list(summary.lines())[-1] == "stopped; the same command goes on from here"
    assert "not run 2" in next(summary.lines())


def test_several_at_a_time_share_the_cores(make_job, run, tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_SECONDS", "2.5")
    summary, out = run(*[make_job(row) for row in "abc"], parallel=3, cores=8)
    assert set(statuses(summary).values()) == {"done"}
    lines = journal(tmp_path)
    assert [line.split()[0] for line in lines] == ["start"] * 3 + ["end"] * 3
    assert all("threads=2" in line for line in lines[:3])
    assert out.count("started") == 3
    assert out.count("done in") == 3


def test_one_at_a_time_has_the_environment_s_threads(make_job, run, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    run(make_job("a"))
    assert "threads=7" in journal(tmp_path)[0]


def test_a_job_that_another_process_runs_is_waited_for(make_job, run, tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_SECONDS", "2")
    job = make_job("a")
    with claim(job) as lock:
        other = JobProcess.start(job, lock, {})
    monkeypatch.setenv("TOY_SECONDS", "0")
    summary, out = run(job, make_job("b"))
    assert other.poll() == 0
    assert statuses(summary) == {"a": "skipped", "b": "done"}
    assert "is running it; waiting" in out
    assert "skipped: another process has finished it" in out
    assert sum("start a" in line for line in journal(tmp_path)) == 1


def test_waiting_for_another_process_has_the_limit_too(make_job, run):
    job = make_job("hangs")
    with claim(job) as lock:
        other = JobProcess.start(job, lock, {})
    summary, _ = run(job, limit=1)
    assert re.fullmatch(r"process \d+ has been running it .* 1 s", reasons(summary)["hangs"])
    other.stop()
    with claim(job) as lock:
        assert lock is not None


def test_options_out_of_range_are_refused(run):
    with pytest.raises(ValueError, match="--jobs must be 1 or more; got 0"):
        run(parallel=0)
    with pytest.raises(ValueError, match="--limit must be above 0 seconds; got -1"):
        run(limit=-1)


def test_nothing_to_do_is_no_failure():
    assert Summary((), (), 0, False, 0.0).exit_code == 0


def test_durations_are_told_in_their_unit():
    assert [duration(s) for s in (0.4, 99, 100, 5999, 7560)] == [
        "0 s",
        "99 s",
        "1.7 min",
        "100.0 min",
        "2.1 h",
    ]


def test_a_draw_is_let_go_once_all_of_it_is_done(make_job, run, let_go):
    jobs = [make_job(row, seed) for seed in (0, 1) for row in ("a", "b")]
    summary, said = run(*jobs)
    assert summary.exit_code == 0
    assert let_go == [0, 1]
    lines = said.splitlines()
    first = lines.index("removed synthface-0: all runs on draw 0 are done")
    assert sum("done in" in line for line in lines[:first]) == 2


def test_what_is_still_wanted_is_kept(make_job, run, let_go):
    jobs = [make_job("a", 0), make_job("fails", 0), make_job("a", 1, done=True), make_job("a", 7)]
    _, said = run(*jobs)
    # One of draw 0 failed, draw 1 was done before, and another process reads draw 7.
    assert let_go == [7]
    assert "kept: another run works in this folder" in said
    let_go.clear()
    run(make_job("b", 2), keep_caches=True)
    assert let_go == []


def test_a_draw_whose_last_run_was_made_elsewhere_goes_too(make_job, run, let_go, tmp_path):
    ours, theirs = make_job("a"), make_job("b")
    subprocess.run(theirs.command, check=True, cwd=tmp_path)
    plan = Plan((ours, theirs), (), (), (), made=0.0)
    out = io.StringIO()
    executor = LocalExecutor(1, gpus=(), cores=4)
    progress = Progress(2, 1, out)
    summary = run_plan(plan, tmp_path / "results", executor=executor, progress=progress)
    assert statuses(summary) == {"a": "done", "b": "skipped"}
    assert let_go == [0]


def test_what_was_prepared_of_a_draw_is_made_again_where_that_was_let_go(
    make_job, let_go, tmp_path
):
    folder = tmp_path / "work" / "prepared" / "corpus"
    made = Preparing("c", "corpus", "demo", (sys.executable, "-c", ""), folder, False, draw=0)
    job = replace(make_job("a"), needs=("c",))
    plan = Plan((job,), (), (), (), time.time() - 1, (made,))
    executor = LocalExecutor(1, gpus=(), cores=4)
    progress = Progress(2, 1, io.StringIO())
    run_plan(plan, tmp_path / "results", executor=executor, progress=progress)
    assert let_go == [0]
    assert folder.is_dir()
    assert not (folder / PREPARED).exists()
