"""Digests in a book: what is noticed, what is not read, and who may write."""

import os

import pytest

from adabench.data import digests
from adabench.data.digests import BOOK, DigestBook, check_books


def written(folder, name="a.bin", content=b"content"):
    with DigestBook(folder).writing(name) as temporary:
        temporary.write_bytes(content)
    return folder / name


def flip(path, *, quietly=False):
    """Change a byte; quietly, with the file's time put back."""
    stat = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    later = stat.st_mtime_ns + (0 if quietly else 10**9)
    os.utime(path, ns=(stat.st_atime_ns, later))


@pytest.fixture
def unread(monkeypatch):
    """Nothing may be hashed."""
    monkeypatch.setattr(digests, "file_sha256", lambda path: pytest.fail(f"read {path}"))


def test_what_is_as_it_was_written_is_not_read(tmp_path, request):
    written(tmp_path)
    request.getfixturevalue("unread")
    assert DigestBook(tmp_path).difference("a.bin") is None
    assert DigestBook(tmp_path).knows("a.bin")


def test_a_changed_byte_is_noticed(tmp_path):
    flip(written(tmp_path))
    assert DigestBook(tmp_path).difference("a.bin") == "other content than was written"


def test_a_cut_file_is_told_with_its_size(tmp_path):
    path = written(tmp_path)
    path.write_bytes(b"con")
    assert DigestBook(tmp_path).difference("a.bin") == "3 bytes instead of 7"


def test_bytes_that_changed_under_the_same_time_are_found_by_a_whole_check(tmp_path):
    flip(written(tmp_path), quietly=True)
    assert DigestBook(tmp_path).difference("a.bin") is None
    assert DigestBook(tmp_path).difference("a.bin", whole=True) == "other content than was written"
    count, changed = check_books(tmp_path)
    assert (count, changed) == (1, [f"{tmp_path / 'a.bin'}: other content than was written"])


def test_a_copy_is_read_once(tmp_path, request):
    os.utime(written(tmp_path), ns=(1, 10**18))
    assert DigestBook(tmp_path).difference("a.bin") is None
    request.getfixturevalue("unread")
    assert DigestBook(tmp_path).difference("a.bin") is None


def test_a_copy_whose_book_cannot_be_written_is_sound_all_the_same(tmp_path, monkeypatch):
    os.utime(written(tmp_path), ns=(1, 10**18))
    book = DigestBook(tmp_path)

    def fail(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(book, "_add", fail)
    assert book.difference("a.bin") is None


def test_killed_between_the_entry_and_the_file_the_old_file_holds(tmp_path):
    path = written(tmp_path, content=b"old")
    before = path.stat()
    written(tmp_path, content=b"new")
    path.write_bytes(b"old")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert DigestBook(tmp_path).difference("a.bin") is None


def test_a_block_that_fails_notes_nothing(tmp_path):
    with pytest.raises(RuntimeError), DigestBook(tmp_path).writing("a.bin"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_another_process_may_have_written_since(tmp_path):
    written(tmp_path)
    mine = DigestBook(tmp_path)
    assert mine.difference("a.bin") is None
    written(tmp_path, content=b"theirs!")
    assert mine.difference("a.bin") is None
    written(tmp_path, name="b c.bin")
    assert mine.knows("b c.bin")


@pytest.mark.parametrize(
    "damage", [b"", b"\x00\xff nonsense\n", b"zz 1 2 a.bin\n", b"0" * 64 + b" x y a.bin\n"]
)
def test_a_book_that_cannot_be_read_says_nothing(tmp_path, damage):
    flip(written(tmp_path))
    (tmp_path / BOOK).write_bytes(damage)
    book = DigestBook(tmp_path)
    assert not book.knows("a.bin")
    assert book.difference("a.bin") is None


def test_a_cut_last_line_costs_its_file_only(tmp_path):
    first, second = written(tmp_path), written(tmp_path, "b.bin")
    content = (tmp_path / BOOK).read_bytes()
    (tmp_path / BOOK).write_bytes(content[:-20])
    flip(first)
    flip(second)
    assert DigestBook(tmp_path).difference("a.bin") is not None
    assert not DigestBook(tmp_path).knows("b.bin")


def test_a_file_of_before_is_adopted_where_that_can_be_kept(tmp_path, monkeypatch):
    (tmp_path / "old.bin").write_bytes(b"old")
    monkeypatch.setattr(digests.os, "access", lambda *_: False)
    DigestBook(tmp_path).adopt("old.bin")
    assert not (tmp_path / BOOK).exists()
    monkeypatch.undo()
    DigestBook(tmp_path).adopt("old.bin")
    flip(tmp_path / "old.bin")
    DigestBook(tmp_path).adopt("old.bin")  # known now, and no longer taken as it is
    assert DigestBook(tmp_path).difference("old.bin") == "other content than was written"
