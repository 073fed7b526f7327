"""Wall time of a run's parts, kept over resumes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adabench.data.files import write_bytes


class Timings:
    """Adds up seconds by part in a file, so that a resumed run reports all of its time.

    What a killed run spent in the part it was killed in is not known and not counted.

    Args:
        path: the file.
        fresh: start at zero instead of where the file stands.
    """

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self.path = path
        self.seconds: dict[str, float] = {}
        if not fresh and path.is_file():
            self.seconds = json.loads(path.read_text())

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
