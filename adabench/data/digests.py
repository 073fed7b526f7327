"""Digests of files in a book beside them, by which a damaged or exchanged file is noticed.

Looking at a file's size and time of change costs next to nothing, so that is what every process
does; only a file that differs from its book in one of them is read and hashed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from adabench.data.files import atomic_path, explained

BOOK = "digests.txt"

# A process may be killed between a file's entry and the file itself: the one before it still holds.
_KEPT = 2


class Entry(NamedTuple):
    """What a book says of a file.

    Attributes:
        sha256: of its content, in hexadecimal.
        size: bytes.
        changed: its time of change, nanoseconds.
    """

    sha256: str
    size: int
    changed: int


class DigestBook:
    """The digests of the files in a folder: lines of ``sha256 size time name``, the newest last.

    Lines are only ever added, each at once, so that several processes may write. A line that can't
    be read says nothing of its file.

    Args:
        folder: of the files.
        path: the book; ``digests.txt`` in the folder by default.
    """

    def __init__(self, folder: Path, path: Path | None = None) -> None:
        self.folder = folder
        self.path = folder / BOOK if path is None else path
        self._entries: dict[str, list[Entry]] = {}
        self._read = False

    def names(self) -> list[str]:
        """Return the names of the files that it knows, sorted."""
        return sorted(self._reread())

    def knows(self, name: str) -> bool:
        """Whether it holds a digest of a file."""
        return bool(self._of(name))

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield a temporary path as `atomic_path` does, and note what was written there."""
        with atomic_path(self.folder / name) as temporary:
            yield temporary
            self._add(name, _entry(temporary))

    def note(self, name: str, sha256: str | None = None) -> None:
        """Note a file as it is; it is read unless its digest is given.

        Raises:
            OSError: it can't be read, or the book can't be written.
        """
        path = self.folder / name
        stat = path.stat()
        known = file_sha256(path) if sha256 is None else sha256
        self._add(name, Entry(known, stat.st_size, stat.st_mtime_ns))

    def adopt(self, name: str) -> None:
        """Note a file of an earlier adabench, which kept no book, where the folder can be written."""
        if not self.knows(name) and os.access(self.folder, os.W_OK):
            self.note(name)

    def difference(self, name: str, *, whole: bool = False) -> str | None:
        """Say how a file differs from what was noted of it; None where it doesn't, or nothing was.

        Args:
            name: of the file, which is there.
            whole: read it even where size and time of change are those of the book.

        Raises:
            OSError: it can't be read.
        """
        known = self._of(name)
        if not known:
            return None
        path = self.folder / name
        stat = path.stat()
        if not whole and any(entry[1:] == (stat.st_size, stat.st_mtime_ns) for entry in known):
            return None
        found = _entry(path)
        # Another process may have written the file anew since the book was read.
        known = self._reread().get(name, [])
        if any(entry.sha256 == found.sha256 for entry in known):
            # A copy, say: noted so that it is not read again, unless the folder is read-only.
            with contextlib.suppress(OSError):
                self._add(name, found)
            return None
        if all(entry.size != found.size for entry in known):
            return f"{found.size} bytes instead of {known[-1].size}"
        return "other content than was written"

    def _of(self, name: str) -> list[Entry]:
        if not self._read or name not in self._entries:
            self._reread()
        return self._entries.get(name, [])

    def _reread(self) -> dict[str, list[Entry]]:
        self._entries, self._read = {}, True
        try:
            text = self.path.read_bytes().decode(errors="replace")
        except FileNotFoundError:
            return self._entries
        for line in text.splitlines():
            name, entry = _parse(line)
            if entry is not None:
                self._keep(name, entry)
        return self._entries

    def _keep(self, name: str, entry: Entry) -> None:
        kept = [one for one in self._entries.get(name, []) if one.sha256 != entry.sha256]
        self._entries[name] = [*kept, entry][-_KEPT:]

    def _add(self, name: str, entry: Entry) -> None:
        line = f"{entry.sha256} {entry.size} {entry.changed} {name}\n".encode()
        with explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                os.write(handle, line)
            finally:
                os.close(handle)
        self._keep(name, entry)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_books(root: Path) -> tuple[int, list[str]]:
    """Compare every file that a book below ``root`` knows, wholly.

    Returns:
        How many files were read, and a line for each that is not as it was written.
    """
    count, changed = 0, []
    for path in sorted(root.rglob(BOOK)):
        # A prepared corpus keeps its book among its notes, a hidden folder.
        folder = path.parent.parent if path.parent.name.startswith(".") else path.parent
        book = DigestBook(folder, path)
        for name in book.names():
            if (folder / name).is_file():
                count += 1
                difference = book.difference(name, whole=True)
                changed += [] if difference is None else [f"{folder / name}: {difference}"]
    return count, changed


def _entry(path: Path) -> Entry:
    stat = path.stat()
    return Entry(file_sha256(path), stat.st_size, stat.st_mtime_ns)


def _parse(line: str) -> tuple[str, Entry | None]:
    parts = line.split(" ", 3)
    if len(parts) < 4 or len(parts[0]) != 64 or not (parts[1] + parts[2]).isdecimal():
        return "", None
    return parts[3], Entry(parts[0], int(parts[1]), int(parts[2]))
