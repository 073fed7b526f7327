"""Folds in one row, tested by the corrected t test; seeds on one corpus, resampled beside its persons."""

import numpy as np
import pytest
from record_fixtures import build

from adabench.evaluation.intervals import mean_rmse_draws, percentile_interval
from adabench.evaluation.significance import LEVEL, beyond_folds
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.leaderboard.statistics.told import told_apart
from adabench.leaderboard.statistics.two_rows import compare
from adabench.records.protocols import fold_of, shared_protocol


def folds(method, errors, repetitions=2):
    """A run for each of the folds of each repetition, of other persons in each."""
    found = []
    for number, error in enumerate(errors):
        seed, fold = divmod(number, len(errors) // repetitions)
        protocol = f"5 folds, validation 20, seed {seed}, {seed}0ab12cd, fold {fold + 1}"
        changes = {"method": method, "config": method, "protocol": protocol}
        record = build(error, number, track="table", corpus="own", **changes)
        found.append(record)
    return found


def test_a_protocol_says_of_what_fold_it_is():
    fold = fold_of("5 folds, validation 20, seed 3, 0123abcd, fold 4")
    assert fold[:3] == ("5 folds, validation 20", 5, 0.2)
    assert (fold.seed, fold.number) == (3, 4)
    assert fold.test_to_train == pytest.approx((1 / 5) / (4 / 5 * 0.8))
    for other in ("official", "5 folds, validation 20, seed 3, 0123abcd", None):
        assert fold_of(other) is None
        assert shared_protocol(other) == other


def test_folds_of_one_kind_stand_in_one_row_and_their_mean_is_shown():
    errors = np.linspace(4, 8, 10)
    (table,) = build_tables(Entry(record, "local") for record in folds("A", errors))
    (row,) = table.rows
    assert len(row.entries) == 10
    assert row.metrics["RMSE"].value == pytest.approx(errors.mean())
    assert row.metrics["RMSE"].deviation == pytest.approx(errors.std(ddof=1))
    assert "protocol 5 folds, validation 20, fold by fold" in row.flags


def test_folds_are_compared_by_the_corrected_t_test():
    errors = np.linspace(4, 8, 10)
    better, worse = folds("A", errors), folds("B", errors + np.linspace(0.1, 1.5, 10))
    got = compare(better, worse)
    wanted = beyond_folds(-np.linspace(0.1, 1.5, 10), 1 / (4 * 0.8))
    assert got.p == pytest.approx(wanted.p)
    assert got.pair.effect.interval == pytest.approx(wanted.interval)
    assert "Nadeau and Bengio 2003" in "\n".join(got.lines())
    (table,) = build_tables(Entry(record, "local") for record in [*better, *worse])
    standing = {row.method: row.standing for row in table.rows}
    assert standing["A"].best
    assert standing["B"].p_value == pytest.approx(wanted.p)
    (reach,) = table.reach.values()
    assert (reach.design, reach.places, reach.here) == ("folds", 10, None)


def test_five_seeds_are_resampled_beside_the_persons_and_four_are_not():
    runs = [build(error, seed) for seed, error in enumerate((3.0, 5.0, 7.0, 9.0, 11.0))]
    for count in (4, 5):
        (table,) = build_tables(Entry(record, "local") for record in runs[:count])
        (row,) = table.rows
        labels = np.array([entry.label for entry in runs[0].predictions])
        guesses = np.array([[e.prediction for e in run.predictions] for run in runs[:count]])
        persons = [entry.subject for entry in runs[0].predictions]
        wanted = percentile_interval(mean_rmse_draws(guesses - labels, persons))
        assert row.metrics["RMSE"].interval == pytest.approx(wanted)
        width = wanted[1] - wanted[0]
        # Every person is off by the same, so persons alone have no spread: runs have.
        assert (width > 1) == (count == 5)


def test_a_comparison_on_one_corpus_says_over_what_its_interval_is():
    runs = {
        name: [build(e + s, s, method=name) for s in range(5)] for name, e in (("A", 3), ("B", 9))
    }
    text = "\n".join(compare(runs["A"], runs["B"]).lines())
    assert "over persons and runs" in text
    assert "for this training set and this test set of 8 persons" in text
    text = "\n".join(compare(runs["A"][:4], runs["B"][:4]).lines())
    assert "over persons alone (runs from 5 on)" in text


def test_what_persons_tell_apart_and_seeds_do_not_is_tied_in_tables_and_comparisons_alike():
    """Every person is a point better off with the first row, and seeds differ by ten."""
    errors = (3.0, 5.0, 7.0, 9.0, 11.0)
    rows = {
        name: [build(e + more, s, method=name, config=name) for s, e in enumerate(errors)]
        for name, more in (("A", 0.0), ("B", 1.0))
    }
    for count, is_told in ((4, True), (5, False)):
        one, other = (records[:count] for records in rows.values())
        got = compare(one, other)
        assert got.p < LEVEL
        assert got.is_told_apart is is_told
        (table,) = build_tables(Entry(record, "local") for record in [*one, *other])
        (standing,) = (row.standing for row in table.rows if row.method == "B")
        assert standing.p_value < LEVEL
        assert standing.is_tied is not is_told
        assert told_apart({"A": one, "B": other})["A", "B"].is_told is is_told


def test_runs_are_resampled_of_the_row_that_has_five():
    five = [build(e, s, method="A") for s, e in enumerate((3.0, 5.0, 7.0, 9.0, 11.0))]
    four = [build(20.0, s, method="B") for s in range(4)]
    got = compare(five, four)
    low, high = got.pair.effect.interval
    assert high - low > 1
    assert "over persons, and over the runs of the row that has 5 or more" in "\n".join(got.lines())
