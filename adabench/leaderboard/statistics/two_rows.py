"""Two rows that a user names, compared, and the comparison as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from adabench.evaluation.intervals import FEWEST_SEEDS
from adabench.evaluation.sign_flips import d_z
from adabench.evaluation.significance import FEWEST_DRAWS, LEVEL, p_words
from adabench.leaderboard.statistics.differences import (
    NO_CONSTANTS,
    PairDifference,
    pair_difference,
    single_p,
)
from adabench.leaderboard.statistics.errors import (
    Constants,
    Parts,
    data_of,
    draw_of,
    over_draws,
    place_of,
    row_name,
    row_parts,
    shares_of,
)
from adabench.leaderboard.statistics.peers import start_of
from adabench.leaderboard.statistics.wording import OF_CONSTANT, unit_of
from adabench.records.drawn import drawn_words, worlds_of
from adabench.records.schema.record import Record


@dataclass(frozen=True)
class Side:
    """One of two rows: its name, and what its runs at the places that both have give.

    Attributes:
        runs: how many these are.
        left_out: how many more the row has, where the other has none.
        rmse, mae: mean and sample deviation over them, of several draws over draws; the deviation is None
            for a single one.
        share: the mean RMSE as a share of the constant's; None where the difference is in points.
        corpora: draw → checksum of its prepared corpora, of all runs; None is no draw.
    """

    name: str
    runs: int
    left_out: int
    rmse: tuple[float, float | None]
    mae: tuple[float, float | None]
    share: float | None
    corpora: Mapping[int | None, tuple[str, ...]]

    def line(self) -> str:
        """Return it as text, ready to print."""
        share = "" if self.share is None else f" ({self.share:.3f} {OF_CONSTANT})"
        runs = f"{self.runs} run{'' if self.runs == 1 else 's'}"
        if self.left_out:
            runs += f" where both were run, {self.left_out} left out"
        return f"{self.name}: RMSE {_spread(self.rmse)}{share}, MAE {_spread(self.mae)} ({runs})"


@dataclass(frozen=True)
class Comparison:
    """Two rows on the same sessions.

    Attributes:
        pair: their difference.
        sessions: tested, over all places.
        d_z: Cohen's d over persons, of what each adds to the difference.
        p: on these draws or this corpus, of folds beyond them; for this one pair.
        unit: what their difference is in.
        drawn: what is said of drawn faces; empty of others.
        starts: what the two start from, where that sets them apart.
    """

    first: Side
    second: Side
    track: str
    pair: PairDifference
    sessions: int
    d_z: float | None
    p: float
    unit: str
    drawn: str = ""
    starts: tuple[str, str] | None = None

    @property
    def is_told_apart(self) -> bool:
        """Whether they differ on these draws or this corpus, of folds beyond them."""
        return self.pair.is_told(self.p)

    @property
    def is_told_apart_beyond(self) -> bool:
        """Whether the difference also holds beyond these draws, or folds."""
        return self.pair.effect.p is not None and self.pair.effect.p < LEVEL

    def lines(self) -> Iterator[str]:
        """Yield the comparison as text, ready to print."""
        at = f" of {self._draws}" if self.pair.design == "draws" else ""
        yield (
            f"{self.first.name} against {self.second.name} on {self.track}: "
            f"{self.sessions} sessions of {self.pair.persons} persons{at}"
        )
        for side in (self.first, self.second):
            yield f"  {side.line()}"
        yield f"effect size d_z over persons: {'undefined' if self.d_z is None else f'{self.d_z:+.2f}'}"
        yield from {"draws": self._of_draws, "folds": self._of_folds, "corpus": self._of_corpus}[
            self.pair.design
        ]()
        yield from self._beware()

    def _of_draws(self) -> Iterator[str]:
        yield (
            f"on these draws: {self._difference}; {p_words(self.p)} (persons within draws switch, the "
            f"draws are fixed): {self._verdict(told=self.is_told_apart)}"
        )
        effect = self.pair.effect
        beyond = f"beyond them: {self._difference}, 95 % interval {_interval(effect.interval)}"
        free = len(self.pair.places) - 1
        if effect.p is None:
            yield f"{beyond} (t, {free} degrees of freedom): no verdict below {FEWEST_DRAWS} draws"
        else:
            told = self._verdict(told=self.is_told_apart_beyond)
            yield f"{beyond}; {p_words(effect.p)} (t, {free} degrees of freedom): {told}"

    def _of_folds(self) -> Iterator[str]:
        yield (
            f"over {len(self.pair.places)} folds: {self._difference}, 95 % interval "
            f"{_interval(self.pair.effect.interval)}; {p_words(self.p)} (corrected resampled t test, "
            f"Nadeau and Bengio 2003): {self._verdict(told=self.is_told_apart)}"
        )

    def _of_corpus(self) -> Iterator[str]:
        crossed = {side.runs >= FEWEST_SEEDS for side in (self.first, self.second)}
        over = f"persons, and over the runs of the row that has {FEWEST_SEEDS} or more"
        if len(crossed) == 1:
            alone = f"persons alone (runs from {FEWEST_SEEDS} on)"
            over = "persons and runs" if crossed.pop() else alone
        yield (
            f"{self._difference}, 95 % interval {_interval(self.pair.effect.interval)} over {over}; "
            f"{p_words(self.p)} (persons switch): {self._verdict(told=self.is_told_apart)}"
        )
        draw = self.pair.places[0].draw
        if draw is None:
            yield f"for this training set and this test set of {self.pair.persons} persons"
        else:
            yield f"one draw, number {draw}: this says nothing beyond it"

    @property
    def _draws(self) -> str:
        return f"draws {' '.join(str(place.draw) for place in self.pair.places)}"

    @property
    def _difference(self) -> str:
        digits = 3 if self.pair.is_share else 2
        return f"RMSE {self.pair.effect.difference:+.{digits}f} {self.unit}"

    def _verdict(self, *, told: bool) -> str:
        if not told:
            return "they can't be told apart"
        better = self.first if self.pair.effect.difference < 0 else self.second
        return f"{better.name} has the smaller errors (a pair chosen beforehand)"

    def _beware(self) -> Iterator[str]:
        one, other = self.first.corpora, self.second.corpora
        if one.keys() != other.keys():
            own, theirs = (" ".join(map(str, sorted(side, key=str))) for side in (one, other))
            yield (
                f"Beware: the rows are of different draws (draws {own} and {theirs}); what both have is "
                "compared."
            )
        differing = [draw for draw in one if one[draw] != other.get(draw, one[draw])]
        if differing:
            own, theirs = (
                " ".join(corpus[:8] for draw in differing for corpus in side[draw])
                for side in (one, other)
            )
            yield (
                f"Beware: the rows are of different corpora ({own} and {theirs}); what both have is "
                "compared."
            )
        if self.starts:
            yield (
                f"Beware: the rows start from different things ({' and '.join(self.starts)}); they differ "
                "in more than their method, and tables don't compare them."
            )
        if self.drawn:
            yield f"{self.drawn}: the numbers say nothing about depression."


def compare(
    a: Sequence[Record],
    b: Sequence[Record],
    labels: Mapping[str, float] | None = None,
    constants: Constants = NO_CONSTANTS,
) -> Comparison:
    """Compare two rows: difference of their figures, interval, effect size, p values.

    Args:
        a, b: the records of each row, its runs.
        labels: as in `row_parts`.
        constants: as `constants_in` finds them; without those of all draws, errors are in points.

    Raises:
        ValueError: as `row_parts`, or rows of different tracks, families, sessions or labels.
    """
    one, other = row_parts(a, labels), row_parts(b, labels)
    if a[0].track != b[0].track:
        raise ValueError(
            f"{row_name(a)} is on track {a[0].track!r} and {row_name(b)} on {b[0].track!r}; "
            "compare rows of one track"
        )
    if (a[0].family, a[0].world) != (b[0].family, b[0].world):
        raise ValueError(
            f"{row_name(a)} is of {_family(a[0])} and {row_name(b)} of {_family(b[0])}; "
            "compare rows of one family"
        )
    pair = pair_difference(one, other, constants if a[0].family is not None else NO_CONSTANTS)
    if pair is None:
        pair = _prepared_twice(one, other)
    if pair is None:
        raise ValueError(f"{row_name(a)} and {row_name(b)} {_mismatch(a, b, one, other)}")
    worlds = worlds_of([*a, *b])
    first = (
        one if set(pair.places) <= set(one) else dict(zip(pair.places, one.values(), strict=False))
    )
    return Comparison(
        first=_side(a, pair, constants),
        second=_side(b, pair, constants),
        track=a[0].track,
        pair=pair,
        sessions=sum(len(first[place].sessions) for place in pair.places),
        d_z=d_z(pair.by_session, pair.units_of_chance),
        p=single_p(pair),
        unit=unit_of(a[0], is_share=pair.is_share),
        drawn="" if worlds is None else drawn_words(worlds),
        starts=_starts(a[0], b[0]),
    )


def _prepared_twice(one: Parts, other: Parts) -> PairDifference | None:
    """Compare a corpus that was prepared in two ways: the same sessions, persons and labels."""
    if len(one) != 1 or len(other) != 1:
        return None
    (place, part), (theirs,) = *one.items(), tuple(other.values())
    return pair_difference({place: part}, {place: theirs})


def _starts(one: Record, other: Record) -> tuple[str, str] | None:
    first, second = start_of(one), start_of(other)
    return None if first is None or second is None or first == second else (first, second)


def _family(record: Record) -> str:
    if record.family is None:
        return "no family of draws"
    return f"family {record.family[:8]} (world {record.world or 'unknown'})"


def _mismatch(a: Sequence[Record], b: Sequence[Record], one: Parts, other: Parts) -> str:
    if data_of(a[0]) != data_of(b[0]) and len(one) + len(other) > 2:
        return "have no draw or fold in common"
    own, theirs = next(iter(one.values())), next(iter(other.values()))
    only = sorted(set(own.sessions) ^ set(theirs.sessions))
    if draw_of(a[0]) != draw_of(b[0]) or len(one) + len(other) > 2:
        return "have no draw or fold in common; compare runs of the same draws and corpora"
    if only:
        return (
            f"were tested on different sessions ({len(only)} are in one alone, {only[0]!r} first); "
            "compare runs of one protocol"
        )
    return "give the same sessions other persons or labels; compare runs of one corpus"


def _side(records: Sequence[Record], pair: PairDifference, constants: Constants) -> Side:
    # A corpus that was prepared twice is a place of its own in each row.
    common = [record for record in records if place_of(record) in pair.places] or [*records]
    corpora: dict[int | None, tuple[str, ...]] = {}
    for record in records:
        known = corpora.get(draw_of(record), ())
        corpora[draw_of(record)] = tuple(sorted({*known, record.corpus_checksum or ""}))

    def spread(name: str) -> tuple[float, float | None]:
        values = over_draws(common, [getattr(record.metrics, name) for record in common])
        return fmean(values), stdev(values) if len(values) > 1 else None

    return Side(
        name=row_name(records),
        runs=len(common),
        left_out=len(records) - len(common),
        rmse=spread("RMSE"),
        mae=spread("MAE"),
        share=fmean(shares_of(common, constants)) if pair.is_share else None,
        corpora=corpora,
    )


def _spread(value: tuple[float, float | None]) -> str:
    mean, deviation = value
    return f"{mean:.2f}" if deviation is None else f"{mean:.2f} ± {deviation:.2f}"


def _interval(interval: tuple[float, float] | None) -> str:
    return "unknown" if interval is None else f"{interval[0]:+.3f} to {interval[1]:+.3f}"
