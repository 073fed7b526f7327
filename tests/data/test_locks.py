"""Who works in a folder: waiting, being told at once, and what a dead process leaves."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from adabench.data import locks
from adabench.data.locks import FolderInUseError, alone_at_once, alone_in

REMEDY = "choose another"

HOLD = """
import sys, time
from pathlib import Path
from adabench.data.locks import alone_in
with alone_in(Path(sys.argv[1])):
    print("holds", flush=True)
    time.sleep(60)
"""

FORK = """
import os, sys, time
from pathlib import Path
from adabench.data.locks import alone_in
with alone_in(Path(sys.argv[1])):
    if not os.fork():
        print(os.getpid(), flush=True)
    time.sleep(60)
"""


def raising(number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture
def other(tmp_path):
    """Another process that works in the folder."""
    folder = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "holds\n"
        yield process
        process.kill()


def refused(folder):
    with pytest.raises(FolderInUseError) as caught, alone_at_once(folder, REMEDY):
        pytest.fail("two worked in one folder")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_that_another_process_works_in_is_refused_with_its_name(tmp_path, other):
    told = refused(tmp_path / "run")
    assert f"{tmp_path / 'run'}: another run works in this folder (process {other.pid})" in told
    assert told.endswith(REMEDY)
    # The refusal takes the name of the one that works there away from nobody.
    assert f"process {other.pid}" in refused(tmp_path / "run")


def test_by_another_path_it_is_the_same_folder(tmp_path, other):
    (tmp_path / "link").symlink_to(tmp_path / "run")
    assert f"process {other.pid}" in refused(tmp_path / "link")


def test_the_same_process_is_refused_too(tmp_path):
    with alone_at_once(tmp_path, REMEDY):
        assert f"process {os.getpid()}" in refused(tmp_path)
        with alone_at_once(tmp_path / "member", REMEDY):
            pass
    with alone_at_once(tmp_path, REMEDY):
        pass


def test_a_killed_process_holds_nothing(tmp_path, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    with alone_at_once(tmp_path / "run", REMEDY):
        pass


def test_a_worker_that_outlives_a_killed_process_holds_nothing(tmp_path):
    command = [sys.executable, "-c", FORK, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        worker = int(process.stdout.readline())
        assert f"process {process.pid}" in refused(tmp_path)
        process.kill()
        process.wait()
        try:
            with alone_at_once(tmp_path, REMEDY):
                os.kill(worker, 0)
        finally:
            os.kill(worker, signal.SIGKILL)


def test_a_worker_that_outlives_the_block_holds_nothing(tmp_path):
    with alone_in(tmp_path):
        worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        worker.start()
    try:
        with alone_at_once(tmp_path, REMEDY):
            assert worker.is_alive()
    finally:
        worker.kill()
        worker.join()


def test_a_process_on_another_machine_is_told_with_it(tmp_path, monkeypatch):
    with alone_in(tmp_path):
        (tmp_path / ".lock").write_text("17 node3\n")
        assert "(process 17 on node3)" in refused(tmp_path)
        (tmp_path / ".lock").write_text("")
        assert "(a process that left no name)" in refused(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
@pytest.mark.parametrize("take", [alone_in, lambda folder: alone_at_once(folder, REMEDY)])
def test_a_file_system_without_locks_is_worked_on_with_a_warning(
    tmp_path, monkeypatch, number, take
):
    monkeypatch.setattr(locks.fcntl, "flock", raising(number))
    done = []
    with (
        pytest.warns(RuntimeWarning, match="no locks: start one run at a time"),
        take(tmp_path),
    ):
        done.append(True)
    assert done == [True]


def test_another_error_over_the_lock_is_none_to_ignore(tmp_path, monkeypatch):
    monkeypatch.setattr(locks.fcntl, "flock", raising(errno.EIO))
    with pytest.raises(OSError, match="error"), alone_in(tmp_path):
        pytest.fail("worked without the lock")


def test_a_folder_that_cannot_be_made_is_told_with_a_remedy(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(OSError, match="a part of that path is a file"),
        alone_in(tmp_path / "file/x"),
    ):
        pytest.fail("worked nowhere")
