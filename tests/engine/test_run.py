"""A whole run on the tiny corpus, and what its trained weights promise."""

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_runs import bench_of, parts_of

from adabench.batching import collate, pad_inputs, slice_inputs, trim_inputs
from adabench.config.experiment import Experiment
from adabench.data import files
from adabench.data.protocol import LeakError
from adabench.data.sealed import session_labels
from adabench.engine.caches.unused import named_by, unnamed
from adabench.engine.controls import run_controls
from adabench.engine.files import checkpoints
from adabench.engine.run import RECORD, score_checkpoint, train
from adabench.engine.testing.evaluation import evaluate
from adabench.evaluation.metrics import score_metrics
from adabench.records.files.results import read_records
from adabench.registry import SEMANTICS

POINTS = 1e-4
"""How far two predictions of one clip may be apart, BDI-II points."""


def varied_batch(bench, clips=6):
    """Clips of the test split whose predictions differ by more than 0.5 points from each other."""
    dataset = bench.dataset("test")
    samples = [dataset[i] for i in range(len(dataset))]
    with torch.no_grad():
        batch = bench.assessor.data_preprocessor(collate(samples))
        scores = bench.assessor.assess(batch["inputs"]).score
    chosen: list[int] = []
    for i in torch.argsort(scores).tolist():
        if not chosen or scores[i] - scores[chosen[-1]] > 0.5:
            chosen.append(i)
    chosen = chosen[:clips]
    assert len(chosen) >= 3, f"the tiny run's predictions hardly differ: {scores}"
    return slice_inputs(batch["inputs"], chosen)


@torch.no_grad()
def predict(bench, inputs):
    return bench.assessor.assess(inputs).score


def test_record_follows_from_its_predictions(tiny):
    record = tiny.outcome.record
    labels = [p.label for p in record.predictions]
    found = score_metrics([p.prediction for p in record.predictions], labels)
    assert found["RMSE"] == pytest.approx(record.metrics.RMSE, abs=1e-9)
    assert record.flags.demo
    assert record.flags.semantics == "StandInSemantics"
    assert any("stand-in for CLIP" in note for note in record.notes)
    assert not any(str(tiny.root) in override for override in record.overrides)
    assert len(record.flags.pretrained_checksum) == 64
    assert record.cost.parameters == sum(p.numel() for p in tiny.bench().assessor.parameters())
    assert set(record.timing) >= {"corpus", "pretraining", "features", "training", "evaluation"}
    assert record.cost.wall_seconds == pytest.approx(sum(record.timing.values()))
    assert record.cost.alone_seconds > record.timing["training"] + record.timing["evaluation"]
    found = record.relevance_measures["all"]
    assert 1 <= found.clips <= record.counts.clips
    assert None not in (found.pr_area, found.pointing, found.share)
    assert record.selection.rule.startswith("lowest RMSE")
    assert record.selection.schedule == record.selection.epochs


def test_the_record_says_what_the_method_sees_and_keeps(tiny):
    record, bench = tiny.outcome.record, tiny.bench()
    first = [clip for clip in bench.dataset("test") if clip.id.phase == 0]
    assert record.view.length == np.median([len(clip.index) for clip in first])
    assert record.view.stride == np.median([int(clip.index[1] - clip.index[0]) for clip in first])
    assert record.view.frames_per_second == pytest.approx(15 / record.view.stride, rel=0.1)
    assert 0 < record.kept_share <= 1
    assert (record.draw, record.world) == (tiny.experiment().draw, "sparse")


def test_a_record_names_every_stage_and_cache_that_it_rests_on(tiny):
    folders = unnamed(tiny.root / "data", set())
    # Other tests' runs keep theirs in the same folder.
    assert {"stages", "features", "semantics"} <= {kept.kind for kept in folders}
    own = named_by([tiny.outcome.record])
    assert own <= {kept.folder.name for kept in folders}
    assert len(own) == 3


def test_a_checkpoint_says_what_it_takes_to_use_it(tiny):
    stored = torch.load(tiny.outcome.checkpoint, weights_only=True)
    told = stored["meta"]["adabench"]
    resolved = Experiment.model_validate(told["resolved"])
    assert resolved.hash() == told["config_hash"] == tiny.outcome.record.config_hash
    assert resolved.data.root == "data"
    assert str(tiny.root) not in str(told)
    bench = tiny.bench()
    carried = {k: v for k, v in told["semantics"].items() if k != "told"}
    frames = torch.rand(3, bench.semantics.encoder._projection.shape[0])
    made = SEMANTICS.build(carried).encode(frames)
    assert torch.equal(made.text, bench.semantics.encoder.encode(frames).text)
    assert told["preparation"]["checksum"] == bench.corpus.checksum
    assert told["preparation"]["size"] == bench.corpus.size
    assert (told["scale"]["low"], told["scale"]["high"]) == (0, 63)
    mean = np.mean(list(session_labels(bench.parts.train).values()))
    assert told["training_mean"] == pytest.approx(mean)
    assert stored["state_dict"].keys() == bench.assessor.state_dict().keys()


def test_results_hold_the_constant_and_the_bounds_once(tiny):
    train(tiny.experiment(), work_dir=tiny.work_dir, results=tiny.results, resume=True)
    assert run_controls(tiny.experiment(), tiny.results) == []
    records, problems = read_records(tiny.results)
    assert not problems
    assert [r.method for r in records].count("constant") == 1
    assert [r.method for r in records].count("Dep-MAP") == 1
    assert "bound: oracle" in [r.method for r in records]
    constant = next(r for r in records if r.method == "constant")
    bench = tiny.bench()
    mean = np.mean(list(session_labels(bench.parts.train).values()))
    assert {round(p.prediction, 9) for p in constant.predictions} == {round(mean, 9)}
    assert constant.metrics.CCC == 0


def test_figure_is_a_picture(tiny):
    with Image.open(tiny.outcome.figure) as picture:
        assert min(picture.size) > 500


def test_checkpoint_gives_the_record_again(tiny):
    evaluation, record = score_checkpoint(tiny.experiment(), tiny.outcome.checkpoint)
    assert pytest.approx(tiny.outcome.record.metrics.RMSE, abs=1e-6) == record.metrics.RMSE
    assert [p.session for p in record.predictions] == sorted(evaluation.sessions)


def test_prediction_rests_on_its_clip_alone(tiny):
    bench = tiny.bench()
    inputs = varied_batch(bench)
    together = predict(bench, inputs)
    assert torch.equal(predict(bench, inputs), together), "twice in a row"
    number = len(together)
    for i in range(number):
        alone = predict(bench, trim_inputs(slice_inputs(inputs, [i])))
        assert abs(float(alone[0] - together[i])) < POINTS, f"clip {i} alone"
        beside = predict(bench, slice_inputs(inputs, [i, (i + 1) % number]))
        assert abs(float(beside[0] - together[i])) < POINTS, f"clip {i} in another batch"
    for fill in (0.0, 1.0):
        padded = predict(bench, pad_inputs(inputs, inputs.valid.shape[1] + 5, fill=fill))
        assert float((padded - together).abs().max()) < POINTS, "with padding"


def test_prediction_needs_no_label(tiny):
    bench = tiny.bench()
    sample = bench.dataset("test")[0]
    assert sample.score is None
    validated = bench.dataset("validate")
    with_label = validated[0]
    without = bench.dataset("validate")
    without.labels = False
    assert with_label.score is not None
    assert without[0].score is None
    scores = [
        predict(bench, bench.assessor.data_preprocessor(collate([s]))["inputs"])
        for s in (with_label, without[0])
    ]
    assert torch.equal(*scores)


def _without_esa(bench):
    for name, parameter in bench.assessor.backbone.named_parameters():
        if "gamma" in name:
            parameter.data.zero_()


def _without_map(bench):
    bench.assessor.selector.map = None


def _without_scale(number):
    def switch(bench):
        fuse = bench.assessor.aggregator.fuse

        def blind(maps):
            return fuse([m * 0 if i == number - 1 else m for i, m in enumerate(maps)])

        bench.assessor.aggregator.fuse = blind

    return switch


SWITCHES = {
    "ESA": _without_esa,
    "MAP": _without_map,
    **{f"S{number} of MSR": _without_scale(number) for number in (1, 2, 3, 4)},
}


@pytest.mark.parametrize("name", SWITCHES)
def test_switching_a_module_off_changes_predictions(tiny, name):
    bench = tiny.bench()
    inputs = varied_batch(bench)
    before = predict(bench, inputs)
    SWITCHES[name](bench)
    change = float((predict(bench, inputs) - before).abs().max())
    print(f"without {name}: predictions change by up to {change:.4f} points")
    assert change > 10 * POINTS


@pytest.mark.parametrize("name", ["text", "image"])
def test_a_changed_clip_vector_changes_predictions(tiny, name):
    bench = tiny.bench()
    inputs = varied_batch(bench)
    before = predict(bench, inputs)
    vectors = getattr(inputs.semantics, name)
    shuffled = replace(inputs.semantics, **{name: vectors.flip(0, 1)})
    change = (predict(bench, replace(inputs, semantics=shuffled)) - before).abs()
    print(f"another clip's {name} vectors: predictions change by {change.tolist()} points")
    assert float(change.max()) > 10 * POINTS


@pytest.mark.slow
def test_training_without_kdm_changes_predictions(tiny):
    whole = {p.session: p.prediction for p in tiny.outcome.record.predictions}
    without = _trained(tiny, "no-kdm", "method.selector.kdm=None")
    change = max(abs(without[s] - whole[s]) for s in whole)
    print(f"trained without KDM: predictions change by up to {change:.4f} points")
    assert change > 10 * POINTS


def _trained(tiny, name, *overrides):
    """Train on the same stages and caches; predictions by session."""
    outcome = train(
        tiny.experiment(*overrides),
        work_dir=tiny.root / "variants" / name,
        results=tiny.root / "variants" / "results",
    )
    return {p.session: p.prediction for p in outcome.record.predictions}


@pytest.mark.slow
def test_same_seed_gives_the_same_predictions_bit_for_bit(tiny):
    again = _trained(tiny, "again")
    assert again == {p.session: p.prediction for p in tiny.outcome.record.predictions}


def test_finished_run_is_not_repeated(tiny):
    before = (tiny.work_dir / checkpoints.LAST).stat().st_mtime_ns
    outcome = train(tiny.experiment(), work_dir=tiny.work_dir, results=tiny.results, resume=True)
    assert outcome.path == tiny.outcome.path
    assert (tiny.work_dir / checkpoints.LAST).stat().st_mtime_ns == before


def test_checkpoint_of_another_config_is_refused(tiny):
    other = tiny.experiment("training.epochs=5")
    with pytest.raises(ValueError, match=r"best\.pth belongs to another config: its config_hash"):
        score_checkpoint(other, tiny.outcome.checkpoint)
    with pytest.raises(ValueError, match=r"training\.epochs is 4 there and 5 now"):
        train(other, work_dir=tiny.work_dir, results=tiny.results, resume=True)


def test_checkpoints_hold_plain_values_only(tiny):
    for name in (checkpoints.BEST, checkpoints.LAST):
        content = torch.load(tiny.work_dir / name, weights_only=True)
        assert content["meta"]["adabench"]["config"] == "depmap_r18_avec14"


def test_prototypes_survive_the_checkpoint(tiny):
    state = torch.load(tiny.outcome.checkpoint, weights_only=True)["state_dict"]
    key = next(k for k in state if k.endswith("prototypes"))
    stored = dict(tiny.bench().assessor.state_dict())[key]
    assert torch.equal(state[key], stored)
    assert torch.allclose(stored.norm(dim=-1), torch.ones(()), atol=1e-5)
    fresh = bench_of(tiny.experiment()).assessor.state_dict()[key]
    assert not torch.equal(fresh, stored), "training has moved no prototype"


def test_validation_on_test_data_is_refused(tiny):
    with pytest.raises(LeakError, match=r"protocol: \d+ clips of the validate data are also test"):
        bench_of(tiny.experiment("protocol.validate=['test']"))


def test_mistyped_part_is_refused_before_anything_long(tiny, tmp_path):
    experiment = tiny.experiment("method.selector.type=PrototypMAP", f"data.root={tmp_path / 'no'}")
    with pytest.raises(LookupError, match="Did you mean 'PrototypeMAP'"):
        bench_of(experiment)
    assert not (tmp_path / "no").exists()


def test_missing_weights_are_named(tiny, tmp_path):
    absent = tmp_path / "r18.pth"
    experiment = tiny.experiment(f"method.backbone.trunk.weights={absent}")
    with pytest.raises(FileNotFoundError, match=r"r18\.pth do(es)? not exist; give a local file"):
        bench_of(experiment)


def test_full_disk_keeps_the_result(tiny, tmp_path, monkeypatch, capsys):
    """The record's own copy stays in the work folder, so --resume publishes it."""
    work = tmp_path / "work"
    results = tmp_path / "results"
    experiment = tiny.experiment(config="constant_avec14.py")
    real = files._flush

    def full(path: Path) -> None:
        if results in path.parents:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path)

    monkeypatch.setattr(files, "_flush", full)
    with pytest.raises(OSError, match="disk is full"):
        train(experiment, work_dir=work, results=results)
    assert json.loads((work / RECORD).read_text())["method"] == "constant"
    monkeypatch.setattr(files, "_flush", real)
    outcome = train(experiment, work_dir=work, results=results, resume=True)
    assert outcome.path.is_file()
    assert not list(results.rglob(f"{files.TEMPORARY_PREFIX}*"))


def test_cached_features_give_what_frames_give(tiny):
    bench = tiny.bench()
    from_cache = evaluate(bench, "validate").clips
    frames = tiny.bench()
    frames.material.features = None  # its datasets then read frames, and the trunk runs
    from_frames = evaluate(frames, "validate").clips
    worst = max(abs(from_cache[c] - from_frames[c]) for c in from_cache)
    print(f"cache in float16 against frames: {worst:.4f} points apart at most")
    assert worst < 0.1


def test_shuffled_labels_are_a_control(tiny, tmp_path):
    plain, run = tiny.experiment(), tiny.experiment("shuffle_labels=True", "training.epochs=1")
    assert run.hash() != tiny.experiment("training.epochs=1").hash()
    kept = plain.model_dump(mode="json", by_alias=True)
    del kept["shuffle_labels"]
    assert type(plain).model_validate(kept).hash() == plain.hash()
    _, before = parts_of(plain)
    _, after = parts_of(run)
    assert after.test == before.test
    assert after.validate == before.validate
    true, dealt = session_labels(before.train), session_labels(after.train)
    assert sorted(true.values()) == sorted(dealt.values())
    assert true != dealt
    record = train(run, work_dir=tmp_path / "work", results=tmp_path / "results").record
    assert (record.kind, record.method) == ("control", "shuffled labels")
    assert record.notes[0] == "Dep-MAP on shuffled labels"
    run_controls(run, tmp_path / "results")
    assert {r.method for r in read_records(tmp_path / "results")[0]} >= {"constant"}
