"""A whole run with the training's options, and what is told before anything long."""

import json
import shutil

import pytest
from record_fixtures import as_licensed
from tiny_runs import bench_of

from adabench import engine
from adabench.engine.building import preflight
from adabench.engine.kinds.network import CURVE_FIGURE
from adabench.engine.run import RECORD, train
from adabench.evaluation.scale import BDI_II
from adabench.leaderboard.checks.curve import curve_reasons
from adabench.leaderboard.pages.html.curves import curve_of
from adabench.records.checks.beside import read_beside
from adabench.records.drawn import drawn_file, worlds_of
from adabench.records.files.curve import read_curve
from adabench.records.files.side_files import CURVE
from adabench.registry import STAGES

OPTIONS = (
    "training.accumulate=2",
    "training.patience=1",
    "training.sampler=level",
    "training.groups.selector.lr_mult=0.5",
    "training.scheduler.type=ConstantLR",
    "training.scheduler.factor=1.0",
)


def test_every_training_keeps_its_curve(tiny):
    rows = read_curve(tiny.work_dir / CURVE)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    best = tiny.outcome.record.selection
    assert rows[best.epoch - 1]["val/RMSE"] == pytest.approx(best.metrics.RMSE)
    losses = [value for name, value in rows[0].items() if name.startswith("train/")]
    assert losses[0] == pytest.approx(sum(losses[1:]))
    figure = tiny.work_dir / drawn_file(CURVE_FIGURE, worlds_of([tiny.outcome.record]))
    assert "drawn-faces-world" in figure.name
    assert figure.stat().st_size > 1000
    assert tiny.outcome.curve == figure
    assert tiny.outcome.figure.name.startswith("prediction-drawn-faces-world-")


def test_one_that_ended_before_there_were_curves_is_tested_all_the_same(tiny, tmp_path):
    work_dir = tmp_path / "work"
    shutil.copytree(tiny.work_dir, work_dir)
    for name in (RECORD, CURVE, tiny.outcome.curve.name):
        (work_dir / name).unlink()
    again = train(tiny.experiment(), work_dir=work_dir, results=tmp_path, resume=True)
    assert again.record.metrics == tiny.outcome.record.metrics
    assert again.curve is None


def test_beside_its_record_lies_the_curve_of_what_was_tested(tiny, everything):
    for outcome, work_dir in (
        (tiny.outcome, tiny.work_dir),
        (everything[0], everything[1] / "work"),
    ):
        files, reasons = read_beside(outcome.path, outcome.record.provenance)
        assert reasons == []
        assert files[CURVE] == (work_dir / CURVE).read_bytes()
        assert list(curve_reasons(outcome.record, files)) == []
        assert curve_of(outcome.record, outcome.path)["chosen"] == outcome.record.selection.epoch


def test_under_licence_no_curve_leaves_the_work_folder(tiny, tmp_path, monkeypatch):
    record, work_dir = tiny.outcome.record, tmp_path / "work"
    labels = {entry.session: entry.label for entry in record.predictions}

    def measure(*_, **__):
        shutil.copy(tiny.work_dir / CURVE, work_dir)
        return as_licensed(record), labels

    monkeypatch.setattr(engine.run, "measure", measure)
    outcome = train(tiny.experiment(), work_dir=work_dir, results=tmp_path / "local")
    assert outcome.record.licensed
    assert "config.json" in outcome.record.provenance
    assert list(tmp_path.rglob(CURVE)) == [work_dir / CURVE]


def test_so_do_stages_beside_their_result(tiny, tiny_encoder):
    stages = {use.type: use.key for use in tiny_encoder.record.stages}
    folders = [tiny.root / "data" / "stages" / f"{kind}-{key}" for kind, key in stages.items()]
    last = {kind: read_curve(f / CURVE)[-1] for kind, f in zip(stages, folders, strict=True)}
    assert "val/correlation" in last["ExpressionPretrain"]
    assert last["MethodTraining"]["epoch"] == 2
    assert "val/RMSE" in last["MethodTraining"]
    assert tiny_encoder.curve.is_file()


@pytest.fixture(scope="module")
def everything(tiny, tmp_path_factory):
    """A run with all of them, and two hooks."""
    folder = tmp_path_factory.mktemp("everything")
    hooks = ({"type": "EMAHook", "momentum": 0.5}, {"type": "IterTimerHook"})
    experiment = tiny.experiment(*OPTIONS).model_copy(update={"hooks": hooks})
    experiment = experiment.model_copy(
        # The second validation is never better than the first.
        update={"training": experiment.training.model_copy(update={"epochs": 9})}
    )
    return train(experiment, work_dir=folder / "work", results=folder / "results"), folder


def test_a_run_takes_all_of_them(tiny, everything):
    outcome, folder = everything
    record, rows = outcome.record, read_curve(folder / "work" / CURVE)
    assert record.config_hash != tiny.outcome.record.config_hash
    assert record.selection.epochs == record.selection.looks == len(rows)
    if len(rows) < 9:
        assert record.selection.epoch == len(rows) - 1
        assert any("stopped early: the schedule has 9 epochs" in note for note in record.notes)
    assert len({round(row["rate"], 12) for row in rows}) == 1
    kept = json.loads((folder / "work" / "config.json").read_text())
    assert kept["training"]["accumulate"] == 2
    assert kept["hooks"][0] == {"type": "EMAHook", "momentum": 0.5}


def test_levels_come_as_often(tiny):
    bench = bench_of(tiny.experiment("training.sampler=level"))
    loader = bench.loader("train")
    scores = [clip.score for clip in loader.dataset.clips]
    drawn = [int(BDI_II.level(scores[item])) for item in loader.sampler]
    counts = [drawn.count(level) for level in {int(BDI_II.level(score)) for score in scores}]
    assert len(counts) > 1
    assert max(counts) - min(counts) <= 1
    # What is validated and tested is all there is, in order.
    assert list(bench.loader("validate").sampler) == list(range(len(bench.dataset("validate"))))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["training.groups.selektor.lr_mult=0.5"], "training.groups: .*Did you mean 'selector'"),
        (["training.scheduler.type=ConstntLR"], "Did you mean 'ConstantLR'"),
        (
            ["training.patience=2", "protocol.train=[train,dev]", "protocol.validate=[]"],
            "patience=2",
        ),
        (["stages.trunk.training.sampler=level"], "sampler='level' balances severity levels"),
        (["stages.trunk.training.scheduler.type=StepL"], "Did you mean 'StepLR'"),
    ],
)
def test_mistakes_are_told_before_anything_long(tiny, options, told):
    with pytest.raises(ValueError, match=told):
        preflight(tiny.experiment(*options))


@pytest.mark.parametrize("hook", [{"type": "EMAHok"}, {"type": "IterTimerHook", "odd": 1}])
def test_so_are_those_in_hooks(tiny, hook):
    experiment = tiny.experiment().model_copy(update={"hooks": (hook,)})
    with pytest.raises((ValueError, LookupError), match=r"EMAHook|argument .odd"):
        preflight(experiment)


def test_a_stage_trains_without_the_run_s_hooks(tiny):
    run = tiny.experiment(config="expada_avec14_freeform.py")
    stage = STAGES.build(dict(run.stages["encoder"]))
    with_hooks = run.model_copy(update={"hooks": ({"type": "EMAHook"},)})
    assert stage.experiment(with_hooks).hash() == stage.experiment(run).hash()
