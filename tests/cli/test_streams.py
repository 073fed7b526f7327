"""What reaches a terminal, whatever its encoding."""

import errno
import os
import subprocess
import sys

import pytest

from adabench.cli.streams import told
from adabench.data.files import OPEN_FILES

PRINTS = """
import sys
from adabench.cli.{module} import {name}
from adabench.cli.streams import write_anywhere
{body}
"""


def run(code, encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    if not encoding:
        environment.pop("PYTHONIOENCODING")
        environment["PYTHONCOERCECLOCALE"] = "0"
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)


BODY = {
    "out": "run_tool(lambda: print('Zo\u00eb \u2192 \u4e09') or 0)",
    "error": "def fail(): raise ValueError('Zo\u00eb \u2192 \u4e09')\nrun_tool(fail)",
}


@pytest.mark.parametrize(
    "encoding",
    [
        "",
        "ascii",
        *(pytest.param(e, marks=pytest.mark.slow) for e in ("latin-1", "cp1252", "utf-8")),
    ],
)
@pytest.mark.parametrize("where", BODY)
def test_letters_that_a_terminal_lacks_end_no_tool(encoding, where):
    body = BODY[where].encode("unicode_escape").decode().replace("\\n", "\n")
    done = run(PRINTS.format(module="arguments", name="run_tool", body=body), encoding)
    assert done.returncode == (0 if where == "out" else 2), done.stderr
    assert b"Zo" in (done.stdout if where == "out" else done.stderr)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("tool", ["train", "test", "bench", "leaderboard", "prepare", "synthface"])
def test_every_tool_sets_its_streams(tool, monkeypatch):
    module = __import__(f"adabench.cli.{tool}", fromlist=["main"])

    def seen():
        raise ProcessLookupError

    place = module if hasattr(module, "write_anywhere") else sys.modules["adabench.cli.arguments"]
    monkeypatch.setattr(place, "write_anywhere", seen)
    with pytest.raises(ProcessLookupError):
        module.main()


def chained(first, then):
    try:
        try:
            raise first
        except OSError as error:
            raise then from error
    except (OSError, ValueError) as error:
        return error


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_many_open_files_are_told_with_the_remedy(number):
    limit = OSError(number, os.strerror(number), "faces/a.jpegs")
    assert told(limit).endswith(f"'faces/a.jpegs': {OPEN_FILES}")
    assert told(chained(limit, ValueError("stage 'trunk' failed"))).endswith(OPEN_FILES)
    assert told(OSError(number, f"too many: {OPEN_FILES}")).count(OPEN_FILES) == 1


def test_other_errors_keep_their_words():
    assert told(KeyError("no clip 'a'")) == "no clip 'a'"
    assert told(chained(OSError(errno.ENOSPC, "full"), ValueError("it failed"))) == "it failed"
