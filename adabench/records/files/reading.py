"""Reading what somebody sent: plain files of a bounded size, and no links, devices or pipes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

#: A record of 10,000 sessions takes two; so does the longest patch that anybody reads.
MOST_BYTES: Final = 20 * 2**20

_KINDS: Final = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_plain(path: str | os.PathLike[str], most: int = MOST_BYTES) -> bytes:
    """Return a plain file's content; anything else is refused before a byte of it is read.

    Args:
        path: of the file; the folders that lead to it may be links, it may not.
        most: bytes that it may have.

    Raises:
        FileNotFoundError: there is nothing.
        ValueError: a link, a folder, a pipe, a socket, a device, or a file that is too large.
        OSError: it can't be read.
    """
    path = Path(path)
    kind = what_is(path)
    if kind != "a file":
        raise ValueError(f"{path}: it is {kind}; a plain file belongs there")
    # A file may become a link, a pipe or a longer one between two looks: what is open counts.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError(f"{path}: it is no longer a plain file")
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path}: it is larger than {most // 2**20} MiB, which no record needs")
    return content


def what_is(path: str | os.PathLike[str]) -> str:
    """Return what stands at a path itself, links not followed: ``a file``, ``a folder``, ``a link``, …

    Raises:
        FileNotFoundError: nothing does.
        OSError: nobody may look.
    """
    mode = os.lstat(path).st_mode
    return "a file" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "of an unknown kind")


def present_in(folder: Path) -> Iterator[str]:
    """Yield the names in a folder, sorted; none where there is nothing.

    Raises:
        ValueError: what stands there is no folder, or a link to one.
    """
    try:
        kind = what_is(folder)
    except FileNotFoundError:
        return
    if kind != "a folder":
        raise ValueError(f"{folder}: it is {kind}; put a folder there, or nothing")
    yield from sorted(entry.name for entry in folder.iterdir())
