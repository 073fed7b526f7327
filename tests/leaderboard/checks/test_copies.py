"""Predictions that two configs share are told."""

import numpy as np
import pytest
from sent_records import METHOD, drawn, predicted, send

from adabench.leaderboard.acceptance.accept import accept, remarks_on
from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.checks.copies import copies, predictions_of
from adabench.records import write_record

BASE = np.random.default_rng(0).uniform(0, 45, 20)

CHANGES = {
    "equal": BASE,
    "shifted by nearly nothing": BASE + 1e-9,
    "shifted": BASE + 3.0,
    "scaled": BASE * 0.9 + 2,
    "noised": BASE + np.random.default_rng(1).normal(0, 0.05, 20),
    "rounded": BASE.round(1),
    "one session changed a little": np.where(np.arange(20) == 4, BASE + 0.2, BASE),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_copy_is_found(kind):
    others = {n: np.random.default_rng(n + 2).uniform(0, 45, 20) for n in range(30)}
    assert list(copies({**others, "base": BASE, "copy": CHANGES[kind]})) in (
        [("base", "copy")],
        [("copy", "base")],
    )


@pytest.mark.parametrize("sigma", [2.0, 5.0])
def test_two_trainings_are_none(sigma):
    noise = np.random.default_rng(1).normal(0, sigma, 20)
    assert list(copies({"a": BASE, "b": BASE + noise, "mirror": -BASE})) == []


def test_constants_and_few_sessions_are_like_no_other():
    assert list(copies({"a": [17.0] * 20, "b": [17.0] * 20, "c": [18.0] * 20})) == []
    assert list(copies({"a": BASE[:4], "b": BASE[:4]})) == []
    assert list(copies({"a": [], "b": []})) == []


def test_bounds_take_no_part(make_record):
    assert predictions_of(make_record(kind="bound", method="bound: mean")) == ()
    assert len(predictions_of(make_record())) == 15


@pytest.fixture
def root(tmp_path):
    (tmp_path / "board").mkdir()
    return tmp_path / "board"


def guessed(shift=0.0):
    return predicted(drawn(), [session.score * 0.7 + 4 + shift for session in drawn()])


@pytest.mark.parametrize("shift", [0.0, 1e-9, 2.5])
@pytest.mark.parametrize("method", ["Mine", "Theirs"])
def test_add_and_verify_tell_of_it(root, shift, method):
    first = accept(send(root / "local", **guessed()), root)
    copied = {"name": "theirs", "method": {**METHOD, "name": method, "more": 1}}
    second = accept(send(root / "local", run=copied, **guessed(shift)), root)
    (remark,) = remarks_on(second, root, {})
    assert f"its predictions are those of {first} but for a shift" in remark
    found = verify(root)
    assert found.holds
    if method == "Mine":
        # An option without any effect is no fault of the leaderboard's.
        assert found.warnings == ()
        return
    (warning,) = found.warnings
    assert {first.name, second.name} == {warning.path.name} | {
        path.name for path in (first, second) if str(path) in warning.reason
    }


def test_seeds_of_one_config_may_be_alike(root):
    accept(send(root / "local", **guessed()), root)
    second = accept(send(root / "local", seed=1, **guessed()), root)
    assert list(remarks_on(second, root, {})) == []
    assert verify(root).warnings == ()


def test_a_licensed_record_without_labels_says_what_was_not_done(root, licensed, tmp_path):
    path = accept(write_record(licensed(), root / "local"), root, allow_dirty=True)
    assert any("metrics not recomputed" in remark for remark in remarks_on(path, root, {}))
