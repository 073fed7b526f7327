"""A bound counts if it is the generator's own."""

import pytest
from sent_records import TINY, drawn, experiment, predicted, send, sent

from adabench.leaderboard.acceptance.accept import RefusedError, accept
from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.checks import bounds as module
from adabench.leaderboard.checks.bounds import bound_reasons
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.records import read_record
from adabench.synthface import SynthfaceParameters, bounds


@pytest.fixture
def root(tmp_path):
    (tmp_path / "board").mkdir()
    return tmp_path / "board"


def run_of(name, **changes):
    method = {"name": f"bound: {name}", "type": "GeneratorBound", "bound": name}
    return {"name": "bounds", "method": method, **changes}


def own(name="oracle", shift=0.0, **changes):
    """The generator's own bound, or one that is off by ``shift`` in the first session."""
    found = bounds(SynthfaceParameters.tiny(TINY["seed"]))[name]
    guess = [found.predictions[session.name] for session in drawn()]
    guess[0] += shift
    return {"kind": "bound", "run": run_of(name), **predicted(drawn(), guess), **changes}


def forged(rmse=40.0):
    """An oracle of any error that its sender likes."""
    return {
        "kind": "bound",
        "run": run_of("oracle"),
        **predicted(drawn(), [min(session.score, 20) + rmse for session in drawn()]),
    }


def test_the_generators_own_is_taken_and_judges(root):
    path = accept(send(root / "local", **own()), root)
    assert verify(root).holds
    assert list(bound_reasons(read_record(path), experiment(**run_of("oracle")))) == []


FORGED = {
    "any error": (forged(), "its predictions are not those of the generator's own bound"),
    "one session": (own(shift=0.01), "its predictions are not those of the generator's own bound"),
    "another bound": ({**own("mean"), "run": run_of("oracle")}, "its predictions are not those"),
    "fewer sessions": (
        {**own(), **predicted(drawn()[:7], [20.0, 30.0] * 3 + [1.0])},
        "has other sessions: 8, not 7",
    ),
    "no such bound": ({**own(), "run": run_of("of mine")}, "its bound can't be computed from"),
    "a method's config": (
        {**own(), "run": {}, "method": "bound: oracle"},
        "its config is of 'Mine', which is no bound of the generator",
    ),
    "no config": ({**own(), "provenance": {}, "files": {}}, "a bound without its config"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_bound_is_refused(root, kind):
    content, reason = FORGED[kind]
    path = send(root / "local", **{**content, "intervals": {}})
    with pytest.raises(RefusedError, match=reason):
        accept(path, root, allow_dirty=True)


def rows_of(*entries):
    (table,) = build_tables(entries)
    return {row.method: row for row in table.rows}


def entry(root, place, **content):
    path = send(root / place, **content)
    return Entry(read_record(path), place, path)


def test_a_forged_oracle_judges_nobody(root):
    mine = entry(root, "local", error=5.0)
    rows = rows_of(mine, entry(root, "local", **forged()))
    assert rows["Mine"].standing.contradiction == ""
    # Named as a folder of results, or copied without its config, it is believed no more.
    bare = {**forged(), "provenance": {}, "files": {}}
    for place in ("their results", "local"):
        rows = rows_of(mine, entry(root, place, **bare))
        assert rows["Mine"].standing.contradiction == ""


def test_the_generators_own_judges_wherever_it_lies(root):
    cheat = entry(root, "local", error=0.01)
    for place in ("local", "measured", "their results"):
        rows = rows_of(cheat, entry(root, place, **own()))
        assert "better than the oracle" in rows["Mine"].standing.contradiction


def test_an_accepted_oracle_needs_no_config(root):
    """Those of older versions have none."""
    cheat = entry(root, "local", error=0.01)
    rows = rows_of(cheat, entry(root, "measured", **own(), provenance={}, files={}))
    assert "better than the oracle" in rows["Mine"].standing.contradiction


def test_a_corpuss_bounds_are_computed_once(root, monkeypatch):
    module._computed.cache_clear()
    record, _ = sent(**own())
    run = experiment(**run_of("oracle"))
    assert list(bound_reasons(record, run)) == []
    assert list(bound_reasons(record, run)) == []
    assert module._computed.cache_info().misses == 1
    elsewhere = experiment(**run_of("oracle", track="avec14"))
    assert "is of no generated corpus" in next(iter(bound_reasons(record, elsewhere)))
