"""The display of a terminal."""

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from adabench.bench.live import LiveProgress, last_line
from adabench.bench.progress import Outcome
from adabench.bench.tasks import Job


@dataclass
class Process:
    job: Job
    log: Path
    seconds: float = 75.0


@pytest.fixture
def terminal():
    return Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)


def job(row):
    return Job("s", row, "avec14", "demo", 0, row, (), Path(row), False)


def test_what_runs_is_shown_with_its_last_words_and_lines_stay(terminal, tmp_path):
    log = tmp_path / "bench.log"
    log.write_bytes(b"== command\nstep 1/9\rstep 2/9, loss 0.5\r")
    progress = LiveProgress(3, 2, {job("b"): 60.0, job("c"): 180.0}, terminal)
    first, second = job("a"), job("b")
    progress.started(first)
    progress.started(second)
    progress._drawn = 0.0
    progress.looked([Process(first, log), Process(second, tmp_path / "none.log")])
    shown = terminal.file.getvalue()
    assert "s/a  avec14 on demo  seed 0" in shown
    assert "step 2/9, loss 0.5" in shown
    assert "step 1/9" not in shown
    assert "0 of 3 ended" in shown
    progress.finished(Outcome(first, "failed", 75.0, reason="it broke"))
    progress._drawn = 0.0
    progress.looked([Process(second, log)])
    progress.close()
    told = terminal.file.getvalue()
    assert "[1/3] s/a  avec14 on demo  seed 0 failed in 75 s: it broke" in told
    assert "1 of 3 ended, 1 failed" in told
    # What is left: 60 and 180 s as nothing with an estimate has ended, two at a time.
    assert "about 2.0 min left" in told


def test_the_last_line_of_a_log(tmp_path):
    log = tmp_path / "log"
    assert last_line(log) == ""
    log.write_text("\n\n")
    assert last_line(log) == ""
    log.write_text("one\ntwo \n\n")
    assert last_line(log) == "two"
    log.write_text("one\n== 2026-01-01 command\n")
    assert last_line(log) == ""


def test_what_ended_corrects_the_estimates(terminal):
    tasks = [job(row) for row in "abcd"]
    progress = LiveProgress(4, 1, dict.fromkeys(tasks, 100.0), terminal)
    assert progress.seconds_left() == 400.0
    progress.started(tasks[0])
    progress.finished(Outcome(tasks[0], "done", 50.0))
    assert progress.seconds_left() == 150.0
    progress.started(tasks[1])
    progress.finished(Outcome(tasks[1], "done", 60.0))
    progress.started(tasks[2])
    # One task that took long for a reason of its own does not stretch the others.
    progress.finished(Outcome(tasks[2], "done", 900.0))
    assert progress.seconds_left() == 60.0
    progress.close()
