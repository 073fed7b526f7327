"""Processes that work off jobs: what hangs or dies costs one job, and nothing stays behind."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adabench.data.prepare import pool as pool_module
from adabench.data.prepare.pool import Lost, Pool
from adabench.data.prepared import PreparedCorpus
from adabench.synthface import SynthfaceParameters, generate


@pytest.fixture
def saboteur(monkeypatch):
    """The module of the deeds; other processes find it by the path."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import saboteur

    return saboteur


def results(pool, jobs):
    return dict(pool.work(jobs))


def alive(pid):
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_what_ends_badly_costs_one_job(saboteur):
    jobs = ["hang", "good-1", "segfault", "bug", "slow", "exit", "good-2"]
    signs = []
    pool = Pool(saboteur.work, 2, patience=1.5, told=lambda job, sign: signs.append((job, sign)))
    begin = time.monotonic()
    found = results(pool, jobs)
    assert time.monotonic() - begin < 60
    assert set(found) == set(jobs)
    assert found["good-1"] == "good-1"
    assert found["good-2"] == "good-2"
    assert found["slow"] == "6 frames"
    told = "no new frame for 1.5 s, after 3 frames: its process was ended"
    assert found["hang"] == Lost("timeout", told)
    died = "the process that prepared it died"
    assert found["segfault"] == Lost("crashed", f"{died} (SIGSEGV)")
    assert found["exit"] == Lost("crashed", f"{died} (exit code 7)")
    assert found["bug"].status == "failed"
    assert "KeyError: 'no such thing' (" in found["bug"].detail
    assert "saboteur.py:" in found["bug"].detail
    slow = [sign for job, sign in signs if job == "slow"]
    assert slow[0].decoding
    assert (slow[-1].decoding, slow[-1].passes, slow[-1].frames) == (False, 1.0, 6)


def test_other_work_without_signs_has_more_time(saboteur, monkeypatch):
    monkeypatch.setattr(pool_module, "_MORE_PATIENCE", 3)
    begin = time.monotonic()
    found = results(Pool(saboteur.work, 1, patience=1.0), ["silent"])
    assert time.monotonic() - begin > 3
    assert found["silent"] == Lost("timeout", "no sign of work for 3 s: its process was ended")


def test_a_job_whose_process_was_killed_is_tried_again_alone(saboteur, tmp_path):
    job = f"once-{tmp_path / 'been here'}"
    assert results(Pool(saboteur.work, 2), ["good", job]) == {"good": "good", job: "second time"}


def test_an_os_error_ends_the_work_and_leaves_no_process(saboteur):
    pool = Pool(saboteur.work, 2)
    work = pool.work(["process", "full", "hang"])
    _, pid = next(work)
    with pytest.raises(OSError, match="No space left on device") as caught:
        list(work)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "/data/faces/a.jpegs")
    assert not alive(pid)


def test_leaving_in_the_middle_leaves_no_process(saboteur):
    pool = Pool(saboteur.work, 1)
    work = pool.work(["process", "hang"])
    _, pid = next(work)
    assert alive(pid)
    work.close()
    assert not alive(pid)


def test_processes_stand_where_their_caller_does(saboteur, tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert results(Pool(saboteur.work, 1), ["folder"]) == {"folder": tmp_path / name}


def test_processes_that_can_not_start(monkeypatch):
    # a job's function that no other process can import: each ends before it is ready
    monkeypatch.setattr(pool_module, "_serve", _dies_at_once)
    with pytest.raises(RuntimeError, match=r"end as soon as they start .*processes=0"):
        results(Pool(os.getpid, 1), ["good"])


_dies_at_once = os._exit


PROGRAM = """
import sys
from pathlib import Path

Path(sys.argv[1], str(len(list(Path(sys.argv[1]).iterdir())))).touch()

if __name__ == "__main__":
    from adabench.data.prepare import prepare

    prepare("synthface", sys.argv[2], sys.argv[3], processes=2, progress=False)
"""


def test_its_processes_do_not_run_the_program_again(tmp_path):
    raw, seen = tmp_path / "raw", tmp_path / "seen"
    seen.mkdir()
    parameters = SynthfaceParameters(seed=3, sessions=4, seconds=(1.0, 1.0), fps=5)
    generate(parameters, raw, processes=1, progress=False)
    (tmp_path / "program.py").write_text(PROGRAM)
    words = [tmp_path / "program.py", seen, raw, tmp_path / "out"]
    subprocess.run([sys.executable, *map(str, words)], check=True)
    assert len(PreparedCorpus.open(tmp_path / "out").clips) == 24
    assert [path.name for path in seen.iterdir()] == ["0"]


SLEEPERS = """
import signal, sys, time
from adabench.data.prepare.pool import Pool
# A shell that starts the tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
print("begins", flush=True)
try:
    list(Pool(time.sleep, 2).work([30, 31]))
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(
    "moment",
    [0.3, 1.0, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.0, 0.1, 0.6, 2.0))],
)
def test_ctrl_c_is_quiet_at_any_moment(moment):
    """It reaches the whole group: the server and its processes while they import, too."""
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPERS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == b"begins\n"
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (130, b"")
