"""Folds over persons: nobody is in two of them, and severity levels are spread evenly over them.

scikit-learn's ``StratifiedGroupKFold`` deals out the persons; here stands what it deals: sessions,
each with its person and the level of its score.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from adabench.data.manifest import ClipRecord
from adabench.evaluation.scale import BDI_II, Scale

#: Shares are whole numbers of at most this many folds.
MOST_FOLDS = 20

# A share is met by so many folds if it is off by less than this part of one.
_CLOSE = 0.05


def person_folds(
    clips: Iterable[ClipRecord], k: int, seed: int, scale: Scale = BDI_II
) -> dict[str, int]:
    """Return session → fold, 0 to k - 1; all sessions of a person are in one fold.

    Args:
        clips: of the sessions; a session counts once, however many tasks it has.
        k: number of folds.
        seed: of the dealing.
        scale: of the scores, whose levels are spread.

    Raises:
        ValueError: a session with two persons or scores, or with none; fewer persons than folds; a
            fold that stays empty.
    """
    # scikit-learn takes a second to import, and most runs take a corpus's own splits.
    from sklearn.model_selection import StratifiedGroupKFold

    known = _sessions(clips)
    sessions = sorted(known)
    subjects = [known[session][0] for session in sessions]
    levels = scale.level([known[session][1] for session in sessions])
    persons, commonest = len(set(subjects)), max(np.bincount(levels), default=0)
    if k > min(persons, commonest):
        raise ValueError(
            f"protocol: {k} folds can't be made of {persons} persons, whose commonest severity level "
            f"has {commonest} sessions; choose fewer folds or simpler shares"
        )
    splitter = StratifiedGroupKFold(n_splits=k, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A level with fewer sessions than there are folds is missing in some of them.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        dealt = list(splitter.split(sessions, levels, subjects))
    folds = {sessions[index]: fold for fold, (_, test) in enumerate(dealt) for index in test}
    if len(set(folds.values())) < k:
        raise ValueError(
            f"protocol: one of {k} folds of {persons} persons stays empty; choose fewer folds"
        )
    return folds


def share_folds(shares: Sequence[float]) -> tuple[int, ...]:
    """Return how many folds make up each share; their sum is the number of folds.

    >>> share_folds((0.6, 0.2, 0.2))
    (3, 1, 1)

    Raises:
        ValueError: shares that don't sum to 1, or that are no whole numbers of up to 20 folds.
    """
    given = np.asarray(shares, dtype=np.float64)
    for k in range(1, MOST_FOLDS + 1):
        counts = np.rint(given * k)
        is_whole = np.abs(given * k - counts).max() < _CLOSE and counts.sum() == k
        if is_whole and given.min() >= 0 and np.array_equal(counts > 0, given > 0):
            return tuple(int(count) for count in counts)
    raise ValueError(
        f"shares: expected parts of 1 in whole numbers of at most {MOST_FOLDS} folds, e.g. "
        f"(0.6, 0.2, 0.2) or (0.7, 0.15, 0.15); got {tuple(shares)}"
    )


def deal(
    clips: Sequence[ClipRecord], shares: Mapping[str, float], seed: int, scale: Scale = BDI_II
) -> dict[str, frozenset[str]]:
    """Return part → its sessions, by shares of the sessions; no person is in two parts.

    Args:
        clips: of all sessions.
        shares: part → its share; one of 0 gets no session.
        seed: of the dealing.
        scale: of the scores.

    Raises:
        ValueError: as `share_folds` and `person_folds`.
    """
    counts = share_folds(list(shares.values()))
    folds = person_folds(clips, sum(counts), seed, scale)
    ends = np.cumsum(counts)
    part_of = np.searchsorted(ends, np.arange(sum(counts)), side="right")
    return {
        part: frozenset(session for session, fold in folds.items() if part_of[fold] == number)
        for number, part in enumerate(shares)
    }


def hold_out(
    clips: Sequence[ClipRecord], share: float, seed: int, scale: Scale = BDI_II
) -> frozenset[str]:
    """Return the sessions of one of ``round(1 / share)`` folds; none for a share of 0.

    Args:
        clips: of all sessions.
        share: about which part of them, 0 to 0.5.
        seed: of the dealing.
        scale: of the scores.

    Raises:
        ValueError: as `person_folds`.
    """
    if share == 0:
        return frozenset()
    folds = person_folds(clips, round(1 / share), seed, scale)
    return frozenset(session for session, fold in folds.items() if fold == 0)


def division_digest(parts: Mapping[str, object], secret: Sequence[str] = ()) -> str:
    """Return eight hexadecimal digits that tell one division of sessions from another.

    Which person falls where depends on the corpus and on scikit-learn's version too, so a seed
    alone does not name a division.

    Args:
        parts: session → its part or fold.
        secret: what only holders of a licensed corpus know. Sessions are dealt by severity, so without
            it the digits tell whether a guess at the levels is right.
    """
    text = json.dumps([*sorted((session, str(part)) for session, part in parts.items()), *secret])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


def _sessions(clips: Iterable[ClipRecord]) -> dict[str, tuple[str, float]]:
    """Return session → person and score."""
    found: dict[str, tuple[str, float]] = {}
    for clip in clips:
        if clip.score is None:
            raise ValueError(
                f"protocol: clip {clip.clip} has no score, so its severity level is not known; "
                "prepare the corpus again with its label files"
            )
        own = (clip.subject, clip.score)
        if found.setdefault(clip.session, own) != own:
            raise ValueError(
                f"manifest: session {clip.session} is of person {found[clip.session][0]} with score "
                f"{found[clip.session][1]} and of person {own[0]} with score {own[1]}; a session has "
                "one of each; correct the corpus and prepare it again"
            )
    return found
