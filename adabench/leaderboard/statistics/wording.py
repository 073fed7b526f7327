"""What scores are called, and what is said under a table of the differences that it tells apart."""

from __future__ import annotations

import math
from collections.abc import Mapping

from adabench.evaluation.scale import DRAWN_SCORE
from adabench.evaluation.significance import FEWEST_DRAWS, LEVEL
from adabench.leaderboard.statistics.standing import Standing
from adabench.leaderboard.statistics.told import Reach
from adabench.records.schema.record import Record
from adabench.records.schema.scale import Scale, bdi_ii, scale_form
from adabench.records.schema.tracks import is_demo_track

#: What differences on draws are in.
OF_CONSTANT = "of the constant's error"

TIED, TIED_BEYOND = "≈", "~"

NOTHING_TOLD = "No two measured rows can be compared, so this table tells no difference apart."

_REACH = "Four times in five two rows (a pair chosen beforehand, at 5 %) are told apart where they differ by"

TIED_LEGEND = (
    f"{TIED} can't be told from the best measured row (of its group): model confidence set, by persons "
    "whose differences of all pairs switch sign together, so that the choice of the best is allowed for; "
    f"p ≥ {LEVEL}. On one corpus also where the interval of the difference, over seeds too from five on, "
    "holds 0."
)

TIED_BEYOND_LEGEND = (
    f"{TIED_BEYOND} told from the best on these draws, and not beyond them: t test of the draws' "
    f"differences, corrected over all pairs (Holm), p ≥ {LEVEL}."
)

PEERS_LEGEND = (
    "Methods that start from different weights stand in groups ({starts}), each with a best of its own: "
    "rows of two groups are not compared."
)

BEHIND_LEGEND = (
    "Behind the best: the row's figure less the best's, with the 95 % interval for a pair chosen "
    "beforehand."
)


def shown_scale(record: Record) -> Scale:
    """Return the scale that a table shows; on drawn faces none is called the BDI-II."""
    scale = record.scale or bdi_ii()
    if is_demo_track(record.track) and scale == bdi_ii():
        return scale_form(DRAWN_SCORE)
    return scale


def unit_of(record: Record, *, is_share: bool) -> str:
    """Return what a row's differences are in: the constant's error, or points of its scale."""
    return OF_CONSTANT if is_share else shown_scale(record).points


def reach_lines(reach: Mapping[str, Reach], points: str) -> list[str]:
    """Return the lines under a table: which differences it tells apart four times in five.

    Args:
        reach: title of a group of its rows, empty of the usual one, to what its rows can tell apart.
        points: what errors are in.
    """
    told = {title: _differing(own, points) for title, own in reach.items()}
    if len(told) == 1:
        return [f"{_REACH} {told.popitem()[1]}."]
    return [f"{_REACH} so much:"] + [
        f"{_capital(title or 'official protocol')}: {text}." for title, text in told.items()
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _differing(reach: Reach, points: str) -> str:
    """Say by how much two rows must differ, and where."""
    here, beyond = _amount(reach.here, reach, points), _amount(reach.beyond, reach, points)
    if reach.design == "folds":
        return f"{beyond} over these {reach.places} folds"
    if reach.design == "corpus":
        return f"{here}, for this training set and this test set of {reach.persons} persons"
    if reach.beyond is None:
        draws = " ".join(map(str, range(FEWEST_DRAWS)))
        beyond = (
            f"unknown, as fewer than {FEWEST_DRAWS} draws give an interval and no verdict (the bench's "
            f"--seeds {draws} runs so many)"
        )
    return f"{here} on these {reach.places} draws ({reach.persons} persons); beyond them {beyond}"


def _amount(value: float | None, reach: Reach, points: str) -> str:
    if value is None or not math.isfinite(value):
        return "unknown"
    return f"{value:.3f} {OF_CONSTANT}" if reach.is_share else f"{value:.2f} {points}"


def mark_of(standing: Standing) -> str:
    """The sign of a row that can't be told from the best, with a blank; empty of others."""
    if standing.is_tied:
        return f"{TIED} "
    return f"{TIED_BEYOND} " if standing.is_tied_beyond else ""
