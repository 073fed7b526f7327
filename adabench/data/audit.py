"""What a corpus's splits share: persons, sessions, levels, and what a constant reaches on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
from tabulate import tabulate

from adabench.data.manifest import SPLITS, ClipRecord
from adabench.data.persons import one_spelling
from adabench.data.sealed import session_labels
from adabench.evaluation.metrics import mae, rmse
from adabench.evaluation.scale import BDI_II, Scale

Groups = Mapping[str, Sequence[ClipRecord]]


def audit_text(
    clips: Sequence[ClipRecord],
    name: str,
    other: Sequence[ClipRecord] | None = None,
    other_name: str = "",
    *,
    scale: Scale = BDI_II,
    other_scale: Scale = BDI_II,
) -> str:
    """Return the audit of a corpus as text, and of what it shares with another.

    It says of each split how many clips (also by task), sessions and persons it has, its severity
    levels and scores in points; which persons, sessions and videos stand in two splits; how
    far off the mean score of the training sessions is on the others; and which persons and
    sessions are in both corpora; and which names of persons are spellings of one, or may be. Levels,
    scores and errors are over sessions with a score.

    Args:
        clips: of the corpus.
        name: of the corpus, for headings.
        other: clips of a second corpus.
        other_name: of the second one.
        scale, other_scale: of the scores of the two.

    Raises:
        ValueError: no clips, or a session with two scores.
    """
    both = [*clips, *(other or ())]
    persons = one_spelling(both, [clip.clip for clip in both])
    clips = persons.clips[: len(clips)]
    if other is not None:
        other = persons.clips[len(clips) :]
    sections = _sections(clips, name, scale)
    if other is not None:
        sections += [
            *_sections(other, other_name, other_scale),
            _shared_by_corpora(clips, name, other, other_name, compare=scale == other_scale),
        ]
    names = [*persons.merged, *persons.asked]
    sections += ["\n".join(["names of persons", *names])] if names else []
    return "\n\n".join(sections) + "\n"


def _sections(clips: Sequence[ClipRecord], name: str, scale: Scale) -> list[str]:
    if not clips:
        raise ValueError(f"audit: corpus {name} has no clip; prepare it again")
    present = _by_split(clips)
    return [
        f"== {name} ==",
        _sizes({**present, "all": clips}),
        _levels({**present, "all": clips}, scale),
        _shared_by_splits(present),
        _constant(present),
    ]


def _sizes(groups: Groups) -> str:
    tasks = sorted({clip.task for own in groups.values() for clip in own})
    rows = [
        [
            split,
            len(own),
            *(sum(clip.task == task for clip in own) for task in tasks),
            len(_sessions(own)),
            len(_persons(own)),
        ]
        for split, own in groups.items()
    ]
    named = [f"clips {task or 'without a task'}" for task in tasks]
    return tabulate(rows, headers=["split", "clips", *named, "sessions", "persons"])


def _levels(groups: Groups, scale: Scale) -> str:
    rows = []
    for split, own in groups.items():
        scores = list(_scores(own).values())
        counts = np.bincount(scale.level(scores), minlength=len(scale.levels))
        span = f"{min(scores):g} to {max(scores):g}" if scores else "none"
        mean = f"{np.mean(scores):.2f}" if scores else ""
        rows.append([split, *counts, span, mean, len(_sessions(own)) - len(scores)])
    heads = ["sessions of", *scale.names, "scores", "mean", "without a score"]
    return tabulate(rows, headers=heads, disable_numparse=True, stralign="right")


def _shared_by_splits(groups: Groups) -> str:
    counts = {
        f"{one} and {two}": [
            len(kind(groups[one]) & kind(groups[two])) for kind in (_persons, _sessions, _videos)
        ]
        for one, two in combinations(groups, 2)
    }
    if not counts:
        return "one split: nothing to share"
    rows = [[pair, *shared] for pair, shared in counts.items()]
    text = tabulate(rows, headers=["in two splits", "persons", "sessions", "videos"])
    if any(sessions or videos for _, sessions, videos in counts.values()):
        text += "\nA session or a video in two splits is a leak: a run on these splits is refused."
    return text


def _constant(groups: Groups) -> str:
    """The errors of the training mean, which every method has to beat."""
    train = list(_scores(groups.get("train", ())).values())
    if not train:
        return "the constant predictor: no training session has a score"
    mean = float(np.mean(train))
    rows = []
    for split in ("dev", "test"):
        truth = list(_scores(groups.get(split, ())).values())
        if truth:
            guess = np.full(len(truth), mean)
            rows.append([split, f"{rmse(guess, truth):.4f}", f"{mae(guess, truth):.4f}"])
    title = f"the constant predictor, the mean of {len(train)} training sessions: {mean:.4f}"
    heads = ["on", "RMSE", "MAE"]
    return f"{title}\n{tabulate(rows, headers=heads, disable_numparse=True)}" if rows else title


def _shared_by_corpora(
    clips: Sequence[ClipRecord],
    name: str,
    other: Sequence[ClipRecord],
    other_name: str,
    *,
    compare: bool,
) -> str:
    first, second = _by_split(clips), _by_split(other)
    rows = [
        [
            f"{one} of {name}",
            *(
                f"{len(_persons(a) & _persons(b))} / {len(_sessions(a) & _sessions(b))}"
                for b in second.values()
            ),
        ]
        for one, a in first.items()
    ]
    heads = ["persons / sessions in both", *(f"{split} of {other_name}" for split in second)]
    scores, others = _scores(clips), _scores(other)
    both = _sessions(clips) & _sessions(other)
    places, theirs = _places(clips), _places(other)
    same_split = sum(places[session] == theirs[session] for session in both)
    scored = both & scores.keys() & others.keys()
    same_score = sum(scores[session] == others[session] for session in scored)
    alike = f"; {same_score} of {len(scored)} with the same score" if compare else ""
    lines = [
        f"== {name} and {other_name} ==",
        f"persons in both: {len(_persons(clips) & _persons(other))} of {len(_persons(clips))} and "
        f"{len(_persons(other))}",
        f"sessions in both, by name: {len(both)} of {len(places)} and {len(theirs)}; {same_split} in "
        f"the same split{alike}",
        "",
        tabulate(rows, headers=heads, disable_numparse=True, stralign="right"),
    ]
    return "\n".join(lines)


def _by_split(clips: Sequence[ClipRecord]) -> Groups:
    found: Groups = {split: [clip for clip in clips if clip.split == split] for split in SPLITS}
    return {split: own for split, own in found.items() if own}


def _persons(clips: Iterable[ClipRecord]) -> set[str]:
    return {clip.subject for clip in clips}


def _sessions(clips: Iterable[ClipRecord]) -> set[str]:
    return {clip.session for clip in clips}


def _videos(clips: Iterable[ClipRecord]) -> set[str]:
    return {clip.source_sha256 for clip in clips}


def _places(clips: Iterable[ClipRecord]) -> dict[str, frozenset[str]]:
    """Return session → its splits, which should be one."""
    clips = list(clips)
    splits: dict[str, set[str]] = {clip.session: set() for clip in clips}
    for clip in clips:
        splits[clip.session].add(clip.split)
    return {session: frozenset(found) for session, found in splits.items()}


def _scores(clips: Iterable[ClipRecord]) -> dict[str, float]:
    """Return session → points, sessions sorted; those without a score are left out."""
    return dict(sorted(session_labels(list(clips)).items()))
