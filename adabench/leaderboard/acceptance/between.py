"""What is wrong between files that hold by themselves: repetitions and contradictions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from adabench.leaderboard.acceptance.looks import Look
from adabench.leaderboard.checks.copies import copies, copy_remark
from adabench.leaderboard.places import MEASURED
from adabench.records.checks.licensed import neighbour_reasons
from adabench.records.files.results import (
    Problem,
    read_each,
    read_record,
)
from adabench.records.schema.record import Record


def repetitions(looks: Iterable[Look]) -> tuple[list[Problem], list[Problem]]:
    """Return the files that hold another's record, and those that hold another record of a run."""
    runs: dict[Hashable, list[Look]] = {}
    for look in looks:
        if look.run is not None:
            runs.setdefault(look.run, []).append(look)
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for group in runs.values():
        if len(group) < 2:
            continue
        first_of: dict[str, Look] = {}
        for look in group:
            try:
                checksum = read_record(look.path).checksum
            except FileNotFoundError:
                continue
            first = first_of.setdefault(checksum, look)
            if first is not look:
                reason = f"the same record as {first.path}; remove one of the two"
                problems.append(Problem(look.path, reason))
        warnings += _several(list(first_of.values()))
    return problems, warnings


def _several(looks: Iterable[Look]) -> Iterator[Problem]:
    """Yield a warning for each further record of one run; a local run may repeat an accepted one."""
    first_in: dict[str, Look] = {}
    for look in looks:
        first = first_in.setdefault(look.place, look)
        if first is not look:
            yield Problem(
                look.path,
                f"another record of the run in {first.path}: RMSE {look.rmse:.4f} here, "
                f"{first.rmse:.4f} there; tables show the newer one",
            )


def neighbouring(looks: Iterable[Look]) -> Iterator[Problem]:
    """Yield the accepted records of licensed corpora that tell labels beside one before them.

    `accept` refuses them, but two branches may each have taken one.
    """
    paths = [look.path for look in looks if look.licensed and look.place == MEASURED]
    before: list[Record] = []
    for path, record in read_each(paths):
        if isinstance(record, Record):
            yield from (Problem(path, reason) for reason in neighbour_reasons(record, before))
            before.append(record)


def disagreeing(looks: Iterable[Look]) -> Iterator[Problem]:
    """Yield a warning for both sides where records on the same data differ in whom they tested."""
    by_names: dict[Hashable, dict[Hashable, list[Look]]] = {}
    by_counts: dict[Hashable, dict[Hashable, list[Look]]] = {}
    for look in looks:
        if look.data is not None and look.tested:
            by_names.setdefault(look.data, {}).setdefault(look.tested, []).append(look)
        if look.data is not None and look.counts[0]:
            by_counts.setdefault(look.data, {}).setdefault(look.counts, []).append(look)
    # Where names tell of a difference, counts need not.
    told = {data for data, group in by_names.items() if len(group) > 1}
    rest = [group for data, group in by_counts.items() if data not in told]
    for group in (*by_names.values(), *rest):
        most, *others = sorted(group.values(), key=len, reverse=True)
        for look in (look for own in others for look in own):
            yield _odd(look, most[0])
        if others:
            yield _odd(most[0], others[0][0])


def _odd(look: Look, other: Look) -> Problem:
    return Problem(
        look.path,
        f"its sessions, persons or labels are not those of {other.path}, a record of the same track, "
        "corpus and protocol: one of the two is wrong",
    )


def copied(looks: Iterable[Look]) -> Iterator[Problem]:
    """Yield a warning for each method whose predictions are another's but for a shift and a scale.

    Configs of one method may well be alike, where an option has no effect.
    """
    groups: dict[Hashable, dict[Look, tuple[float, ...]]] = {}
    for look in looks:
        if look.predictions:
            groups.setdefault((look.data, look.tested), {})[look] = look.predictions
    for group in groups.values():
        for one, other in copies(group):
            if one.method != other.method:
                yield Problem(other.path, copy_remark(one.path))
