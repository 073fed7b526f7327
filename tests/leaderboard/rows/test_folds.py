"""Folds in one row, tested by the corrected t test; seeds on one corpus, resampled beside its persons."""

import numpy as np
import pytest
from record_fixtures import build

from adabench.evaluation.intervals import mean_rmse_draws, percentile_interval
from adabench.evaluation.significance import beyond_folds
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
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
    assert (fold.name, fold.k, fold.validation) == ("5 folds, validation 20", 5, 0.2)
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
    text = "\n".join(compare(runs["A"][:4], runs["B"]).lines())
    assert "over persons alone (runs from 5 on)" in text
