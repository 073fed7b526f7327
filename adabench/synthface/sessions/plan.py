"""Who is recorded when, and with which score: the sessions of a corpus."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from adabench.synthface.parameters import SPLITS, SynthfaceParameters, random_generator

TASKS = ("Freeform", "Northwind")

# BDI-II severity levels (minimal, mild, moderate, severe); AVEC 2014's largest score is 45
LEVEL_RANGES = ((0, 13), (14, 19), (20, 28), (29, 45))
LEVEL_SHARES = (26 / 50, 8 / 50, 7 / 50, 9 / 50)
LARGEST_SCORE = LEVEL_RANGES[-1][1]

# AVEC 2014: persons with sessions in both splits, as a share of a split's 50 sessions
BOTH_LEARN_SHARE = 26 / 50
RETURNING_SHARES = {"train": 10 / 50, "dev": 12 / 50}

# Persons of a corpus: those of train and dev, then the new ones of test and of calibration
FIRST_PERSONS = {"train": 201, "test": 1001, "calibration": 2001}
PERSONS_OF_A_CORPUS = 10_000


@dataclass(frozen=True)
class Recording:
    """Who is recorded: session `number` of a `person` (see `person_number`), in a `split`."""

    split: str
    person: int
    number: int

    @property
    def subject(self) -> str:
        """The person's name."""
        return f"{self.person:05d}"

    @property
    def name(self) -> str:
        return f"{self.subject}_{self.number}"

    def clip_name(self, task: str) -> str:
        return f"{self.name}_{task}"


@dataclass(frozen=True)
class Session(Recording):
    """A recording with its label.

    Attributes:
        score: the label, BDI-II points.
        shown: the score by which the person behaves: the label, but where nothing is to show it.
    """

    score: int
    shown: int


def person_number(corpus_seed: int, index: int) -> int:
    """A person's number: the corpus' seed, then `index` (below 10,000) in four digits.

    So two persons of two corpora are never one; a draw of one base is the corpus that another base may
    have as another draw.
    """
    return corpus_seed * PERSONS_OF_A_CORPUS + index


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


def draw_score(rng: np.random.Generator, level: int | None = None) -> int:
    """One score: its level by AVEC 2014's shares unless given, then uniform inside the level."""
    bounds = list(accumulate(LEVEL_SHARES[:-1]))
    drawn = int(np.searchsorted(bounds, rng.random(), side="right"))
    low, high = LEVEL_RANGES[drawn if level is None else level]
    return int(rng.integers(low, high + 1))


def _fill(rng: np.random.Generator, split: str, left: int) -> list[list[str]]:
    """Persons of one split with one or two sessions each, `left` sessions in all."""
    persons: list[list[str]] = []
    while left > 0:
        number = min(left, int(rng.integers(1, 3)))
        persons.append([split] * number)
        left -= number
    return persons


def _number(
    rng: np.random.Generator, persons: list[list[str]], corpus_seed: int, first: int
) -> list[Recording]:
    """Number persons in random order, and each one's sessions in random order."""
    recordings: list[Recording] = []
    for index, person in enumerate(rng.permutation(len(persons))):
        splits = rng.permutation(persons[person])
        number = person_number(corpus_seed, first + index)
        recordings += [
            Recording(str(split), number, order) for order, split in enumerate(splits, 1)
        ]
    return recordings


def _learning(parameters: SynthfaceParameters) -> list[Recording]:
    """Train and dev: who is in both, who has one session and may come back, and the others."""
    rng = random_generator(parameters.corpus_seed, "sessions")
    counts = parameters.split_sessions()
    both = round(BOTH_LEARN_SHARE * min(counts["train"], counts["dev"]))
    persons = [["train", "dev"] for _ in range(both)]
    for split, share in RETURNING_SHARES.items():
        alone = round(share * counts[split])
        persons += [[split]] * alone
        persons += _fill(rng, split, counts[split] - both - alone)
    return _number(rng, persons, parameters.corpus_seed, FIRST_PERSONS["train"])


def _returning(
    rng: np.random.Generator, learning: list[Recording], counts: dict[str, int]
) -> list[Recording]:
    """Test sessions of persons who were recorded once before."""
    sessions = [recording.person for recording in learning]
    found: list[Recording] = []
    for split, share in RETURNING_SHARES.items():
        once = [p.person for p in learning if p.split == split and sessions.count(p.person) == 1]
        wanted = round(share * min(counts[split], counts["test"]))
        chosen = sorted(rng.choice(len(once), wanted, replace=False))
        found += [Recording("test", once[index], 2) for index in chosen]
    return found


def _unseen(
    parameters: SynthfaceParameters, split: str, learning: list[Recording]
) -> list[Recording]:
    """Test or calibration: who comes back, then new persons."""
    rng = random_generator(parameters.corpus_seed, "sessions", split)
    counts = parameters.split_sessions()
    crosses = split == "test" and not parameters.new_persons
    returning = _returning(rng, learning, counts) if crosses else []
    persons = _fill(rng, split, counts.get(split, 0) - len(returning))
    new = _number(rng, persons, parameters.corpus_seed, FIRST_PERSONS[split])
    return [*returning, *new]


def _levels(parameters: SynthfaceParameters, recordings: list[Recording]) -> list[int | None]:
    """Each session's level, where every split is to have every level."""
    if not parameters.every_level:
        return [None] * len(recordings)
    dealt: dict[str, list[int]] = {}
    for split, count in parameters.split_sessions().items():
        levels = np.repeat(range(len(LEVEL_RANGES)), level_counts(count))
        random_generator(parameters.corpus_seed, "levels", split).shuffle(levels)
        dealt[split] = levels.tolist()
    return [dealt[recording.split].pop() for recording in recordings]


def draw_sessions(parameters: SynthfaceParameters) -> list[Session]:
    """All sessions of a corpus, sorted by split and name.

    Persons cross splits with AVEC 2014's counts, scaled, but for new persons; which session of a
    split a person gets is independent of its score. A session's score depends on the corpus' seed
    and the session's name alone, unless every split is to have every level.
    """
    learning = _learning(parameters)
    recordings = [*learning, *_unseen(parameters, "test", learning)]
    recordings += _unseen(parameters, "calibration", learning)
    hidden = parameters.world == "none" or parameters.shortcut == "person"
    sessions: list[Session] = []
    for recording, level in zip(recordings, _levels(parameters, recordings), strict=True):
        whose = recording.subject if parameters.shortcut == "person" else recording.name
        score = draw_score(random_generator(parameters.corpus_seed, "score", whose), level)
        other = random_generator(parameters.corpus_seed, "shown", recording.name)
        shown = draw_score(other) if hidden else score
        sessions.append(Session(recording.split, recording.person, recording.number, score, shown))
    return sorted(sessions, key=lambda session: (SPLITS.index(session.split), session.name))
