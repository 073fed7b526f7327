"""Who is recorded when, and with which score: the sessions of a corpus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adabench.synthface.parameters import SPLITS, SynthfaceParameters, random_generator

TASKS = ("Freeform", "Northwind")

# BDI-II severity levels (minimal, mild, moderate, severe); AVEC 2014's largest score is 45
LEVEL_RANGES = ((0, 13), (14, 19), (20, 28), (29, 45))
LEVEL_SHARES = (26 / 50, 8 / 50, 7 / 50, 9 / 50)

# AVEC 2014: persons with sessions in both splits, as a share of a split's 50 sessions
CROSSING_SHARES = {("train", "dev"): 26 / 50, ("train", "test"): 10 / 50, ("dev", "test"): 12 / 50}
FIRST_PERSON = 201


@dataclass(frozen=True)
class Session:
    """One recording session: `person` NNN, `number` M of that person, BDI-II `score`."""

    split: str
    person: int
    number: int
    score: int

    @property
    def name(self) -> str:
        return f"{self.person:03d}_{self.number}"

    def clip_name(self, task: str) -> str:
        return f"{self.name}_{task}"


def level_counts(sessions: int) -> list[int]:
    """Sessions of each level: AVEC 2014's proportions by largest remainder, none empty."""
    quotas = [share * sessions for share in LEVEL_SHARES]
    counts = [int(quota) for quota in quotas]
    by_remainder = sorted(range(4), key=lambda level: counts[level] - quotas[level])
    for level in by_remainder[: sessions - sum(counts)]:
        counts[level] += 1
    while 0 in counts:
        counts[counts.index(max(counts))] -= 1
        counts[counts.index(0)] += 1
    return counts


def draw_scores(rng: np.random.Generator, sessions: int) -> list[int]:
    """Scores of one split in random order: in each level a jittered quantile grid."""
    scores: list[int] = []
    for (low, high), count in zip(LEVEL_RANGES, level_counts(sessions), strict=True):
        quantiles = (np.arange(count) + rng.uniform(size=count)) / count
        scores += (low + np.floor(quantiles * (high - low + 1))).astype(int).tolist()
    rng.shuffle(scores)
    return scores


def _persons_of_splits(rng: np.random.Generator, sessions: dict[str, int]) -> list[list[str]]:
    """For each person the splits of its sessions, in random order."""
    persons = [
        [first, second]
        for (first, second), share in CROSSING_SHARES.items()
        for _ in range(round(share * min(sessions[first], sessions[second])))
    ]
    for split in SPLITS:
        left = sessions[split] - sum(person.count(split) for person in persons)
        while left > 0:
            number = min(left, int(rng.integers(1, 3)))
            persons.append([split] * number)
            left -= number
    return [persons[index] for index in rng.permutation(len(persons))]


def draw_sessions(parameters: SynthfaceParameters) -> list[Session]:
    """All sessions of a corpus, sorted by split and name.

    Persons cross splits with AVEC 2014's counts, scaled; which session of a split a person gets
    is independent of its score.
    """
    rng = random_generator(parameters.corpus_seed, "sessions")
    counts = parameters.split_sessions()
    scores = {split: draw_scores(rng, counts[split]) for split in SPLITS}
    sessions: list[Session] = []
    for index, splits in enumerate(_persons_of_splits(rng, counts)):
        order = rng.permutation(len(splits))
        for number, position in enumerate(order, start=1):
            split = splits[position]
            score = scores[split].pop()
            sessions.append(Session(split, FIRST_PERSON + index, number, score))
    return sorted(sessions, key=lambda session: (SPLITS.index(session.split), session.name))
