"""A corpus under construction: atomic writes, the parameters record, one writer at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from adabench.synthface.parameters import (
    GENERATOR_VERSION,
    ExpressionParameters,
    SynthfaceParameters,
)

RECORD_NAME = "synthface.json"
UNFINISHED_NAME = "synthface.unfinished.json"
TEMPORARY_PATTERN = ".*.tmp"
LOCK_NAME = ".synthface.lock"

AnyParameters = SynthfaceParameters | ExpressionParameters


class Record(BaseModel):
    """What `synthface.json` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    kind: Literal["corpus", "expressions"]
    generator: str
    digest: str
    parameters: dict[str, Any]

    @classmethod
    def of(cls, parameters: AnyParameters) -> Record:
        is_corpus = isinstance(parameters, SynthfaceParameters)
        return cls(
            kind="corpus" if is_corpus else "expressions",
            generator=GENERATOR_VERSION,
            digest=parameters.digest(),
            parameters=parameters.model_dump(mode="json"),
        )

    def read_parameters(self) -> AnyParameters:
        """The validated parameters."""
        kind = SynthfaceParameters if self.kind == "corpus" else ExpressionParameters
        return kind.model_validate(self.parameters)


def read_record(path: Path) -> Record:
    """Read a record.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no record of this version of the format.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such record; the folder is no complete synthface corpus. "
            "Generate it (again) with the same parameters: finished clips are kept"
        )
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ValueError(f"{path}: not a synthface record: {error}") from error


def read_parameters(root: Path) -> AnyParameters:
    """The parameters of the complete corpus in `root`; errors as `read_record`."""
    return read_record(Path(root) / RECORD_NAME).read_parameters()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write; on success it becomes `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_record(path: Path, parameters: AnyParameters) -> None:
    """Write the record of `parameters` atomically."""
    text = json.dumps(Record.of(parameters).model_dump(mode="json"), indent=2, sort_keys=True)
    write_text(path, text + "\n")


@contextmanager
def only_writer(root: Path) -> Iterator[None]:
    """Wait until no other process generates into `root`; the system frees a killed one's lock."""
    lock = root / LOCK_NAME
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        except ValueError:
            lock.unlink(missing_ok=True)
            raise
        # whoever still waits for the removed file finds a complete corpus and writes nothing
        lock.unlink(missing_ok=True)


def _require_same(path: Path, parameters: AnyParameters) -> None:
    found = read_record(path)
    if found.digest != parameters.digest():
        raise ValueError(
            f"{path.parent}: holds a synthface {found.kind} of other parameters "
            f"(digest {found.digest}, generator {found.generator}); expected "
            f"{parameters.digest()}, generator {GENERATOR_VERSION}. "
            "Choose another folder or delete this one"
        )


def is_complete(root: Path, parameters: AnyParameters) -> bool:
    """Whether `root` holds the whole corpus of `parameters`; False if it is cut off or not begun.

    Raises:
        ValueError: `root` holds something else.
    """
    if (root / RECORD_NAME).exists():
        _require_same(root / RECORD_NAME, parameters)
        return True
    if (root / UNFINISHED_NAME).exists():
        _require_same(root / UNFINISHED_NAME, parameters)
        return False
    own = {LOCK_NAME, *(path.name for path in root.glob(TEMPORARY_PATTERN))}
    foreign = sorted(entry.name for entry in root.iterdir() if entry.name not in own)
    if foreign:
        raise ValueError(
            f"{root}: expected an empty folder or a synthface corpus, found {foreign[:5]}. "
            "Choose another folder"
        )
    return False


def begin(root: Path, parameters: AnyParameters) -> None:
    """Declare `root` unfinished and remove what a killed run left; call it as the only writer."""
    for leftover in root.rglob(TEMPORARY_PATTERN):
        leftover.unlink(missing_ok=True)
    if not (root / UNFINISHED_NAME).exists():
        write_record(root / UNFINISHED_NAME, parameters)


def complete(root: Path) -> None:
    """Declare the corpus in `root` complete."""
    (root / UNFINISHED_NAME).replace(root / RECORD_NAME)
