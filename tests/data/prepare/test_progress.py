"""The line that says how far a run is: time left by bytes, not by clips."""

import io

import pytest

from adabench.data.prepare.progress import Progress
from adabench.data.prepare.pulse import Sign


class Clock:
    """Seconds that a test moves."""

    def __init__(self):
        self.now = 50.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    """A text that takes itself for a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


def test_time_left_goes_by_bytes(clock):
    sizes = {"long": 9000, **{f"short{i}": 100 for i in range(10)}}
    line = Progress(sizes, total=20, to=None, clock=clock)
    assert line.line() == "9/20 clips, 0 frames/s, 0%, ? left"
    clock.now += 90
    line.done("long", 900)
    assert line.line() == "10/20 clips, 10 frames/s, 90%, 0:00:10 left"
    clock.now += 5
    for i in range(5):
        line.done(f"short{i}", 10)
    assert line.line() == "15/20 clips, 10 frames/s, 95%, 0:00:05 left"


def test_clips_at_work_count_by_how_far_they_are(clock):
    line = Progress({"a": 1000, "b": 1000}, total=2, to=None, clock=clock)
    clock.now += 10
    line.sign("a", Sign(passes=1.0, frames=200, decoding=True, of=2))
    assert line.line() == "0/2 clips, 10 frames/s, 25%, 0:00:30 left"
    line.sign("a", Sign(passes=2.5, frames=400, of=2))
    assert line.line() == "0/2 clips, 20 frames/s, 50%, 0:00:10 left"
    line.done("a", 0)
    assert line.line() == "1/2 clips, 0 frames/s, 50%, 0:00:10 left"


def test_a_clip_that_has_to_be_read_again_is_half_done(clock):
    line = Progress({"a": 1000, "b": 1000}, total=2, to=None, clock=clock)
    clock.now += 10
    line.sign("a", Sign(passes=0.8, frames=160, decoding=True))
    assert line.line() == "0/2 clips, 16 frames/s, 40%, 0:00:15 left"
    line.sign("a", Sign(passes=1.0, frames=200, of=2))
    assert line.line() == "0/2 clips, 10 frames/s, 25%, 0:00:30 left"


def test_sources_without_bytes(clock):
    line = Progress({"a": 0, "b": 0}, total=2, to=None, clock=clock)
    clock.now += 1
    line.done("a", 0)
    assert line.line() == "1/2 clips, 0 frames/s, 50%, 0:00:01 left"


def test_a_terminals_line_is_overwritten(clock):
    text = Terminal()
    line = Progress({"a": 10, "b": 10}, total=2, to=text, clock=clock)
    for _ in range(10):
        clock.now += 0.1
        line.sign("a", Sign(1.0, 5))
    clock.now += 1
    line.done("a", 10)
    line.done("b", 10)
    line.close()
    parts = text.getvalue().split("\r")
    assert len(parts) == 1 + 2 + 2  # nothing, two signs in a second, and either clip
    assert parts[-1].startswith("2/2 clips, ")
    assert text.getvalue().endswith("\n")
    assert text.getvalue().count("\n") == 1


def test_a_log_gets_a_line_a_minute(clock):
    text = io.StringIO()
    line = Progress({"a": 10, "b": 10}, total=2, to=text, clock=clock)
    for _ in range(100):
        clock.now += 1
        line.sign("a", Sign(0.1, 5))
    line.done("a", 10)
    line.done("b", 10)
    line.close()
    assert [part.split(",")[0] for part in text.getvalue().splitlines()] == [
        "0/2 clips",
        "2/2 clips",
    ]
