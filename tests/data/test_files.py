"""Atomic writing: all or nothing, and errors that say what to do."""

import errno
import os

import pytest

from adabench.data import files
from adabench.data.files import (
    TEMPORARY_PREFIX,
    atomic_path,
    explained,
    remove_folder,
    remove_leftovers,
    write_bytes,
    write_text,
)


def raising(number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail


def test_writes_new_and_replaces_old(tmp_path):
    path = tmp_path / "deep" / "folder" / "file.txt"
    write_text(path, "one\r\ntwo ü")
    assert path.read_bytes() == "one\r\ntwo ü".encode()
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_rights_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_old_file_stays_until_the_block_ends(tmp_path):
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"new")
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(TEMPORARY_PREFIX)
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def interrupted_write(path, error):
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failing_block_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with pytest.raises(error):
        interrupted_write(path, error)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_full_disk(tmp_path, monkeypatch, step):
    path = tmp_path / "file"
    monkeypatch.setattr(os, step, raising(errno.ENOSPC))
    with pytest.raises(OSError, match="disk is full: free some space") as caught:
        write_bytes(path, b"new")
    assert caught.value.errno == errno.ENOSPC
    assert str(path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.EACCES, PermissionError), (errno.EROFS, OSError)]
)
def test_unwritable_folder(tmp_path, monkeypatch, number, kind):
    path = tmp_path / "file"
    monkeypatch.setattr(os, "open", raising(number))
    with pytest.raises(kind, match="choose another") as caught:
        write_bytes(path, b"new")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_many_open_files(tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "open", raising(number))
    with pytest.raises(OSError, match=r"too many files are open.*ulimit -n") as caught:
        write_bytes(tmp_path / "file", b"new")
    assert str(tmp_path / "file") in str(caught.value)


def test_folder_below_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="a part of that path is a file"):
        write_bytes(tmp_path / "file" / "more" / "name", b"new")


def test_errors_about_other_files_stay_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, explained(tmp_path / "target"):
        (tmp_path / "source").read_bytes()
    assert caught.value.filename == str(tmp_path / "source")
    assert "write" not in str(caught.value)


@pytest.mark.parametrize(
    ("limit", "most"), [(64, 8), (1024, 32), (4, 1), (files.resource.RLIM_INFINITY, 32)]
)
def test_few_files_stay_open_where_few_may(monkeypatch, limit, most):
    monkeypatch.setattr(files.resource, "getrlimit", lambda _: (limit, limit))
    assert files.open_files(32) == most


def test_a_removal_that_was_cut_is_ended_by_the_next(tmp_path, monkeypatch):
    def fill():
        (tmp_path / "name" / "deep").mkdir(parents=True)
        (tmp_path / "name" / "deep" / "file").write_text("x")

    def cut(_):
        raise KeyboardInterrupt

    assert not remove_folder(tmp_path / "name")
    fill()
    with monkeypatch.context() as patch:
        patch.setattr(files.shutil, "rmtree", cut)
        with pytest.raises(KeyboardInterrupt):
            remove_folder(tmp_path / "name")
    assert not (tmp_path / "name").exists()
    fill()
    assert remove_folder(tmp_path / "name")
    assert list(tmp_path.iterdir()) == []


def test_a_linked_folder_is_left_alone(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "name").symlink_to(tmp_path / "far")
    assert not remove_folder(tmp_path / "name")
    assert {path.name for path in tmp_path.iterdir()} == {"far", "name"}


def test_remove_leftovers(tmp_path):
    (tmp_path / f"{TEMPORARY_PREFIX}abc-name").write_bytes(b"half")
    (tmp_path / "name").write_bytes(b"whole")
    assert remove_leftovers(tmp_path) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["name"]
