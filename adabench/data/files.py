"""Writing files so that a reader meets either the whole new file or the old one, never a part."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

TEMPORARY_PREFIX = ".part-"
OPEN_FILES = "raise the limit (ulimit -n 4096), or work with fewer processes at once"
"""What to do where a process may open no further file."""

_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up: free some space or choose another folder",
    errno.EACCES: "no permission to write there: change the folder's rights or choose another one",
    errno.EPERM: "no permission to write there: change the folder's rights or choose another one",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.ENOENT: "the folder can't be made there: choose another one",
    errno.ENOTDIR: "a part of that path is a file, not a folder: choose another folder",
    errno.EEXIST: "a file stands where a folder is needed: choose another folder",
    errno.EMFILE: f"too many files are open: {OPEN_FILES}",
    errno.ENFILE: f"too many files are open on this machine: {OPEN_FILES}",
    errno.EISDIR: "a folder stands where the file belongs: remove it or choose another name",
}


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` and moves it to ``path`` when the block succeeds.

    Missing parent folders are made. The temporary file exists and is empty when the block starts;
    the block writes it (and closes it). On leaving, it is flushed to the disk and replaces
    ``path`` in one step; when the block raises, it is removed and ``path`` stays as it was.

    Raises:
        OSError: of the original type and ``errno``, naming ``path`` and the remedy, where the file
            can't be written (full disk, no permission, ...).
    """
    target = Path(path)
    temporary: Path | None = None
    try:
        with explained(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = _make_temporary(target)
            yield temporary
            # first: a crash between the two must not leave a short file under the final name
            _flush(temporary)
            temporary.replace(target)
            _flush_folder(target.parent)
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def explained(path: str | os.PathLike[str]) -> Iterator[None]:
    """Within the block, an OSError over writing ``path`` or its folders names it and a remedy.

    Raises:
        OSError: of the original type and ``errno``.
    """
    target = Path(path)
    try:
        yield
    except OSError as error:
        if not _is_about(error, target):
            raise
        number = error.errno or 0
        message = f"can't write the file ({os.strerror(number)}): {_REMEDIES[number]}"
        raise OSError(number, message, str(target)) from error


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes ``content`` to ``path`` atomically; errors as in :func:`atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | os.PathLike[str], content: str) -> None:
    """Writes ``content`` to ``path`` atomically, as UTF-8 with the line ends it has."""
    write_bytes(path, content.encode("utf-8"))


def open_files(most: int) -> int:
    """Return how many files of one kind may stay open: an eighth of the process's limit, or ``most``."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if limit == resource.RLIM_INFINITY else max(1, min(most, limit // 8))


def remove_leftovers(folder: str | os.PathLike[str], *, older_than: float | None = None) -> int:
    """Removes the temporary files that a killed process left in ``folder``; returns how many.

    Only call it while nothing else writes to the folder, or with an age that no writing reaches.

    Args:
        folder: it need not exist.
        older_than: seconds since the last change; None takes all.
    """
    count = 0
    for leftover in sorted(Path(folder).glob(f"{TEMPORARY_PREFIX}*")):
        # What others write may be gone by now.
        with contextlib.suppress(FileNotFoundError):
            found = leftover.lstat()
            is_old = older_than is None or time.time() - found.st_mtime > older_than
            if is_old and not stat.S_ISDIR(found.st_mode):
                leftover.unlink()
                count += 1
    return count


def remove_folder(folder: str | os.PathLike[str]) -> bool:
    """Removes a folder with all that is in it; returns whether it was there. A link is left alone.

    Under its own name it is whole or absent, wherever the removal is cut; what a cut one left aside is
    removed by the next. Only call it while nobody else works in the folder.

    Raises:
        OSError: it can't be removed.
    """
    folder = Path(folder)
    aside = folder.with_name(f"{TEMPORARY_PREFIX}removed-{folder.name}")
    # Of a removal that was cut.
    if aside.is_dir():
        shutil.rmtree(aside)
    if folder.is_symlink() or not folder.is_dir():
        return False
    folder.rename(aside)
    shutil.rmtree(aside)
    return True


def mark_used(folder: str | os.PathLike[str]) -> None:
    """Set a folder's time to now, where it may be written: whoever tidies up sees that it is used."""
    with contextlib.suppress(OSError):
        os.utime(folder)


def _make_temporary(target: Path) -> Path:
    # the end of the name stays, since some writers choose their format by it
    temporary = target.parent / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}-{target.name[-100:]}"
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return temporary


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(folder: Path) -> None:
    # the file is complete already: not every file system can flush a folder, and none has to
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_about(error: OSError, target: Path) -> bool:
    """Whether ``error`` comes from writing ``target``, rather than from another file."""
    if error.errno not in _REMEDIES:
        return False
    if error.filename is None:
        return True
    name = Path(os.fsdecode(error.filename))
    temporary = name.parent == target.parent and name.name.startswith(TEMPORARY_PREFIX)
    return temporary or name == target or name in target.parents
