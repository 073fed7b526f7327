"""Jobs that end well or badly, for processes that import this module by its name."""

import errno
import itertools
import os
import signal
import time
from pathlib import Path

from adabench.data.prepare import prepare
from adabench.data.prepare.pulse import INTERVAL, beat, decoding
from adabench.data.prepare.videos.decode import Video


def work(job):
    """Does what the job's name says."""
    return _DEEDS[job.partition("-")[0]](job)


def hung_after(path, frames):
    """The path, whose video gives so many frames in this process and then no more."""
    decode = Video._pictures

    def pictures(video):
        if str(video.path) != path:
            yield from decode(video)
            return
        yield from itertools.islice(decode(video), frames)
        time.sleep(1000)

    Video._pictures = pictures
    return Path(path)


def prepare_quietly(raw, out):
    """What a process that is to be killed does, with two processes of its own."""
    prepare("synthface", raw, out, processes=2, progress=False)


def prepare_until(raw, out, writes):
    """Prepares until so many files were written; the next one is begun and never finished."""
    replace = Path.replace
    done = []

    def counted(path, target):
        if len(done) == writes:
            os.kill(os.getpid(), signal.SIGKILL)
        done.append(target)
        return replace(path, target)

    Path.replace = counted
    prepare("synthface", raw, out, processes=0, progress=False)


def _frames(count, pause):
    with decoding():
        for number in range(count):
            time.sleep(pause)
            beat((number + 1) / count, frames=1)
    return f"{count} frames"


def _hang(_):
    with decoding():
        time.sleep(INTERVAL)
        beat(0.5, frames=3)
        time.sleep(1000)


def _bug(_):
    raise KeyError("no such thing")


def _full(_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/faces/a.jpegs")


def _once(job):
    """Dies the first time, as where memory is short; the job names a file to remember it by."""
    path = Path(job.partition("-")[2])
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "second time"


_DEEDS = {
    "good": lambda job: job,
    "slow": lambda _: _frames(6, 0.4),
    "hang": _hang,
    "silent": lambda _: time.sleep(1000),
    "segfault": lambda _: os.kill(os.getpid(), signal.SIGSEGV),
    "exit": lambda _: os._exit(7),
    "once": _once,
    "bug": _bug,
    "full": _full,
    "process": lambda _: os.getpid(),
    "folder": lambda _: Path.cwd(),
}
