"""The command line of the bench, with a toy in place of training."""

import csv
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from plugin_texts import SELECTOR, write

from adabench.records import read_records

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "tools" / "bench.py"
TOY = ROOT / "tests" / "bench" / "toy_train.py"
SUITE = """
paper = "depmap"
table = "3"
title = "Toys"
base = "{base}"
tracks = ("avec14-northwind", "avec14-freeform")
seeds = (0, 1)
rows = [
    dict(
        name=name,
        label=name.title(),
        reported=reported,
        change=dict(method=dict(name=name)),
    )
    for name, reported in {rows}
]
"""
ROWS = (("a", "r18_visual"), ("b", "r18_full"))
#: What files of tables on drawn faces end with.
DRAWN = "-drawn-faces-world-sparse"


@pytest.fixture
def bench(forks, tmp_path):
    """Runs the tool on toy suites; returns the finished process, or the command with start."""
    folder = tmp_path / "suites"
    folder.mkdir()
    base = ROOT / "configs" / "constant_avec14.py"

    def write(name="toys", rows=ROWS):
        (folder / f"{name}.py").write_text(SUITE.format(base=base, rows=rows))

    def command(*words):
        folders = ["--suites", folder, "--results", tmp_path / "results"]
        # What lies in the data folder is not the toy's to remove.
        folders += ["--work-dirs", tmp_path / "work", "--script", TOY, "--keep-caches"]
        return [str(BENCH), *map(str, [*words, *folders])]

    def run(*words, **environment):
        return forks.run(command(*words), ROOT, kill_after=120, **environment)

    run.write, run.command = write, command
    write()
    return run


def records_of(tmp_path):
    """Of the rows; the constants stand beside them."""
    if not (tmp_path / "results").is_dir():
        return []
    records, problems = read_records(tmp_path / "results")
    assert not problems, problems
    return [record for record in records if record.kind == "method"]


def journal(tmp_path):
    path = tmp_path / "journal.txt"
    lines = path.read_text().splitlines() if path.is_file() else []
    return Counter(
        tuple(line.split()[:4]) for line in lines if not line.startswith(("prepare", "controls"))
    )


def test_a_suite_runs_and_its_table_is_printed_and_written(bench, tmp_path):
    done = bench("--suite", "toys", "--demo")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("done in") == 14
    assert "[1/14] preparing corpus  demo-northwind  draw 0  for 4 runs ... done in" in done.stdout
    assert "[12/14] toys/b  avec14-freeform on demo-freeform  seed 1 ... done in" in done.stdout
    assert "[14/14] constants/constant  demo-freeform  seed 0  draw 1 ... done in" in done.stdout
    assert "done 12, skipped 0, failed 0, not run 0" in done.stdout
    assert len(records_of(tmp_path)) == 8
    assert "nothing about depression" in " ".join(done.stdout.split())
    # The toy is off by 1 + seed, the constant by 1: RMSE 1 and 2, mean 1.5, sample deviation 0.7071.
    suites = tmp_path / "results" / "suites"
    page = (suites / f"toys{DRAWN}.md").read_text(encoding="utf-8")
    assert re.search(r"\| A +\| 1\.50 ± 0\.71 +\| 1\.50 ± 0\.71 ", page)
    with (suites / f"toys{DRAWN}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    (found,) = (r for r in rows if (r["row"], r["track"]) == ("b", "avec14-freeform"))
    assert (found["of_constant"], found["measured_RMSE"], found["draws"]) == ("1.5", "1.5", "0 1")
    assert float(found["sd_RMSE"]) == pytest.approx(0.5**0.5)
    # No paper reports anything on drawn faces.
    assert {row["reported_RMSE"] for row in rows} == {""}
    board = tmp_path / "results" / "tables"
    assert f"all of them to sort and filter in {board / 'index.html'}" in done.stdout
    assert "demo-freeform" in (board / f"demo-freeform{DRAWN}.md").read_text(encoding="utf-8")
    assert "toys/b" in (board / f"{DRAWN.removeprefix('-')}.html").read_text(encoding="utf-8")


def test_a_second_start_runs_nothing_again(bench, tmp_path):
    words = ("--demo", "--track", "avec14-freeform", "--seeds", "0")
    assert bench("--suite", "toys", *words).returncode == 0
    before = journal(tmp_path)
    done = bench("--all", *words)
    assert done.returncode == 0, done.stderr
    assert "done 0, skipped 3, failed 0, not run 0" in done.stdout
    assert journal(tmp_path) == before
    more = bench("--suite", "toys", *words, "4")
    assert "done 3, skipped 3" in more.stdout


def test_a_dry_run_prints_a_line_a_job_and_runs_nothing(bench, tmp_path):
    bench("--suite", "toys", "--demo", "--seeds", "0", "--track", "avec14-northwind")
    before = journal(tmp_path)
    done = bench("--all", "--demo", "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "done   toys/a  avec14-northwind on demo-northwind  seed 0"
    assert "12 jobs: 3 done, 9 to do; 0 rows can't be loaded" in lines
    assert sum(line.startswith("to do  toys/") for line in lines) == 6
    assert journal(tmp_path) == before


def test_a_dry_run_of_everything_imports_no_torch():
    probe = f"""
import runpy, sys
sys.argv = [{str(BENCH)!r}, "--all", "--demo", "--dry-run"]
try:
    runpy.run_path({str(BENCH)!r}, run_name="__main__")
except SystemExit as ended:
    assert not ended.code, ended.code
print(*(n for n in ("torch", "torchvision", "timm", "cv2") if n in sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert done.stderr.split() == []
    assert len(done.stdout.splitlines()) > 50


def test_tables_alone_run_nothing(bench, tmp_path):
    done = bench("--suite", "toys", "--demo", "--table-only")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("missing") == 4
    assert not journal(tmp_path)
    assert (tmp_path / "results" / "suites" / "toys-drawn-faces.md").is_file()


def test_the_help_says_what_tables_alone_write(bench):
    told = " ".join(bench("--help").stdout.split())
    assert "print the tables and write their pages into --results/suites" in told


def test_a_draw_that_no_row_has_a_use_for_is_refused_once(bench):
    done = bench("--suite", "toys", "--draw", "1", "--dry-run")
    assert done.returncode == 2
    assert not done.stdout
    (told,) = done.stderr.splitlines()
    assert "--draw 1 names a generated corpus" in told
    assert "leave --draw out, or add --demo" in told


def test_failures_are_told_at_the_end_and_harm_no_other(bench, tmp_path):
    rows = (("fails", None), ("good", "r18_full"))
    bench.write("bad", rows)
    (tmp_path / "suites" / "broken.py").write_text("rows = (")
    done = bench("--all", "--demo", "--seeds", "0")
    assert done.returncode == 1
    assert "broken.py:1: a suite is a file of Python assignments; SyntaxError" in done.stderr
    assert "done 8, skipped 0, failed 2, not run 0" in done.stdout
    told = done.stdout[done.stdout.rindex("done 8") :]
    assert told.count("loss is not finite at step 3") == 2
    for log in re.findall(r"log: (.*)", told):
        assert "error: loss is not finite" in Path(log).read_text()
    assert "Traceback" not in done.stderr


def test_a_row_that_can_not_be_loaded_is_a_failure(bench, tmp_path):
    path = tmp_path / "suites" / "toys.py"
    path.write_text(path.read_text().replace("dict(name=name)),", "dict(name=name), trak=1),"))
    done = bench("--suite", "toys", "--demo", "--dry-run")
    assert done.returncode == 1
    assert done.stdout.count("unknown key") == 4


def test_what_failed_is_run_again_when_asked(bench, tmp_path):
    bench.write("toys", (("fails", None), ("good", None)))
    words = ["--suite", "toys", "--demo", "--seeds", "0", "--track", "avec14-freeform"]
    first = bench(*words)
    assert "done 2, skipped 0, failed 1" in first.stdout
    second = bench(*words)
    assert second.returncode == 1
    assert "done 0, skipped 2, failed 1" in second.stdout
    assert re.search(r"not finite at step 3 \(on 20.*without --retry-failed", second.stdout)
    assert max(journal(tmp_path).values()) == 1
    assert bench(*words, "--retry-failed").returncode == 1
    assert max(journal(tmp_path).values()) == 2


def test_tracks_choose_rows_and_unprepared_ones_are_left_out(bench, tmp_path):
    done = bench("--suite", "toys", "--demo", "--seeds", "0", "--track", "demo-freeform")
    assert "done 3, skipped 0, failed 0, not run 0" in done.stdout
    real = bench("--suite", "toys", "--seeds", "0", "--cfg-options", f"data.root={tmp_path}")
    assert real.returncode == 0, real.stderr
    assert "done 0, skipped 0, failed 0, not run 0" in real.stdout
    for track in ("avec14-freeform", "avec14-northwind"):
        assert f"left out: track {track}, 2 rows: no prepared corpus in {tmp_path}" in real.stdout
    assert "tools/prepare.py avec2014" in real.stdout


def test_configs_run_without_a_suite(bench, tmp_path):
    config = ROOT / "configs" / "constant_avec14.py"
    done = bench("--config", config, "--demo", "--seeds", "0", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "configs/constant_avec14  demo  seed 3 ... done in" in done.stdout
    assert sorted(record.seed for record in records_of(tmp_path)) == [0, 3]
    assert "done 0, skipped 4" in bench("--config", config, "--demo", "--seeds", "0", "3").stdout


def test_a_preparation_that_fails_fails_what_needs_it_alone(bench, tmp_path):
    config = ROOT / "configs" / "constant_avec14.py"
    words = ["--suite", "toys", "--demo", "--seeds", "0", "--track", "avec14-freeform"]
    done = bench(*words, TOY_PREPARE="fails")
    assert done.returncode == 1
    assert "done 0, skipped 0, failed 3, not run 0" in done.stdout
    assert done.stdout.count("it needs what failed: preparing corpus") >= 2
    assert not journal(tmp_path)
    alone = bench("--config", config, "--demo", TOY_PREPARE="fails")
    assert "done 2, skipped 0, failed 0" in alone.stdout
    assert "done 3, skipped 0, failed 0" in bench(*words).stdout


def test_the_shuffled_control_of_any_row(bench, tmp_path):
    words = ("--suite", "toys", "--demo", "--seeds", "0", "--track", "avec14-freeform")
    assert bench(*words).returncode == 0
    done = bench(*words, "--control", "shuffled")
    assert "done 2, skipped 1, failed 0" in done.stdout
    logs = [log.read_text() for log in (tmp_path / "work" / "toys").rglob("bench.log")]
    assert sum("--cfg-options shuffle_labels=True" in text for text in logs) == 2
    assert len(logs) == 4


def test_bench_s_options_reach_every_job(bench, tmp_path):
    for name in ("one", "two"):
        part = SELECTOR.format(name=f"Zz{name.title()}", factor=1)
        write(tmp_path / name / f"zz_{name}.py", part)
    folders = [str(tmp_path / name) for name in ("one", "two")]
    words = ("--suite", "toys", "--demo", "--seeds", "0", "--track", "avec14-freeform")
    size = ("--cfg-options", "data.size=48")
    done = bench(*words, "--plugins", *folders, *size, "data.root=x")
    assert done.returncode == 0, done.stderr
    (log, *_) = (tmp_path / "work").rglob("bench.log")
    told = log.read_text()
    plugins = " ".join(f"--plugins {folder}" for folder in folders)
    assert f"{plugins} --cfg-options data.size=48 data.root=x --controls" in told
    # Another size is another config; where the data lies is not.
    assert "3 to do" in bench(*words, "--dry-run").stdout
    assert "3 done" in bench(*words, "--dry-run", *size, "data.root=y").stdout


def test_a_plugin_that_can_t_be_used_ends_the_bench_before_it_begins(bench, tmp_path):
    words = ("--suite", "toys", "--demo", "--dry-run", "--plugins")
    done = bench(*words, "nowhere")
    assert done.returncode == 2
    assert "nowhere, named by --plugins, does not exist" in done.stderr
    path = write(tmp_path / "mine" / "zz_mine.py", "1 / 0\n")
    done = bench(*words, str(path.parent))
    assert done.returncode == 2
    assert f"{path}:1" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--suite", "toy"], "no suite is called 'toy'; did you mean 'toys'?"),
        (["--suite", "nowhere.py"], "suite nowhere.py does not exist"),
        ([], "one of the arguments --suite --all --config is required"),
        (
            ["--all", "--demo", "--jobs", "0"],
            "--jobs: expected a whole number, at least 1; got '0'",
        ),
        (["--all", "--demo", "--jobs", "999"], "--jobs 999: this machine has"),
        (["--all", "--demo", "--slurm", "gpus=1"], "--slurm goes with --executor slurm"),
        (["--all", "--demo", "--track", "avec15"], "no row or config has such a track"),
        (["--all", "--seeds", "-1"], "--seeds: expected a whole number, at least 0; got '-1'"),
        (["--all", "--dry-run", "--table-only"], "not allowed with argument"),
    ],
)
def test_wrong_arguments_end_with_a_message_and_status_2(bench, words, message):
    done = bench(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def start(bench, *words, **environment):
    return subprocess.Popen(
        [sys.executable, *bench.command(*words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_loses_and_repeats_nothing(bench, tmp_path, kills):
    """SIGKILL of the bench or of a job, at random moments; one start after it ends it all."""
    words = ["--suite", "toys", "--demo"]
    moments = random.Random(0)
    killed_jobs = 0
    for number in range(kills):
        process = start(bench, *words, TOY_SECONDS="1")
        # A start takes a second or two by itself.
        time.sleep(moments.uniform(0.5, 3.5))
        victims = jobs_of(process.pid) if number % 2 else []
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        killed_jobs += len(victims)
        process.kill()
        process.communicate()
        records_of(tmp_path)
    done = bench(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(records_of(tmp_path)) == 8
    assert len({(r.config_hash, r.track, r.seed) for r in records_of(tmp_path)}) == 8
    # A killed bench's job runs to its end, and the next bench waits for it: all ended once, and
    # only killed ones began more than once.
    counts = journal(tmp_path)
    assert sum(count for key, count in counts.items() if key[0] == "end") == 8
    assert sum(count for key, count in counts.items() if key[0] == "start") <= 8 + killed_jobs


def jobs_of(bench_process):
    """Ids of the processes that a bench started and that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if int(parent) == bench_process and state != "Z":
            found.append(int(name.split()[0]))
    return found


def test_two_benches_at_once_share_the_work(bench, tmp_path):
    words = ["--suite", "toys", "--demo", "--seeds", "0", "--track", "avec14-freeform"]
    both = [start(bench, *words, TOY_SECONDS="0.3") for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert set(journal(tmp_path).values()) == {1}
    assert len(records_of(tmp_path)) == 2


@pytest.mark.slow
def test_a_killed_job_is_told_and_run_again(bench, tmp_path):
    bench.write("toys", (("dies", None),))
    done = bench("--suite", "toys", "--demo", "--seeds", "0")
    assert done.returncode == 1
    assert done.stdout.count("ended by SIGKILL") == 4
    assert bench("--suite", "toys", "--demo", "--seeds", "0").returncode == 1
    assert set(journal(tmp_path).values()) == {2}


def test_ctrl_c_stops_and_prints_the_summary(bench, tmp_path):
    process = start(bench, "--suite", "toys", "--demo", TOY_SECONDS="60")
    until = time.monotonic() + 60
    while not journal(tmp_path) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "done 0, skipped 0, failed 0, not run 12" in out
    assert "stopped; the same command goes on from here" in out
    assert "Traceback" not in out
