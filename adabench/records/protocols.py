"""What a record's protocol says of folds."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

#: The protocol of the corpus's own splits, which papers use.
OFFICIAL: Final = "official"

_FOLD: Final = re.compile(
    r"(?P<name>(?P<k>[0-9]{1,3}) folds, validation (?P<validation>[0-9.]+)), seed (?P<seed>[0-9]+),"
    r"[^,]*, fold (?P<fold>[0-9]+)"
)

#: How protocols of folds are called; all folds together say no number of one.
FOLDS: Final = re.compile(
    r"(?P<k>[0-9]{1,3}) folds,.*? seed (?P<seed>[0-9]+),[^,]*(, fold (?P<fold>[0-9]+))?$"
)

#: What the name of a protocol of single folds ends with, where they stand in one row.
EACH: Final = ", fold by fold"


class Fold(NamedTuple):
    """One fold of a division.

    Attributes:
        name: kind of the division, without what chance dealt: ``5 folds, validation 20``.
        k: how many folds it has.
        validation: share of the training persons' sessions that selects.
        seed: that dealt the division.
        number: of the fold in it.
    """

    name: str
    k: int
    validation: float
    seed: int
    number: int

    @property
    def test_to_train(self) -> float:
        """Sessions that are tested over those that weights are fitted to."""
        return 1 / ((self.k - 1) * (1 - self.validation))


def fold_of(protocol: str | None) -> Fold | None:
    """Return what a protocol says of its fold; None of one that is no single fold."""
    found = _FOLD.fullmatch(protocol or "")
    if found is None or int(found["k"]) < 2 or not 0 <= float(found["validation"]) < 100:
        return None
    return Fold(
        name=found["name"],
        k=int(found["k"]),
        validation=float(found["validation"]) / 100,
        seed=int(found["seed"]),
        number=int(found["fold"]),
    )


def shared_protocol(protocol: str | None) -> str | None:
    """Return what the runs of one row share: the protocol, of a single fold without its number."""
    fold = fold_of(protocol)
    return protocol if fold is None else fold.name + EACH
