"""What the files beside a record tell of whoever ran it: keys, folders, and what its patches change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from adabench.data.plain import printable
from adabench.records.files.side_files import CHANGES, CODE, CONFIG
from adabench.records.schema.record import Record

# Keys as their issuers write them, and texts that code calls a password or a key.
_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_\w{20,}|\bglpat-[\w-]{20,}|\bhf_[A-Za-z0-9]{20,}|\bsk-(?:[a-z]{1,9}-)?[A-Za-z0-9]{20,}"
    r"|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,}|\beyJ[\w-]{10,400}\.eyJ[\w-]{10}"
    r"|(?i:password|passwd|secret|api_?key|access_?key|(?:access|auth)_?token)\w{0,40}[\"']?\s{0,9}[:=]\s{0,9}"
    r"[\"'][^\"'\s]{8,200}[\"']"
)

# Folders that carry a user's name, where systems keep them; JSON doubles a backslash.
_HOME: Final = re.compile(r"(?:/home/|/Users/|\b[A-Za-z]:\\{1,2}Users\\{1,2})[^/\\\s\"']+")

# As `provenance.changes` names files that a patch leaves out, and git those that it changes.
_LEFT_OUT: Final = "# new, left out: "
_CHANGED: Final = re.compile(r"^diff --git (?:\"?a/)?.*? \"?b/(?P<path>.*?)\"?$", re.MULTILINE)

# Files that a remark names.
_MOST: Final = 5


def key_reasons(beside: Mapping[str, bytes]) -> Iterator[str]:
    """Yield each side file that holds what looks like a key, without the key.

    Args:
        beside: name to content of the files in a record's side folder.
    """
    for name, content in sorted(beside.items()):
        for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
            if _KEY.search(line):
                yield (
                    f"{name}, line {number}, holds what looks like a key or a password: take it out of "
                    "the code, have a new one issued, and run again"
                )
                break


def path_reasons(record: Record, beside: Mapping[str, bytes]) -> Iterator[str]:
    """Yield where a record or its config names a folder of its sender's, which nobody else has.

    Args:
        record: its texts are looked into.
        beside: name to content of the files in its side folder.
    """
    texts = {
        "it": record.model_dump_json(),
        CONFIG: beside.get(CONFIG, b"").decode(errors="replace"),
    }
    for place, text in texts.items():
        found = _HOME.search(text)
        if found is not None:
            yield (
                f"{place} names {printable(found[0])}, a folder of its sender's machine that nobody else "
                "has; name a file there, which adabench keeps by its content, and run again"
            )


def patch_remarks(beside: Mapping[str, bytes]) -> Iterator[str]:
    """Yield what the patches beside a record hold, as everybody will read it.

    Args:
        beside: name to content of the files in a record's side folder.
    """
    for name in (CHANGES, CODE):
        text = beside.get(name, b"").decode(errors="replace")
        changed = [found["path"] for found in _CHANGED.finditer(text)]
        named = [line[len(_LEFT_OUT) :] for line in text.splitlines() if line.startswith(_LEFT_OUT)]
        if changed:
            yield f"{name} shows everybody {_listed(changed)}"
        if named:
            yield f"{name} names, without their content, {_listed(named)}"


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _MOST} more" if len(paths) > _MOST else ""
    return printable(", ".join(paths[:_MOST])) + more
