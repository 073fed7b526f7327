"""A run is a line: its corpus is opened once and divided once, whatever kind of method it is of."""

from collections import Counter
from pathlib import Path

import pytest

from adabench.data.prepared import PreparedCorpus
from adabench.engine.controls import run_controls
from adabench.engine.data import rundata
from adabench.engine.kinds import EstimatorRun
from adabench.engine.recording.repeat import experiment_of
from adabench.engine.run import make_ready, score_checkpoint, train
from adabench.records import read_record

CONSTANT = "constant_avec14.py"


@pytest.fixture
def counts(monkeypatch):
    """How often corpora were opened, by folder, and how often one was divided, by protocol."""
    found = Counter()
    opens, divides = PreparedCorpus.open.__func__, rundata.divide

    def opened(kind, root, *arguments, **options):
        found[Path(root).name.split("-")[0]] += 1
        return opens(kind, root, *arguments, **options)

    def divided(corpus, protocol, *arguments, **options):
        found["divided"] += 1
        return divides(corpus, protocol, *arguments, **options)

    monkeypatch.setattr(PreparedCorpus, "open", classmethod(opened))
    monkeypatch.setattr(rundata, "divide", divided)
    return found


def folders(root):
    return {"work_dir": root / "work", "results": root / "results"}


def test_a_network(tiny, tmp_path, counts):
    outcome = train(tiny.experiment("training.epochs=1"), **folders(tmp_path))
    assert counts == {"synthface": 1, "divided": 1}
    counts.clear()
    score_checkpoint(tiny.experiment("training.epochs=1"), outcome.checkpoint)
    assert counts == {"synthface": 1, "divided": 1}
    counts.clear()
    train(tiny.experiment("training.epochs=1"), **folders(tmp_path), resume=True)
    assert counts == {}


def test_a_network_that_stands_on_a_trained_method(tiny, tmp_path, counts):
    """The stage learns from the very clips that the run has open."""
    changed = ("stages.encoder.training.epochs=1", "stages.encoder.seed=5")
    run = tiny.experiment(*changed, config="expada_avec14_freeform.py")
    make_ready(run, "encoder")
    assert counts == {"synthface": 1, "divided": 1}


def test_an_estimator(tiny, tmp_path, counts):
    train(tiny.experiment(config=CONSTANT), **folders(tmp_path))
    assert counts == {"synthface": 1, "divided": 1}


def test_runs_that_are_joined_share_the_corpus(tiny, tmp_path, counts):
    """Each of them divides it for itself, and so does the one that joins them."""
    run = tiny.experiment("protocol.k=3", protocol="folds", config=CONSTANT)
    train(run, **folders(tmp_path))
    assert counts == {"synthface": 1, "divided": 4}
    counts.clear()
    train(tiny.experiment("fusion=fused", config=CONSTANT), **folders(tmp_path / "fused"))
    assert counts == {"synthface": 1, "divided": 3}


@pytest.mark.parametrize("resume", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_run_is_checked_once_and_those_that_it_joins_with_it(tiny, tmp_path, monkeypatch, resume):
    checked, whole = [], EstimatorRun.check.__func__

    def check(kind, experiment, place):
        checked.append(experiment.name)
        whole(kind, experiment, place)

    monkeypatch.setattr(EstimatorRun, "check", classmethod(check))
    train(tiny.experiment(config=CONSTANT), **folders(tmp_path / "alone"), resume=resume)
    assert checked == ["constant_avec14"]
    checked.clear()
    if resume:
        # A folder that is there is looked at once it is held.
        (tmp_path / "work").mkdir()
    run = tiny.experiment("protocol.k=3", protocol="folds", config=CONSTANT)
    train(run, **folders(tmp_path), resume=resume)
    assert checked == [member.name for member in run.members()]


def test_controls_are_runs_of_their_own(tiny, tmp_path, counts):
    run = tiny.experiment("protocol.k=3", protocol="folds", config=CONSTANT)
    (made,) = run_controls(run, tmp_path)
    assert counts == {"synthface": 1, "divided": 4}
    record, control = experiment_of(made)
    assert (record.kind, record.config_hash) == ("control", control.hash())
    assert list((tmp_path / "demo").glob("*.json")) == [made]
    counts.clear()
    official = [read_record(path) for path in run_controls(tiny.experiment(), tmp_path)]
    assert counts == {"synthface": 1, "divided": 2}
    assert [record.kind for record in official] == ["bound"] * 7 + ["control"] * 3
    assert len({record.config_hash for record in official}) == 10


def test_a_control_that_is_missing_is_made_alone(tiny, tmp_path):
    made = run_controls(tiny.experiment(), tmp_path)
    lost = next(path for path in made if "oracle" in path.name)
    before = read_record(lost)
    lost.unlink()
    (again,) = run_controls(tiny.experiment(), tmp_path)
    assert read_record(again).predictions == before.predictions
    assert run_controls(tiny.experiment(), tmp_path) == []
