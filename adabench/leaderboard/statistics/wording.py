"""What scores are called, and what is said under a table of the differences that it tells apart."""

from __future__ import annotations

from adabench.evaluation.scale import DRAWN_SCORE
from adabench.evaluation.significance import FEWEST_DRAWS, LEVEL
from adabench.leaderboard.statistics.standing import Standing
from adabench.leaderboard.statistics.told import Reach
from adabench.records.schema.record import Record
from adabench.records.schema.scale import Scale, bdi_ii, scale_form
from adabench.records.schema.tracks import is_demo_track

TIED, TIED_BEYOND = "≈", "~"

NOTHING_TOLD = "No two measured rows can be compared, so this table tells no difference apart."

TIED_LEGEND = (
    f"{TIED} can't be told from the best measured row: model confidence set, by persons whose differences "
    f"of all pairs switch sign together, so that the choice of the best is allowed for; p ≥ {LEVEL}."
)

TIED_BEYOND_LEGEND = (
    f"{TIED_BEYOND} told from the best on these draws, and not beyond them: t test of the draws' "
    f"differences, corrected over all pairs (Holm), p ≥ {LEVEL}."
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


def points_of(record: Record) -> str:
    """Return what a record's errors are in."""
    return shown_scale(record).points


def reach_line(reach: Reach | None, points: str) -> str:
    """Return the line under a table: which difference it tells apart four times in five.

    Args:
        reach: of its rows; None where no two can be compared.
        points: what errors are in.
    """
    if reach is None:
        return NOTHING_TOLD
    often = "of one pair chosen beforehand, at 5 %, four times in five"
    here, beyond = _amount(reach.here, reach, points), _amount(reach.beyond, reach, points)
    if reach.design == "folds":
        return f"These {reach.places} folds tell apart {often}: a difference of {beyond}."
    if reach.design == "corpus":
        return (
            f"For this training set and this test set of {reach.persons} persons. They tell apart "
            f"{often}: a difference of {here}."
        )
    if reach.beyond is None:
        beyond = f"nothing, as fewer than {FEWEST_DRAWS} draws give an interval and no verdict"
    return (
        f"These {reach.places} draws ({reach.persons} persons) tell apart {often}: on these draws "
        f"{here}; beyond them {beyond}."
    )


def _amount(value: float | None, reach: Reach, points: str) -> str:
    if value is None:
        return "unknown"
    return f"{value:.3f} of the constant's error" if reach.is_share else f"{value:.2f} {points}"


def mark_of(standing: Standing) -> str:
    """The sign of a row that can't be told from the best, with a blank; empty of others."""
    if standing.is_tied:
        return f"{TIED} "
    return f"{TIED_BEYOND} " if standing.is_tied_beyond else ""
