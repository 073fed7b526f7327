"""The folder of a prepared corpus while it is being made: whose it is, and who may write to it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from adabench.data.files import explained, remove_leftovers, write_text
from adabench.data.manifest import ClipRecord, manifest_bytes
from adabench.data.prepared import (
    DESCRIPTION,
    FACES,
    MANIFEST,
    NOTES,
    SIGNALS,
    CorpusDescription,
    write_description,
)

IDENTITY = "corpus.json"
"""Among the notes: what the folder was begun with."""

_logger = logging.getLogger(__name__)


@contextlib.contextmanager
def alone(out: Path, description: CorpusDescription) -> Iterator[None]:
    """Makes ``out`` this corpus's folder, and waits until no other process prepares into it.

    Raises:
        ValueError: the folder holds something else, or a corpus prepared otherwise.
        OSError: it can't be made.
    """
    notes = out / NOTES
    if out.is_dir() and not notes.is_dir() and any(out.iterdir()):
        raise ValueError(
            f"{out}: the folder holds something that is no prepared corpus; "
            "choose another --out, or empty it"
        )
    with contextlib.ExitStack() as stack:
        with explained(notes / ".lock"):
            notes.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((notes / ".lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _logger.warning("%s: waiting for another process that prepares it", out)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            # some network file systems have no locks; without them all else still works
            _logger.warning("%s: can't be locked (%s): don't prepare it twice at once", out, error)
        _check_identity(notes / IDENTITY, out, description)
        _clean(out)
        try:
            yield
        finally:
            # what a worker was writing when it was ended; on a full disk its room is needed
            _clean(out)


def complete(out: Path, description: CorpusDescription, rows: Sequence[ClipRecord]) -> None:
    """Writes what makes the corpus complete, unless it stands there as it should be."""
    manifest = manifest_bytes(rows)
    wanted = {MANIFEST: manifest, DESCRIPTION: description.to_json(manifest)}
    try:
        written = all((out / name).read_bytes() == content for name, content in wanted.items())
    except FileNotFoundError:
        written = False
    if not written:
        write_description(out, description, rows)


def _clean(out: Path) -> None:
    for folder in (out / NOTES, out / FACES, out / SIGNALS, out):
        remove_leftovers(folder)


def _check_identity(path: Path, out: Path, description: CorpusDescription) -> None:
    """Raises ValueError if ``out`` was begun with another corpus or other settings."""
    asked = json.dumps(description.plain(), indent=1, sort_keys=True) + "\n"
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        write_text(path, asked)
        return
    except ValueError as error:
        raise ValueError(f"{path}: damaged ({error}): delete the folder {out}") from error
    new, old = _flat(json.loads(asked)), _flat(before)
    told = [
        f"{name}: {old.get(name)!r}, asked for {new.get(name)!r}"
        for name in sorted({*new, *old})
        if new.get(name) != old.get(name)
    ]
    if told:
        raise ValueError(
            f"{out}: the folder holds a corpus prepared otherwise ({'; '.join(told)}): "
            "choose another --out, or delete the folder"
        )


def _flat(fields: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(fields, dict):
        return {prefix: fields}
    return {
        name: value
        for key, part in fields.items()
        for name, value in _flat(part, f"{prefix}.{key}" if prefix else key).items()
    }
