"""A plugin's files kept beside a record, as one patch of new files, and laid out again to be run."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from adabench.plugins.held import Held
from adabench.plugins.unit import BESIDE

_UNIT = re.compile(r"# unit ([A-Za-z0-9_][A-Za-z0-9_.-]*)")
_HUNK = re.compile(r"@@ -0,0 \+1,(\d{1,7}) @@")
_LEFT_OUT = re.compile(r"# left out, no text: (.+), sha256 [0-9a-f]{64}")
_REQUIRES = re.compile(r"# requires (\S+) (.+)")
_NO_END = "\\ No newline at end of file"


@dataclass(frozen=True)
class KeptUnit:
    """A unit as a patch keeps it.

    Attributes:
        name: the plugin's folder or file.
        files: name → text.
        left_out: files that are no text, which a patch does not keep.
        requires: distribution → version, of what it imports and a patch does not keep.
    """

    name: str
    files: dict[str, str]
    left_out: list[str]
    requires: dict[str, str] = field(default_factory=dict)


def patch_of(units: Sequence[Held]) -> str | None:
    """Return the files of some units as a patch that ``git apply`` takes; None where there are none.

    The folder of a unit in it is its name and the start of its sha256.
    """
    # A distribution that is only used is known by its version.
    text = "".join(line for held in units if held.content for line in _lines(held))
    return text or None


def _lines(held: Held) -> Iterator[str]:
    folder = f"{_plain(held.unit.name)}-{held.sha256[:8]}"
    yield f"# unit {_plain(held.unit.path.name)}\n"
    yield from (f"# requires {name} {version}\n" for name, version in held.unit.requires.items())
    for name, content in sorted(held.content.items()):
        text = _text(content)
        if text is None:
            yield f"# left out, no text: {name}, sha256 {hashlib.sha256(content).hexdigest()}\n"
            continue
        path = f"{folder}/{name}"
        yield f"diff --git a/{path} b/{path}\nnew file mode 100644\n"
        if not text:
            yield "index 0000000..e69de29\n"
            continue
        lines = text.split("\n")
        whole = not lines[-1]
        lines = lines[:-1] if whole else lines
        yield f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@\n"
        yield from (f"+{line}\n" for line in lines)
        if not whole:
            yield f"{_NO_END}\n"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)


def _text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def units_in(patch: str) -> list[KeptUnit]:
    """Return the units that `patch_of` wrote.

    Raises:
        ValueError: something else than it writes, or a file that would lie outside its folder.
    """
    found: list[KeptUnit] = []
    lines = iter(patch.removesuffix("\n").split("\n"))
    name = ""
    for line in lines:
        unit, left, hunk, needs = (p.fullmatch(line) for p in (_UNIT, _LEFT_OUT, _HUNK, _REQUIRES))
        if unit:
            found.append(KeptUnit(unit[1], {}, []))
        elif not found:
            raise ValueError(f"kept code: expected a line '# unit NAME'; got {line!r}")
        elif left:
            found[-1].left_out.append(left[1])
        elif needs:
            found[-1].requires[needs[1]] = needs[2]
        elif hunk and name:
            added = [added.removeprefix("+") for added in itertools.islice(lines, int(hunk[1]))]
            found[-1].files[name] = "".join(f"{one}\n" for one in added)
        elif line.startswith("diff --git a/"):
            name = _name_in(line)
            found[-1].files[name] = ""
        elif line == _NO_END and name:
            found[-1].files[name] = found[-1].files[name].removesuffix("\n")
        elif not line.startswith(("new file mode ", "index ", "--- /dev/null", "+++ b/")):
            raise ValueError(f"kept code: expected a patch of new files only; got {line!r}")
    return found


def _name_in(line: str) -> str:
    path = line.removeprefix("diff --git a/")
    path = path[: (len(path) - len(" b/")) // 2]
    name = PurePosixPath(*PurePosixPath(path).parts[1:])
    if line != f"diff --git a/{path} b/{path}" or not name.parts or ".." in name.parts:
        raise ValueError(f"kept code: expected a file within its unit's folder; got {line!r}")
    return str(name)


def describe_kept(units: Sequence[KeptUnit]) -> str:
    """Say which files a patch would have Python run."""
    told = (
        f"{name} ({text.count(chr(10))} lines)" for u in units for name, text in u.files.items()
    )
    return ", ".join(told)


def lay_out(units: Sequence[KeptUnit], folder: Path) -> list[Path]:
    """Write units into a folder and return what `load_plugins` takes.

    Raises:
        ValueError: a unit that is not kept whole.
        OSError: it can't be written.
    """
    named: list[Path] = []
    for number, unit in enumerate(units):
        if unit.left_out:
            raise ValueError(
                f"the record does not keep {', '.join(unit.left_out)} of {unit.name}, which are no "
                "text: get the plugin from its author, and name it with --plugins"
            )
        place = folder / str(number)
        # What an earlier record left there would count as the package's own.
        shutil.rmtree(place, ignore_errors=True)
        for name, text in unit.files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8", newline="") as stream:
                stream.write(text)
        named.append(place / unit.name)
        # A package may import itself by its own name, and a file those beside it.
        sys.path[:0] = [os.fspath(place), os.fspath(place / BESIDE)]
    return named
