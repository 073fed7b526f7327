"""Pretraining of a trunk on expression clips."""

import numpy as np
import pytest
import torch
from expression_clips import COLUMNS, SIZE, expression_data
from tiny_runs import context_of

from adabench.config.experiment import Data, Experiment
from adabench.data.prepared import PreparedCorpus
from adabench.engine.stages import expressions, pretrain
from adabench.engine.stages.expressions import ColumnCorrelation, ExpressionFrames, jitter
from adabench.engine.stages.pretrain import ExpressionModel, noisy_units
from adabench.engine.stages.stage import RESULT, ensure_stage
from adabench.evaluation.metrics import pcc
from adabench.models import TimmFrames
from adabench.structures import Inputs
from adabench.synthface.sheet import draw_still

FRAMES = 6
EXPRESSIONS = {"preset": "tiny", "seed": 11}
TRUNK = {"type": "TimmFrames", "name": "resnet18", "options": {"channels": [8, 8, 16, 16]}}
CFG = {
    "type": "ExpressionPretrain",
    "trunk": TRUNK,
    "expressions": EXPRESSIONS,
    "columns": COLUMNS,
    "size": SIZE,
    "training": {
        "epochs": 2,
        "batch_size": 8,
        "optimiser": {"type": "AdamW", "lr": 3e-3},
        "threads": 1,
    },
}


@pytest.fixture
def data(tmp_path):
    """A data folder where the stage's expression corpus is prepared already."""
    return expression_data(tmp_path, EXPRESSIONS, FRAMES)


def context(data):
    run = Experiment(name="run", method={"name": "method"}, track="demo", data=data)
    return context_of(run)


@pytest.fixture
def corpus(data, tmp_path):
    return PreparedCorpus.open(next(tmp_path.glob("expressions-*")))


def test_a_stage_trains_a_trunk_that_a_method_loads(data, monkeypatch):
    told = iter([0.9, 0.1])  # the first epoch is the best, the last is not
    monkeypatch.setattr(
        ColumnCorrelation, "compute_metrics", lambda self, results: {"correlation": next(told)}
    )
    result = ensure_stage("trunk", CFG, context(data))
    assert result.measured["correlation"] == 0.9
    content = torch.load(result.path, weights_only=True)
    assert content["columns"] == COLUMNS
    assert content["scale"]["mean"].shape == (2,)
    loaded = TimmFrames(
        name="resnet18", scales=4, weights=str(result.path), options=TRUNK["options"], frozen=True
    )
    scale = content["scale"]
    model = ExpressionModel(TRUNK, scale["mean"], scale["std"], COLUMNS, shift=0)
    best = torch.load(result.path.with_name("best.pth"), weights_only=True)["state_dict"]
    model.load_state_dict(best)
    model.eval()
    frames = torch.rand(1, 3, 3, SIZE, SIZE)
    inputs = Inputs(
        valid=torch.ones(1, 3, dtype=torch.bool), index=torch.arange(3)[None], frames=frames
    )
    with torch.no_grad():
        vector = loaded(inputs).vector
        assert torch.equal(vector, model.trunk(inputs).vector)
        head = content["au_head"]
        predicted = vector[0] @ head["weight"].T + head["bias"]
        torch.testing.assert_close(predicted, model.predict(frames[0])[0])


def test_it_is_trained_once(data, monkeypatch):
    first = ensure_stage("trunk", CFG, context(data))

    def again(*_, **__):
        raise AssertionError("it trains again")

    monkeypatch.setattr(expressions, "fit", again)
    found = ensure_stage("trunk", CFG, context(data))
    assert (found.path, found.seconds) == (first.path, first.seconds)
    assert found.measured == first.measured


def test_a_pretraining_that_was_cut_ends_with_the_same_trunk(data, tmp_path, monkeypatch):
    whole = ensure_stage("trunk", CFG, context(data))
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
        ensure_stage("trunk", CFG, context(data))
    assert not (whole.path.parent / RESULT).exists()
    torch.manual_seed(3)
    again = ensure_stage("trunk", CFG, context(data))
    assert len(calls) == 3
    assert again.measured["correlation"] == whole.measured["correlation"]
    assert again.path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"shift": 2},
        {"size": 48},
        {"columns": ["AU12"]},
        {"noise": 0.5},
        {"expressions": {"preset": "tiny", "seed": 12}},
        {"training": {**CFG["training"], "epochs": 3}},
        {"trunk": {**TRUNK, "name": "resnet10t"}},
    ],
)
def test_what_it_depends_on(change):
    run = context(Data(root="anywhere"))
    arguments = {key: value for key, value in CFG.items() if key != "type"}
    stage = pretrain.ExpressionPretrain(**arguments)
    assert stage.depends_on(run) == stage.depends_on(context(Data(root="elsewhere", size=99)))
    assert pretrain.ExpressionPretrain(**{**arguments, **change}).depends_on(
        run
    ) != stage.depends_on(run)


def test_clips_with_other_faces_train_anew():
    arguments = {key: value for key, value in CFG.items() if key != "type"}
    depends = [
        pretrain.ExpressionPretrain(**arguments).depends_on(context(Data(faces=faces)))
        for faces in (None, {"detector": "mtcnn"}, {"detector": "mtcnn", "cut": "aligned"})
    ]
    assert "faces" not in depends[0]
    assert len({str(each) for each in depends}) == 3


def test_another_content_of_the_weights_it_starts_from_trains_anew(tmp_path):
    path = tmp_path / "start.pth"
    arguments = {key: value for key, value in CFG.items() if key != "type"}
    arguments["trunk"] = {**TRUNK, "weights": str(path)}
    stage, run = pretrain.ExpressionPretrain(**arguments), context(Data(root="anywhere"))
    path.write_bytes(b"one")
    before = stage.depends_on(run)
    assert stage.depends_on(run) == before
    path.write_bytes(b"two")
    assert stage.depends_on(run) != before


def test_noise_is_on_the_units_that_are_learnt_from_and_on_nothing_else(data, corpus):
    columns = ["AU01", "yaw", "AU12"]
    labels = torch.randn(4000, 3) * torch.tensor([0.1, 5.0, 2.0])
    found = noisy_units(labels, columns, 1.5, seed=3)
    error = found - labels
    assert torch.equal(found[:, 1], labels[:, 1])
    assert (error[:, [0, 2]].std(0) / labels[:, [0, 2]].std(0)).tolist() == pytest.approx(
        [1.5, 1.5], rel=0.05
    )
    assert torch.equal(noisy_units(labels, columns, 1.5, seed=3), found)
    assert not torch.equal(noisy_units(labels, columns, 1.5, seed=4)[:, 0], found[:, 0])
    assert abs(float(torch.corrcoef(torch.stack([error[:, 0], labels[:, 0]]))[0, 1])) < 0.06


def test_a_noisy_trunk_keeps_the_drawn_units_scale_and_is_measured_against_them(data, monkeypatch):
    measured = []
    monkeypatch.setattr(
        ColumnCorrelation,
        "compute_metrics",
        lambda self, results: (
            measured.append(results[0][1]) or {"correlation": 0.5, "AU01": 0.6, "AU12": 0.4}
        ),
    )
    plain, noisy = (
        ensure_stage("trunk", {**CFG, "noise": noise}, context(data)) for noise in (0.0, 4.0)
    )
    assert plain.key == ensure_stage("trunk", CFG, context(data)).key != noisy.key
    assert noisy.measured == {"seconds": noisy.measured["seconds"], "correlation": 0.5} | {
        "AU01": 0.6,
        "AU12": 0.4,
    }
    first, second = (torch.load(s.path, weights_only=True) for s in (plain, noisy))
    assert all(torch.equal(first["scale"][k], second["scale"][k]) for k in ("mean", "std"))
    assert np.array_equal(measured[0], measured[-1])
    assert not torch.equal(first["au_head"]["weight"], second["au_head"]["weight"])


def test_a_mistake_in_its_schedule_is_told_before_anything_is_read(data):
    with pytest.raises(ValueError, match="epoch"):
        ensure_stage("trunk", {**CFG, "training": {"epoch": 3}}, context(data))


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


def test_a_model_predicts_standardised_labels():
    mean, std = torch.tensor([0.2, 0.5]), torch.tensor([0.1, 2.0])
    model = ExpressionModel(TRUNK, mean, std, COLUMNS, shift=0).eval()
    frames = torch.randint(0, 256, (3, 3, SIZE, SIZE)).byte()
    labels = torch.tensor([[0.3, 2.5], [0.2, 0.5], [0.1, -1.5]])
    ((predicted, target),) = model(frames, labels, mode="predict")
    torch.testing.assert_close(target, torch.tensor([[1.0, 1.0], [0.0, 0.0], [-1.0, -1.0]]))
    assert predicted.shape == (3, 2)
    whole, places = model.predict(frames.float() / 255)
    assert torch.equal(predicted, whole)
    # The head is linear, so the places' mean is what it says of the vector, their mean.
    torch.testing.assert_close(places.mean((-2, -1)), whole)
    assert model(frames, labels, mode="loss")["mse_loss"].requires_grad


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
