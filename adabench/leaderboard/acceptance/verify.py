"""Checks every record below a leaderboard folder, and names each that does not hold."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adabench.data.files import TEMPORARY_PREFIX
from adabench.leaderboard.acceptance.between import copied, disagreeing, neighbouring, repetitions
from adabench.leaderboard.acceptance.looks import look_at_table, look_into
from adabench.leaderboard.places import LOCAL, MEASURED, REPORTED
from adabench.records.files.labels import CorpusLabels
from adabench.records.files.results import (
    Problem,
)
from adabench.records.schema.tracks import PRIVATE_FOLDER, SIDE_SUFFIX

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Verification:
    """What holds and what does not.

    Attributes:
        holding: files that hold: records, and tables of reported rows.
        problems: what does not hold, one a reason, so that a file may come several times.
        warnings: what a reader should know of files that hold.
        unlabelled: files that hold as far as can be told: the labels of their corpus or their private
            side file are not at hand.
        ungrouped: files that hold, whose results by group of persons were not recomputed for the same
            reason.
    """

    holding: tuple[Path, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    unlabelled: tuple[Path, ...]
    ungrouped: tuple[Path, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every file holds."""
        return not self.problems

    def lines(self) -> Iterator[str]:
        """Yield a line for each problem and warning, then the counts."""
        yield from (f"does not hold: {problem}" for problem in self.problems)
        yield from (f"warning: {warning}" for warning in self.warnings)
        damaged = len({problem.path for problem in self.problems})
        counts = _count(self.holding, "file"), _count(self.warnings, "warning")
        yield f"{counts[0]} hold, {damaged} do not, {counts[1]}"
        if self.unlabelled:
            yield (
                f"{_count(self.unlabelled, 'file')} could not be recomputed, since labels or private "
                "side files were not at hand; name the prepared corpora with --data"
            )
        if self.ungrouped:
            yield (
                f"groups of {_count(self.ungrouped, 'file')} were not recomputed, since their corpora "
                "(--data) or private side files were not at hand"
            )


def verify(
    root: str | os.PathLike[str],
    labels_from: Mapping[str, CorpusLabels] | None = None,
    *,
    intervals: bool = False,
) -> Verification:
    """Check reported, measured and local records: each alone, and for repetitions.

    Args:
        root: the leaderboard folder; those of its three folders that exist are read.
        labels_from: corpus checksum to labels, as `read_labels` gives them.
        intervals: also recompute the bootstrap intervals, of groups too.

    Raises:
        FileNotFoundError: if ``root`` does not exist.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"leaderboard folder {root} does not exist; name it with --root")
    looks = [look_at_table(path) for path in sorted((root / REPORTED).glob("*.csv"))]
    warnings: list[Problem] = []
    for place in (MEASURED, LOCAL):
        looks += look_into(root / place, labels_from or {}, intervals)
        warnings += _lone_side_folders(root / place) + _leftovers(root / place)
    warnings += [Problem(look.path, remark) for look in looks for remark in look.remarks]
    repeated, doubtful = repetitions(looks)
    doubtful += [*disagreeing(looks), *copied(looks)]
    problems = [Problem(look.path, reason) for look in looks for reason in look.reasons]
    problems += [*repeated, *neighbouring(looks), *_misplaced(root / MEASURED)]
    damaged = {problem.path for problem in problems}
    holding = [look for look in looks if look.path not in damaged]
    return Verification(
        holding=tuple(look.path for look in holding),
        problems=tuple(problems),
        warnings=tuple(warnings + doubtful),
        unlabelled=tuple(look.path for look in holding if look.unlabelled),
        ungrouped=tuple(look.path for look in holding if look.ungrouped),
    )


def _lone_side_folders(folder: Path) -> list[Problem]:
    return [
        Problem(side, "a side folder without its record; remove it, or restore the record")
        for side in sorted(folder.rglob(f"*{SIDE_SUFFIX}"))
        if side.is_dir() and not side.with_suffix(".json").exists()
    ]


def _misplaced(folder: Path) -> list[Problem]:
    return [
        Problem(
            path,
            f"private side files, where git tracks records; move it to {LOCAL}/{PRIVATE_FOLDER}",
        )
        for path in sorted(folder.rglob(PRIVATE_FOLDER))
    ]


def _leftovers(folder: Path) -> list[Problem]:
    return [
        Problem(path, "what a killed process left half written; remove it")
        for path in sorted(folder.rglob(f"{TEMPORARY_PREFIX}*"))
    ]


def _count(found: Sized, what: str) -> str:
    return f"{len(found):,} {what}{'' if len(found) == 1 else 's'}"
