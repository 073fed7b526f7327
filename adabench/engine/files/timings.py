"""Wall time of a run's parts, kept over resumes."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from adabench.data.files import write_bytes

_logger = logging.getLogger(__name__)


class Timings:
    """Adds up seconds by part in a file, so that a resumed run reports all of its time.

    What a killed run spent in the part it was killed in is not known and not counted.

    Args:
        path: the file.
        fresh: start at zero instead of where the file stands.
    """

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self.path = path
        self.seconds: dict[str, float] = {} if fresh else _read_seconds(path)

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Time a part."""
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = self.seconds.get(part, 0.0) + time.perf_counter() - started
            self.seconds[part] = round(spent, 3)
            write_bytes(self.path, json.dumps(self.seconds).encode())


class CostBook:
    """Remembers what each piece of a shared result took to make, so that who finds it can say so.

    Written when the block ends, however it ends. Two processes that fill one folder at once may
    lose each other's entries, never the pieces.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._new: dict[str, float] = {}

    def __enter__(self) -> CostBook:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Add what was timed to the file."""
        if self._new:
            write_bytes(self.path, json.dumps(self._all()).encode())

    def _all(self) -> dict[str, float]:
        return {**_read_seconds(self.path), **self._new}

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Time one piece; one that fails is not noted."""
        started = time.perf_counter()
        yield
        self._new[name] = round(time.perf_counter() - started, 4)

    def total(self, names: Iterable[str]) -> float:
        """Return the seconds of these pieces together, 0 for one that was never timed."""
        known = self._all()
        return float(sum(known.get(name, 0.0) for name in names))


def _read_seconds(path: Path) -> dict[str, float]:
    """Return name → seconds; nothing of a file that is missing, or damaged, which a line tells."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        content = None
    if isinstance(content, dict) and all(map(_is_time, content.values())):
        return content
    _logger.warning("%s: damaged: the times that it held are lost, and it is begun anew", path)
    return {}


def _is_time(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0
