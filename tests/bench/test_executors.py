"""Where tasks run on this machine: cores and GPUs are shared out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adabench.bench import executors
from adabench.bench.executors import LocalExecutor, usable_cores, visible_gpus
from adabench.bench.process import LOG, claim
from adabench.bench.tasks import Job

SHOW = (
    "import os; print({k: os.environ.get(k) for k in ('CUDA_VISIBLE_DEVICES', 'OMP_NUM_THREADS')})"
)


@pytest.fixture
def start(tmp_path):
    def start_on(executor, name):
        folder = tmp_path / name
        job = Job("s", name, "t", "t", 0, "h", (sys.executable, "-c", SHOW), folder, False)
        with claim(job) as lock:
            return executor.start(job, lock)

    return start_on


def shown(running):
    while running.poll() is None:
        pass
    return eval((running.job.work_dir / LOG).read_text().splitlines()[-1])


def test_gpus_are_shared_out_and_given_back(start):
    executor = LocalExecutor(2, gpus=("3", "5"), cores=8)
    first, second = start(executor, "a"), start(executor, "b")
    assert shown(first) == {"CUDA_VISIBLE_DEVICES": "3", "OMP_NUM_THREADS": "4"}
    assert shown(second)["CUDA_VISIBLE_DEVICES"] == "5"
    executor.ended(second)
    assert shown(start(executor, "c"))["CUDA_VISIBLE_DEVICES"] == "5"


def test_one_at_a_time_leaves_the_environment_alone(start, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    executor = LocalExecutor(1, gpus=(), cores=8)
    assert shown(start(executor, "a")) == {"CUDA_VISIBLE_DEVICES": None, "OMP_NUM_THREADS": "7"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parallel": 0}, "--jobs must be 1 or more; got 0"),
        ({"parallel": 3, "cores": 2, "gpus": ()}, "this machine has 2 cores"),
        ({"parallel": 3, "cores": 8, "gpus": ("0",)}, "this machine has 1 GPUs"),
    ],
)
def test_more_than_the_machine_has_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LocalExecutor(**options)


def test_gpus_of_the_environment_and_of_the_driver(monkeypatch, tmp_path):
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "0, 2"}) == ["0", "2"]
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": ""}) == []
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "-1"}) == []
    monkeypatch.setattr(executors.shutil, "which", lambda name: None)
    assert visible_gpus({}) == []
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: one'\necho 'GPU 1: two'\n")
    tool.chmod(0o755)
    monkeypatch.setattr(executors.shutil, "which", lambda name: str(tool))
    assert visible_gpus({}) == ["0", "1"]

    def late(*_, **__):
        raise subprocess.TimeoutExpired("nvidia-smi", 30)

    monkeypatch.setattr(executors.subprocess, "run", late)
    assert visible_gpus({}) == []


def test_cores_that_may_be_used():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    assert Path("/proc").is_dir() or usable_cores() == os.cpu_count()
