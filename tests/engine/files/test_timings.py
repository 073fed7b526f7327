"""Wall time by part, kept over resumes."""

import json

import pytest

from adabench.engine.files import timings
from adabench.engine.files.timings import CostBook, Timings


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = [100.0]
    monkeypatch.setattr(timings.time, "perf_counter", lambda: now[0])

    def move(seconds):
        now[0] += seconds

    return move


def test_parts_add_up(tmp_path, clock):
    measured = Timings(tmp_path / "timing.json", fresh=True)
    for part, seconds in (("corpus", 2.5), ("training", 4.0), ("corpus", 1.0)):
        with measured(part):
            clock(seconds)
        clock(50.0)  # between parts
    assert measured.seconds == {"corpus": 3.5, "training": 4.0}
    assert list(measured.seconds) == ["corpus", "training"]


def test_a_resumed_run_goes_on_from_the_file(tmp_path, clock):
    path = tmp_path / "run" / "timing.json"
    with Timings(path, fresh=True)("training"):
        clock(2.0)
    resumed = Timings(path, fresh=False)
    with resumed("training"):
        clock(3.0)
    assert json.loads(path.read_text()) == resumed.seconds == {"training": 5.0}


def test_a_fresh_run_starts_at_zero(tmp_path, clock):
    path = tmp_path / "timing.json"
    path.write_text('{"training": 7.0}')
    measured = Timings(path, fresh=True)
    with measured("corpus"):
        clock(1.0)
    assert json.loads(path.read_text()) == {"corpus": 1.0}


def test_resuming_without_a_file(tmp_path):
    assert Timings(tmp_path / "timing.json", fresh=False).seconds == {}


def test_a_part_that_is_cut_counts_until_then(tmp_path, clock):
    path = tmp_path / "timing.json"

    def work():
        with Timings(path, fresh=True)("training"):
            clock(2.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert json.loads(path.read_text()) == {"training": 2.0}


def spent(path, clock, **seconds):
    with CostBook(path) as book:
        for name, value in seconds.items():
            with book.time(name):
                clock(value)
    return book


def test_a_book_keeps_what_each_piece_took(tmp_path, clock):
    path = tmp_path / "cache" / "seconds.json"
    book = spent(path, clock, a=2.0, b=0.5)
    assert json.loads(path.read_text()) == {"a": 2.0, "b": 0.5}
    assert book.total(["a", "b"]) == 2.5
    assert book.total(["b", "b"]) == 1.0
    # Whoever finds the pieces later learns the same.
    assert CostBook(path).total(["a", "b"]) == 2.5
    spent(path, clock, c=4.0)
    assert CostBook(path).total("abc") == 6.5


def test_a_piece_that_is_made_again_costs_what_it_cost_last(tmp_path, clock):
    spent(tmp_path / "book", clock, a=2.0)
    spent(tmp_path / "book", clock, a=3.0)
    assert CostBook(tmp_path / "book").total(["a"]) == 3.0


def test_pieces_of_unknown_cost_count_nothing(tmp_path, clock):
    assert CostBook(tmp_path / "none").total(["a"]) == 0.0
    assert spent(tmp_path / "book", clock, a=2.0).total(["a", "z"]) == 2.0


def test_nothing_new_writes_nothing(tmp_path):
    with CostBook(tmp_path / "book"):
        pass
    assert not (tmp_path / "book").exists()


def test_what_was_done_before_a_cut_is_kept_and_the_cut_piece_is_not(tmp_path, clock):
    def work():
        with CostBook(tmp_path / "book") as book:
            with book.time("a"):
                clock(2.0)
            with book.time("b"):
                clock(1.0)
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert json.loads((tmp_path / "book").read_text()) == {"a": 2.0}


DAMAGES = (b"", b"[]", b"{", b"null", b'{"a": "x"}', b'{"a": NaN}', b'{"a": -1}', b"\xff\xfe")


@pytest.mark.parametrize("content", DAMAGES)
@pytest.mark.parametrize(
    "read", [lambda p: CostBook(p).total("a"), lambda p: sum(Timings(p, fresh=False).seconds)]
)
def test_a_damaged_file_is_begun_anew_with_a_line(tmp_path, caplog, content, read):
    path = tmp_path / "seconds.json"
    path.write_bytes(content)
    assert read(path) == 0
    assert f"{path}: damaged" in caplog.text


@pytest.mark.parametrize("content", DAMAGES)
def test_a_damaged_book_is_written_anew(tmp_path, clock, content):
    path = tmp_path / "seconds.json"
    path.write_bytes(content)
    spent(path, clock, b=2.0)
    assert json.loads(path.read_text()) == {"b": 2.0}
