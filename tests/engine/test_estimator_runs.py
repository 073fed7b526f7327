"""A run of a scikit-learn estimator over an extractor's rows, from config to record and back."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from tiny_runs import CONFIGS, tiny_options

from adabench.config.reading.load import load_config
from adabench.engine.data.rundata import open_data
from adabench.engine.estimating import set_up_estimator
from adabench.engine.files.estimator_file import FITTED
from adabench.engine.run import make_ready, score_checkpoint, train
from adabench.leaderboard.acceptance.verify import verify
from adabench.models import Extractor
from adabench.registry import MODELS, UnknownTypeError
from adabench.testing import ContractError

CONFIG = CONFIGS / "baselines" / "svr_trunk_avec14.py"
FRAMES = ("method.extractor._delete_=True", "method.extractor.type=FrameStatistics")

BACKBONE = ("method.extractor.backbone._delete_=True",)
#: A network for segments of 12 frames, where the views have 16.
SHIFTS = (
    *BACKBONE,
    "method.extractor.backbone.type=MMActionBackbone",
    "method.extractor.backbone.name=MobileNetV2TSM",
    "method.extractor.backbone.options.num_segments=12",
    "method.extractor.backbone.frozen=True",
)
SINGLE_FRAMES = ("views.test._delete_=True", "views.test.type=StridedView", "views.test.frames=8")
HALF_A_SECOND = (
    "views.test._delete_=True",
    "views.test.type=SegmentView",
    "views.test.seconds=0.5",
)
TRAINED = (
    *BACKBONE,
    "method.extractor.backbone.type=VAT",
    "method.extractor.backbone.trunk.type=TimmFrames",
    "method.extractor.backbone.trunk.name=resnet18",
    "method.extractor.backbone.trunk.frozen=True",
)


def svr(tiny, *overrides, **options):
    folds = () if "change" in options else ("method.search.folds=3",)
    small = [*tiny_options(tiny.root / "data"), *folds]
    return load_config(CONFIG, demo=True, overrides=[*small, *overrides], **options)


def with_estimator(config):
    """The change of a suite's row that takes another estimator, without a search."""
    return {"method": {"estimator": [config], "search": None}}


def folders(root):
    return {"work_dir": root / "work", "results": root / "results"}


def predictions(record):
    return {p.session: p.prediction for p in record.predictions}


@pytest.fixture(scope="module")
def done(tiny, tmp_path_factory):
    """The run, what it left, and its folder."""
    root = tmp_path_factory.mktemp("svr")
    run = svr(tiny)
    return run, train(run, **folders(root)), root


class Seeing(Extractor):
    """The mean colour of a clip, and what else it was shown."""

    seen = ()

    def __call__(self, clip):
        Seeing.seen += ((clip.score, clip.id.clip),)
        return clip.frames.float().mean((0, 2, 3))


@pytest.fixture
def registered(monkeypatch):
    """Registers an extractor under a name for a test, and returns the options that take it."""

    def register(kind):
        monkeypatch.setitem(MODELS.module_dict, "ZzExtractor", kind)
        return ("method.extractor._delete_=True", "method.extractor.type=ZzExtractor")

    return register


def test_it_is_scikit_learn_on_the_trunks_features(done):
    run, outcome, _ = done
    bench = set_up_estimator(run, open_data(run))
    clips = bench.data.parts.train
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SVR()),
        run.method["search"]["grid"],
        scoring="neg_root_mean_squared_error",
        cv=GroupKFold(3),
    )
    rows = bench.rows("train")
    assert rows.shape == (len(clips), 3 * 128)
    search.fit(rows, [c.score for c in clips], groups=[c.subject for c in clips])
    scores = dict(
        zip(
            [c.clip for c in bench.data.parts.test], search.predict(bench.rows("test")), strict=True
        )
    )
    assert outcome.record.clips == pytest.approx(scores)
    for session, score in predictions(outcome.record).items():
        own = [scores[f"{session}_{task}"] for task in ("Freeform", "Northwind")]
        assert score == pytest.approx(np.mean(own))
    told = "over the training persons in 3 folds, of 12 tried: " + ", ".join(
        f"{name}={value}" for name, value in search.best_params_.items()
    )
    assert told in outcome.record.notes[0]


def test_its_record_says_what_it_stands_on(tiny, done):
    _, outcome, root = done
    record = outcome.record
    assert record.kind == "method"
    assert [stage.name for stage in record.stages] == ["trunk"]
    assert set(record.caches) < set(tiny.outcome.record.caches), "one cache serves networks too"
    assert (record.selection.looks, record.selection.budget) == (0, 12)
    assert (record.view.length, record.view.stride) == (7, 5.0)
    assert (record.contract.outcome, record.decoy.outcome) == ("held", "equal")
    assert record.flags.pretrained == "stage:trunk"
    assert record.cost.parameters > 5 * 10**5
    assert record.cost.multiply_adds > 10**6
    assert record.cost.alone_seconds > record.stages[0].seconds
    assert not verify(root / "results").problems


def test_its_checkpoint_gives_the_record_again(done):
    run, outcome, root = done
    assert outcome.checkpoint == root / "work" / FITTED
    evaluation, record = score_checkpoint(run, outcome.checkpoint)
    assert evaluation.sessions == pytest.approx(predictions(outcome.record), abs=1e-9)
    assert (record.clips, record.decoy.outcome) == (outcome.record.clips, "equal")


def test_a_checkpoint_of_another_config_is_refused(tiny, done):
    _, outcome, _ = done
    other = svr(tiny, change=with_estimator({"type": "SVR"}))
    with pytest.raises(ValueError, match=r"belongs to another config.*method\.estimator"):
        score_checkpoint(other, outcome.checkpoint)


def test_a_resumed_run_is_not_repeated(done):
    run, outcome, root = done
    again = train(run, **folders(root), resume=True)
    assert again.record.created == outcome.record.created


@pytest.mark.parametrize(
    ("estimator", "is_kept"),
    [
        ({"type": "RandomForestRegressor", "n_estimators": 5}, True),
        pytest.param(
            *({"type": "HistGradientBoostingRegressor", "max_iter": 3}, True),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *({"type": "KNeighborsRegressor", "algorithm": "kd_tree"}, True),
            marks=pytest.mark.slow,
        ),
        pytest.param({"type": "GaussianProcessRegressor"}, True, marks=pytest.mark.slow),
        ({"type": "KNeighborsRegressor", "algorithm": "kd_tree", "p": 1}, False),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_frames_and_any_regressor(tiny, tmp_path, estimator, is_kept):
    run = svr(tiny, *FRAMES, change=with_estimator(estimator))
    outcome = train(run, **folders(tmp_path / "once"))
    record = outcome.record
    assert (record.stages, record.caches) == ([], [])
    assert record.cost.parameters == 0
    twice = train(run, **folders(tmp_path / "twice")).record
    assert predictions(twice) == predictions(record)
    assert (outcome.checkpoint is not None) == is_kept
    if is_kept:
        evaluation, _ = score_checkpoint(run, outcome.checkpoint)
        assert evaluation.sessions == pytest.approx(predictions(record), abs=1e-9)
    else:
        assert record.notes[0].endswith(
            "no file may hold sklearn.metrics._dist_metrics.ManhattanDistance64"
        )


def test_no_score_reaches_an_extractor(tiny, tmp_path, registered):
    Seeing.seen = ()
    run = svr(tiny, *registered(Seeing))
    outcome = train(run, **folders(tmp_path))
    assert {score for score, _ in Seeing.seen} == {None}
    assert {clip for _, clip in Seeing.seen} >= set(outcome.record.clips)


def test_one_that_looks_labels_up_is_found_out(tiny, tmp_path, registered):
    corpus = open_data(svr(tiny)).corpus
    with (corpus.root / "manifest.csv").open() as file:
        labels = {row["clip"]: float(row["score"]) for row in csv.DictReader(file)}

    class Looking(Extractor):
        def __call__(self, clip):
            return [labels[clip.id.clip]]

    run = svr(tiny, *registered(Looking), change=with_estimator({"type": "Ridge"}))
    assert train(run, **folders(tmp_path)).record.decoy.outcome == "sees labels"


def test_one_that_remembers_earlier_clips_breaks_the_contract(tiny, tmp_path, registered):
    class Remembering(Extractor):
        count = 0

        def __call__(self, clip):
            self.count += 1
            return [self.count]

    run = svr(tiny, *registered(Remembering))
    with pytest.raises(ContractError, match=r"Remembering: .*\[extractor, rule 'extracts'\]"):
        train(run, **folders(tmp_path))
    record = train(run, **folders(tmp_path), allow_broken=True).record
    assert record.contract.outcome == "broken"


@pytest.mark.parametrize(
    ("overrides", "error", "match"),
    [
        (("method.extractor=None",), ValueError, "method.extractor is missing: Pipeline needs"),
        (
            ("method.extractor.type=BackboneFeature",),
            LookupError,
            "Did you mean 'BackboneFeatures'",
        ),
        (("method.search.grid.svr__c=[1.0]",), ValueError, r"grid\.svr__c.*'svr__C'"),
        (("method.estimator.1.type=SVRR",), UnknownTypeError, r"estimator\[1\].*'SVR'"),
        (("views=None",), ValueError, "views is missing"),
        (
            ("method.extractor.backbone.weights='stage:trnk'",),
            ValueError,
            "'stage:trnk' names a stage that the config lacks",
        ),
        (("method.extractor.backbone.weights=no.pth",), FileNotFoundError, "weights no.pth"),
    ],
    ids=lambda value: value[0].partition("=")[0] if isinstance(value, tuple) else "",
)
def test_a_mistake_is_told_before_a_corpus_is_made(tiny, tmp_path, overrides, error, match):
    run = svr(tiny, *overrides, f"data.root={tmp_path / 'data'}")
    with pytest.raises(error, match=match):
        train(run, **folders(tmp_path))
    assert not (tmp_path / "data").exists()


def test_more_folds_than_persons_are_told_before_features_are_made(tiny, tmp_path):
    with pytest.raises(ValueError, match="folds is 50, and the training clips are of"):
        train(svr(tiny, "method.search.folds=50"), **folders(tmp_path))


def test_a_model_per_task_and_folds_are_joined(tiny, tmp_path):
    fused = train(svr(tiny, "fusion=fused", *FRAMES), **folders(tmp_path / "fused")).record
    assert (len(fused.clips), fused.decoy.outcome) == (2 * fused.counts.sessions, "equal")
    folds = svr(tiny, "protocol.k=2", *FRAMES, protocol="folds")
    record = train(folds, **folders(tmp_path / "folds")).record
    assert record.counts.clips == len(record.clips)
    with pytest.raises(ValueError, match="a model per fold"):
        score_checkpoint(folds, tmp_path / FITTED)


def test_it_learns_from_another_corpus(tiny, tmp_path):
    run = svr(tiny, "protocol.synthface.seconds=[1.0,1.2]", *FRAMES, protocol="cross-corpus")
    data = open_data(run)
    bench = set_up_estimator(run, data)
    assert bench.dataset("train").corpus is data.parts.source is not data.corpus
    assert train(run, **folders(tmp_path), data=data).record.contract.outcome == "held"


def test_its_features_are_made_ready(tiny, monkeypatch):
    run = svr(tiny)
    make_ready(run, "features")
    data = open_data(run)
    (data.corpus.root / "caches" / "features" / set_up_estimator(run, data).caches[0]).stat()
    with pytest.raises(ValueError, match="--prepare takes one of corpus, trunk, features"):
        make_ready(run, "trnk")


def test_without_a_cache_the_backbone_sees_the_frames(tiny, done):
    run, _, _ = done
    cached = set_up_estimator(run, open_data(run))
    plain = replace(cached, experiment=run.model_copy(update={"cache": False}))
    plain.material = replace(cached.material, features=None)
    plain._kept = {}
    assert plain.dataset("test").reads_frames
    assert np.allclose(plain.rows("test"), cached.rows("test"), atol=0.05, rtol=0.02)


def over_segments(tiny, *overrides):
    """An SVR over what ExpADA's trained encoder sees of segments."""
    encoder = tiny.experiment(config="expada_avec14_freeform.py")
    backbone = {**encoder.method["backbone"], "_delete_": True}
    extractor = {"type": "BackboneFeatures", "backbone": backbone}
    estimator = [{"type": "StandardScaler"}, {"type": "SVR"}]
    method = {"name": "SVR", "type": "EstimatorMethod", "estimator": estimator}
    change = {"method": {"_delete_": True, **method, "extractor": extractor}}
    return tiny.experiment(*overrides, config="expada_avec14_freeform.py", change=change)


def test_a_backbone_over_segments_is_read_from_its_cache(tiny, tiny_encoder, tmp_path):
    run = over_segments(tiny)
    outcome = train(run, **folders(tmp_path))
    record = outcome.record
    assert [stage.name for stage in record.stages] == ["trunk", "encoder"]
    assert record.stages[1].key == tiny_encoder.record.stages[1].key
    # The trunk's maps behind the encoder's vectors.
    assert set(record.caches) == set(tiny_encoder.record.caches)
    assert (record.view.length, record.contract.outcome, record.decoy.outcome) == (
        10,
        "held",
        "equal",
    )
    cached = set_up_estimator(run, open_data(run))
    assert cached.rows("test").shape == (len(record.clips), 3 * 128)
    plain = replace(cached, material=replace(cached.material, features=None), _kept={})
    assert plain.dataset("test").reads_frames
    assert np.allclose(plain.rows("test"), cached.rows("test"), atol=0.01, rtol=0.02)
    evaluation, _ = score_checkpoint(run, outcome.checkpoint)
    assert evaluation.sessions == predictions(record)


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        (
            ("views.test.length=100", "views.test.short=refuse"),
            r"views\.test: clip .* has \d+ frames",
        ),
        (SHIFTS, r"views\.test, data\.size: MMActionBackbone .* of 12 frames, and these have 10"),
        (
            (*SHIFTS, *HALF_A_SECOND),
            r"views\.test, data\.size: MMActionBackbone .* of 12 frames, and these have 8",
        ),
        (SINGLE_FRAMES, "views.test gives none"),
        (TRAINED, "VAT is not frozen, .*trains no backbone: wrap it"),
    ],
    ids=["short", "length", "seconds", "frames", "trained"],
)
def test_segments_that_do_not_fit_are_told_before_a_stage_is_trained(
    tiny, tmp_path, overrides, match
):
    run = over_segments(tiny, *overrides, "stages.encoder.training.epochs=3")
    before = sorted((tiny.root / "data" / "stages").iterdir())
    with pytest.raises(ValueError, match=match):
        train(run, **folders(tmp_path))
    assert sorted((tiny.root / "data" / "stages").iterdir()) == before


def test_the_constants_checkpoint_gives_its_record_again(tiny, tmp_path):
    run = tiny.experiment(config="constant_avec14.py")
    outcome = train(run, **folders(tmp_path))
    record = outcome.record
    assert (record.clips, record.decoy.outcome, record.selection) == ({}, "not asked", None)
    evaluation, _ = score_checkpoint(run, outcome.checkpoint)
    assert evaluation.sessions == predictions(outcome.record)
