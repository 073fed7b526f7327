"""A model per task: each trained or found on its own, the session's score their mean."""

from pathlib import Path

import pytest

from adabench.engine import run as engine_run
from adabench.engine.controls import run_controls
from adabench.engine.files import checkpoints
from adabench.engine.files.work_folder import default_work_dir
from adabench.engine.kinds import joined, network
from adabench.engine.run import score_checkpoint, train
from adabench.records.files.results import find_record, read_records, write_record

CONFIG = "expada_avec14.py"
TASKS = ("freeform", "northwind")


@pytest.fixture(scope="module")
def run(tiny):
    return tiny.experiment(config=CONFIG)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fused")


@pytest.fixture(scope="module")
def fused(run, folder, tiny_encoder):
    """A whole run, of which only the encoder of one task was there."""
    outcome = train(run, work_dir=folder / "work", results=folder / "results")
    run_controls(run, folder / "results")
    return outcome


@pytest.fixture
def fits(monkeypatch):
    """Counts trainings of a selection model; ``stop_at`` cuts one off."""
    done = {"tracks": [], "stop_at": None}
    fit = network.fit_method

    def counted(bench, *arguments, **options):
        if len(done["tracks"]) == done["stop_at"]:
            raise KeyboardInterrupt
        done["tracks"].append(bench.experiment.track)
        return fit(bench, *arguments, **options)

    monkeypatch.setattr(network, "fit_method", counted)
    return done


def scores(record):
    return {p.session: p.prediction for p in record.predictions}


def member(run, results, task):
    track = f"demo-{task}"
    alone = run.model_copy(update={"track": track})
    return find_record(results, track, alone.hash(), run.seed, run.draw)


def test_a_record_for_each_task_and_one_of_their_mean(run, folder, fused):
    records, problems = read_records(folder / "results")
    assert not problems
    made = [(r.track, r.config, r.fusion) for r in records if r.kind == "method"]
    assert sorted(made) == [
        ("demo", "expada_avec14", "fused"),
        ("demo-freeform", "expada_avec14_freeform", "none"),
        ("demo-northwind", "expada_avec14_northwind", "none"),
    ]
    first, second = (member(run, folder / "results", task) for task in TASKS)
    assert scores(first).keys() == scores(second).keys() == scores(fused.record).keys()
    for session, prediction in scores(fused.record).items():
        mean = (scores(first)[session] + scores(second)[session]) / 2
        assert prediction == pytest.approx(mean, abs=1e-9)
    assert scores(first) != scores(second)
    labels = [{p.session: p.label for p in r.predictions} for r in (first, second, fused.record)]
    assert labels[0] == labels[1] == labels[2]


def test_the_record_says_what_it_is_made_of(run, folder, fused):
    record = fused.record
    first, second = (member(run, folder / "results", task) for task in TASKS)
    assert record.config_hash == run.hash()
    assert record.notes[:1] == [
        "mean of expada_avec14_freeform on demo-freeform and "
        "expada_avec14_northwind on demo-northwind"
    ]
    assert record.notes[1:] == first.notes[-1:] == second.notes[-1:]
    assert record.notes[1].startswith("persons in two parts: ")
    assert record.flags == first.flags
    assert record.flags.demo
    assert record.cost.parameters == first.cost.parameters + second.cost.parameters
    together = first.cost.wall_seconds + second.cost.wall_seconds
    assert record.cost.wall_seconds == pytest.approx(together)
    assert record.timing["training"] == pytest.approx(
        first.timing["training"] + second.timing["training"]
    )
    assert fused.checkpoint is None
    assert fused.figure.is_file()
    assert fused.path.parent == folder / "results" / "demo"


def test_each_task_has_its_own_encoder(folder, fused):
    encoders = {
        task: checkpoints.read_weights(folder / "work" / task / checkpoints.BEST)["state_dict"]
        for task in TASKS
    }
    one, other = encoders.values()
    name = next(k for k in one if k.endswith("query.weight"))
    assert not one[name].equal(other[name])


def test_controls_stand_beside_each_table(folder, fused):
    for track in ("demo", "demo-freeform", "demo-northwind"):
        records, _ = read_records(folder / "results" / track)
        kinds = [r.method for r in records]
        assert kinds.count("constant") == 1
        assert "bound: oracle" in kinds


def test_records_that_are_there_are_taken(run, folder, fused, fits, tmp_path):
    again = train(run, work_dir=tmp_path / "work", results=folder / "results")
    assert fits["tracks"] == []
    assert scores(again.record) == scores(fused.record)


def test_a_tasks_record_of_its_own_config_is_taken(run, fused, fits, tiny_encoder, tmp_path):
    write_record(tiny_encoder.record, tmp_path / "results")
    again = train(run, work_dir=tmp_path / "work", results=tmp_path / "results")
    assert fits["tracks"] == ["demo-northwind"]
    assert not (tmp_path / "work" / "freeform").exists()
    assert member(run, tmp_path / "results", "freeform") == tiny_encoder.record
    assert scores(again.record) == scores(fused.record)


def test_another_seeds_record_is_not(run, tiny_encoder, tmp_path, monkeypatch):
    asked = []

    def run_member(member, *given):
        asked.append((member.track, member.seed))
        raise KeyboardInterrupt

    monkeypatch.setattr(engine_run, "_run_member", run_member)
    other = run.model_copy(update={"seed": 3})
    write_record(tiny_encoder.record, tmp_path / "results")
    with pytest.raises(KeyboardInterrupt):
        train(other, work_dir=tmp_path / "work", results=tmp_path / "results")
    assert asked == [("demo-freeform", 3)]


def test_a_record_of_another_preparation_is_refused(run, folder, fused, tmp_path):
    results = tmp_path / "results"
    for task in TASKS:
        foreign = member(run, folder / "results", task)
        write_record(foreign.model_copy(update={"corpus_checksum": "c0ffee"}), results)
    with pytest.raises(
        ValueError, match=r"expada_avec14_freeform .* is of another preparation"
    ) as e:
        train(run, work_dir=tmp_path / "work", results=results)
    assert "another folder with --results" in str(e.value)


def test_a_finished_run_is_not_repeated(run, folder, fused, fits, monkeypatch):
    def refuse(*_):
        raise AssertionError("it is made again")

    monkeypatch.setattr(joined, "find_record", refuse)
    again = train(run, work_dir=folder / "work", results=folder / "results", resume=True)
    assert again.path == fused.path
    assert again.record == fused.record
    assert fits["tracks"] == []


@pytest.mark.slow
def test_a_run_that_was_cut_goes_on(run, fused, fits, tmp_path):
    folders = {"work_dir": tmp_path / "work", "results": tmp_path / "results"}
    fits["stop_at"] = 1
    with pytest.raises(KeyboardInterrupt):
        train(run, **folders)
    assert member(run, tmp_path / "results", "freeform") is not None
    assert not (tmp_path / "work" / "record.json").exists()
    fits["stop_at"] = None
    resumed = train(run, **folders, resume=True)
    assert fits["tracks"] == ["demo-freeform", "demo-northwind"]
    assert scores(resumed.record) == scores(fused.record)


@pytest.mark.slow
def test_a_member_that_was_cut_goes_on(run, folder, fused, tmp_path, monkeypatch):
    """A task's model is trained and not yet scored; --resume takes up its checkpoint."""
    folders = {"work_dir": tmp_path / "work", "results": tmp_path / "results"}
    write_record(member(run, folder / "results", "northwind"), tmp_path / "results")
    evaluate = network.evaluate

    def cut(bench):
        raise KeyboardInterrupt

    monkeypatch.setattr(network, "evaluate", cut)
    with pytest.raises(KeyboardInterrupt):
        train(run, **folders)
    last = tmp_path / "work" / "freeform" / checkpoints.LAST
    before = last.stat().st_mtime_ns
    monkeypatch.setattr(network, "evaluate", evaluate)
    resumed = train(run, **folders, resume=True)
    assert last.stat().st_mtime_ns == before
    assert scores(resumed.record) == scores(fused.record)


def test_a_checkpoint_is_one_tasks(tiny, run, folder, fused):
    best = folder / "work" / "northwind" / checkpoints.BEST
    with pytest.raises(ValueError, match="a model per task, with a checkpoint each") as told:
        score_checkpoint(run, best)
    assert "--cfg-options track=demo-freeform" in str(told.value)
    assert "tracks: demo-freeform and demo-northwind" in str(told.value)
    one = tiny.experiment("track=demo-northwind", config=CONFIG)
    _, record = score_checkpoint(one, best)
    expected = member(run, folder / "results", "northwind")
    assert pytest.approx(expected.metrics.RMSE, abs=1e-6) == record.metrics.RMSE


def test_where_runs_keep_their_files(tiny, run):
    assert default_work_dir(run) == Path("work_dirs/expada_avec14-demo/seed0")
    with_track = default_work_dir(run, with_track=True)
    assert with_track == Path("work_dirs/expada_avec14-demo/demo/seed0")
    row = tiny.experiment(config=CONFIG, name="expada_table2/encoder", seed=2, draw=None)
    assert default_work_dir(row) == Path("work_dirs/expada_table2/encoder-demo/demo/seed2")
    pinned = tiny.experiment(config=CONFIG, name="expada_table2/encoder", seed=2, draw=0)
    assert default_work_dir(pinned).name == "seed2-draw0"
