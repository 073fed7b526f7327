"""Runs under each protocol, end to end at a tiny size: who is tested, what the record says, resumes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import CONFIGS, bench_of, context_of, parts_of

from adabench.bench.jobs import plan
from adabench.bench.tasks import Options
from adabench.config.reading.load import load_config
from adabench.data import protocol
from adabench.data.sealed import session_labels
from adabench.engine import run as engine_run
from adabench.engine.controls import run_controls
from adabench.engine.data.corpora import ensure_corpus
from adabench.engine.data.rundata import open_data
from adabench.engine.files import checkpoints
from adabench.engine.run import make_ready, score_checkpoint, train
from adabench.engine.stages.method import MethodTraining
from adabench.engine.stages.stage import StageResult
from adabench.engine.workbench import Workbench
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.records.files.results import find_record, read_record, read_records, write_record
from adabench.registry import STAGES

SHORT = ("training.epochs=2",)
CONSTANT = "constant_avec14.py"
SVR = "baselines/svr_trunk_avec14.py"
OF_FRAMES = (
    *("method.extractor._delete_=True", "method.extractor.type=FrameStatistics"),
    "method.search.folds=2",
)
FOLDS = ("protocol.k=3", "protocol.validation=0.25")
OTHER_CORPUS = ("protocol.synthface.seconds=[1.0,1.2]",)


def folders(root):
    return {"work_dir": root / "work", "results": root / "results"}


def predictions(record):
    return {p.session: p.prediction for p in record.predictions}


def persons(clips):
    return {clip.subject for clip in clips}


def named(root, method, track="demo"):
    return [r for r in read_records(root / "results" / track)[0] if r.method == method]


@pytest.fixture(scope="module")
def disjoint(tiny, tmp_path_factory):
    """A run on new parts, and its controls."""
    root = tmp_path_factory.mktemp("disjoint")
    run = tiny.experiment(*SHORT, protocol="person-disjoint")
    outcome = train(run, **folders(root))
    run_controls(run, root / "results")
    return run, root, outcome


def test_person_disjoint_tests_nobody_it_has_seen(disjoint):
    run, _, outcome = disjoint
    _, parts = parts_of(run)
    assert predictions(outcome.record).keys() == session_labels(parts.test).keys()
    assert {p.subject for p in outcome.record.predictions} == persons(parts.test)
    assert not persons(parts.test) & persons((*parts.train, *parts.validate))
    assert not persons(parts.train) & persons(parts.validate)
    assert len({clip.split for clip in parts.test}) > 1


def test_its_record_says_so(disjoint, tiny):
    run, _, outcome = disjoint
    _, parts = parts_of(run)
    record = outcome.record
    assert record.protocol == parts.protocol
    assert record.protocol.startswith("person-disjoint 60/20/20, seed 0, ")
    assert record.notes[-1].startswith("no person is in two parts: ")
    assert f"{len(persons(parts.test))} in test" in record.notes[-1]
    assert record.config_hash == run.hash() != tiny.outcome.record.config_hash
    # Key frames are known of every split's clips, and relevance is measured on those that are tested.
    assert 0 < record.relevance_measures["all"].roc_area.value <= 1
    official = tiny.outcome.record
    assert official.protocol == "official"
    assert official.notes[-1].startswith("persons in two parts: ")


def test_its_constant_is_of_its_own_training_part(disjoint):
    run, root, _ = disjoint
    _, parts = parts_of(run)
    (constant,) = named(root, "constant")
    assert constant.protocol == parts.protocol
    mean = np.mean(list(session_labels(parts.train).values()))
    assert {round(p.prediction, 9) for p in constant.predictions} == {round(mean, 9)}
    # The generator's bounds are of the official test sessions, which these are not.
    assert {r.kind for r in read_records(root / "results")[0]} == {"method", "control"}


def test_its_checkpoint_gives_the_record_again(disjoint):
    run, _, outcome = disjoint
    evaluation, record = score_checkpoint(run, outcome.checkpoint)
    assert record.protocol == outcome.record.protocol
    for session, score in predictions(outcome.record).items():
        assert evaluation.sessions[session] == pytest.approx(score, abs=1e-5)


def test_a_checkpoint_of_another_division_is_refused(disjoint, tiny):
    other = tiny.experiment(*SHORT, "protocol.seed=1", protocol="person-disjoint")
    with pytest.raises(ValueError, match="belongs to another config"):
        score_checkpoint(other, disjoint[2].checkpoint)


@pytest.fixture
def fits(monkeypatch):
    """Counts runs of folds; ``stop_at`` cuts one off."""
    done = {"names": [], "stop_at": None}
    run_member = engine_run._run_member

    def counted(member, *given):
        if len(done["names"]) == done["stop_at"]:
            raise KeyboardInterrupt
        done["names"].append(member.name)
        return run_member(member, *given)

    monkeypatch.setattr(engine_run, "_run_member", counted)
    return done


@pytest.mark.parametrize(
    ("config", "short"),
    [
        pytest.param(SVR, OF_FRAMES, id="estimator"),
        pytest.param("depmap_r18_avec14.py", SHORT, id="network", marks=pytest.mark.slow),
    ],
)
def test_folds_are_cut_resumed_and_pooled(tiny, tmp_path, fits, config, short):
    options = (*short, *FOLDS, "track=demo-freeform")
    run = tiny.experiment(*options, protocol="folds", config=config)
    fits["stop_at"] = 2
    with pytest.raises(KeyboardInterrupt):
        train(run, **folders(tmp_path))
    first, second, third = run.members()
    results = tmp_path / "results"
    kept = [
        find_record(results, run.track, m.hash(), run.seed, run.draw)
        for m in (first, second, third)
    ]
    assert [record is not None for record in kept] == [True, True, False]
    assert not (tmp_path / "work" / "record.json").exists()
    fits["stop_at"] = None
    record = train(run, **folders(tmp_path), resume=True).record
    assert fits["names"] == [m.name for m in (first, second, third)]

    corpus, parts = parts_of(run)
    assert predictions(record).keys() == {clip.session for clip in corpus.clips}
    assert record.protocol == parts.protocol
    assert record.protocol.startswith("3 folds, validation 25, seed 0, ")
    assert record.notes[0].startswith("3 folds over persons: each session's prediction is that of")
    assert record.notes[-1].startswith("no person is in two folds: ")
    own = [
        find_record(results, run.track, m.hash(), run.seed, run.draw)
        for m in (first, second, third)
    ]
    pooled = {}
    for number, (member, fold) in enumerate(zip(run.members(), own, strict=True), 1):
        _, divided_ = parts_of(member)
        tested = persons(divided_.test)
        assert not tested & persons((*divided_.train, *divided_.validate))
        assert divided_.validate
        assert not persons(divided_.train) & persons(divided_.validate)
        assert predictions(fold).keys() == session_labels(divided_.test).keys()
        assert fold.protocol == f"{record.protocol}, fold {number}"
        pooled |= predictions(fold)
    assert predictions(record) == pooled
    assert record.cost.parameters == own[0].cost.parameters
    assert record.cost.wall_seconds == pytest.approx(sum(r.cost.wall_seconds for r in own))
    check_tables_and_plan(run, CONFIGS / config, results)

    before = (tmp_path / "work" / "record.json").read_bytes()
    again = train(run, **folders(tmp_path), resume=True)
    assert again.record == record
    assert (tmp_path / "work" / "record.json").read_bytes() == before
    assert len(fits["names"]) == 3
    check_refusals(run, tmp_path)


def check_tables_and_plan(run, path, results):
    """The folds are rows of their own, and a plan finds the run and what it is made of."""
    records, problems = read_records(results)
    assert not problems
    (table,) = build_tables([Entry(r, "local") for r in records])
    assert sorted(row.entries[0].record.protocol for row in table.rows) == sorted(
        {r.protocol for r in records}
    )
    assert len(table.rows) == 4
    overrides = (*run.overrides, f"data.root={run.data.root}", "protocol.kind=folds")
    options = Options(demo=True, configs=(path,), results=results, overrides=overrides)
    made = plan([], load_config, options)
    assert [(job.is_control, job.done) for job in made.jobs] == [(False, True), (True, False)]
    assert [key for key, _ in made.cells[0].members] == [m.hash() for m in run.members()]


def check_refusals(run, root):
    with pytest.raises(ValueError, match=r"a model per fold, .* protocol\.fold=1 \(folds: 3\)"):
        score_checkpoint(run, root / "work" / "fold1" / checkpoints.BEST)
    with pytest.raises(ValueError, match=r"several folds, with a model each: .* protocol\.fold=1"):
        make_ready(run, "features")


def test_folds_of_another_division_are_refused(tiny, tmp_path):
    run = tiny.experiment(*FOLDS, protocol="folds", config=CONSTANT)
    train(run, **folders(tmp_path))
    for path in (tmp_path / "results" / "demo").glob("*fold1*.json"):
        path.unlink()
    first = tmp_path / "work" / "fold1" / "record.json"
    moved = read_record(first).model_copy(update={"protocol": "3 folds of another scikit-learn"})
    write_record(moved, tmp_path / "results")
    with pytest.raises(ValueError, match="is of another division, '3 folds of another"):
        train(run, work_dir=tmp_path / "new", results=tmp_path / "results")


def test_the_constant_of_folds_is_each_folds_own(tiny, tmp_path):
    run = tiny.experiment(*FOLDS, protocol="folds", config=CONSTANT)
    record = train(run, **folders(tmp_path)).record
    assert record.kind == "control"
    expected = {}
    for member in run.members():
        _, parts = parts_of(member)
        mean = np.mean(list(session_labels(parts.train).values()))
        expected |= dict.fromkeys(session_labels(parts.test), mean)
    assert predictions(record) == pytest.approx(expected)
    assert run_controls(run, tmp_path / "results") == []
    constants = named(tmp_path, "constant")
    # The run's own record is the control already; a fold's is the record of its run.
    assert len(constants) == 4
    other = tiny.experiment(*FOLDS, "shuffle_labels=True", protocol="folds", config=CONSTANT)
    shuffled = train(other, work_dir=tmp_path / "other", results=tmp_path / "other" / "results")
    run_controls(other, tmp_path / "other" / "results")
    assert shuffled.record.kind == "control"
    (control,) = named(tmp_path / "other", "constant")
    assert predictions(control) == pytest.approx(expected)


def test_a_model_per_task_over_folds(tiny, tmp_path):
    run = tiny.experiment(*FOLDS, "fusion=fused", protocol="folds", config=CONSTANT)
    record = train(run, **folders(tmp_path)).record
    corpus, parts = parts_of(run)
    assert predictions(record).keys() == {clip.session for clip in corpus.clips}
    assert (record.fusion, record.protocol) == ("fused", parts.protocol)
    for task in ("freeform", "northwind"):
        records = read_records(tmp_path / "results" / f"demo-{task}")[0]
        assert len(records) == 4
        assert record.protocol in {r.protocol for r in records}


def test_train_and_dev_test_the_last_epoch(tiny, tmp_path, monkeypatch):
    run = tiny.experiment(*SHORT, protocol="train-dev")
    uses = []
    loader = Workbench.loader
    monkeypatch.setattr(
        Workbench, "loader", lambda self, use: uses.append(use) or loader(self, use)
    )
    outcome = train(run, **folders(tmp_path))
    assert set(uses) == {"train", "test"}
    _, parts = parts_of(run)
    assert {clip.split for clip in parts.train} == {"train", "dev"}
    record = outcome.record
    assert record.protocol == "train+dev"
    assert (
        record.notes[0] == "no validation data: the weights after the last of 2 epochs, unselected"
    )
    assert record.notes[-1].startswith("persons in two parts: ")
    assert "validation" not in record.notes[-1]
    best, last = (
        torch.load(tmp_path / "work" / name, weights_only=True)["state_dict"]
        for name in (checkpoints.BEST, checkpoints.LAST)
    )
    assert all(torch.equal(value, last[key]) for key, value in best.items())
    evaluation, _ = score_checkpoint(run, outcome.checkpoint)
    assert evaluation.sessions == pytest.approx(predictions(record), abs=1e-5)


def test_cross_corpus_learns_from_the_other_one(tiny, tmp_path):
    run = tiny.experiment(*SHORT, *OTHER_CORPUS, protocol="cross-corpus")
    bench = bench_of(run)
    corpus, parts = bench.corpus, bench.parts
    source = parts.source
    assert source.checksum != corpus.checksum == tiny.outcome.record.corpus_checksum
    assert bench.source.corpus is source
    for use in ("train", "validate"):
        data = bench.dataset(use)
        assert data.corpus is source
        assert data.features is bench.source.features is not bench.features
        assert data.semantics is bench.source.semantics is not bench.semantics
        assert not persons(data.clips) & persons(parts.test)
        assert {clip.task for clip in data.clips} == {"Freeform"}
        sample = data[0]
        assert sample.id.clip in {clip.clip for clip in source.clips}
    assert bench.dataset("test").corpus is corpus
    assert bench.dataset("test").features is bench.features
    for cache, own in ((bench.features, parts.test), (bench.source.features, parts.train)):
        assert all(cache.holds(clip.clip) for clip in own)

    record = train(run, **folders(tmp_path)).record
    run_controls(run, tmp_path / "results")
    assert record.corpus_checksum == corpus.checksum
    assert record.protocol == f"cross-corpus from demo-freeform, {source.checksum[:8]}"
    assert predictions(record).keys() == predictions(tiny.outcome.record).keys()
    told = record.notes[-2]
    assert told.startswith(f"trained on synthface (corpus {source.checksum[:8]}); persons left out")
    everyone = {c.subject for c in source.clips if c.split == "train" and c.task == "Freeform"}
    left = len(everyone) - len(persons(parts.train))
    assert f"{left} of {len(everyone)} in training" in told
    (constant,) = named(tmp_path, "constant")
    mean = np.mean(list(session_labels(parts.train).values()))
    assert {round(p.prediction, 9) for p in constant.predictions} == {round(mean, 9)}
    assert constant.protocol == record.protocol
    # The same test sessions as officially: the generator's bounds hold here too.
    (oracle,) = named(tmp_path, "bound: oracle")
    assert oracle.protocol == "official"


def test_a_trained_stage_is_of_its_protocols_training_part(tiny, monkeypatch):
    """Keys only: nothing is trained."""
    config = {"config": "expada_avec14_freeform.py"}
    runs = {
        name: tiny.experiment(protocol=name, **config)
        for name in ("official", "train-dev", "person-disjoint")
    }
    runs["cross-corpus"] = tiny.experiment(*OTHER_CORPUS, protocol="cross-corpus", **config)
    folds = tiny.experiment(*FOLDS, protocol="folds", **config)
    runs |= {member.name: member for member in folds.members()}
    corpus = ensure_corpus(folds.track_, folds.data)

    def key(run):
        earlier = {"trunk": StageResult("trunk", Path(), "trunk")}
        stage = STAGES.build(dict(run.stages["encoder"]))
        assert isinstance(stage, MethodTraining)
        own = stage.experiment(run)
        divided = open_data(run, corpus=corpus).divided
        assert open_data(own, corpus=corpus).divided.learnt_from() == divided.learnt_from()
        return stage.depends_on(context_of(run, corpus, earlier, divided=divided))

    keys = {name: key(run) for name, run in runs.items()}
    assert len({str(value) for value in keys.values()}) == len(runs) == 7
    assert (
        all(keys["official"] != value[: len(keys["official"])] for value in keys.values()) is False
    )
    # Another version of scikit-learn may divide otherwise: then it is another training.
    fold_of = protocol.person_folds
    monkeypatch.setattr(
        protocol,
        "person_folds",
        lambda clips, k, *given: {s: (f + 1) % k for s, f in fold_of(clips, k, *given).items()},
    )
    name = folds.members()[0].name
    assert key(runs[name]) != keys[name]


def test_the_trunk_is_one_for_all_protocols(tiny, monkeypatch):
    found = {}
    for name in ("official", "person-disjoint", "cross-corpus"):
        run = tiny.experiment(protocol=name)
        stage = STAGES.build(dict(run.stages["trunk"]))
        found[name] = stage.depends_on(context_of(run))
    assert found["official"] == found["person-disjoint"] == found["cross-corpus"]
