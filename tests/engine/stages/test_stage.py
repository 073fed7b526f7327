"""Stages: trained once, found by hash, resumed when cut."""

import json
import os
from pathlib import Path

import pytest
from tiny_runs import bench_of, context_of

from adabench.config.experiment import Data, Experiment
from adabench.config.references import referenced, resolve
from adabench.data.files import write_bytes
from adabench.engine.files import timings
from adabench.engine.stages.stage import (
    RESULT,
    Stage,
    StageError,
    ensure_stage,
    ensure_stages,
)
from adabench.registry import STAGES, UnknownTypeError

CFG = {"type": "CountingStage", "steps": 3, "lr": 0.5}


@pytest.fixture
def context(tmp_path):
    data = Data(root=str(tmp_path / "data"))
    run = Experiment(name="run", method={"name": "method"}, track="demo", data=data)
    return context_of(run)


@pytest.fixture
def calls(monkeypatch):
    """A stage that counts its steps in its folder, and what it did here."""
    done = {"runs": 0, "steps": 0, "cut_at": None, "failure": {}, "trained": []}

    class CountingStage(Stage):
        def __init__(self, *, steps, lr, label="", seed=0, weights=None):
            self.steps, self.lr, self.label, self.seed = steps, lr, label, seed
            self.earlier = sorted(referenced(weights))

        def depends_on(self, context):
            earlier = [context.earlier[name].key for name in self.earlier]
            return {"steps": self.steps, "lr": self.lr, "seed": self.seed, "earlier": earlier}

        def run(self, folder, context):
            done["runs"] += 1
            if self.label in done["failure"]:
                raise done["failure"][self.label]
            done["trained"].append(self.label)
            state = folder / "last.txt"
            step = int(state.read_text()) if state.is_file() else 0
            while step < self.steps:
                if step == done["cut_at"]:
                    done["cut_at"] = None
                    raise KeyboardInterrupt
                step += 1
                done["steps"] += 1
                write_bytes(state, str(step).encode())
            write_bytes(folder / RESULT, f"{self.lr} {step}".encode())
            return {"accuracy": 0.75}

    monkeypatch.setitem(STAGES.module_dict, "CountingStage", CountingStage)
    done["class"] = CountingStage
    return done


def test_a_stage_is_trained_once_and_found_again(calls, context):
    first = ensure_stage("trunk", CFG, context)
    assert first.path.read_text() == "0.5 3"
    assert (first.name, first.measured) == ("trunk", {"accuracy": 0.75})
    assert first.seconds > 0
    again = ensure_stage("another-name", CFG, context)
    assert calls["runs"] == 1
    assert again.path == first.path
    assert (again.name, again.seconds) == ("another-name", first.seconds)
    assert again.measured == first.measured


def test_what_the_result_does_not_depend_on_changes_nothing(calls, context):
    first = ensure_stage("trunk", CFG, context)
    assert ensure_stage("trunk", {**CFG, "label": "new"}, context).path == first.path
    assert calls["runs"] == 1


def test_the_config_is_left_as_it_was(calls, context):
    cfg = dict(CFG)
    ensure_stage("trunk", cfg, context)
    assert cfg == CFG


@pytest.mark.parametrize("change", [{"steps": 4}, {"lr": 0.25}, {"seed": 1}])
def test_a_changed_dependency_trains_anew_beside_the_old(calls, context, change):
    first = ensure_stage("trunk", CFG, context)
    second = ensure_stage("trunk", {**CFG, **change}, context)
    assert calls["runs"] == 2
    assert second.path != first.path
    assert ensure_stage("trunk", CFG, context).path == first.path
    assert calls["runs"] == 2


def test_a_new_version_of_the_code_trains_anew(calls, context):
    ensure_stage("trunk", CFG, context)
    calls["class"].version = 2
    ensure_stage("trunk", CFG, context)
    assert calls["runs"] == 2


def test_a_stage_that_was_cut_goes_on(calls, context):
    calls["cut_at"] = 2
    with pytest.raises(KeyboardInterrupt):
        ensure_stage("trunk", CFG, context)
    result = ensure_stage("trunk", CFG, context)
    assert result.path.read_text() == "0.5 3"
    assert (calls["runs"], calls["steps"]) == (2, 3)


def test_cut_before_the_report_it_is_not_taken_for_finished(calls, context):
    result = ensure_stage("trunk", CFG, context)
    (result.path.parent / "stage.json").unlink()
    ensure_stage("trunk", CFG, context)
    assert calls["runs"] == 2


def test_a_result_that_was_removed_is_made_again(calls, context):
    result = ensure_stage("trunk", CFG, context)
    result.path.unlink()
    assert ensure_stage("trunk", CFG, context).path.read_text() == "0.5 3"


def test_the_report_says_how_it_was_made(calls, context):
    result = ensure_stage("trunk", CFG, context)
    report = json.loads((result.path.parent / "stage.json").read_text())
    assert report.pop("seconds") > 0
    assert report == {"config": CFG, "measured": {"accuracy": 0.75}}


def test_a_typo_in_the_type(context):
    with pytest.raises(UnknownTypeError, match="Did you mean 'ExpressionPretrain'"):
        ensure_stage("trunk", {"type": "ExpresionPretrain"}, context)


def test_references_become_paths_wherever_they_stand(tmp_path):
    results = {"trunk": tmp_path / "result.pth"}
    path = str(tmp_path / "result.pth")
    value = {"a": [{"weights": "stage:trunk"}, ("stage:trunk", 3)], "b": "stages", "c": None}
    assert resolve(value, results) == {
        "a": [{"weights": path}, (path, 3)],
        "b": "stages",
        "c": None,
    }
    assert value["a"][0] == {"weights": "stage:trunk"}


def test_a_reference_to_no_stage_is_told_before_any_stage_is_trained(calls, context):
    experiment = Experiment(
        name="mine",
        method={"name": "Mine", "backbone": {"type": "TimmFrames", "weights": "stage:trnk"}},
        track="demo",
        data=context.data,
        stages={"trunk": CFG},
    )
    with pytest.raises(ValueError, match="'stage:trnk' names a stage"):
        bench_of(experiment)
    assert calls["runs"] == 0


@pytest.mark.parametrize(("results", "known"), [({}, "none"), ({"trunk": None}, "trunk")])
def test_a_reference_to_no_stage_lists_those_there_are(results, known):
    with pytest.raises(ValueError, match=f"'stage:trnk' names a stage .* its stages: {known}"):
        resolve({"weights": "stage:trnk"}, results)


def test_the_key_is_the_hash_by_which_it_is_found(calls, context):
    first = ensure_stage("trunk", CFG, context)
    assert first.path.parent.name == f"CountingStage-{first.key}"
    assert ensure_stage("trunk", CFG, context).key == first.key
    assert ensure_stage("trunk", {**CFG, "steps": 4}, context).key != first.key


def test_time_spent_before_a_cut_counts(calls, context, monkeypatch):
    now = [0.0]

    def tick():
        now[0] += 2.5
        return now[0]

    monkeypatch.setattr(timings.time, "perf_counter", tick)
    calls["cut_at"] = 2
    with pytest.raises(KeyboardInterrupt):
        ensure_stage("trunk", CFG, context)
    assert ensure_stage("trunk", CFG, context).seconds == 5.0
    assert ensure_stage("trunk", CFG, context).seconds == 5.0


def test_a_report_of_an_earlier_adabench_has_no_time(calls, context):
    result = ensure_stage("trunk", CFG, context)
    write_bytes(result.path.parent / "stage.json", json.dumps({"measured": {"a": 1.0}}).encode())
    (result.path.parent / "digests.txt").unlink()
    found = ensure_stage("trunk", CFG, context)
    assert (found.seconds, found.measured, calls["runs"]) == (0.0, {"a": 1.0}, 1)


def change(path, content):
    path.write_bytes(content)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 10**9))


@pytest.mark.parametrize("name", [RESULT, "stage.json"])
@pytest.mark.parametrize("content", [b"", b"0.5 4", b"[]", b'{"measured": 3}', b"{"])
@pytest.mark.parametrize("noted", [True, False])
def test_damage_is_made_again_with_a_line(calls, context, caplog, name, content, noted):
    result = ensure_stage("trunk", CFG, context)
    folder = result.path.parent
    if not noted:
        (folder / "digests.txt").unlink()
    change(folder / name, content)
    again = ensure_stage("trunk", CFG, context)
    if not noted and name == RESULT:
        # Nothing is known of a result of an earlier adabench.
        assert calls["runs"] == 1
        return
    assert calls["runs"] == 2
    assert again.path.read_text() == "0.5 3"
    assert again.measured == result.measured
    (line,) = caplog.messages
    assert str(folder / name) in line
    assert line.endswith("it is made again")
    caplog.clear()
    ensure_stage("trunk", CFG, context)
    assert (calls["runs"], caplog.messages) == (2, [])


def test_a_result_of_before_is_noted_when_it_is_found(calls, context):
    result = ensure_stage("trunk", CFG, context)
    (result.path.parent / "digests.txt").unlink()
    ensure_stage("trunk", CFG, context)
    change(result.path, b"0.5 9")
    assert ensure_stage("trunk", CFG, context).path.read_text() == "0.5 3"


def test_a_finished_result_is_found_where_nothing_can_be_written(calls, context, monkeypatch):
    first = ensure_stage("trunk", CFG, context)
    before = {p.name: p.stat().st_mtime_ns for p in first.path.parent.iterdir()}

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("adabench.data.locks.fcntl.flock", refuse)
    monkeypatch.setattr("adabench.data.files._make_temporary", refuse)
    again = ensure_stage("trunk", CFG, context)
    assert (again.path, again.seconds, calls["runs"]) == (first.path, first.seconds, 1)
    assert {p.name: p.stat().st_mtime_ns for p in first.path.parent.iterdir()} == before


CHAIN = {
    "last": {**CFG, "lr": 3, "label": "last", "weights": ["stage:middle", "stage:first"]},
    "middle": {**CFG, "lr": 2, "label": "middle", "weights": {"deep": ("stage:first",)}},
    "first": {**CFG, "lr": 1, "label": "first"},
}


@pytest.fixture
def chain(context):
    return context.experiment.model_copy(update={"stages": CHAIN})


def test_all_stages_of_a_run(calls, chain):
    results = ensure_stages(chain, None, None)
    assert calls["trained"] == ["first", "middle", "last"]
    assert {name: r.path.read_text() for name, r in results.items()} == {
        "first": "1 3",
        "middle": "2 3",
        "last": "3 3",
    }
    assert ensure_stages(chain, None, None) == results
    assert calls["runs"] == 3


def test_another_first_stage_is_another_of_those_after_it(calls, chain):
    before = ensure_stages(chain, None, None)
    changed = {**CHAIN, "first": {**CHAIN["first"], "seed": 1}}
    after = ensure_stages(chain.model_copy(update={"stages": changed}), None, None)
    assert calls["runs"] == 6
    assert all(before[name].path != after[name].path for name in CHAIN)


@pytest.mark.parametrize(
    "failure", [FloatingPointError("diverged"), OSError(28, "disk full"), RuntimeError("memory")]
)
def test_a_failing_stage_leaves_the_others_and_the_same_call_goes_on(calls, chain, failure):
    calls["failure"]["middle"] = failure
    with pytest.raises(StageError) as told:
        ensure_stages(chain, None, None)
    assert told.value.__cause__ is failure
    for part in ("stage 'middle' failed", str(failure), "kept (first)", "same command goes on"):
        assert part in str(told.value)
    assert calls["trained"] == ["first"]
    calls["failure"].clear()
    results = ensure_stages(chain, None, None)
    # The first was found, not trained again.
    assert calls["trained"] == ["first", "middle", "last"]
    assert list(results) == ["first", "middle", "last"]


def test_a_first_stage_that_fails_has_none_before_it(calls, chain):
    calls["failure"]["first"] = ValueError("no clip")
    with pytest.raises(StageError, match=r"'first' failed: no clip.*\(none before it\)"):
        ensure_stages(chain, None, None)


@pytest.mark.parametrize("stopped", [KeyboardInterrupt(), TypeError("a defect")])
def test_what_is_no_failure_of_a_stage_is_left_alone(calls, chain, stopped):
    calls["failure"]["middle"] = stopped
    with pytest.raises(type(stopped)) as left:
        ensure_stages(chain, None, None)
    assert left.value is stopped


def test_stages_that_wait_for_each_other_are_told_before_a_corpus_is_made(calls, context):
    loop = {name: {**CFG, "weights": f"stage:{other}"} for name, other in ("ab", "ba")}
    with pytest.raises(ValueError, match="stages wait for each other"):
        bench_of(context.experiment.model_copy(update={"stages": loop}))
    assert not Path(context.data.root).exists()
