"""The bench over real runs: plugins that misbehave, and SIGKILL at random moments."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adabench.records.files.results import read_records
from adabench.testing.tiny import tiny_options

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"

PLUGIN = """
import os
import signal
import time

import torch

from adabench.models import Selector
from adabench.registry import MODELS
from adabench.structures import Selection


class Base(Selector):
    def __init__(self, *, units):
        super().__init__()
        self.score = torch.nn.Linear(units.dim, 1)

    def misbehave(self, relevance):
        return relevance

    def forward(self, units):
        relevance = self.score(units.x).squeeze(-1)
        if self.training:
            relevance = self.misbehave(relevance)
        relevance = relevance.masked_fill(~units.valid, float("-inf"))
        return Selection(weight=relevance.softmax(-1), relevance=relevance)


@MODELS.register_module()
class Good(Base):
    pass


@MODELS.register_module()
class Raises(Base):
    def misbehave(self, relevance):
        raise RuntimeError("a shape does not fit")


@MODELS.register_module()
class Hangs(Base):
    def misbehave(self, relevance):
        time.sleep(600)


@MODELS.register_module()
class Eats(Base):
    def misbehave(self, relevance):
        # What the kernel does to a process that takes all memory.
        os.kill(os.getpid(), signal.SIGKILL)


@MODELS.register_module()
class Nan(Base):
    def misbehave(self, relevance):
        return relevance * float("nan")
"""

SUITE = """
paper = None
table = None
title = "Plugins that misbehave"
base = {base!r}
tracks = ("avec14",)
rows = [
    dict(
        name=kind.lower(),
        label=kind,
        change=dict(
            method=dict(
                backbone=dict(
                    _delete_=True, type="TimmFrames", name="resnet18", scales=4, weights="timm"
                ),
                selector=dict(_delete_=True, type=kind),
            ),
            semantics=None,
            demo=dict(
                method=dict(
                    backbone=dict(
                        weights="stage:trunk",
                        frozen=True,
                        options=dict(channels={channels!r}),
                    )
                )
            ),
        ),
    )
    for kind in {kinds!r}
]
"""


@pytest.fixture
def bench(tiny, tmp_path):
    """Runs the bench on a suite of rows whose selectors are the plugin's, on the tiny run's data."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "misbehaving.py").write_text(PLUGIN)
    trunk = tiny.experiment().stages["trunk"]["trunk"]
    options = tiny_options(tiny.root / "data")

    def command(kinds, *words):
        suite = tmp_path / "plugins_table.py"
        values = {"base": str(CONFIGS / "depmap_r18_avec14.py"), "kinds": kinds}
        suite.write_text(SUITE.format(**values, channels=trunk["options"]["channels"]))
        given = [sys.executable, ROOT / "tools" / "bench.py", "--suite", suite, "--demo", *words]
        given += ["--results", tmp_path / "results", "--work-dirs", tmp_path / "work"]
        given += ["--plugins", tmp_path / "plugins", "--cfg-options", *options]
        return list(map(str, given))

    return command


def reasons_of(words, summary):
    """Run a bench in which jobs fail; returns row -> reason, as told after the summary."""
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=400)
    assert done.returncode == 1, done.stdout + done.stderr
    assert summary in done.stdout, done.stdout[-3000:]
    told = done.stdout[done.stdout.rindex(summary) :]
    return dict(
        line.removeprefix("failed  plugins_table/").split("  avec14 on demo  seed 0: ")
        for line in told.splitlines()
        if line.startswith("failed  plugins_table")
    )


@pytest.mark.slow
def test_plugins_that_misbehave_fail_alone_with_their_reason(bench, tmp_path):
    # a slow machine may end this one while it still starts, which is told alike
    words = bench(["Hangs"], "--limit", "25")
    reasons = reasons_of(words, "done 1, skipped 0, failed 1")
    assert reasons["hangs"].startswith("killed after 25 s, the limit being 25 s")
    words = bench(["Raises", "Eats", "Nan", "Good"], "--jobs", "2")
    reasons = reasons_of(words, "done 1, skipped 1, failed 3")
    assert "RuntimeError: a shape does not fit" in reasons["raises"]
    assert reasons["eats"] == "ended by SIGKILL; was there enough memory?"
    assert "not finite" in reasons["nan"]
    records, problems = read_records(tmp_path / "results")
    assert not problems
    (record,) = [r for r in records if r.kind == "method"]
    assert record.config == "plugins_table/good"


@pytest.mark.slow
def test_killed_at_random_moments_a_real_run_is_whole_in_the_end(bench, tmp_path):
    words = bench(["Good"], "--seeds", "0", "1", "--jobs", "2")
    moments = random.Random(1)
    for number in range(3):
        process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
        )
        time.sleep(moments.uniform(4, 20))
        if number % 2:
            kill_jobs_of(process.pid)
        process.kill()
        process.wait()
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    records, problems = read_records(tmp_path / "results")
    assert not problems
    runs = [(r.config_hash, r.seed) for r in records if r.kind == "method"]
    assert len(runs) == len(set(runs)) == 2


def kill_jobs_of(bench_process):
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        if int(rest.split()[1]) == bench_process:
            os.kill(int(name.split()[0]), signal.SIGKILL)
