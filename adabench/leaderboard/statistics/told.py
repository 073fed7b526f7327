"""What the differences between rows are worth: on the draws that there are, and beyond them.

Two rows can be compared where both were tested on the same sessions of one prepared corpus, with labels
at hand; of a family of draws on those that both have. Any other pair is refused or left out; nothing
is guessed. What is compared is the figure that tables are sorted by: the mean over draws of a row's RMSE
as a share of that draw's constant's, or the RMSE. A table's rows are compared with their peers alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from adabench.evaluation.confidence_set import Block, confidence_set
from adabench.evaluation.sign_flips import sums_of_persons
from adabench.evaluation.significance import (
    FEWEST_DRAWS,
    MeanDifference,
    beyond_draws,
    beyond_folds,
    detectable,
    holm,
)
from adabench.leaderboard.statistics.differences import (
    NO_CONSTANTS,
    PairDifference,
    pair_difference,
    pairs_p,
)
from adabench.leaderboard.statistics.errors import (
    Constants,
    Design,
    Part,
    Parts,
    Place,
    data_of,
    design_of,
    row_parts,
    test_to_train,
)
from adabench.leaderboard.statistics.peers import Peers, are_peers, by_peers
from adabench.records.schema.record import Record

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Against:
    """A row against the best.

    Attributes:
        p: on these draws, or this corpus, corrected for choosing the best; of folds, beyond them.
        p_beyond: beyond these draws, corrected over all pairs (Holm); None below five draws, and where
            there are no draws.
        effect: of the row's figure less the best's, for a pair that was chosen beforehand.
        is_told: whether the two are told apart on these draws or this corpus, of folds beyond them.
        is_share: whether the effect is a share of the constant's error, or points.
    """

    p: float
    p_beyond: float | None
    effect: MeanDifference
    is_told: bool
    is_share: bool


@dataclass(frozen=True)
class Reach:
    """Which difference these rows tell apart four times in five, at 5 %, for one pair.

    Attributes:
        design: what the places are to each other.
        places: how many.
        persons: tested, over all places.
        here: in units, on these draws or this corpus; None of folds.
        beyond: beyond these draws or folds; None of a single corpus and below five draws.
        is_share: whether units are shares of the constant's error, or points.
    """

    design: Design
    places: int
    persons: int
    here: float | None
    beyond: float | None
    is_share: bool


@dataclass(frozen=True)
class Told(Generic[K]):
    """What a table's rows are worth beside each other.

    Attributes:
        best: the row with the smallest figure; None where fewer than two can be compared.
        against: each other row that could be compared with it.
        reach: of the table.
    """

    best: K | None
    against: dict[K, Against]
    reach: Reach | None


def told_from_peers(
    rows: Mapping[K, Sequence[Record]],
    labels: Mapping[str, float] | None = None,
    constants: Constants = NO_CONSTANTS,
) -> tuple[dict[K, Against | None], dict[Peers, Reach]]:
    """Test each row against the best of its peers.

    A control that goes with several starts is held against the best of all of them; controls alone
    have no best.

    Args:
        rows, labels, constants: as in `told_from_best`.

    Returns:
        Row to how it stands against the best, None for a best, rows that can't be compared left out;
        and for each group that has two or more, what its rows can tell apart.
    """
    found: dict[K, Against | None] = {}
    reach: dict[Peers, Reach] = {}
    for group, members in by_peers(rows).items():
        if all(records[0].kind != "method" for records in members.values()):
            continue
        told = told_from_best(members, labels, constants)
        if told.best is not None:
            found.setdefault(told.best)
        for key, against in told.against.items():
            known = found.get(key)
            if known is None or known.effect.difference < against.effect.difference:
                found[key] = against
        if told.reach is not None:
            reach[group] = told.reach
    return found, reach


def told_from_best(
    rows: Mapping[K, Sequence[Record]],
    labels: Mapping[str, float] | None = None,
    constants: Constants = NO_CONSTANTS,
) -> Told[K]:
    """Test each row against the best one, knowing that it was chosen as the best.

    Bounds take no part, as they read what no method can; nor do rows without predictions or labels (a
    paper's, say). Of rows on draws, those take part that have all the draws which most of them have.

    Args:
        rows: the records of each row are its runs.
        labels: as in `row_parts`.
        constants: as `constants_in` finds them; without those of all draws, errors are in points.
    """
    found = {
        key: parts
        for key, records in rows.items()
        if records and records[0].kind != "bound" and (parts := _try_parts(records, labels))
    }
    places = _common_places(rows, found)
    rivals = _matching(rows, found, places)
    if len(rivals) < 2:
        return Told(None, {}, None)
    units, is_share = _units(places, constants)
    blocks = [
        Block(
            np.stack([parts[place].squared for parts in rivals.values()]), _any(rivals, place), unit
        )
        for place, unit in zip(places, units, strict=True)
    ]
    figures = np.array([block.figures for block in blocks])
    keys, first = list(rivals), int(np.argmin(figures.mean(axis=0)))
    pairs = {
        key: pair_difference(parts, rivals[keys[first]], constants if is_share else NO_CONSTANTS)
        for key, parts in rivals.items()
        if key != keys[first]
    }
    known = {key: pair for key, pair in pairs.items() if pair is not None}
    beyond = _all_pairs(figures.T, places)
    design = design_of(places)
    own = beyond[first] if design == "folds" else confidence_set(blocks)
    against = {
        key: Against(
            float(own[number]),
            float(beyond[first, number]) if _has_verdict(places) else None,
            known[key].effect,
            known[key].is_told(float(own[number])),
            is_share,
        )
        for number, key in enumerate(keys)
        if key in known
    }
    # What controls and methods differ by is no question, and they differ in other ways.
    methods = [pair for key, pair in known.items() if rows[key][0].kind == "method"]
    return Told(keys[first], against, _reach(methods or list(known.values())))


def told_apart(
    rows: Mapping[K, Sequence[Record]],
    labels: Mapping[str, float] | None = None,
    constants: Constants = NO_CONSTANTS,
) -> dict[tuple[K, K], Against]:
    """Test every pair of peers that can be compared, each on the places that both have.

    Args:
        rows, labels, constants: as in `told_from_best`. Time grows with the square of the rows.

    Returns:
        (first, second) in the order of ``rows`` to both p values, each corrected over all pairs (Holm).
        A pair that can't be compared is absent.
    """
    found = {
        key: parts
        for key, records in rows.items()
        if records and (parts := _try_parts(records, labels))
    }
    pairs = {
        (one, other): pair
        for one, other in combinations(found, 2)
        if data_of(rows[one][0]) == data_of(rows[other][0])
        and are_peers(rows[one][0], rows[other][0])
        and (pair := pair_difference(found[one], found[other], constants))
    }
    here = dict(zip(pairs, holm(pairs_p(list(pairs.values()))).tolist(), strict=True))
    with_verdict = [key for key, pair in pairs.items() if pair.effect.p is not None]
    corrected = holm([pairs[key].effect.p or 0.0 for key in with_verdict]).tolist()
    beyond = dict(zip(with_verdict, corrected, strict=True))
    return {
        key: Against(
            here[key],
            beyond.get(key) if pair.design == "draws" else None,
            pair.effect,
            pair.is_told(here[key]),
            pair.is_share,
        )
        for key, pair in pairs.items()
    }


def _common_places(
    rows: Mapping[K, Sequence[Record]], found: Mapping[K, Parts]
) -> tuple[Place, ...]:
    """The places that most methods of the best row's data have; of two such sets the larger.

    Controls are run on every draw there is, and don't say where methods were.
    """
    if not found:
        return ()
    data = data_of(rows[_most_accurate(rows, found)][0])
    alike = [key for key in found if data_of(rows[key][0]) == data]
    methods = [key for key in alike if rows[key][0].kind == "method"]
    sets = Counter(tuple(sorted(found[key], key=str)) for key in methods or alike)
    return max(sets, key=lambda places: (sets[places], len(places)))


def _most_accurate(rows: Mapping[K, Sequence[Record]], among: Mapping[K, object]) -> K:
    return min(among, key=lambda key: fmean(record.metrics.RMSE for record in rows[key]))


def _matching(
    rows: Mapping[K, Sequence[Record]], found: Mapping[K, Parts], places: Sequence[Place]
) -> dict[K, Parts]:
    """The rows that were tested at all of the places, on the sessions of the most accurate of them."""
    whole = {key: parts for key, parts in found.items() if places and set(places) <= set(parts)}
    if not whole:
        return {}
    data = data_of(rows[_most_accurate(rows, whole)][0])
    whole = {key: parts for key, parts in whole.items() if data_of(rows[key][0]) == data}
    first = min(whole.values(), key=lambda parts: fmean(parts[place].rmse for place in places))
    return {
        key: {place: parts[place] for place in places}
        for key, parts in whole.items()
        if all(parts[place].matches(first[place]) for place in places)
    }


def _any(rivals: Mapping[K, Parts], place: Place) -> tuple[str, ...]:
    part: Part = next(iter(rivals.values()))[place]
    return part.subjects


def _units(places: Sequence[Place], constants: Constants) -> tuple[list[float], bool]:
    known = [constants.get((place.corpus, place.protocol)) for place in places]
    if design_of(places) == "corpus" and places[0].draw is None:
        return [1.0], False
    return ([unit or 1.0 for unit in known], True) if all(known) else ([1.0] * len(places), False)


def _has_verdict(places: Sequence[Place]) -> bool:
    return design_of(places) == "draws" and len(places) >= FEWEST_DRAWS


def _all_pairs(figures: NDArray[np.float64], places: Sequence[Place]) -> NDArray[np.float64]:
    """(R, R) p values beyond the places of all pairs of rows, corrected over them (Holm)."""
    p = np.ones((len(figures), len(figures)))
    design = design_of(places)
    if design == "corpus":
        return p
    upper = np.triu_indices(len(figures), 1)
    differences = figures[upper[0]] - figures[upper[1]]
    if design == "draws":
        found = [beyond_draws(each).p for each in differences]
    else:
        ratio = test_to_train(places)
        found = [beyond_folds(each, ratio).p for each in differences]
    p[upper] = holm([1.0 if each is None else each for each in found])
    p.T[upper] = p[upper]
    return p


def _reach(pairs: Sequence[PairDifference]) -> Reach | None:
    if not pairs:
        return None
    first = pairs[0]
    here = beyond = None
    if first.design != "folds":
        here = median(_here(pair) for pair in pairs)
    if first.design == "folds" or _has_verdict(first.places):
        spread = median(float(pair.by_place.std(ddof=1)) for pair in pairs)
        count = len(first.places)
        more = 1 + count * test_to_train(first.places) if first.design == "folds" else 1.0
        beyond = detectable(spread * more**0.5, count) if count > 2 else None
    return Reach(first.design, len(first.places), first.persons, here, beyond, first.is_share)


def _here(pair: PairDifference) -> float:
    """The difference that a t test over persons within places calls four times in five."""
    sums = sums_of_persons(pair.influence[None], pair.units_of_chance)[0]
    place = np.array([name.split(" ", 1)[0] for name in sorted(set(pair.units_of_chance))])
    squares = 0.0
    for each in set(place.tolist()):
        own = sums[place == each]
        squares += len(own) * float(own.var(ddof=1)) if len(own) > 1 else 0.0
    free = len(sums) - len(pair.places) + 1
    return detectable(float(np.sqrt(squares * free)), free) if free > 2 else float("inf")


def _try_parts(records: Sequence[Record], labels: Mapping[str, float] | None) -> Parts | None:
    try:
        return row_parts(records, labels)
    except ValueError:
        # No predictions or no labels: such a row is shown, but not compared.
        return None
