"""Hashes by which stages, caches and configs are found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def digest(value: Any, length: int = 16) -> str:
    """Hash nested dicts, lists, numbers and strings; the order of keys does not matter."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        # The order of a set of strings differs from process to process.
        return sorted(value, key=repr)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a config holds plain values; {value!r} is a {type(value).__name__}")
