"""Pretraining of networks over segments, and of aggregators, on expression clips."""

import json

import pytest
import torch
from expression_clips import (
    COLUMNS,
    SIZE,
    TRAINING,
    TRUNK,
    built,
    expression_data,
    run_on,
    stage_config,
)
from planted_aggregators import LastState
from tiny_runs import context_of

from adabench.config.experiment import Data
from adabench.data.prepared import PreparedCorpus
from adabench.engine.stages.clip_pretrain import (
    STATISTICS,
    ExpressionSegments,
    statistics_of,
)
from adabench.engine.stages.stage import REPORT, StageResult, ensure_stage
from adabench.models.assessor import build_part
from adabench.plugins import load_plugins
from adabench.registry import MODELS
from adabench.structures import FeatureSpec, Inputs

LENGTH, FRAMES = 4, 9
EXPRESSIONS = {"preset": "tiny", "seed": 11, "frames": FRAMES}
FROZEN = {**TRUNK, "frozen": True}
VAT = {"type": "VAT", "trunk": TRUNK, "map_size": 1, "width": 16, "heads": 2, "blocks": 1}
VIDEO = {
    "type": "MMActionBackbone",
    "name": "ResNet3d",
    "options": {"depth": 18, "base_channels": 4},
}
TORCHVISION = {"type": "TorchvisionVideo", "name": "mc3_18", "size": 16}
MTE = {"type": "MTE", "scales": 2, "dim": 8, "hidden": 8}
LAST = {"type": "LastState", "width": 8}
CFG = stage_config("ClipPretrain", backbone=VIDEO, expressions=EXPRESSIONS, length=LENGTH)


@pytest.fixture(autouse=True)
def _parts(monkeypatch):
    load_plugins()
    monkeypatch.setattr(MODELS, "_module_dict", {**MODELS.module_dict, "LastState": LastState})


@pytest.fixture
def data(tmp_path):
    return expression_data(tmp_path, {**EXPRESSIONS, "motion": "smooth"}, FRAMES)


def stage_of(**changes):
    return built({**CFG, **changes})


def part_of(role, config, path, **spec):
    return build_part(role, {**config, "weights": str(path)}, "x", **spec).eval()


@pytest.mark.parametrize(
    "backbone",
    [
        pytest.param(VAT, id="VAT", marks=pytest.mark.slow),
        pytest.param(VIDEO, id="mmaction2"),
        pytest.param(TORCHVISION, id="torchvision", marks=pytest.mark.slow),
    ],
)
def test_any_backbone_over_segments_is_pretrained_and_loaded_by_its_weights(data, backbone):
    result = ensure_stage("clips", {**CFG, "backbone": backbone}, run_on(data))
    names = [f"{column} {statistic}" for statistic in STATISTICS for column in COLUMNS]
    assert [*result.measured] == ["seconds", "correlation", *names]
    told = json.loads(result.path.with_name(REPORT).read_text())["measured"]
    assert told == dict(result.measured)
    assert stage_of(backbone=backbone).leaves == ("backbone",)
    state = torch.load(result.path, weights_only=True)["backbone"]
    for config in (backbone, {"type": "Frozen", "backbone": backbone}):
        part = part_of("backbone", config, result.path)
        own = getattr(part, "inner", part).state_dict()
        wanted = {k: v for k, v in state.items() if k in own}
        assert own.keys() == wanted.keys() == state.keys()
        assert all(torch.equal(own[name], value) for name, value in wanted.items())


@pytest.mark.parametrize(
    ("backbone", "aggregator", "segments"),
    [
        pytest.param(FROZEN, LAST, 1, id="of frames", marks=pytest.mark.slow),
        pytest.param({"type": "Frozen", "backbone": VAT}, MTE, 2, id="of segments"),
    ],
)
def test_an_aggregator_is_pretrained_over_a_backbone_that_stays(
    data, backbone, aggregator, segments
):
    config = {**CFG, "backbone": backbone, "aggregator": aggregator, "segments": segments}
    result = ensure_stage("steps", config, run_on(data))
    found = torch.load(result.path, weights_only=True)
    own = stage_of(backbone=backbone, aggregator=aggregator, segments=segments)
    assert found.keys() == {*own.leaves, "meta"} == {"aggregator", "meta"}
    spec = MODELS.build(backbone).spec
    part = part_of("aggregator", aggregator, result.path, features=spec)
    assert all(torch.equal(part.state_dict()[k], v) for k, v in found["aggregator"].items())
    best = torch.load(result.path.with_name("best.pth"), weights_only=True)["state_dict"]
    last = torch.load(result.path.with_name("last.pth"), weights_only=True)["state_dict"]
    kept = [name for name in best if name.startswith("backbone.")]
    assert kept
    assert all(torch.equal(best[name], last[name]) for name in kept)


def test_it_learns_what_a_segment_shows(data):
    """Brightness is a label: its mean over a segment is had from its frames' mean."""
    config = {**CFG, "backbone": FROZEN, "aggregator": {**LAST, "width": 16}, "shift": 0}
    config["training"] = {
        **TRAINING,
        "epochs": 12,
        "optimiser": {"type": "AdamW", "lr": 1e-2},
    }
    curve = ensure_stage("steps", config, run_on(data)).path.with_name("curve.csv")
    losses = [float(line.split(",")[2]) for line in curve.read_text().splitlines()[1:]]
    assert losses[-1] < 0.8 * losses[0]


def test_the_statistics_of_a_segment():
    labels = torch.tensor([[[1.0, -4.0], [2.0, -2.0], [7.0, -1.0], [6.0, -9.0]]])
    assert statistics_of(labels).tolist() == [[4.0, -4.0, 7.0, -1.0, 7.0, -1.0]]
    # Of an odd number the frame in the middle.
    assert statistics_of(labels[:, :3])[0, 4:].tolist() == [2.0, -2.0]


def test_segments_cover_every_clip_and_none_spans_two(data, tmp_path):
    corpus = PreparedCorpus.open(next(tmp_path.glob("expressions-*")))
    found = ExpressionSegments(corpus, "train", COLUMNS, LENGTH)
    assert found.starts == [FRAMES * clip + start for clip in range(6) for start in (0, 2, 4, 5)]
    frames, labels = found[5]
    assert (frames.shape, labels.shape) == ((LENGTH, 3, SIZE, SIZE), (LENGTH, 2))
    expected = corpus.signals("1")[COLUMNS].iloc[2:6].to_numpy()
    assert labels.numpy() == pytest.approx(expected)
    mean, std = found.scale()
    asked = torch.stack([statistics_of(found[i][1][None])[0] for i in range(len(found))])
    torch.testing.assert_close((mean, std), (asked.mean(0), asked.std(0)))
    with pytest.raises(ValueError, match="a clip has 9 frames, fewer than the 10 of a segment"):
        ExpressionSegments(corpus, "train", COLUMNS, 10)


@pytest.mark.parametrize(
    "change",
    [
        {"backbone": {**VIDEO, "size": 16}},
        {"backbone": FROZEN, "aggregator": LAST},
        {"length": 5},
        {"expressions": {**EXPRESSIONS, "fps": 10}},
    ],
    ids=lambda change: ",".join(change),
)
def test_what_it_depends_on_beside_what_such_stages_do(change):
    run = run_on(Data(root="anywhere"))
    assert stage_of().depends_on(run) != stage_of(**change).depends_on(run)


def test_draw_track_and_seed_of_a_run_leave_it_alone():
    data = Data(root="elsewhere", size=64, synthface={"preset": "demo", "seed": 99})
    other = run_on(data, track="demo-freeform", seed=5)
    assert stage_of().depends_on(run_on(Data())) == stage_of().depends_on(other)


def test_weights_that_a_frozen_trunk_starts_with_count():
    backbone = {**FROZEN, "weights": "stage:trunk"}
    stage = stage_of(backbone=backbone, aggregator=LAST)
    given = run_on(Data())
    keys = []
    for key in ("one", "two"):
        earlier = {"trunk": StageResult("trunk", None, key), "other": StageResult("other", None)}
        known = context_of(given.experiment, earlier=earlier)
        keys.append(stage.depends_on(known))
    assert keys[0] != keys[1]
    assert keys[0]["earlier"] == {"trunk": "one"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"backbone": TRUNK}, r"TimmFrames sees single frames: pretrain it with type='Expression"),
        ({"backbone": TRUNK, "aggregator": LAST}, "TimmFrames would learn: set frozen=True, or"),
        ({"backbone": FROZEN, "aggregator": {"type": "Identity"}}, "Identity has no weight that"),
        ({"backbone": {**VIDEO, "frozen": True}}, "MMActionBackbone has no weight that learns"),
        ({"segments": 2, "expressions": EXPRESSIONS}, "segments=2 is for an aggregator over a"),
        ({"length": 10}, "expressions.frames=9 are fewer than the 10 of a segment"),
        ({"length": 0}, "length is at least 1; got 0"),
        ({"expressions": {**EXPRESSIONS, "motion": "stills"}}, "motion is 'stills', frames that"),
        ({"columns": ["AU1"]}, "no label of a frame is called 'AU1'. Did you mean 'AU17'"),
        ({"backbone": {"type": "TorchvisionVideo", "name": "mvit_v2_s"}}, "segments of 16 frames"),
        ({"backbone": {"type": "ESA", "trunk": TRUNK}}, "ESA reads frames, semantics, and"),
    ],
)
def test_what_clips_cannot_teach_is_told_before_any_is_drawn(change, said):
    with pytest.raises(ValueError, match=said):
        stage_of(**change).check(None)


def test_weights_of_another_part_are_refused(data, tmp_path):
    aggregator = build_part("aggregator", LAST, "x", features=FeatureSpec(vector=16))
    path = tmp_path / "result.pth"
    torch.save({"aggregator": aggregator.state_dict()}, path)
    part_of("aggregator", LAST, path, features=FeatureSpec(vector=16))
    with pytest.raises(ValueError, match=r"result\.pth does not fit this network"):
        part_of("aggregator", LAST, path, features=FeatureSpec(vector=8))
    with pytest.raises(ValueError, match=r"result\.pth holds no backbone: name the file of a"):
        part_of("backbone", VAT, path)


def test_a_part_that_loads_weights_itself_gets_them(tmp_path):
    trunk = MODELS.build(TRUNK)
    torch.save(trunk.net.state_dict(), tmp_path / "trunk.pth")
    part = part_of("backbone", TRUNK, tmp_path / "trunk.pth")
    frames = torch.rand(1, 2, 3, SIZE, SIZE)
    valid = torch.ones(1, 2, dtype=torch.bool)
    inputs = Inputs(valid=valid, index=torch.arange(2)[None], frames=frames)
    assert torch.equal(part(inputs).vector, trunk.eval()(inputs).vector)
