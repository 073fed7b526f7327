"""A method trained as a stage: found again by what it depends on, and by nothing else."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
from tiny_runs import bench_of

from adabench.bench.suites import load_suite
from adabench.config.reading.load import load_config
from adabench.data.files import write_bytes
from adabench.engine import workbench
from adabench.engine.building import preflight
from adabench.engine.data.corpora import seconds_to_make
from adabench.engine.data.rundata import RunData, open_data
from adabench.engine.metric import SessionScores
from adabench.engine.run import train
from adabench.engine.stages.method import MethodTraining
from adabench.engine.stages.pretrain import ExpressionPretrain
from adabench.engine.stages.stage import RESULT, StageContext, StageError, ensure_stages
from adabench.evaluation.scale import BDI_II
from adabench.models.weights import file_checksum
from adabench.registry import MODELS, STAGES
from adabench.structures import Inputs
from adabench.testing.tiny import tiny_options

ROOT = Path(__file__).parents[3]
CONFIG = "expada_avec14_freeform.py"


def no_fit(*_):
    """Nothing is trained."""
    raise AssertionError("a stage trains a method")


@dataclass
class Checksum:
    """As much of a corpus as a key needs."""

    checksum: str


@pytest.fixture
def keys(tiny, tmp_path, monkeypatch):
    """Return key of the encoder of the config that some overrides make; nothing is trained."""

    def pretend(stage, folder, context):
        write_bytes(folder / RESULT, b"weights")
        return {}

    for kind in (MethodTraining, ExpressionPretrain):
        monkeypatch.setattr(kind, "run", pretend)

    def key(*overrides, checksum="c0ffee", stage="encoder", **options):
        run = tiny.experiment(*overrides, **{"config": CONFIG, **options})
        data = run.data.model_copy(update={"root": str(tmp_path / "data")})
        run = run.model_copy(update={"data": data})
        return ensure_stages(run, RunData(Checksum(checksum), None, None), no_fit)[stage].key

    return key


BACKBONE = "stages.encoder.method.backbone"


@pytest.mark.parametrize(
    "overrides",
    [
        ["stages.encoder.seed=1"],
        ["stages.encoder.views.train.overlap=2"],
        ["stages.encoder.views.train.cover=1"],
        ["stages.encoder.views.train.segments=4"],
        ["stages.encoder.views.select.phases=2"],
        ["stages.encoder.views.augment.flip=0.1"],
        ["stages.encoder.views.variants=3"],
        ["stages.encoder.training.epochs=3"],
        ["stages.encoder.method.head.hidden=32"],
        [f"{BACKBONE}.width=64"],
        [f"{BACKBONE}.trunk.weights=None"],
        ["stages.trunk.seed=1"],
        ["stages.trunk.training.epochs=3"],
        ["stages.trunk.expressions.seed=1"],
        ["track=demo-northwind"],
        ["data.synthface.seed=1"],
        ["data.size=48"],
        ["protocol.validate=['train']"],
    ],
)
def test_what_it_depends_on_trains_anew(keys, overrides):
    assert keys(*overrides) != keys()


@pytest.mark.parametrize(
    ("overrides", "options"),
    [
        ([], {}),
        (["stages.encoder.seed=0"], {"seed": 5}),
        ([], {"name": "expada_table2/feature_selection"}),
        ([], {"config": "expada_avec14.py", "change": {"track": "avec14-freeform"}}),
        ([], {"config": "expada_avec13.py"}),
        (["fusion=fused"], {}),
        (["method.name=Other"], {}),
        (["method.selector.percent=70", "method.aggregator.scales=2"], {}),
        (["method.backbone.backbone.width=64"], {}),
        (["views.train.overlap=4", "views.test.overlap=4", "views.variants=5"], {}),
        (["training.epochs=9", "training.optimiser.lr=1.0"], {}),
        (["paper_compat=True"], {}),
        (["data.processes=1", "stages.encoder.training.workers=1"], {}),
    ],
)
def test_what_comes_after_it_changes_nothing(keys, overrides, options):
    assert keys(*overrides, **options) == keys()


def test_its_seed_may_be_the_runs(keys):
    """As the config has it: a row's seeds have an encoder each."""
    assert len({keys(seed=seed) for seed in (0, 1, 2)}) == 3
    assert keys(seed=3) == keys("stages.encoder.seed=3", seed=7)
    assert keys(seed=3, stage="trunk") == keys(seed=4, stage="trunk")


def test_what_it_trains_has_the_seed_of_the_run(tiny):
    run = tiny.experiment(config=CONFIG, seed=6)
    encoder = dict(run.stages["encoder"])
    assert STAGES.build(dict(encoder)).experiment(run).seed == 6
    assert STAGES.build({**encoder, "seed": 2}).experiment(run).seed == 2
    # A stage that stands on another hands the number on, whatever its own seed is.
    views, training = (s.model_dump() for s in (run.views, run.training))
    method = {k: v for k, v in run.method.items() if k != "name"}
    on_top = MethodTraining(method=method, views=views, training=training, seed=9)
    own = on_top.experiment(run)
    assert (own.seed, own.stages["encoder"]["seed"]) == (9, 6)


def test_another_preparation_of_the_corpus_trains_anew(keys):
    assert keys(checksum="another") != keys()


@pytest.mark.parametrize("kind", ["VAT", "TimmFrames", "Identity", "KeepAll", "OrdinalRegressor"])
def test_a_newer_part_trains_anew(keys, monkeypatch, kind):
    before = keys()
    monkeypatch.setattr(MODELS.get(kind), "version", 7)
    assert keys() != before


def test_a_newer_part_that_only_the_run_has_changes_nothing(keys, monkeypatch):
    before = keys()
    for kind in ("MTE", "DFS", "Frozen"):
        monkeypatch.setattr(MODELS.get(kind), "version", 7)
    assert keys() == before


def test_newer_code_of_either_stage_trains_anew(keys, monkeypatch):
    seen = {keys()}
    for kind in (MethodTraining, ExpressionPretrain):
        monkeypatch.setattr(kind, "version", kind.version + 1)
        seen.add(keys())
    assert len(seen) == 3


def test_another_content_of_a_weights_file_trains_anew(keys, tmp_path, tiny):
    path = tmp_path / "trunk.pth"
    of_file = f"{BACKBONE}.trunk.weights={path}"
    path.write_bytes(b"one")
    before = keys(of_file)
    assert keys(of_file) == before
    path.write_bytes(b"two")
    assert keys(of_file) != before


def test_a_stage_may_stand_on_a_method_that_stands_on_a_trunk(keys, tiny):
    run = tiny.experiment(config=CONFIG)
    encoder = run.stages["encoder"]
    stage = {
        **encoder,
        "method": {**encoder["method"], "backbone": run.method["backbone"]},
        "views": run.views.model_dump(),
    }
    change = {"stages": {"second": stage}, "method": {"backbone": {"weights": "stage:second"}}}
    on_top = tiny.experiment(config=CONFIG, change=change)
    built = STAGES.build(dict(on_top.stages["second"])).experiment(on_top)
    assert set(built.stages) == {"trunk", "encoder"}
    preflight(on_top)
    first = keys(change=change, stage="second")
    assert keys(change=change, stage="encoder") == keys()
    assert keys("stages.trunk.seed=1", change=change, stage="second") != first
    assert keys("stages.encoder.seed=1", change=change, stage="second") != first
    assert keys("method.selector.percent=70", change=change, stage="second") == first


def test_it_takes_semantics_and_their_stages_where_its_backbone_reads_them(tiny):
    run = tiny.experiment()
    views, training = (s.model_dump() for s in (run.views, run.training))
    method = {k: v for k, v in run.method.items() if k != "name"}
    own = MethodTraining(method=method, views=views, training=training, seed=3).experiment(run)
    assert own.semantics == run.semantics
    assert set(own.stages) == {"trunk"}
    assert (own.seed, own.track, own.data) == (3, run.track, run.data)
    visual = {**method, "backbone": {**method["backbone"]["trunk"], "weights": None}}
    blind = MethodTraining(method=visual, views=views, training=training).experiment(run)
    assert blind.semantics is None
    assert blind.stages == {}


def test_a_mistake_in_its_method_is_told_before_anything_is_made(tiny, tmp_path):
    root = f"data.root={tmp_path / 'no'}"
    for override, said in (
        ("stages.encoder.method.selector.type=KepAll", "Did you mean 'KeepAll'"),
        (
            "stages.encoder.views.test.length=0",
            r"stages\.encoder\.views\.test\.length is at least 1",
        ),
        ("stages.encoder.method.backbone.trunk.weights=stage:trnk", "'stage:trnk' names a stage"),
    ):
        with pytest.raises((LookupError, ValueError), match=said):
            bench_of(tiny.experiment(override, root, config=CONFIG))
    assert not (tmp_path / "no").exists()


def encoder_of(bench):
    return bench.stages["encoder"]


@pytest.fixture
def untrained(monkeypatch):
    """Fail where a stage would train."""

    def again(*_, **__):
        raise AssertionError("a stage trains again")

    monkeypatch.setattr(MethodTraining, "run", again)


def test_a_trained_one_is_found_by_later_runs(tiny, tiny_encoder, untrained):
    run = tiny.experiment(config=CONFIG)
    found = encoder_of(bench_of(run))
    fixed = ("method.selector.percent=70", "stages.encoder.seed=0")
    assert encoder_of(bench_of(tiny.experiment(*fixed, config=CONFIG, seed=4))) == found
    fused = tiny.experiment("track=demo-freeform", config="expada_avec14.py")
    assert encoder_of(bench_of(fused)) == found
    for overrides, seed in ((["stages.encoder.seed=9"], 0), ([], 9)):
        with pytest.raises(AssertionError, match="trains again"):
            bench_of(tiny.experiment(*overrides, config=CONFIG, seed=seed))


def test_its_report_says_what_was_measured(tiny, tiny_encoder):
    found = encoder_of(bench_of(tiny.experiment(config=CONFIG)))
    report = json.loads((found.path.parent / "stage.json").read_text())
    assert report["config"]["type"] == "MethodTraining"
    assert report["config"]["seed"] == 0
    (used,) = (use for use in tiny_encoder.record.stages if use.name == "encoder")
    assert used.seed == 0
    assert report["measured"] == found.measured
    assert set(found.measured) == {"dev RMSE", "epoch", "epochs", "looks"}
    assert 0 < found.measured["dev RMSE"] < 63
    assert found.measured["epoch"] in (1, 2)
    assert report["seconds"] == found.seconds > 0


def test_its_result_is_the_best_backbone_which_the_run_holds_unchanged(tiny, tiny_encoder):
    bench = bench_of(tiny.experiment(config=CONFIG))
    found = encoder_of(bench)
    result = torch.load(found.path, weights_only=True)["backbone"]
    best = torch.load(found.path.with_name("best.pth"), weights_only=True)["state_dict"]
    assert result.keys() == {k.removeprefix("backbone.") for k in best if "backbone." in k}
    assert all(torch.equal(v, best[f"backbone.{k}"]) for k, v in result.items())
    after = torch.load(tiny_encoder.checkpoint, weights_only=True)["state_dict"]
    assert all(torch.equal(v, after[f"backbone.inner.{k}"]) for k, v in result.items())
    assert bench.features.part is bench.assessor.backbone
    assert tiny_encoder.record.flags.pretrained == "stage:encoder"
    assert tiny_encoder.record.flags.pretrained_checksum == file_checksum(found.path)


@pytest.mark.slow
def test_a_run_that_finds_it_scores_what_the_run_that_trained_it_did(tiny, tiny_encoder, untrained):
    again = train(
        tiny.experiment(config=CONFIG),
        work_dir=tiny.root / "variants" / "encoder-found",
        results=tiny.root / "variants" / "results",
    )
    assert again.record.predictions == tiny_encoder.record.predictions
    assert again.record.relevance_measures == tiny_encoder.record.relevance_measures
    assert again.record.cost.wall_seconds < tiny_encoder.record.cost.alone_seconds


def test_the_cost_alone_counts_what_was_found_at_what_it_took(tiny, tiny_encoder):
    bench = bench_of(tiny.experiment(config=CONFIG))
    record = tiny_encoder.record
    stages = sum(stage.seconds for stage in bench.stages.values())
    own = record.timing["training"] + record.timing["evaluation"]
    made = seconds_to_make(bench.corpus) + stages + bench.features.seconds
    assert seconds_to_make(bench.corpus) > 0
    assert bench.features.seconds > 0
    assert record.cost.alone_seconds == pytest.approx(own + made, abs=0.1)
    assert record.cost.wall_seconds == pytest.approx(sum(record.timing.values()))


def test_relevance_is_measured_at_each_scale(tiny, tiny_encoder):
    found = tiny_encoder.record.relevance_measures
    assert list(found)[:4] == ["all", "scale1", "scale2", "scale3"]
    assert len({own.roc_area.value for own in found.values()}) > 1
    # A longer unit can follow an episode less closely.
    ceilings = [found[f"scale{steps}"].roc_area.ceiling for steps in (1, 2, 3)]
    assert ceilings == sorted(ceilings, reverse=True)


def test_a_stage_tells_how_often_it_looked(tiny_encoder):
    (told,) = [s.selection for s in tiny_encoder.record.stages if s.type == "MethodTraining"]
    assert 1 <= told.epoch <= told.epochs
    assert told.looks >= 1
    assert all(
        s.selection is None for s in tiny_encoder.record.stages if s.type != "MethodTraining"
    )


def context_of(run):
    data = open_data(run)
    stages = {k: v for k, v in run.stages.items() if k == "trunk"}
    earlier = ensure_stages(run.model_copy(update={"stages": stages}), data, no_fit)
    fit_stage = partial(workbench._fit_for_stage, allow_broken=False)
    return StageContext(run, data, earlier, fit_stage)


def test_it_sees_training_and_development_clips_alone(tiny, tmp_path, monkeypatch):
    run = tiny.experiment("stages.encoder.training.epochs=1", config=CONFIG)
    splits, uses = set(), []

    class Watched(workbench.ClipDataset):
        def __init__(self, corpus, clips, *arguments, **options):
            super().__init__(corpus, clips, *arguments, **options)
            splits.update(clip.split for clip in clips)
            uses.append((options["training"], options["labels"]))

        def __getitem__(self, item):
            sample = super().__getitem__(item)
            assert sample.id.task == "Freeform"
            return sample

    monkeypatch.setattr(workbench, "ClipDataset", Watched)
    stage = STAGES.build(dict(run.stages["encoder"]))
    context = context_of(run)
    test = {clip.clip for clip in context.corpus.clips if clip.split == "test"}
    seen = SessionScores.process

    def process(self, data_batch, data_samples):
        assert not {view.clip for view in data_batch["ids"]} & test
        seen(self, data_batch, data_samples)

    monkeypatch.setattr(SessionScores, "process", process)
    stage.run(tmp_path / "stage", context)
    assert test
    assert splits == {"train", "dev"}
    assert set(uses) == {(False, True), (True, True)}


@pytest.mark.slow
def test_one_that_was_cut_goes_on_to_the_same_weights(tiny, tmp_path, monkeypatch):
    run = tiny.experiment(config=CONFIG)
    context = context_of(run)
    stage = STAGES.build(dict(run.stages["encoder"]))
    measured = stage.run(tmp_path / "whole", context)
    validate, calls = SessionScores.compute_metrics, []

    def cut(self, results):
        calls.append(len(results))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return validate(self, results)

    monkeypatch.setattr(SessionScores, "compute_metrics", cut)
    with pytest.raises(KeyboardInterrupt):
        stage.run(tmp_path / "cut", context)
    assert not (tmp_path / "cut" / RESULT).exists()
    torch.manual_seed(11)
    assert stage.run(tmp_path / "cut", context) == measured
    # The first epoch was not repeated.
    assert len(calls) == 3
    whole, cut_one = ((tmp_path / name / RESULT).read_bytes() for name in ("whole", "cut"))
    assert whole == cut_one


def test_one_that_fails_keeps_the_trunk_and_says_how_to_go_on(tiny, tmp_path):
    run = tiny.experiment("stages.encoder.training.optimiser.lr=1e30", config=CONFIG)
    with pytest.raises(StageError) as told:
        bench_of(run)
    for part in ("stage 'encoder' failed", "diverged", "optimiser.lr", "kept (trunk)", "goes on"):
        assert part in str(told.value)
    with pytest.raises(StageError):
        train(run, work_dir=tmp_path / "work", results=tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_stage_as_a_run_of_its_own_is_tested(tiny, tmp_path, monkeypatch):
    run = tiny.experiment(
        "stages.encoder.training.epochs=1", config=CONFIG, stage="encoder", name="rows/encoder"
    )
    record = train(run, work_dir=tmp_path / "work", results=tmp_path / "results").record
    assert (record.method, record.config, record.track) == (
        "ExpADA",
        "rows/encoder",
        "demo-freeform",
    )
    assert record.flags.pretrained == "stage:trunk"
    assert len(record.predictions) == len({p.session for p in record.predictions}) > 1
    assert set(record.relevance_measures) - set(BDI_II.names) == {"all", "scale1"}


def test_the_encoder_is_cached_through_its_trunk_and_gives_what_it_gives_on_frames(
    tiny, tiny_encoder
):
    bench = bench_of(tiny.experiment(config=CONFIG))
    cache = bench.features
    assert cache.source is not None
    clip = bench.parts.test[0]
    index = cache.segments.expand(cache.segments.starts(clip.frames), clip.frames)
    frames = torch.from_numpy(bench.corpus.frames(clip.clip, index)).permute(0, 3, 1, 2)
    inputs = Inputs(
        valid=torch.ones(1, len(index), dtype=torch.bool),
        index=torch.from_numpy(index)[None],
        frames=frames.float().div_(255.0)[None],
        segment_length=cache.segments.segment_length,
    )
    direct = bench.assessor.backbone.eval()(inputs).vector[0]
    cached = cache.read(clip.clip, index).vector
    # Both caches keep half precision; a vector has unit length.
    assert (cached - direct).abs().max() < 5e-3


def row_of_choices(tiny, name):
    """A row of ExpADA's choices at the size of the tiny run, on its data."""
    suite = load_suite("expada_choices", ROOT / "configs" / "suites")
    row = suite.config_of(suite.row(name), "avec14-freeform")
    small = [*tiny_options(tiny.root / "data", encoder=True), "training.epochs=1"]
    if name == "no_stage_1":
        small = [option for option in small if not option.startswith("stages.encoder")]
    return load_config(**row, demo=True, overrides=small)


def test_a_method_may_learn_on_from_it(tiny, tiny_encoder, untrained, tmp_path):
    run = row_of_choices(tiny, "encoder_learns")
    bench = bench_of(run)
    result = torch.load(encoder_of(bench).path, weights_only=True)["backbone"]
    held = bench.assessor.backbone.state_dict()
    assert all(torch.equal(held[name], value) for name, value in result.items())
    # The trunk is frozen, and the maps are those that the stage had cached.
    assert bench.features.part is bench.assessor.backbone.trunk
    outcome = train(run, work_dir=tmp_path / "work", results=tmp_path / "results")
    after = torch.load(outcome.checkpoint, weights_only=True)["state_dict"]
    moved = {n for n, v in result.items() if not torch.equal(after[f"backbone.{n}"], v)}
    assert {name.split(".")[0] for name in moved} == {"norm", "query", "blocks"}
    assert outcome.record.flags.pretrained == "stage:encoder"


@pytest.mark.slow
def test_a_row_may_do_without_it(tiny, tiny_encoder, untrained, tmp_path):
    run = row_of_choices(tiny, "no_stage_1")
    assert set(run.stages) == {"trunk"}
    outcome = train(run, work_dir=tmp_path / "work", results=tmp_path / "results")
    assert [use.name for use in outcome.record.stages] == ["trunk"]
    assert outcome.record.flags.pretrained == "stage:trunk"
