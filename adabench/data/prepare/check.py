"""Holding a prepared corpus to what was noted when it was made."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from adabench.data.files import TEMPORARY_PREFIX
from adabench.data.manifest import ClipRecord, manifest_bytes, read_manifest
from adabench.data.prepare.progress import Progress
from adabench.data.prepare.pulse import file_sha256
from adabench.data.prepared import (
    DESCRIPTION,
    FACES,
    MANIFEST,
    NOTES,
    SIGNALS,
    CorpusDescription,
)
from adabench.data.store import SUFFIX
from adabench.evaluation.scale import BDI_II

_SHOWN = 5


class _Noted(NamedTuple):
    """What a note says of a clip's files."""

    sizes: list[int]
    digests: list[str]


@dataclass(frozen=True)
class CheckReport:
    """How the files of a prepared corpus compare with what was noted of them.

    Args:
        out: the prepared corpus.
        name: the corpus.
        files: how many files were looked at.
        missing: files that should be there, relative to ``out``.
        changed: files that are not as they were written, each with how.
        foreign: files beside the clips' that belong to no clip of the manifest.
        unproven: clips of which only sizes were compared, since no checksum was noted.
    """

    out: Path
    name: str
    files: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    foreign: tuple[str, ...]
    unproven: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether all is as it was written, as far as can be told."""
        return not (self.missing or self.changed or self.foreign)

    def summary(self) -> str:
        """Some lines for a person: what differs, and how to mend it."""
        lines = [f"{self.out}: {self.files} files compared with what was noted of them"]
        if self.unproven:
            lines.append(
                f"only sizes could be compared for {_several(len(self.unproven), 'clip')}, which "
                "an earlier version prepared without checksums"
            )
        for title, names in (
            ("missing", self.missing),
            ("changed", self.changed),
            ("belong to no clip", self.foreign),
        ):
            if names:
                lines.append(f"{title}: {len(names)}")
                lines += [f"  {name}" for name in names[:_SHOWN]]
                if len(names) > _SHOWN:
                    lines.append(f"  and {len(names) - _SHOWN} more")
        return "\n".join([*lines, self._remedy()])

    def _remedy(self) -> str:
        if self.same:
            return "nothing differs"
        steps = []
        if self.changed:
            steps.append("delete the changed files")
        if self.missing or self.changed:
            again = f"python tools/prepare.py {self.name} --src RAW --out {self.out}"
            steps.append(f"run `{again}` with the options of the first time: it makes those again")
        if self.foreign:
            steps.append("delete what belongs to no clip, unless you put it there for a purpose")
        return "to mend it, " + "; then ".join(steps)


def check(out: str | os.PathLike[str], *, progress: bool = False) -> CheckReport:
    """Compares all stored files of a prepared corpus with the checksums that were noted of them.

    Args:
        out: its folder.
        progress: show a line that says how far it is.

    Raises:
        FileNotFoundError: there is no complete prepared corpus.
        OSError: a file can't be read.
    """
    out = Path(out)
    name, clips, problem = _read(out)
    if clips is None:
        return CheckReport(out, name, 2, (), (problem,), (), ())
    changed = [problem] if problem else []
    missing: list[str] = []
    unproven: list[str] = []
    expected: set[Path] = set()
    sizes = {record.clip: record.frames for record in clips}
    line = Progress(sizes, len(clips), to=sys.stderr if progress else None)
    with contextlib.closing(line):
        for record in clips:
            noted = _noted(out / NOTES / f"{record.clip}.json")
            files = _files(out, record.clip, noted)
            expected.update(files)
            if noted is None or len(noted.digests) < len(files):
                unproven.append(record.clip)
            for number, path in enumerate(files):
                shown = path.relative_to(out).as_posix()
                if not path.is_file():
                    missing.append(shown)
                    continue
                difference = _difference(path, noted, number)
                if difference is not None:
                    changed.append(f"{shown}: {difference}")
            line.done(record.clip, record.frames)
    return CheckReport(
        out,
        name,
        files=len(expected) + 2,
        missing=tuple(missing),
        changed=tuple(changed),
        foreign=tuple(_foreign(out, expected)),
        unproven=tuple(unproven),
    )


def _read(out: Path) -> tuple[str, tuple[ClipRecord, ...] | None, str]:
    """The corpus's name, its manifest if it can be read, and what does not hold of the two."""
    path = out / DESCRIPTION
    if not path.is_file():
        state = "holds an unfinished corpus" if out.is_dir() else "does not exist"
        raise FileNotFoundError(
            f"no prepared corpus: the folder {out} {state} (no {DESCRIPTION}): run "
            f"`python tools/prepare.py CORPUS --src RAW --out {out}`"
        )
    description = checksum = None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        checksum = content.pop("checksum")
        content.pop("schema")
        description = CorpusDescription.from_plain(content)
        problem = ""
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{DESCRIPTION}: damaged ({error})"
    name = "CORPUS" if description is None else description.name
    try:
        scale = BDI_II if description is None else description.scale
        clips = read_manifest(out / MANIFEST, scale)
    except (FileNotFoundError, ValueError) as error:
        return name, None, str(error)
    if description is not None and description.checksum(manifest_bytes(clips)) != checksum:
        problem = f"{MANIFEST}: it does not belong to {DESCRIPTION} beside it"
    return name, clips, problem


def _noted(path: Path) -> _Noted | None:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        return _Noted(list(note["stored"]), list(note.get("digests") or []))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _files(out: Path, clip: str, noted: _Noted | None) -> list[Path]:
    """A clip's stored files; its frames are always among them."""
    files = [out / FACES / f"{clip}{SUFFIX}", out / SIGNALS / f"{clip}.csv"]
    return files[: max(1, len(noted.sizes) if noted is not None else 1)]


def _difference(path: Path, noted: _Noted | None, number: int) -> str | None:
    """How a file differs from what was noted of it, None if it doesn't."""
    if noted is None:
        return None
    size = path.stat().st_size
    if number < len(noted.sizes) and size != noted.sizes[number]:
        return f"{size} bytes instead of {noted.sizes[number]}"
    if number < len(noted.digests) and file_sha256(path) != noted.digests[number]:
        return "other content than was written"
    return None


def _foreign(out: Path, expected: set[Path]) -> Iterator[str]:
    for folder in (FACES, SIGNALS):
        if not (out / folder).is_dir():
            continue
        for path in sorted((out / folder).iterdir()):
            if path in expected:
                continue
            shown = path.relative_to(out).as_posix()
            if path.name.startswith(TEMPORARY_PREFIX):
                yield f"{shown}: left by a run that was killed; the next one removes it"
            elif _noted(out / NOTES / f"{path.name.rpartition('.')[0]}.json") is not None:
                yield f"{shown}: of a clip that was prepared once, and is not in the manifest now"
            else:
                yield shown


def _several(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
