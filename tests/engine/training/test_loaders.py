"""Loader processes: what is told when no batch comes."""

import os
import signal
import time

import pytest
from toy_training import run

from adabench.engine.training import loaders
from adabench.engine.training.fit import make_loader

SHM = "unable to allocate shared memory(shm) for file </torch_1_2_3>: No space left on device (28)"


@pytest.fixture(autouse=True, scope="module")
def _short_waits():
    """A loader waits less for its process to end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 0.2)
        yield


class Items:
    """Four items; the second does what it is told to in a worker."""

    def __init__(self, trouble):
        self.trouble = trouble

    def __len__(self):
        return 4

    def __getitem__(self, item):
        if item == 1:
            self.trouble()
        return item


def failing(error):
    def fail():
        raise error

    return fail


def batches(trouble, workers=1):
    return list(make_loader(Items(trouble), 1, list, shuffle=False, seed=0, workers=workers))


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def refused(trouble):
    with pytest.raises(ChildProcessError) as caught:
        batches(trouble)
    text = str(caught.value)
    assert text.startswith("training.workers=1: ")
    assert text.endswith("set training.workers=0 (--cfg-options training.workers=0)")
    assert "\n" not in text
    return text


def test_a_batch_that_never_comes(monkeypatch):
    monkeypatch.setattr(loaders, "PATIENCE", 2.0)
    told = refused(lambda: time.sleep(60))
    assert "no batch came within 2 s" in told
    assert "/dev/shm has " in told


def test_a_process_that_dies():
    assert "a loader process died" in refused(die)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(SHM),
        RuntimeError("received 0 items of ancdata"),
        OSError(24, "Too many open files"),
    ],
)
def test_a_batch_that_cannot_be_handed_over(error):
    assert "could not be handed over" in refused(failing(error))


@pytest.mark.parametrize("error", [RuntimeError("a defect"), ValueError("a clip"), KeyError("c")])
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error), match=str(error.args[0])):
        batches(failing(error))


def test_without_processes_nothing_is_limited(monkeypatch):
    monkeypatch.setattr(loaders, "PATIENCE", 0.01)
    assert batches(lambda: time.sleep(0.1), workers=0) == [[0], [1], [2], [3]]


def test_a_training_tells_it_too(tmp_path, monkeypatch):
    monkeypatch.setattr(loaders, "PATIENCE", 1.0)
    monkeypatch.setattr("toy_training.Points.__getitem__", lambda *_: time.sleep(60))
    with pytest.raises(ChildProcessError, match=r"training\.workers=1: no batch came"):
        run(tmp_path, workers=1)
