from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pytest

from adabench.synthface import SynthfaceParameters, draw_sessions
from adabench.synthface.plan import LEVEL_RANGES, level_counts


def level_of(score: int) -> int:
    return next(index for index, (low, high) in enumerate(LEVEL_RANGES) if low <= score <= high)


def crossings(parameters: SynthfaceParameters) -> dict[tuple[str, str], int]:
    splits = defaultdict(set)
    for session in draw_sessions(parameters):
        splits[session.person].add(session.split)
    pairs = Counter()
    for found in splits.values():
        pairs.update(combinations(sorted(found), 2))
    return dict(pairs)


def test_levels_have_avec_2014s_proportions():
    assert level_counts(50) == [26, 8, 7, 9]
    assert level_counts(200) == [104, 32, 28, 36]
    sessions = draw_sessions(SynthfaceParameters.demo(4))
    for split in ("train", "dev", "test"):
        levels = Counter(level_of(s.score) for s in sessions if s.split == split)
        assert [levels[level] for level in range(4)] == [26, 8, 7, 9]


@pytest.mark.parametrize("sessions", [4, 5, 8, 13])
def test_small_splits_have_every_level(sessions):
    counts = level_counts(sessions)
    assert sum(counts) == sessions
    assert min(counts) >= 1


def test_splits_have_the_same_spread():
    sessions = draw_sessions(SynthfaceParameters.demo(6))
    grids = [sorted(s.score for s in sessions if s.split == split) for split in ("train", "test")]
    # one cell of the quantile grid of the widest level (severe: 17 points on 9 sessions)
    assert np.abs(np.subtract(*grids)).max() <= 2
    assert max(session.score for session in sessions) <= 45


def test_persons_cross_splits_as_in_avec_2014():
    expected = {("dev", "train"): 26, ("test", "train"): 10, ("dev", "test"): 12}
    assert crossings(SynthfaceParameters.demo(2)) == expected
    tiny = crossings(SynthfaceParameters.tiny(2))
    assert tiny == {("dev", "train"): 4, ("test", "train"): 2, ("dev", "test"): 2}


def test_every_split_has_its_number_of_sessions_and_names_are_unique():
    parameters = SynthfaceParameters(seed=3, sessions=(9, 4, 20))
    sessions = draw_sessions(parameters)
    assert Counter(s.split for s in sessions) == {"train": 9, "dev": 4, "test": 20}
    assert len({s.name for s in sessions}) == len(sessions)
    numbers = defaultdict(set)
    for session in sessions:
        numbers[session.person].add(session.number)
    assert all(found == set(range(1, len(found) + 1)) for found in numbers.values())


def test_some_persons_come_back_within_a_split():
    sessions = draw_sessions(SynthfaceParameters.demo(1))
    assert max(Counter((s.person, s.split) for s in sessions).values()) > 1


def test_crossing_splits_tells_nothing_about_severity():
    crossing, staying = [], []
    for seed in range(20):
        sessions = draw_sessions(SynthfaceParameters.demo(seed))
        splits = defaultdict(set)
        for session in sessions:
            splits[session.person].add(session.split)
        for session in sessions:
            (crossing if len(splits[session.person]) > 1 else staying).append(session.score)
    # standard error of the difference: about 0.5 points
    assert abs(np.mean(crossing) - np.mean(staying)) < 2.0


def test_sessions_depend_on_the_seed_only():
    assert draw_sessions(SynthfaceParameters.demo(1)) == draw_sessions(SynthfaceParameters.demo(1))
    assert draw_sessions(SynthfaceParameters.demo(1)) != draw_sessions(SynthfaceParameters.demo(2))
