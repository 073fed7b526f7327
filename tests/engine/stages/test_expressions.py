"""What stages that learn from expression clips share: frames, labels, their changes, loss, selection."""

import numpy as np
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

from adabench.config.experiment import Data
from adabench.data.prepared import PreparedCorpus
from adabench.engine.stages import expressions
from adabench.engine.stages.expressions import ColumnCorrelation, ExpressionFrames, jitter
from adabench.engine.stages.stage import RESULT, ensure_stage
from adabench.evaluation.metrics import pcc
from adabench.registry import MODELS
from adabench.synthface.sheet import draw_still

FRAMES = 6
OF_FRAMES = stage_config("ExpressionPretrain", trunk=TRUNK)
OF_SEQUENCES = stage_config(
    "ClipPretrain",
    backbone={**TRUNK, "frozen": True},
    aggregator={"type": "LastState", "width": 8},
    length=4,
)
FIELDS = ("config", "section")
FRAME_BY_FRAME, CLIPS = (OF_FRAMES, {}), (OF_SEQUENCES, {"motion": "smooth"})
EITHER = pytest.mark.parametrize(FIELDS, [FRAME_BY_FRAME, CLIPS], ids=["frames", "clips"])


@pytest.fixture(autouse=True)
def _last_state(monkeypatch):
    monkeypatch.setattr(MODELS, "_module_dict", {**MODELS.module_dict, "LastState": LastState})


@pytest.fixture
def corpus(tmp_path):
    expression_data(tmp_path, OF_FRAMES["expressions"], FRAMES)
    return PreparedCorpus.open(next(tmp_path.glob("expressions-*")))


@pytest.mark.parametrize(
    FIELDS,
    [
        pytest.param(*FRAME_BY_FRAME, id="frames", marks=pytest.mark.slow),
        pytest.param(*CLIPS, id="clips"),
    ],
)
def test_a_pretraining_that_was_cut_ends_with_the_same_network(
    tmp_path, monkeypatch, config, section
):
    run = run_on(expression_data(tmp_path, {**config["expressions"], **section}, FRAMES))
    whole = ensure_stage("stage", config, run)
    before = whole.path.read_bytes()
    for left in whole.path.parent.glob("*.*"):
        left.unlink()
    validate, calls = ColumnCorrelation.compute_metrics, []

    def cut(self, results):
        calls.append(len(results))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return validate(self, results)

    monkeypatch.setattr(ColumnCorrelation, "compute_metrics", cut)
    with pytest.raises(KeyboardInterrupt):
        ensure_stage("stage", config, run)
    assert not (whole.path.parent / RESULT).exists()
    torch.manual_seed(3)
    again = ensure_stage("stage", config, run)
    assert len(calls) == 3
    assert again.measured["correlation"] == whole.measured["correlation"]
    assert again.path.read_bytes() == before


@pytest.mark.parametrize(
    FIELDS,
    [
        pytest.param(*FRAME_BY_FRAME, id="frames"),
        pytest.param(*CLIPS, id="clips", marks=pytest.mark.slow),
    ],
)
def test_it_is_trained_once(tmp_path, monkeypatch, config, section):
    run = run_on(expression_data(tmp_path, {**config["expressions"], **section}, FRAMES))
    first = ensure_stage("stage", config, run)

    def again(*_, **__):
        raise AssertionError("it trains again")

    monkeypatch.setattr(expressions, "fit", again)
    found = ensure_stage("stage", config, run)
    assert (found.path, found.seconds) == (first.path, first.seconds)
    assert found.measured == first.measured


@EITHER
@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"shift": 2},
        {"size": 48},
        {"columns": ["AU12"]},
        {"expressions": {"preset": "tiny", "seed": 12}},
        {"training": {**TRAINING, "epochs": 3}},
    ],
    ids=lambda change: ",".join(change),
)
def test_what_it_depends_on(config, section, change):
    del section
    run = run_on(Data(root="anywhere"))
    depends = built(config).depends_on(run)
    assert depends == built(config).depends_on(run_on(Data(root="elsewhere", size=99)))
    assert depends != built({**config, **change}).depends_on(run)


def test_frames_and_labels_of_a_split(corpus):
    train, dev = (ExpressionFrames(corpus, split, COLUMNS) for split in ("train", "dev"))
    assert (len(train), len(dev)) == (6 * FRAMES, 2 * FRAMES)
    frame, label = train[FRAMES + 2]
    assert frame.shape == (3, SIZE, SIZE)
    expected = corpus.frames("1", [2])[0]
    assert np.array_equal(frame.permute(1, 2, 0).numpy(), expected)
    assert label.tolist() == pytest.approx(corpus.signals("1")[COLUMNS].iloc[2].tolist())


def test_labels_follow_the_order_of_the_columns(corpus):
    forwards, backwards = (ExpressionFrames(corpus, "dev", c) for c in (COLUMNS, COLUMNS[::-1]))
    assert torch.equal(forwards.labels.flip(1), backwards.labels)


def test_a_column_that_the_clips_lack(corpus):
    with pytest.raises(ValueError, match="has no signal AU99; the stage's columns are among") as e:
        ExpressionFrames(corpus, "train", ["AU01", "AU99"])
    assert "AU45" in str(e.value)


def test_a_split_without_clips(corpus):
    with pytest.raises(ValueError, match="no clip in split 'test'"):
        ExpressionFrames(corpus, "test", COLUMNS)


def test_signals_of_another_length(corpus):
    path = corpus.root / "signals" / "0.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(ValueError, match="36 frames but 35 rows of signals; prepare it again"):
        ExpressionFrames(corpus, "train", COLUMNS)


def changed(frames, shift=0):
    """The frames alone, as `jitter` changes them."""
    return jitter(frames, torch.zeros(len(frames), 0), (), shift)[0]


def test_jitter_keeps_shape_and_range():
    frames = torch.rand(64, 3, 24, 24)
    found = changed(frames, 3)
    assert found.shape == frames.shape
    assert found.dtype == frames.dtype
    assert found.isfinite().all()
    assert 0 <= float(found.min()) < float(found.max()) <= 1


def test_jitter_changes_each_frame_its_own_way():
    found = changed(torch.rand(1, 3, 24, 24).expand(16, 3, 24, 24), 3)
    assert len({tuple(frame.flatten().tolist()) for frame in found}) == 16


def test_jitter_mirrors_half_of_the_frames_and_moves_none_far():
    ramp = torch.linspace(0.3, 0.6, 33).expand(400, 3, 33, 33)
    found = changed(ramp)
    rises = (found[..., -1] - found[..., 0]).mean((1, 2)) > 0
    assert 150 < int(rises.sum()) < 250
    spot = torch.zeros(200, 3, 33, 33)
    spot[:, :, 16, 16] = 1.0
    rows = changed(spot, 4)[:, 0].flatten(1).argmax(1)
    offset = torch.stack([rows // 33 - 16, rows % 33 - 16]).abs()
    assert 3 <= int(offset.max()) <= 6


def test_jitter_draws_from_torchs_generator():
    frames = torch.rand(4, 3, 16, 16)
    torch.manual_seed(5)
    first = changed(frames, 2)
    torch.manual_seed(5)
    assert torch.equal(changed(frames, 2), first)


def drawn(**pose):
    """The face of one person in RGB, (3, 100, 100) in [0, 1]."""
    picture = draw_still(3, "person", pose)[10:110, 30:130, ::-1].copy()
    return torch.from_numpy(picture).permute(2, 0, 1).float() / 255


def likeness(picture, other):
    """Correlation of the grey values around the nose."""
    middle = [one.mean(0)[20:80, 20:80].flatten() for one in (picture, other)]
    return float(torch.corrcoef(torch.stack(middle))[0, 1])


@pytest.mark.parametrize(
    ("column", "value", "least"), [("yaw", 20.0, 0), ("gaze_x", 0.9, 0), ("roll", 0.0, 2)]
)
def test_labels_follow_a_frame_that_is_mirrored_or_turned(column, value, least):
    """A changed frame looks like a face that was drawn with its changed label, not the other way."""
    frames = drawn(**{column: value}).expand(24, -1, -1, -1)
    found, labels = jitter(frames, torch.full((24, 1), value), [column], 0)
    far = value or 6.0
    right, left = drawn(**{column: far}), drawn(**{column: -far})
    asked = [(f, float(y)) for f, y in zip(found, labels[:, 0], strict=True) if abs(y) > least]
    signs = [y > 0 for _, y in asked]
    assert len(asked) > 12
    assert 4 < sum(signs) < len(asked) - 4
    assert [likeness(f, right) > likeness(f, left) for f, _ in asked] == signs


def test_labels_without_a_side_stay():
    labels = torch.rand(8, 3)
    _, found = jitter(torch.rand(8, 3, 16, 16), labels, ["AU12", "pitch", "shift_y"], 2)
    assert torch.equal(found, labels)


def test_the_frames_of_a_segment_are_changed_alike_and_segments_each_its_own_way():
    frames = torch.rand(1, 1, 3, 24, 24).expand(8, 5, 3, 24, 24)
    labels = torch.full((8, 5, 2), 3.0)
    found, told = jitter(frames, labels, ["yaw", "roll"], 3)
    assert found.shape == frames.shape
    assert torch.equal(found, found[:, :1].expand_as(found))
    assert torch.equal(told, told[:, :1].expand_as(told))
    assert len({tuple(segment[0].flatten().tolist()) for segment in found}) == 8
    assert {float(yaw) for yaw in told[:, 0, 0]} == {3.0, -3.0}
    torch.manual_seed(4)
    whole = jitter(frames[:, 0], labels[:, 0], ["yaw", "roll"], 3)
    torch.manual_seed(4)
    one = jitter(frames[:, :1], labels[:, :1], ["yaw", "roll"], 3)
    assert all(torch.equal(a, b[:, 0]) for a, b in zip(whole, one, strict=True))


def test_correlation_by_column():
    random = torch.Generator().manual_seed(0)
    predicted, target = (torch.randn(20, 2, generator=random) for _ in range(2))
    metric = ColumnCorrelation(COLUMNS)
    for rows in (slice(0, 8), slice(8, 20)):
        metric.process(None, [(predicted[rows], target[rows])])
    found = metric.evaluate(20)
    each = [pcc(predicted[:, i].numpy(), target[:, i].numpy()) for i in range(2)]
    assert found == {
        "correlation": pytest.approx(sum(each) / 2),
        **dict(zip(COLUMNS, each, strict=True)),
    }


def test_divergence_is_told_as_such():
    metric = ColumnCorrelation(COLUMNS)
    metric.process(None, [(torch.full((3, 2), float("nan")), torch.rand(3, 2))])
    with pytest.raises(FloatingPointError, match="pretraining diverged"):
        metric.evaluate(3)
