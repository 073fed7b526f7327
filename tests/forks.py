"""Runs of a tool in processes that need not import it: torch alone takes seconds to import.

Each is a process of its own, forked from one that has imported what tools import, what a run
imports late as well, and nothing more; it runs the tool's file, and can be killed at any moment.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

IMPORTED = (
    *("adabench.cli.arguments", "adabench.engine.run", "adabench.viz"),
    *("adabench.cli.bench", "adabench.cli.leaderboard"),
    *("scipy.stats", "sklearn", "skops.io"),
)


class Forks:
    """Starts runs, one at a time; ``with`` ends the process that they are forked from."""

    def __enter__(self):
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._server.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_):
        self._server.stdin.close()
        self._server.wait()

    def run(self, words, cwd: Path, kill_after: float | None = None, **environment: str):
        """Run a tool to its end, or to its end by SIGKILL; returns it as `subprocess.run` does.

        Args:
            words: the tool's file and its arguments.
            cwd: the folder that it runs in.
            kill_after: seconds.
            environment: variables beside those of the first process.
        """
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            order = {"words": list(map(str, words)), "cwd": str(cwd), "environment": environment}
            code = self._run({**order, "out": str(out), "err": str(err)}, kill_after)
            told = [path.read_text(errors="replace") for path in (out, err)]
        return subprocess.CompletedProcess(order["words"], code, *told)

    def _run(self, order, kill_after):
        self._send(json.dumps(order))
        child = int(self._server.stdout.readline())
        timer = None
        if kill_after is not None:
            timer = threading.Timer(kill_after, os.kill, (child, signal.SIGKILL))
            timer.start()
        code = int(self._server.stdout.readline())
        if timer is not None:
            timer.cancel()
            timer.join()
        self._send("nobody means to kill it any more")
        return code

    def _send(self, line):
        self._server.stdin.write(line + "\n")
        self._server.stdin.flush()


def _become(words: list[str], cwd: str, environment: dict[str, str], out: str, err: str) -> None:
    """Turn a forked process into a run of a tool."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(cwd)
    os.environ.update(environment)
    sys.argv = words
    sys.path[0] = str(Path(words[0]).parent)
    try:
        runpy.run_path(words[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # noqa: BLE001 - as Python itself tells what ends a program
        traceback.print_exc()
        code = 1
    # All but taking the interpreter apart, which takes seconds with so much imported.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _serve() -> None:
    for module in IMPORTED:
        __import__(module)
    gc.freeze()
    print("ready", flush=True)
    while order := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            _become(**json.loads(order))
        print(child, flush=True)
        # Its number is not given to another process before nobody means to kill it any more.
        found = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        was_killed = found.si_code != os.CLD_EXITED
        print(-found.si_status if was_killed else found.si_status, flush=True)
        sys.stdin.readline()
        os.waitpid(child, 0)


if __name__ == "__main__":
    _serve()
    os._exit(0)
