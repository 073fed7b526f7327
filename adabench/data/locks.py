"""Who works in a folder: waiting until nobody else does, or being told at once who does."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from adabench.data.files import explained

LOCK = ".lock"

_WITHOUT_LOCKS = frozenset((errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS))

# Open in this process. A loader's worker inherits them, and would hold a killed run's locks.
_held: set[IO[str]] = set()


class FolderInUseError(OSError):
    """Another process works in a folder."""


def alone_in(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Wait until no other process works in ``folder``, which is made; a killed one holds no lock.

    On a file system without locks (some network ones) nobody waits, and a warning says so.

    Raises:
        OSError: the folder can't be written.
    """
    return _locked(folder, fcntl.LOCK_EX)


def alone_at_once(folder: Path, remedy: str) -> contextlib.AbstractContextManager[None]:
    """Work in ``folder`` alone, as `alone_in`, or not at all.

    Args:
        folder: made where it is missing.
        remedy: what to do if another process works there, for the message.

    Raises:
        FolderInUseError: another process works there; it is named.
        OSError: the folder can't be written.
    """
    return _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB, remedy)


def shared_in(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Hold ``folder`` together with any others who share it; who wants it alone has to wait.

    Raises:
        OSError: the folder can't be written.
    """
    return _locked(folder, fcntl.LOCK_SH)


@contextlib.contextmanager
def _locked(folder: Path, how: int, remedy: str = "") -> Iterator[None]:
    path = folder / LOCK
    with explained(path):
        folder.mkdir(parents=True, exist_ok=True)
        # Opened for adding: what it says of its holder has to stay.
        lock = path.open("a+", encoding="utf-8")
    with lock:
        try:
            fcntl.flock(lock, how)
        except BlockingIOError:
            told = f"{folder}: another run works in this folder ({_holder(lock)}): {remedy}"
            raise FolderInUseError(told) from None
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
            told = f"{folder}: its file system has no locks: start one run at a time there"
            warnings.warn(told, RuntimeWarning, stacklevel=4)
        _held.add(lock)
        try:
            _sign(lock)
            yield
        finally:
            _held.discard(lock)
            # Closing alone would wait for a process that was forked a moment ago to close its copy.
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_UN)


def _sign(lock: IO[str]) -> None:
    # On a full disk the lock holds without a name.
    with contextlib.suppress(OSError):
        lock.truncate(0)
        lock.write(f"{os.getpid()} {platform.node()}\n")
        lock.flush()


def _holder(lock: IO[str]) -> str:
    lock.seek(0)
    process, _, node = lock.read().strip().partition(" ")
    if not process.isdecimal():
        return "a process that left no name"
    return f"process {process}" + ("" if node == platform.node() else f" on {node}")


def _let_go() -> None:
    """Close a forked process's copies; the lock itself stays with the one that took it."""
    for lock in _held:
        lock.close()
    _held.clear()


os.register_at_fork(after_in_child=_let_go)
