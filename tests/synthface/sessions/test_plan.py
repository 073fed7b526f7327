from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pytest

from adabench.synthface import SynthfaceParameters, draw_sessions
from adabench.synthface.sessions.plan import LEVEL_RANGES, LEVEL_SHARES, level_counts, person_number


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


def scores_of(parameters: SynthfaceParameters, split: str) -> list[int]:
    return [s.score for s in draw_sessions(parameters) if s.split == split]


def test_levels_are_drawn_with_avec_2014s_shares_and_uniform_inside():
    scores = [s.score for seed in range(40) for s in draw_sessions(SynthfaceParameters.demo(seed))]
    counts = Counter(level_of(score) for score in scores)
    for level, (share, (low, high)) in enumerate(zip(LEVEL_SHARES, LEVEL_RANGES, strict=True)):
        # five standard errors of a share of 6,000 sessions
        error = 5 * np.sqrt(share * (1 - share) / len(scores))
        assert abs(counts[level] / len(scores) - share) < error
        inside = Counter(score for score in scores if low <= score <= high)
        expected = counts[level] / (high - low + 1)
        assert len(inside) == high - low + 1
        assert max(abs(n - expected) for n in inside.values()) < 5 * np.sqrt(expected)


def test_scores_are_independent_draws_so_splits_differ_in_their_levels():
    minimal = [
        sum(level_of(score) == 0 for score in scores_of(SynthfaceParameters.demo(seed), "dev"))
        for seed in range(100)
    ]
    # binomial: 50 sessions at 26/50 have a deviation of 3.5; a grid would have none
    assert np.std(minimal) == pytest.approx(np.sqrt(50 * 0.52 * 0.48), rel=0.3)
    assert max(map(max, (scores_of(SynthfaceParameters.demo(s), "test") for s in range(9)))) <= 45


@pytest.mark.parametrize("sessions", [4, 5, 8, 13])
def test_every_level_is_in_every_split_where_that_is_asked_for(sessions):
    counts = level_counts(sessions)
    assert sum(counts) == sessions
    assert min(counts) >= 1
    parameters = SynthfaceParameters(seed=4, sessions=sessions, calibration=9, every_level=True)
    for split, number in parameters.split_sessions().items():
        found = Counter(map(level_of, scores_of(parameters, split)))
        assert [found[level] for level in range(4)] == level_counts(number)
    assert level_counts(50) == [26, 8, 7, 9]


def test_persons_cross_splits_as_in_avec_2014():
    expected = {("dev", "train"): 26, ("test", "train"): 10, ("dev", "test"): 12}
    assert crossings(SynthfaceParameters.demo(2)) == expected
    tiny = crossings(SynthfaceParameters.tiny(2))
    assert tiny == {("dev", "train"): 4, ("test", "train"): 2, ("dev", "test"): 2}


def test_tables_test_and_calibrate_on_new_persons():
    tables = SynthfaceParameters.tables(2)
    assert crossings(tables) == {("dev", "train"): 26}
    counts = Counter(session.split for session in draw_sessions(tables))
    assert counts == {"train": 50, "dev": 50, "test": 100, "calibration": 100}


def test_demo_and_tables_learn_from_the_same_sessions():
    def learning(parameters):
        return [s for s in draw_sessions(parameters) if s.split in ("train", "dev")]

    assert learning(SynthfaceParameters.demo(7)) == learning(SynthfaceParameters.tables(7))


def test_no_person_of_a_draw_is_one_of_another():
    family = [SynthfaceParameters(seed=3107, draw=draw, sessions=(8, 8, 250)) for draw in range(3)]
    persons = [{s.subject for s in draw_sessions(one)} for one in family]
    assert not any(one & other for one, other in combinations(persons, 2))
    assert all(name.startswith(f"310{7 + draw}") for draw in range(3) for name in persons[draw])
    # the same draw by way of another base
    again = SynthfaceParameters(seed=3108, sessions=(8, 8, 250))
    assert draw_sessions(again) == draw_sessions(family[1])
    assert person_number(3107, 201) == 31070201
    assert {s.name.split("_")[0] for s in draw_sessions(again)} == persons[1]


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


def test_worlds_have_the_same_persons_and_labels_and_in_none_others_show():
    worlds = {w: draw_sessions(SynthfaceParameters(seed=1, world=w)) for w in ("sparse", "none")}
    labels = {w: [(s.split, s.name, s.score) for s in found] for w, found in worlds.items()}
    assert labels["sparse"] == labels["none"]
    assert all(s.shown == s.score for s in worlds["sparse"])
    apart = [
        (s.score, s.shown)
        for seed in range(20)
        for s in draw_sessions(SynthfaceParameters(seed=seed, world="none"))
    ]
    assert abs(np.corrcoef(np.array(apart).T)[0, 1]) < 4 / np.sqrt(len(apart))


def test_a_person_s_label_is_one_where_labels_are_dealt_to_persons():
    sessions = draw_sessions(SynthfaceParameters(seed=1, shortcut="person"))
    labels = defaultdict(set)
    for session in sessions:
        labels[session.person].add(session.score)
    assert all(len(found) == 1 for found in labels.values())
    assert len(set().union(*labels.values())) > 20
    assert len({s.shown for s in sessions if s.person == sessions[0].person}) >= 1
    pairs = np.array([(s.score, s.shown) for s in sessions]).T
    assert abs(np.corrcoef(pairs)[0, 1]) < 4 / np.sqrt(len(sessions))
