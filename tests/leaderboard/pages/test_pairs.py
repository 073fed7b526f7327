"""Every pair of a track's rows."""

import numpy as np
import pytest
from draw_records import drawn_run
from record_fixtures import as_licensed

from adabench.leaderboard.pages.pairs import pairs_of_track, render_pairs
from adabench.leaderboard.statistics.told import told_apart
from adabench.leaderboard.statistics.two_rows import compare
from adabench.records.files.labels import CorpusLabels
from adabench.records.files.results import write_record


@pytest.fixture
def root(make_record, tmp_path):
    """A leaderboard with two good methods, a bad one with two seeds, and a bound."""
    runs = {"good": (2, 0), "alike": (2, 1), "bad": (14, 2), "worse": (14, 3)}
    for name, (error, seed) in runs.items():
        method = name.replace("worse", "bad")
        record = make_record(error=error, seed=seed, method=method, config=method)
        write_record(record, tmp_path / "measured")
    bound = make_record(error=0.5, seed=9, kind="bound", method="oracle", config="bounds")
    write_record(bound, tmp_path / "measured")
    return tmp_path


def test_every_pair_is_told_once_and_the_better_one_first(root, make_record):
    ((pairs),) = (own.pairs for own in pairs_of_track("demo", root))
    assert {frozenset((pair.first, pair.second)) for pair in pairs} == {
        frozenset(("good", "bad")),
        frozenset(("alike", "bad")),
        frozenset(("good", "alike")),
    }
    assert [pair.p for pair in pairs] == sorted(pair.p for pair in pairs)
    (pair,) = (pair for pair in pairs if {pair.first, pair.second} == {"good", "bad"})
    good = [make_record(error=2, seed=0, method="good", config="good")]
    bad = [make_record(error=14, seed=s, method="bad", config="bad") for s in (2, 3)]
    alike = [make_record(error=2, seed=1, method="alike", config="alike")]
    assert pair.first == "good"
    assert pair.effect == compare(good, bad).pair.effect
    expected = told_apart({"good": good, "bad": bad, "alike": alike})
    assert pair.p == pytest.approx(expected["good", "bad"].p)


def test_pairs_that_are_not_told_apart_are_only_counted(root):
    pairs = pairs_of_track("demo", root)
    text = "\n".join(render_pairs(pairs))
    assert "2 of 3 pairs are told apart (Holm over all of them)" in text
    assert "oracle" not in text
    assert "nothing about depression" in text


def test_pairs_of_two_bases_are_in_shares_of_their_own_constants(tmp_path):
    records = {}
    for base, day in ((0, 1), (1, 2)):
        for method, spread in (("constant", 0), (f"A{base}", 4.0), (f"C{base}", 9.0)):
            for draw in range(5):
                created = f"2026-01-{day:02d}T00:00:00+00:00"
                run = drawn_run(method, draw, spread, base=base, created=created)
                records[method, base, draw] = run.metrics.RMSE
                write_record(run, tmp_path / "measured")
    (found,) = pairs_of_track("demo-freeform", tmp_path)
    for base in (0, 1):
        (pair,) = (p for p in found.pairs if {p.first, p.second} == {f"A{base}", f"C{base}"})
        assert pair.unit == "of the constant's error"
        wanted = [
            (records[pair.first, base, draw] - records[pair.second, base, draw])
            / records["constant", base, draw]
            for draw in range(5)
        ]
        assert pair.effect.difference == pytest.approx(np.mean(wanted))
    assert not any({p.first[1:], p.second[1:]} == {"0", "1"} for p in found.pairs)


def test_no_p_is_printed_as_0(tmp_path):
    for method, spread in (("A", 1.0), ("C", 30.0)):
        for draw in range(5):
            run = drawn_run(method, draw, spread, persons=60)
            write_record(run, tmp_path / "measured")
    found = pairs_of_track("demo-freeform", tmp_path)
    ((pair,),) = (own.pairs for own in found)
    assert max(pair.p, pair.p_beyond) < 0.0001
    text = "\n".join(render_pairs(found))
    assert text.count("< 0.0001") == 2
    assert "0.0000" not in text


def test_licensed_records_need_labels(make_record, tmp_path):
    for name, error in (("one", 2), ("two", 14)):
        record = make_record(error=error, method=name, config=name)
        truth = {entry.session: float(entry.label) for entry in record.predictions}
        licensed = as_licensed(record, track="avec14", corpus="avec2014")
        write_record(licensed, tmp_path / "local")
    with pytest.raises(ValueError, match="no two measured rows"):
        pairs_of_track("avec14", tmp_path)
    persons = {entry.session: entry.subject for entry in record.predictions}
    corpus = CorpusLabels(name="avec2014", licensed=True, scores=truth, subjects=persons)
    (found,) = pairs_of_track("avec14", tmp_path, {"c0ffee00c0ffee00": corpus})
    (pair,) = found.pairs
    assert (pair.first, pair.second) == ("one", "two")
