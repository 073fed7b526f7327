"""Two rows' difference at the places that both have: draw by draw, fold by fold, or on one corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adabench.evaluation.intervals import mean_rmse_draws, percentile_interval
from adabench.evaluation.sign_flips import rmse_differences, sign_flip_p
from adabench.evaluation.significance import LEVEL, MeanDifference, beyond_draws, beyond_folds
from adabench.leaderboard.statistics.errors import (
    Constants,
    Design,
    Parts,
    Place,
    design_of,
    test_to_train,
)

NO_CONSTANTS: Constants = {}


@dataclass(frozen=True, eq=False)
class PairDifference:
    """How far two rows lie apart at the places that both have.

    Attributes:
        places: these.
        units: what an RMSE is divided by at each: the constant's, or 1.
        is_share: whether it is the constant's.
        by_place: first less second at each, in units; negative where the first is better.
        by_session: (N,) what each session adds to their mean, with its sign turned if the rows are.
        influence: (N,) how far each session moves their mean (the delta method), whose spread over persons
            is that of the mean.
        units_of_chance: (N,) whose session each is, a person of two places being two.
        effect: the mean over places, with what it says of others: beyond draws by t, of repeated folds by
            the corrected t; of a single corpus with the interval over persons, and over the runs of a row
            that has five or more.
    """

    places: tuple[Place, ...]
    units: tuple[float, ...]
    is_share: bool
    by_place: NDArray[np.float64]
    by_session: NDArray[np.float64]
    influence: NDArray[np.float64]
    units_of_chance: tuple[str, ...]
    effect: MeanDifference

    @property
    def design(self) -> Design:
        """What the places are to each other."""
        return design_of(self.places)

    def is_told(self, p: float) -> bool:
        """Whether a p value, of this pair or corrected for others, calls them different.

        On a single corpus the interval must leave 0 out, too: p takes the runs as they are.
        """
        interval = self.effect.interval
        if self.design != "corpus" or interval is None:
            return p < LEVEL
        return p < LEVEL and not interval[0] <= 0 <= interval[1]

    @property
    def persons(self) -> int:
        """How many persons these are; of folds each as often as it was tested."""
        return len(set(self.units_of_chance))


def pair_difference(
    one: Parts, other: Parts, constants: Constants = NO_CONSTANTS
) -> PairDifference | None:
    """Compare two rows at the places that both have with the same sessions; None without any."""
    places = tuple(sorted((p for p in one if p in other and one[p].matches(other[p])), key=str))
    if not places:
        return None
    known = [constants.get((place.corpus, place.protocol)) for place in places]
    is_share = all(known)
    units = tuple(unit if is_share and unit else 1.0 for unit in known)
    values, moves, names = [], [], []
    for number, (place, unit) in enumerate(zip(places, units, strict=True)):
        own = rmse_differences(one[place].squared, other[place].squared)
        values.append(own / (unit * len(own) * len(places)))
        moved = _influence(one[place].squared) - _influence(other[place].squared)
        moves.append(moved / (unit * len(own) * len(places)))
        names += [f"{number} {subject}" for subject in one[place].subjects]
    by_place = np.array([own.sum() * len(places) for own in values])
    found = PairDifference(
        places=places,
        units=units,
        is_share=is_share,
        by_place=by_place,
        by_session=np.concatenate(values),
        influence=np.concatenate(moves),
        units_of_chance=tuple(names),
        effect=MeanDifference(float(by_place.mean()), None, None),
    )
    return replace(found, effect=_effect(found, one, other))


def single_p(pair: PairDifference) -> float:
    """The p value of one pair that was chosen beforehand: on these draws, or of folds beyond them."""
    return float(pairs_p([pair])[0])


def pairs_p(pairs: Sequence[PairDifference]) -> NDArray[np.float64]:
    """The p values of pairs, each as `single_p` gives it, uncorrected."""
    p = np.ones(len(pairs))
    alike: dict[tuple[str, ...], list[int]] = {}
    for number, pair in enumerate(pairs):
        if pair.design == "folds":
            p[number] = 1.0 if pair.effect.p is None else pair.effect.p
        else:
            alike.setdefault(pair.units_of_chance, []).append(number)
    for persons, numbers in alike.items():
        differences = np.stack([pairs[number].by_session for number in numbers])
        p[numbers] = sign_flip_p(differences, persons)
    return p


def _influence(squared: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each session moves an RMSE: ``(e² - RMSE²) / (2 RMSE)``."""
    mean = squared.mean()
    return (squared - mean) / (2 * np.sqrt(mean)) if mean > 0 else np.zeros_like(squared)


def _effect(pair: PairDifference, one: Parts, other: Parts) -> MeanDifference:
    if pair.design == "draws":
        return beyond_draws(pair.by_place)
    if pair.design == "folds":
        return beyond_folds(pair.by_place, test_to_train(pair.places))
    (place,), (unit,) = pair.places, pair.units
    if pair.persons == 1:
        return pair.effect
    drawn = [
        mean_rmse_draws(part.errors, part.subjects, seed_of_runs=number)
        for number, part in enumerate((one[place], other[place]))
    ]
    interval = percentile_interval((drawn[0] - drawn[1]) / unit)
    return MeanDifference(pair.effect.difference, interval, None)
