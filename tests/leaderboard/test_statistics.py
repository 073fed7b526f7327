"""Rows compared by their records."""

import time

import numpy as np
import pytest
from record_fixtures import as_licensed

from adabench.evaluation import score_metrics
from adabench.evaluation.significance import holm, nemenyi, permutation_p, sign_flip_p
from adabench.leaderboard.ranks import FEWEST_METHODS, FEWEST_TRACKS
from adabench.leaderboard.statistics import (
    compare,
    ranks_over_tracks,
    session_errors,
    told_apart,
    told_from_best,
)
from adabench.records import Metrics, Prediction, Reported

SESSIONS = 40


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


def test_errors_are_means_over_seeds_by_session(run):
    records = [run(4, seed=0), reordered(run(4, seed=1))]
    got = session_errors(records)
    assert list(got.sessions) == sorted(entry.session for entry in records[0].predictions)
    assert got.subjects == tuple(session.split("_")[0] for session in got.sessions)
    maes = [record.metrics.MAE for record in records]
    assert got.errors.mean() == pytest.approx(np.mean(maes))
    first = [
        abs(entry.prediction - entry.label)
        for record in records
        for entry in record.predictions
        if entry.session == "000_1"
    ]
    assert got.errors[0] == pytest.approx(np.mean(first))


def test_a_licensed_record_needs_labels(run):
    open_, licensed = run(4), run(4, licensed=True)
    labels = scores(licensed)
    got = session_errors([licensed], labels)
    assert got.errors == pytest.approx(session_errors([open_]).errors)
    assert got.matches(session_errors([open_], labels))
    with pytest.raises(ValueError, match=r"'000_1' of Dep-MAP .* has no label.*licensed"):
        session_errors([licensed])
    del labels["005_1"]
    with pytest.raises(ValueError, match=r"'005_1'.* has no label"):
        session_errors([licensed], labels)
    with pytest.raises(ValueError, match=r"'000_1' has label 39.0 .* but 3.0 in the labels given"):
        session_errors([open_], {"000_1": 3.0})


def test_what_is_no_row_is_refused(run, make_record):
    with pytest.raises(ValueError, match="at least one record"):
        session_errors([])
    with pytest.raises(ValueError, match=r"Dep-MAP \(depmap_r18_avec14\) differ in sessions"):
        session_errors([run(4), run(4, seed=1, sessions=30)])
    printed = make_record(
        origin=Reported(paper="p", table="1", row="r"), predictions=[], seed=None, intervals={}
    )
    with pytest.raises(ValueError, match="holds no predictions"):
        session_errors([printed])


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
    errors = {key: session_errors(records) for key, records in rows.items()}
    differences = [errors[key].errors - errors["best"].errors for key in ("far", "near")]
    wanted = holm(sign_flip_p(differences, errors["best"].subjects))
    assert [got["far"], got["near"]] == pytest.approx(wanted)


def test_persons_are_exchanged_not_sessions(run):
    rows = {"a": [run(4, each=4)], "b": [run(5.5, seed=7, each=4)]}
    one, other = (session_errors(records) for records in rows.values())
    assert len(set(one.subjects)) == 10
    wanted = permutation_p(one.errors, other.errors, one.subjects)
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


def test_thousands_of_rows_take_seconds(run):
    records = [run(spread, seed=spread, sessions=50) for spread in range(3, 33, 3)]
    rows = {index: [records[index % 10]] for index in range(3000)}
    started = time.perf_counter()
    got = told_from_best(rows)
    # Target 2 s; the rest is room for a busy machine.
    assert time.perf_counter() - started < 10
    assert got[0] is None
    assert got[10] == 1
    # Random patterns alone could not go below 2999 / 10,000 after the correction.
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
        left, right = session_errors(rows[one]), session_errors(rows[other])
        single.append(sign_flip_p([left.errors - right.errors], left.subjects)[0])
    assert list(got.values()) == pytest.approx(holm(single))
    assert got["a", "c"] < 0.05


def test_a_comparison_says_what_it_found(run):
    first = [run(3, seed=seed, method="A", config="a") for seed in (0, 1)]
    second = [run(12, seed=9, method="B", config="B")]
    got = compare(first, second)
    errors = [session_errors(records) for records in (first, second)]
    assert got.effect.difference == pytest.approx((errors[0].errors - errors[1].errors).mean())
    assert got.effect.interval[0] < got.effect.difference < got.effect.interval[1] < 0
    assert got.effect.d_z < 0
    assert got.is_told_apart
    assert (got.sessions, got.persons) == (40, 40)
    values = [record.metrics.RMSE for record in first]
    assert got.first.rmse == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert got.second.rmse == (second[0].metrics.RMSE, None)
    text = "\n".join(got.lines())
    assert "A (a) against B on demo: 40 sessions of 40 persons" in text
    assert "±" in text
    assert "(2 seeds)" in text
    assert "(1 seed)" in text
    assert "9999 random patterns" in text
    assert "A (a) has the smaller errors" in text
    assert "say nothing about depression" in text
    assert "prepared differently" not in text


def test_a_comparison_names_no_winner_without_a_difference(run):
    text = "\n".join(compare([run(5)], [run(5.1, seed=3)]).lines())
    assert "can't be told apart" in text
    assert "smaller errors" not in text
    same = compare([run(5, sessions=4)], [run(5, sessions=4)])
    assert same.p == 1
    assert "undefined" in "\n".join(same.lines())
    assert "all 16 patterns" in "\n".join(same.lines())


def test_a_comparison_warns_of_another_preparation(run):
    text = "\n".join(compare([run(5)], [run(9, seed=1, corpus_checksum="ba5eba11")]).lines())
    assert "prepared differently (c0ffee00 and ba5eba11)" in text


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


def table(tracks, methods, *, seed=0, step=1.0):
    noise = np.random.default_rng(seed).normal(size=(tracks, methods))
    return {
        f"track{t}": {f"m{m}": 8 + step * m + noise[t, m] for m in range(methods)}
        for t in range(tracks)
    }


def test_ranks_over_tracks_are_averages(run):
    rmse = table(4, 5)
    got = ranks_over_tracks(rmse)
    by_hand = {
        name: np.mean([sorted(on.values()).index(on[name]) + 1 for on in rmse.values()])
        for name in rmse["track0"]
    }
    assert got.ranks == pytest.approx(by_hand)
    assert list(got.ranks.values()) == sorted(by_hand.values())
    assert got.tracks == tuple(rmse)
    assert got.left_out == got.tracks_left_out == ()
    wanted = nemenyi([[on[name] for name in got.ranks] for on in rmse.values()])
    assert got.p_values == pytest.approx(wanted)
    text = "\n".join(got.lines())
    assert "average ranks over 4 tracks (track0, track1, track2, track3)" in text
    assert "m0" in text
    assert "or more apart differ" in text


def test_ranks_without_order_tell_nothing():
    got = ranks_over_tracks(table(3, 3, seed=3, step=0))
    assert got.p > 0.05
    assert "can't be told apart by their ranks" in "\n".join(got.lines())


def test_too_few_have_no_ranks():
    assert ranks_over_tracks({}) is None
    assert ranks_over_tracks(table(FEWEST_TRACKS - 1, 8)) is None
    assert ranks_over_tracks(table(8, FEWEST_METHODS - 1)) is None
    assert ranks_over_tracks(table(FEWEST_TRACKS, FEWEST_METHODS)) is not None
    disjoint = {track: {f"{track} {name}": 1.0 for name in "abc"} for track in "xyz"}
    assert ranks_over_tracks(disjoint) is None


def test_holes_are_left_out_and_said():
    rmse = table(4, 5)
    rmse["own"] = {"m0": 3.0, "mine": 4.0}
    del rmse["track1"]["m4"]
    got = ranks_over_tracks(rmse)
    assert got.tracks == ("track0", "track1", "track2", "track3")
    assert sorted(got.ranks) == ["m0", "m1", "m2", "m3"]
    assert got.left_out == ("m4", "mine")
    assert got.tracks_left_out == ("own",)
    text = "\n".join(got.lines())
    assert "not ranked: m4, mine" in text
    assert "too few of these methods: own" in text


def test_ranks_of_what_is_not_finite_are_refused():
    rmse = table(3, 3)
    rmse["track0"]["m0"] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        ranks_over_tracks(rmse)
