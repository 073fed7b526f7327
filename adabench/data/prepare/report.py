"""What became of every clip: ``report.csv``, and a summary for a person."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from adabench.data.corpora import Problem
from adabench.data.prepare.judge import meaning

REPORT = "report.csv"
COLUMNS = ("clip", "status", "detail", "left_out")

_EXAMPLES = 3


@dataclass(frozen=True)
class PrepareReport:
    """What :func:`adabench.data.prepare.prepare` did.

    Args:
        out: the prepared corpus.
        clips: clips in it.
        frames: frames in it.
        new: clips that this run prepared; the others were finished before.
        problems: what was left out, and what is suspicious; also in ``report.csv``.
        seconds: wall-clock time.
        faces: the file that tells how well the faces could be seen, clip by clip.
    """

    out: Path
    clips: int
    frames: int
    new: int
    problems: tuple[Problem, ...]
    seconds: float
    faces: Path | None = None

    @property
    def left_out(self) -> tuple[Problem, ...]:
        """The problems that cost a clip, or a label without a clip."""
        return tuple(problem for problem in self.problems if problem.left_out)

    def summary(self) -> str:
        """Some lines for a person: the problems by status, with examples of each."""
        lines = [
            f"{self.out}: {self.clips} clips, {self.frames} frames; {self.new} clips new, "
            f"in {self.seconds:.1f} s"
        ]
        for title, left_out in (("left out", True), ("kept, but suspicious", False)):
            chosen = [problem for problem in self.problems if problem.left_out is left_out]
            if chosen:
                lines.append(f"{title}: {len(chosen)} (all in {self.out / REPORT})")
                lines += by_status(chosen)
        if self.faces is not None:
            lines.append(f"how sure, large, tilted and sharp the faces are: {self.faces}")
        return "\n".join(lines)


def by_status(problems: Iterable[Problem]) -> Iterator[str]:
    """Lines that name problems by status, the most frequent first, with examples of each."""
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        groups.setdefault(problem.status, []).append(problem)
    for status, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        told = meaning(status)
        yield f"  {status}: {len(group)}" + (f" ({told})" if told else "")
        for problem in group[:_EXAMPLES]:
            yield f"    {problem.name}: {problem.detail}"
        if len(group) > _EXAMPLES:
            yield f"    and {len(group) - _EXAMPLES} more"


def report_text(problems: Iterable[Problem]) -> str:
    """The content of ``report.csv``: a row for each problem, ``left_out`` being yes or no."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for problem in problems:
        left_out = "yes" if problem.left_out else "no"
        writer.writerow((problem.name, problem.status, problem.detail, left_out))
    return text.getvalue()
