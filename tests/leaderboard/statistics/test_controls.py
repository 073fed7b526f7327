"""Rows that a control contradicts."""

import numpy as np
import pytest
from record_fixtures import as_licensed

from adabench.evaluation import score_metrics
from adabench.evaluation.controls import NUISANCE, PERSONS
from adabench.leaderboard.statistics.controls import ORACLE, SHUFFLED, contradictions
from adabench.records import CONSTANT, Metrics, Prediction, Record, Reported

MEAN = 20.0


@pytest.fixture
def row(make_record):
    """A factory of rows of one record: predictions given, or off by ``error`` up and down."""

    def make(error=5.0, guess=None, labels=None, **changes):
        true = np.arange(0, 45, 3, dtype=float) if labels is None else np.asarray(labels)
        sign = np.where(np.arange(len(true)) % 2, 1.0, -1.0)
        predicted = true + error * sign if guess is None else np.asarray(guess)
        return make_record(
            metrics=Metrics(**score_metrics(predicted, true)),
            predictions=[
                Prediction(
                    session=f"{index:03d}_1", subject=f"{index:03d}", prediction=value, label=label
                )
                for index, (value, label) in enumerate(zip(predicted, true, strict=True))
            ],
            **changes,
        )

    return make


@pytest.fixture
def controls(row):
    """RMSE of the constant 13.0, of shuffled labels 13.5, of the oracle 3."""
    return {
        CONSTANT: [row(guess=np.full(15, MEAN), kind="control", method=CONSTANT)],
        SHUFFLED: [row(13.5, kind="control", method=SHUFFLED)],
        ORACLE: [row(3, kind="bound", method=ORACLE)],
        "weak bound": [row(8, kind="bound", method="bound: mean")],
    }


def test_a_sound_row_is_left_alone(row, controls):
    assert contradictions({**controls, "a": [row(5)], "b": [row(12)]}) == {}
    assert contradictions({}) == {}
    assert contradictions({"alone": [row(50)], "empty": []}) == {}


def test_no_better_than_the_constant(row, controls):
    del controls[SHUFFLED]
    constant = controls[CONSTANT][0].metrics.RMSE
    got = contradictions({**controls, "a": [row(13.2)], "same": [row(guess=np.full(15, MEAN))]})
    assert got["a"] == f"no better than the constant (RMSE 13.20 against {constant:.2f})"
    assert set(got) == {"a", "same"}


def test_the_mean_over_seeds_counts(row, controls):
    assert contradictions({**controls, "a": [row(16), row(4, seed=1)]}) == {}
    assert set(contradictions({**controls, "a": [row(16), row(12, seed=1)]})) == {"a"}


def test_no_better_than_shuffled_labels(row, controls):
    got = contradictions({**controls, "a": [row(14)]})
    assert "no better than the constant" in got["a"]
    assert "no better than shuffled labels (RMSE 14.00 against 13.50)" in got["a"]
    # Near the persons' mean and without any order among them, so that it is no leak itself.
    near = np.arange(0, 45, 3).mean() + np.resize([0.1, -0.1], 15)
    controls[SHUFFLED] = [row(guess=near, kind="control", method=SHUFFLED)]
    got = contradictions({**controls, "a": [row(12.98)]})
    assert got["a"] == "no better than shuffled labels (RMSE 12.98 against 12.96)"


def test_better_than_the_oracle(row, controls):
    got = contradictions({**controls, "a": [row(2.9)], "equal": [row(3)]})
    assert set(got) == {"a"}
    assert "better than the oracle, which knows the scores' own noise" in got["a"]
    assert "RMSE 2.90 against 3.00" in got["a"]


def test_shuffled_labels_that_teach_are_flagged(row, controls):
    leak = row(6, kind="control", method=SHUFFLED)
    got = contradictions({**controls, "leak": [leak]})
    assert set(got) == {"leak"}
    assert "better than the constant by more than chance" in got["leak"]
    assert "something tells the labels" in got["leak"]
    # Without a constant there is nothing to be better than.
    assert contradictions({"leak": [leak]}) == {}


def test_a_leak_judges_nobody(row, controls):
    leak = row(6, kind="control", method=SHUFFLED)
    assert set(contradictions({**controls, "leak": [leak], "honest": [row(7)]})) == {"leak"}
    # Nor does the mean over its seeds, or one beside a control that is believed.
    seeds = [leak, row(7, seed=1, kind="control", method=SHUFFLED)]
    got = contradictions({**controls, "leak": seeds, "honest": [row(12)], "poor": [row(13.6)]})
    assert set(got) == {"leak", "poor"}
    assert "13.60 against 13.50" in got["poor"]


def test_shuffled_labels_judge_their_own_config_only(row, controls):
    theirs = {"config": "theirs", "config_hash": "b" * 16, "method": "Theirs"}
    near = np.arange(0, 45, 3).mean() + np.resize([0.1, -0.1], 15)
    controls[SHUFFLED] = [row(guess=near, kind="control", method=SHUFFLED)]
    rows = {**controls, "own": [row(12.98)], "theirs": [row(12.98, **theirs)]}
    assert set(contradictions(rows)) == {"own"}
    # The hash of what was shuffled counts before any name, and an override makes another config.
    assert set(contradictions(rows, judged={SHUFFLED: "b" * 16})) == {"theirs"}
    assert contradictions(rows, judged={SHUFFLED: "c" * 16}) == {}
    rows["own"] = [row(12.98, overrides=["training.epochs=1"])]
    assert contradictions(rows) == {}
    rows[SHUFFLED] = [
        record.model_copy(update={"overrides": ["shuffle_labels=True", "training.epochs=1"]})
        for record in controls[SHUFFLED]
    ]
    assert set(contradictions(rows)) == {"own"}


@pytest.mark.parametrize(
    "guess",
    [
        np.arange(0, 45, 3, dtype=float),
        np.where(np.arange(15) == 7, 20.5, 20.0),
        20.0 + np.arange(15) * 1e-3,
    ],
    ids=["the labels", "one session apart", "hardly apart"],
)
def test_a_constant_that_tells_sessions_apart_judges_nobody(row, controls, guess):
    controls[CONSTANT] = [row(guess=guess, kind="control", method=CONSTANT)]
    got = contradictions({**controls, "honest": [row(5)], "poor": [row(13.4)]})
    assert set(got) == {CONSTANT}
    assert "of which it can have 1" in got[CONSTANT]


def test_a_constant_of_folds_must_not_go_with_the_labels(row, controls):
    folds = {"protocol": "5 folds, validation 20, seed 0, 01234567", "kind": "control"}
    labels = np.arange(0, 45, 3, dtype=float)
    honest = np.resize([20.0, 20.5, 21.0, 21.5, 22.0], 15)
    sorted_in = np.repeat([5.0, 12.0, 20.0, 30.0, 40.0], 3)
    for guess, wrong in ((honest, set()), (sorted_in, {"c"})):
        rows = {"c": [row(guess=guess, labels=labels, method=CONSTANT, **folds)]}
        rows["honest"] = [row(8, protocol=folds["protocol"])]
        assert set(contradictions(rows)) == wrong
    assert "something tells them" in contradictions(rows)["c"]


def test_an_oracle_that_is_doubted_or_worse_than_the_constant_judges_nobody(row, controls):
    controls[ORACLE] = [row(11, kind="bound", method=ORACLE)]
    rows = {**controls, "a": [row(10)]}
    assert set(contradictions(rows)) == {"a"}
    assert contradictions(rows, doubted=[ORACLE]) == {}
    controls[ORACLE] = [row(40, kind="bound", method=ORACLE)]
    assert contradictions({**controls, "a": [row(10)]}) == {}
    # One that is believed goes on judging beside it.
    sound = [row(3, kind="bound", method=ORACLE)]
    assert set(contradictions({**controls, "sound": sound, "a": [row(2)]})) == {"a"}


def test_another_constant_is_no_leak(row, controls):
    """Closer to the test persons' mean, and so of lower RMSE, but it tells none from another."""
    labels = np.arange(0, 45, 3, dtype=float)
    guess = np.full(15, labels.mean()) + np.resize([0.1, -0.1], 15)
    near = row(guess=guess, kind="control", method=SHUFFLED)
    assert near.metrics.RMSE < controls[CONSTANT][0].metrics.RMSE
    assert contradictions({**controls, "near": [near]}) == {}


def test_chance_is_rarely_called_a_leak(row):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 46, 50).astype(float)
    rows = {
        CONSTANT: [row(guess=np.full(50, MEAN), labels=labels, kind="control", method=CONSTANT)]
    }
    for index in range(120):
        guess = labels.mean() + generator.normal(0, 1.5, 50)
        rows[index] = [row(guess=guess, labels=labels, kind="control", method=SHUFFLED)]
    got = contradictions(rows)
    # 5 %, of which the range holds 99.9 %; some of these are no better than the constant.
    assert 1 <= len(got) <= 14
    below = sum(rows[k][0].metrics.RMSE < rows[CONSTANT][0].metrics.RMSE for k in range(120))
    assert below > 40


def test_a_licensed_record_is_judged_by_its_figures(row, controls):
    def bare(records):
        """Records as somebody without private side files reads them; bounds are of open corpora."""
        return [
            record
            if record.kind == "bound"
            else Record.model_validate_json(as_licensed(record).model_dump_json())
            for record in records
        ]

    rows = {**controls, "a": [row(20)], "leak": [row(6, kind="control", method=SHUFFLED)]}
    assert contradictions({key: bare(records) for key, records in rows.items()}) == contradictions(
        rows
    )


@pytest.mark.parametrize(
    "changes",
    [{"track": "demo-freeform"}, {"corpus_checksum": "ba5eba11"}, {"protocol": "leave-one-out"}],
)
def test_a_row_is_judged_by_controls_of_its_own_data(row, controls, changes):
    assert contradictions({**controls, "a": [row(40, **changes)]}) == {}


def test_the_oracle_judges_every_protocol_on_its_sessions(row, controls):
    assert set(contradictions({**controls, "a": [row(1, protocol="other")]})) == {"a"}
    assert contradictions({**controls, "a": [row(1, labels=np.arange(14.0))]}) == {}


def test_bounds_controls_and_printed_rows_are_not_judged_as_methods(row, controls, make_record):
    printed = make_record(
        error=40, origin=Reported(paper="p", table="1", row="r"), seed=None, intervals={}
    )
    rows = {
        **controls,
        "printed": [printed],
        "hopeless bound": [row(40, kind="bound", method="bound: x")],
        "another control": [row(40, kind="control", method="nearest neighbour")],
    }
    assert contradictions(rows) == {}


@pytest.fixture
def faceless(row):
    """A factory of controls that read no face, with what they reach on development and test sessions."""

    def make(name=NUISANCE, p=0.01, rmse=9.0, seed=0, split="dev"):
        found = {split: {"rmse": rmse, "constant": 12.0, "p": p}}
        return row(12.9, kind="control", method=name, against_constant=found, seed=seed)

    return make


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_control_that_reads_no_face_and_beats_the_constant_is_flagged(faceless, split):
    got = contradictions({"a": [faceless(split=split)], PERSONS: [faceless(PERSONS, p=0.2)]})
    assert got == {
        "a": f"reads no face and is better than the constant (on {split}, RMSE 9.00 against 12.00, "
        "p = 0.0100): a shortcut tells"
    }


def test_being_worse_than_the_constant_is_no_shortcut(faceless):
    assert contradictions({"a": [faceless(rmse=14.0)], "b": [faceless(p=0.051)]}) == {}


def test_of_many_draws_as_many_as_chance_fires_are_no_shortcut(faceless):
    def draws(fired, of):
        return [faceless(p=0.01 if n < fired else 0.5, seed=n) for n in range(of)]

    # binomial at 5 %: 2 or more of 5 in 2.3 %, 1 or more in 22.6 %
    assert contradictions({"a": draws(1, 5)}) == {}
    got = contradictions({"a": draws(2, 5)})
    assert "on dev, RMSE 9.00 against 12.00, in 2 of 5" in got["a"]
