"""Rows compared by their records."""

import time

import numpy as np
import pytest
from record_fixtures import as_licensed

from adabench.evaluation import score_metrics
from adabench.evaluation.confidence_set import Block, confidence_set
from adabench.evaluation.sign_flips import rmse_differences, sign_flip_p
from adabench.evaluation.significance import holm
from adabench.leaderboard.statistics.errors import row_parts
from adabench.leaderboard.statistics.told import told_apart
from adabench.leaderboard.statistics.told import told_from_best as told
from adabench.leaderboard.statistics.two_rows import compare
from adabench.records import Metrics, Prediction, Reported

SESSIONS = 40


def part(records, labels=None):
    """A row's errors at the only place that it has."""
    (found,) = row_parts(records, labels).values()
    return found


def told_from_best(*arguments):
    """Row to p value against the best; None of the best and of a row that can't be compared."""
    found = told(*arguments)
    return {key: found.against[key].p if key in found.against else None for key in arguments[0]}


def labels_of(sessions=SESSIONS):
    return np.random.default_rng(0).integers(0, 46, sessions).astype(float)


@pytest.fixture
def run(make_record):
    """A factory of records whose errors have the standard deviation ``spread``."""

    def make(spread, seed=0, *, sessions=SESSIONS, each=1, licensed=False, **changes):
        labels = labels_of(sessions)
        guess = labels + spread * np.random.default_rng(seed + 100).normal(size=sessions)
        predictions = [
            Prediction(
                session=f"{index // each:03d}_{index % each + 1}",
                subject=f"{index // each:03d}",
                prediction=value,
                label=label,
            )
            for index, (value, label) in enumerate(zip(guess, labels, strict=True))
        ]
        record = make_record(
            seed=seed,
            predictions=predictions,
            metrics=Metrics(**score_metrics(guess, labels)),
            **changes,
        )
        return as_licensed(record) if licensed else record

    return make


def scores(record):
    return {
        entry.session: float(label)
        for entry, label in zip(record.entries, labels_of(), strict=True)
    }


def reordered(record):
    return record.model_copy(update={"predictions": record.predictions[::-1]})


def test_errors_stand_by_session_and_run(run):
    records = [run(4, seed=0), reordered(run(4, seed=1))]
    got = part(records)
    assert list(got.sessions) == sorted(entry.session for entry in records[0].predictions)
    assert got.subjects == tuple(session.split("_")[0] for session in got.sessions)
    assert got.rmse == pytest.approx(np.mean([record.metrics.RMSE for record in records]))
    first = [
        entry.prediction - entry.label
        for record in records
        for entry in record.predictions
        if entry.session == "000_1"
    ]
    assert got.errors[:, 0].tolist() == pytest.approx(first)


def test_a_licensed_record_needs_labels(run):
    open_, licensed = run(4), run(4, licensed=True)
    labels = scores(licensed)
    got = part([licensed], labels)
    assert got.errors == pytest.approx(part([open_]).errors)
    assert got.matches(part([open_], labels))
    with pytest.raises(ValueError, match=r"'000_1' of Dep-MAP .* has no label.*licensed"):
        row_parts([licensed])
    del labels["005_1"]
    with pytest.raises(ValueError, match=r"'005_1'.* has no label"):
        row_parts([licensed], labels)
    with pytest.raises(ValueError, match=r"'000_1' has label 39.0 .* but 3.0 in the labels given"):
        row_parts([open_], {"000_1": 3.0})


def test_what_is_no_row_is_refused(run, make_record):
    with pytest.raises(ValueError, match="at least one record"):
        row_parts([])
    with pytest.raises(ValueError, match=r"Dep-MAP \(depmap_r18_avec14\) differ in sessions"):
        row_parts([run(4), run(4, seed=1, sessions=30)])
    printed = make_record(
        origin=Reported(paper="p", table="1", row="r"), predictions=[], seed=None, intervals={}
    )
    with pytest.raises(ValueError, match="holds no predictions"):
        row_parts([printed])


def test_rows_are_tested_against_the_smallest_mean_rmse(run):
    rows = {
        "far": [run(16, seed=0), run(16, seed=1)],
        "best": [run(4, seed=2), run(4, seed=3)],
        "near": [run(5.0, seed=4)],
    }
    got = told_from_best(rows)
    assert list(got) == list(rows)
    assert got["best"] is None
    assert got["far"] < 0.05 < got["near"]
    parts = [part(rows[key]) for key in ("far", "best", "near")]
    block = Block(np.stack([each.squared for each in parts]), parts[0].subjects)
    assert [got["far"], 1.0, got["near"]] == pytest.approx(confidence_set([block]))


def test_persons_are_exchanged_not_sessions(run):
    rows = {"a": [run(4, each=4)], "b": [run(5.5, seed=7, each=4)]}
    one, other = (part(records) for records in rows.values())
    assert len(set(one.subjects)) == 10
    (wanted,) = sign_flip_p([rmse_differences(one.squared, other.squared)], one.subjects)
    assert told_from_best(rows)["b"] == pytest.approx(wanted, abs=1e-12)
    assert compare(*rows.values()).p == pytest.approx(wanted, abs=1e-12)


def test_rows_that_cannot_be_compared_have_no_p(run, make_record):
    other_labels = run(9, seed=8)
    shifted = [
        entry.model_copy(update={"label": 63 - entry.label, "prediction": 63 - entry.prediction})
        for entry in other_labels.predictions
    ]
    rows = {
        "best": [run(4)],
        "worse": [run(9, seed=1)],
        "other sessions": [run(9, seed=2, sessions=30)],
        "other persons": [run(9, seed=3, each=2)],
        "other corpus": [run(9, seed=4, corpus_checksum="ba5eba11")],
        "other track": [run(9, seed=5, track="demo-freeform")],
        "other labels": [other_labels.model_copy(update={"predictions": shifted})],
        "no labels": [run(9, seed=6, licensed=True)],
        "uneven": [run(9, seed=7), run(9, seed=8, sessions=30)],
        "reported": [
            make_record(
                error=0.1,
                origin=Reported(paper="p", table="1", row="r"),
                predictions=[],
                seed=None,
                intervals={},
            )
        ],
        "bound: oracle": [run(1, seed=9, kind="bound", method="bound: oracle")],
        "nothing": [],
    }
    got = told_from_best(rows)
    assert {key for key, p in got.items() if p is not None} == {"worse"}
    # The one pair is all there is to correct for.
    assert got["worse"] == told_from_best({key: rows[key] for key in ("best", "worse")})["worse"]


def test_no_row_or_one_is_no_comparison(run):
    assert told_from_best({}) == {}
    assert told_from_best({"a": [run(4)]}) == {"a": None}
    assert told_from_best({"a": [run(4, licensed=True)]}) == {"a": None}
    assert told_apart({}) == {}


def test_licensed_rows_are_compared_with_labels(run):
    rows = {"a": [run(4, licensed=True)], "b": [run(12, seed=1, licensed=True)]}
    assert told_from_best(rows) == {"a": None, "b": None}
    got = told_from_best(rows, scores(rows["a"][0]))
    assert got["a"] is None
    assert got["b"] < 0.05


def test_hundreds_of_rows_take_seconds(run):
    records = [run(spread, seed=spread, sessions=50) for spread in range(3, 33, 3)]
    rows = {index: [records[index % 10]] for index in range(600)}
    started = time.perf_counter()
    got = told_from_best(rows)
    # Target 4 s; the rest is room for a busy machine.
    assert time.perf_counter() - started < 40
    assert got[0] is None
    assert got[10] == 1
    assert got[9] < 0.05


def test_all_pairs_are_corrected_together(run):
    rows = {
        "a": [run(4)],
        "b": [run(9, seed=1)],
        "c": [run(16, seed=2)],
        "elsewhere": [run(9, seed=3, sessions=30)],
        "there too": [run(9, seed=4, sessions=30)],
    }
    got = told_apart(rows)
    assert set(got) == {("a", "b"), ("a", "c"), ("b", "c"), ("elsewhere", "there too")}
    single = []
    for one, other in got:
        left, right = part(rows[one]), part(rows[other])
        differences = rmse_differences(left.squared, right.squared)
        single.append(sign_flip_p([differences], left.subjects)[0])
    assert [found.p for found in got.values()] == pytest.approx(holm(single))
    assert got["a", "c"].p < 0.05


def test_a_comparison_says_what_it_found(run):
    first = [run(3, seed=seed, method="A", config="a") for seed in (0, 1)]
    second = [run(12, seed=9, method="B", config="B")]
    got = compare(first, second)
    effect = got.pair.effect
    wanted = np.mean([record.metrics.RMSE for record in first]) - second[0].metrics.RMSE
    assert effect.difference == pytest.approx(wanted)
    assert effect.interval[0] < effect.difference < effect.interval[1] < 0
    assert got.d_z < 0
    assert got.is_told_apart
    assert (got.sessions, got.pair.persons) == (40, 40)
    values = [record.metrics.RMSE for record in first]
    assert got.first.rmse == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert got.second.rmse == (second[0].metrics.RMSE, None)
    text = "\n".join(got.lines())
    assert "A (a) against B on demo: 40 sessions of 40 persons" in text
    assert "±" in text
    assert "(2 runs)" in text
    assert "(1 run)" in text
    assert "over persons alone (runs from 5 on)" in text
    assert "for this training set and this test set of 40 persons" in text
    assert "A (a) has the smaller errors" in text
    assert "say nothing about depression" in text
    assert "different corpora" not in text


def test_a_comparison_names_no_winner_without_a_difference(run):
    text = "\n".join(compare([run(5)], [run(5.1, seed=3)]).lines())
    assert "can't be told apart" in text
    assert "smaller errors" not in text
    same = compare([run(5, sessions=4)], [run(5, sessions=4)])
    assert same.p == 1
    assert "undefined" in "\n".join(same.lines())


def test_a_comparison_warns_of_another_preparation(run):
    text = "\n".join(compare([run(5)], [run(9, seed=1, corpus_checksum="ba5eba11")]).lines())
    assert "different corpora (c0ffee00 and ba5eba11)" in text


def test_what_cannot_be_compared_is_refused(run):
    with pytest.raises(ValueError, match="10 are in one alone, '030_1' first"):
        compare([run(5)], [run(5, sessions=30)])
    with pytest.raises(ValueError, match=r"is on track 'demo' and .* on 'demo-freeform'"):
        compare([run(5)], [run(5, track="demo-freeform")])
    relabelled = run(5, sessions=30)
    entries = [entry.model_copy(update={"label": 1.0}) for entry in relabelled.predictions]
    with pytest.raises(ValueError, match="other persons or labels"):
        compare([run(5, sessions=30)], [relabelled.model_copy(update={"predictions": entries})])
    with pytest.raises(ValueError, match="has no label"):
        compare([run(5)], [run(5, licensed=True)])
