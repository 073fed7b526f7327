"""The sentence that each frame's text vector was made of, kept where a person can read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from adabench.data.files import write_text

_COLUMNS = ("first", "last", "sentence")
_SUFFIX = ".prompts.csv"


class PromptRuns:
    """Sentences of a clip's frames in order, equal neighbours as one run."""

    def __init__(self) -> None:
        self._runs: list[tuple[int, str]] = []
        self._frames = 0

    def add(self, sentences: Iterable[str]) -> None:
        """Add the sentences of the next frames."""
        for sentence in sentences:
            if not self._runs or self._runs[-1][1] != sentence:
                self._runs.append((self._frames, sentence))
            self._frames += 1

    def rows(self) -> list[tuple[int, int, str]]:
        """Return first frame, last frame and sentence of each run."""
        ends = [*(first for first, _ in self._runs), self._frames][1:]
        return [(first, end - 1, said) for (first, said), end in zip(self._runs, ends, strict=True)]


def write_prompts(folder: Path, clip: str, runs: PromptRuns) -> None:
    """Write a clip's sentences atomically: a CSV file of ``first`` and ``last`` frame, ``sentence``."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([_COLUMNS, *runs.rows()])
    write_text(folder / f"{clip}{_SUFFIX}", text.getvalue())


def read_prompts(folder: Path, clip: str) -> list[str]:
    """Return the sentence of each frame of a clip.

    Args:
        folder: where the clip's vectors lie.
        clip: its name in the manifest.

    Raises:
        FileNotFoundError: no sentences were kept.
        ValueError: the file was cut or changed.
    """
    path = folder / f"{clip}{_SUFFIX}"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} does not exist: the clip's vectors are not computed yet, or their encoder "
            "makes no sentences; sentences are written beside vectors when a run computes them"
        ) from None
    header, *rows = list(csv.reader(io.StringIO(text))) or [[]]
    sentences: list[str] = []
    try:
        for first, last, sentence in rows:
            if int(first) != len(sentences) or int(last) < int(first):
                raise ValueError(f"frames {first} to {last} after {len(sentences)} frames")
            sentences += [sentence] * (int(last) + 1 - int(first))
        if tuple(header) != _COLUMNS:
            raise ValueError(f"columns {header}, expected {list(_COLUMNS)}")
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged ({error}); delete it and {clip}.npy beside it, and the next run "
            "makes both again"
        ) from error
    return sentences
