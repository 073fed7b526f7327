"""What works on predictions, not on clips: several methods' records made into one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from adabench.records.schema.localisation import Localisation, joined_localisation
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Cost, Selection, StageUse, View


class CombinedMethod:
    """The mean of several methods' predictions, session by session: task fusion, or an ensemble.

    Args:
        members: their records; a session that only some of them hold is the mean over those.

    Raises:
        ValueError: no member, or one whose record holds no predictions.
    """

    def __init__(self, members: Sequence[Record]) -> None:
        empty = [member.config for member in members if not member.entries]
        if not members or empty:
            raise ValueError(
                f"a combination needs records with predictions; {', '.join(empty) or 'none'} came"
                f"{_private_of(members)}"
            )
        self.members = tuple(members)

    def predictions(self) -> dict[str, float]:
        """Return session → points."""
        scores: dict[str, list[float]] = defaultdict(list)
        for member in self.members:
            for entry in member.entries:
                scores[entry.session].append(entry.prediction)
        return {session: float(np.mean(values)) for session, values in scores.items()}

    def clips(self) -> dict[str, float]:
        """Return clip → points, the mean over the members that scored it."""
        scores: dict[str, list[float]] = defaultdict(list)
        for member in self.members:
            for clip, score in member.clip_scores.items():
                scores[clip].append(score)
        return {clip: float(np.mean(values)) for clip, values in scores.items()}

    def stages(self) -> tuple[StageUse, ...]:
        """Return the stages that any member stands on, each once."""
        found = {stage.key: stage for member in self.members for stage in member.stages}
        return tuple(found.values())

    def caches(self) -> list[str]:
        """Return the caches that any member read."""
        return sorted({name for member in self.members for name in member.caches})

    def view(self) -> View | None:
        """Return what every member sees of a clip; None where they differ."""
        views = [member.view for member in self.members]
        return views[0] if all(view == views[0] for view in views) else None

    def kept_share(self) -> float | None:
        """Return the mean share of the units that selectors kept, where every member tells it."""
        shares = [member.kept_share for member in self.members]
        known = [share for share in shares if share is not None]
        return float(np.mean(known)) if len(known) == len(shares) else None

    def cost(self) -> Cost:
        """Return what the members cost together; the speed is their harmonic mean.

        What they would take from nothing is left open: they share more than their records tell.
        """
        costs = [member.cost for member in self.members]
        speeds = [cost.frames_per_second for cost in costs if cost.frames_per_second]
        return Cost(
            parameters=sum(cost.parameters or 0 for cost in costs),
            multiply_adds=sum(cost.multiply_adds or 0 for cost in costs),
            frames_per_second=len(speeds) / sum(1 / s for s in speeds) if speeds else None,
            peak_memory_mb=max(cost.peak_memory_mb or 0.0 for cost in costs),
            wall_seconds=sum(cost.wall_seconds or 0.0 for cost in costs),
        )

    def relevance_measures(self) -> dict[str, Localisation]:
        """Return how well relevance finds key frames, over all the clips that members scored."""
        return joined_localisation(
            [(member.relevance_measures, len(member.entries)) for member in self.members]
        )

    def selection(self) -> Selection | None:
        """Return how often development labels were looked at in all, where every member tells it.

        Each member's own record holds what they showed.
        """
        own = [member.selection for member in self.members]
        known = [one for one in own if one is not None]
        if len(known) < len(own):
            return None
        rules = dict.fromkeys(one.rule for one in known if one.rule)
        return Selection(
            looks=_sum([one.looks for one in known]),
            epochs=_sum([one.epochs for one in known]),
            budget=max((one.budget for one in known if one.budget is not None), default=None),
            rule=f"each of {len(known)} by itself: {'; '.join(rules)}" if rules else None,
        )

    def timing(self) -> dict[str, float]:
        """Return the seconds of each part, added over members."""
        total: dict[str, float] = defaultdict(float)
        for member in self.members:
            for part, seconds in member.timing.items():
                total[part] += seconds
        return dict(total)


class PooledFolds(CombinedMethod):
    """One record of several folds: each session's prediction is that of the fold that tested it.

    Args:
        members: the folds' records.

    Raises:
        ValueError: as `CombinedMethod`, or a session that two folds tested.
    """

    def __init__(self, members: Sequence[Record]) -> None:
        super().__init__(members)
        times = Counter(entry.session for member in members for entry in member.entries)
        twice = sorted(session for session, count in times.items() if count > 1)
        if twice:
            raise ValueError(
                f"{len(twice)} sessions were tested in several folds, the first {twice[0]}: the "
                "records are not of one division"
            )

    def cost(self) -> Cost:
        """Return the cost of one model, as each session sees one; times are those of all folds."""
        cost = super().cost()
        costs = [member.cost for member in self.members]
        return cost.model_copy(
            update={
                "parameters": max(own.parameters or 0 for own in costs),
                "multiply_adds": max(own.multiply_adds or 0 for own in costs),
            }
        )


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _private_of(members: Sequence[Record]) -> str:
    """Say which private side files are wanted, where members are of a licensed corpus."""
    names = [f"{m.private[:8]}….json" for m in members if m.private and not m.entries]
    if not names:
        return ""
    return (
        f": their corpus is licensed, and the private side files {', '.join(names)} are not in the "
        "folder `private` of the results folder; put them there, or give another folder with "
        "--results, and they are run anew"
    )
