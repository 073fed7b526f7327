"""Runs over signals: of a corpus's own tables, and of what a pretrained trunk sees."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from tiny_runs import CONFIGS, bench_of

from adabench.config.reading.load import load_config
from adabench.data.prepared import PreparedCorpus, write_description
from adabench.engine.building import preflight
from adabench.engine.caches.signals import SignalsCache
from adabench.engine.data.rundata import open_data
from adabench.engine.estimating import check_estimator_run
from adabench.engine.run import score_checkpoint, train
from adabench.engine.stages.method import MethodTraining
from adabench.engine.training import curve
from adabench.engine.workbench import set_up
from adabench.models.signals import PreparedSignals, TrunkSignals
from adabench.synthface import SIGNAL_COLUMNS

CONFIG = "baselines/signals_avec14.py"
SVR = "baselines/svr_trunk_avec14.py"
#: Read by an estimator.
STATISTICS = (
    "method.extractor._delete_=True", "method.extractor.type=SignalStatistics",
    "method.search.folds=3", "signals.type=TrunkSignals", "signals.stage=stage:trunk",
)  # fmt: skip
COLUMNS = {"AU12_r": 1.0, " pose_Tz": 500.0, "gaze_0_x": 0.0}


def folders(root):
    return {"work_dir": root / "work", "results": root / "results"}


def predictions(record):
    return {p.session: p.prediction for p in record.predictions}


@pytest.fixture(scope="module")
def done(tiny, tmp_path_factory):
    """The demo's run, what it left, and its folder."""
    run, root = tiny.experiment(config=CONFIG), tmp_path_factory.mktemp("signals")
    return run, train(run, **folders(root)), root


@pytest.fixture(scope="module")
def recorded(tiny, tmp_path_factory):
    """The tiny corpus as if it had been recorded, with tables of three of OpenFace's columns."""
    made = open_data(tiny.experiment()).corpus
    root = tmp_path_factory.mktemp("recorded") / "avec14"
    shutil.copytree(made.root, root, ignore=shutil.ignore_patterns("semantics"))
    told = dict(vars(made.description), name="avec2014", licensed=True, parameters=None)
    write_description(root, type(made.description)(**told), made.clips)
    (root / "signals").mkdir()
    random = np.random.default_rng(0)
    for clip in made.clips:
        with (root / "signals" / f"{clip.clip}.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["frame", *COLUMNS, "x_0"])
            for frame in range(0, clip.frames - 1):
                values = [base + random.normal() for base in COLUMNS.values()]
                writer.writerow([frame, *values, 3] if frame % 5 else [frame, "", *values[1:], 3])
    return root


@pytest.fixture
def real(recorded, tmp_path):
    """An experiment on the recorded corpus, without a demo."""
    shutil.copytree(recorded, tmp_path / "data" / "avec2014")

    def make(*overrides):
        small = ["training.epochs=2", "training.workers=0", "training.threads=1", "data.size=64"]
        columns = "signals.columns=['AU12_r','pose_Tz','gaze_0_x']"
        views = ["views.train.frames=8", "views.test.frames=8"]
        options = [f"data.root={tmp_path / 'data'}", columns, *small, *views, *overrides]
        return load_config(CONFIGS / CONFIG, overrides=options)

    return make


def test_a_method_over_what_a_trunk_sees_is_trained(done):
    run, outcome, root = done
    record = outcome.record
    assert record.contract.outcome == "held", record.contract.reasons
    assert record.decoy.outcome == "equal"
    assert len(record.caches) == 1
    assert (run.data.root, record.flags.pretrained) == (run.data.root, "stage:trunk")
    assert len(record.flags.pretrained_checksum) == 64
    told = "signals: 17 signals as the pretrained trunk's own heads see them in each frame"
    assert told in record.notes
    assert (root / "work" / "curve.csv").is_file()


def test_its_checkpoint_scores_the_same_and_sees_by_itself(done):
    run, outcome, _ = done
    evaluation, again = score_checkpoint(run, outcome.checkpoint)
    assert evaluation.sessions == predictions(outcome.record)
    assert again.config_hash == outcome.record.config_hash
    carried = torch.load(outcome.checkpoint, weights_only=True)["meta"]["adabench"]["signals"]
    source = TrunkSignals(stage=carried["stage"], columns=carried["names"])
    corpus = open_data(run).corpus
    clip = corpus.clips[0]
    frames = torch.from_numpy(corpus.frames(clip.clip, range(4))).permute(0, 3, 1, 2) / 255
    kept = set_up(run, open_data(run)).material.signals.read(clip.clip, np.arange(4))
    torch.testing.assert_close(source.compute(frames), kept.values, rtol=1e-4, atol=1e-4)


def test_signals_are_computed_once_and_shared(done, tiny, monkeypatch):
    _, outcome, _ = done

    def again(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr(TrunkSignals, "compute", again)
    other = tiny.experiment("training.epochs=1", "views.train.frames=4", config=CONFIG)
    assert set_up(other, open_data(other)).caches == outcome.record.caches


@pytest.mark.slow
def test_a_resumed_run_ends_as_an_uncut_one(done, tmp_path, monkeypatch):
    run, outcome, _ = done
    write, calls = curve.Curve.after_val_epoch, []

    def cut(self, *args, **kwargs):
        write(self, *args, **kwargs)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(curve.Curve, "after_val_epoch", cut)
        with pytest.raises(KeyboardInterrupt):
            train(run, **folders(tmp_path))
    again = train(run, **folders(tmp_path), resume=True)
    assert predictions(again.record) == predictions(outcome.record)


def test_the_training_clips_alone_give_the_scale(tiny, done):
    bench = set_up(done[0], open_data(done[0]))
    rows = [
        bench.material.signals.read(clip.clip, np.arange(clip.frames)).values
        for clip in bench.parts.train
    ]
    joined = torch.cat(rows).double()
    backbone = bench.assessor.backbone
    torch.testing.assert_close(backbone.signal_mean.double(), joined.mean(0), rtol=1e-5, atol=1e-6)
    spread = joined.std(0, correction=0)
    torch.testing.assert_close(backbone.signal_std.double(), spread, rtol=1e-4, atol=1e-6)


def test_augmentations_change_training_views_only(tiny):
    run = tiny.experiment("views.augment=[{'type':'SignalDropout','share':1.0}]", config=CONFIG)
    bench = bench_of(run)
    dropped = bench.dataset("train")[0].signals.mask
    assert int(dropped.any(0).sum()) == 1
    for use in ("validate", "test"):
        assert bench.dataset(use)[0].signals.mask.all()


def test_an_estimator_over_signals_is_fitted(tiny, tmp_path):
    run = tiny.experiment(*STATISTICS, config=SVR)
    check_estimator_run(run)
    record = train(run, **folders(tmp_path)).record
    assert record.contract.outcome == "held"
    assert record.decoy.outcome == "equal"
    assert [stage.name for stage in record.stages] == ["trunk"]


def test_columns_of_a_recorded_corpus_are_read(real, tmp_path):
    record = train(real(), **folders(tmp_path)).record
    assert record.contract.outcome == "held"
    assert "signals: 3 columns of the prepared corpus's own signals" in record.notes
    assert record.stages == []
    corpus = PreparedCorpus.open(tmp_path / "data" / "avec2014")
    cache = SignalsCache(
        PreparedSignals(columns=list(map(str.strip, COLUMNS))),
        corpus,
        tmp_path / "data",
        corpus.clips,
    )
    clip = corpus.clips[0]
    found = cache.read(clip.clip, np.arange(clip.frames))
    assert cache.arrays.folder.name in record.caches
    assert found.mask[:, 0].tolist() == [
        frame % 5 > 0 and frame < clip.frames - 1 for frame in range(clip.frames)
    ]
    assert not found.values[~found.mask].any()
    assert found.values[1, 1] == pytest.approx(500, abs=5)
    # Half precision would have rounded it.
    assert float(found.values[1, 1]) != float(found.values[1, 1].half())


def test_another_table_is_another_cache(real, tmp_path):
    run = real()
    data = open_data(run)
    before = set_up(run, data).caches
    path = next((data.corpus.root / "signals").glob("*.csv"))
    path.write_text(path.read_text().replace("frame", "frame ", 1))
    assert set_up(run, data).caches != before


def test_clips_that_lack_what_is_read(real, tmp_path):
    signals = tmp_path / "data" / "avec2014" / "signals"
    run = real("signals.columns=['AU12_r','pose_Tx']")
    with pytest.raises(
        ValueError, match=r"no column 'pose_Tx', which signals\.columns names\. Did"
    ):
        bench_of(run)
    first = min(signals.glob("*.csv"))
    first.unlink()
    with pytest.raises(ValueError, match=rf"clip {first.stem} has no table .*--openface FOLDER"):
        bench_of(real())


def test_the_truth_of_a_generated_corpus_is_refused(tiny, real, tmp_path):
    truth = ["signals._delete_=True", "signals.type=PreparedSignals", "signals.columns=['AU01']"]
    with pytest.raises(ValueError, match="its truth, which no method may read"):
        preflight(tiny.experiment(*truth, config=CONFIG))
    description = tmp_path / "data" / "avec2014" / "corpus.json"
    corpus = PreparedCorpus.open(description.parent)
    told = dict(vars(corpus.description), parameters={"seed": 3})
    write_description(corpus.root, type(corpus.description)(**told), corpus.clips)
    assert json.loads(description.read_text())["parameters"] == {"seed": 3}
    with pytest.raises(ValueError, match="its truth, which no method may read"):
        bench_of(real())


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["signals=None"], "signals is missing: SignalSteps reads signals; name their source"),
        (
            ["signals.columns=['AU1']"],
            r"signals\.columns: stage 'trunk' learns no 'AU1'\. Did you",
        ),
        (["signals.stage=none/trunk.pth"], r"none/trunk\.pth"),
        (["signals.stage=stage:trnk"], "'stage:trnk' names a stage that the config lacks"),
    ],
)
def test_mistakes_told_before_anything_is_trained(tiny, overrides, message):
    with pytest.raises((ValueError, OSError), match=message):
        preflight(tiny.experiment(*overrides, config=CONFIG))


def test_a_method_of_signals_has_no_use_for_mirrors(tiny):
    run = tiny.experiment(config=CONFIG)
    views = run.views.model_copy(update={"augment": {"type": "ClipAugment"}})
    with pytest.raises(ValueError, match="ClipAugment changes frames, and SignalSteps reads"):
        preflight(run.model_copy(update={"views": views}))


def test_a_method_of_frames_has_no_use_for_noise_on_signals(tiny):
    augment = ("views.augment._delete_=True", "views.augment.type=SignalJitter")
    with pytest.raises(ValueError, match="SignalJitter changes signals, and ESA reads"):
        preflight(tiny.experiment(*augment))


def test_a_stage_may_train_a_method_over_signals(tiny, done):
    """Its key holds the source of signals, and one of another method doesn't."""
    run = done[0]
    stage = {
        "type": "MethodTraining",
        "method": {k: v for k, v in run.method.items() if k != "name"},
        "views": run.views.model_dump(),
        "training": run.training.model_copy(update={"epochs": 1}).model_dump(),
    }
    backbone = {"type": "Frozen", "backbone": run.method["backbone"], "weights": "stage:steps"}
    on_top = run.model_copy(
        update={
            "method": {**run.method, "backbone": backbone},
            "stages": {**run.stages, "steps": stage},
        }
    )
    preflight(on_top)
    bench = set_up(on_top, open_data(on_top))
    assert list(bench.stages) == ["trunk", "steps"]
    inner = bench.assessor.backbone.inner
    assert bool((inner.signal_std != 1).all())
    frames = tiny.experiment().model_copy(update={"signals": run.signals})
    stage_of_frames = {**stage, "method": {k: v for k, v in frames.method.items() if k != "name"}}
    assert MethodTraining(**_untyped(stage)).experiment(run).signals == run.signals
    assert MethodTraining(**_untyped(stage_of_frames)).experiment(frames).signals is None


def _untyped(stage):
    return {key: value for key, value in stage.items() if key != "type"}


def test_every_label_of_the_trunk_is_among_its_signals(done):
    assert set_up(done[0], open_data(done[0])).assessor.signals == SIGNAL_COLUMNS
