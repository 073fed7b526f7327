"""Pretraining of a trunk on expression clips."""

import numpy as np
import pytest
import torch
from expression_clips import (
    COLUMNS,
    SIZE,
    TRUNK,
    built,
    expression_data,
    run_on,
    stage_config,
)

from adabench.config.experiment import Data
from adabench.engine.stages.expressions import ColumnCorrelation
from adabench.engine.stages.pretrain import ExpressionModel, noisy_units
from adabench.engine.stages.stage import ensure_stage
from adabench.models import TimmFrames
from adabench.structures import Inputs

CFG = stage_config("ExpressionPretrain", trunk=TRUNK)


@pytest.fixture
def data(tmp_path):
    """A data folder where the stage's expression corpus is prepared already."""
    return expression_data(tmp_path, CFG["expressions"], 6)


def test_a_stage_trains_a_trunk_that_a_method_loads(data, monkeypatch):
    told = iter([0.9, 0.1])  # the first epoch is the best, the last is not
    monkeypatch.setattr(
        ColumnCorrelation, "compute_metrics", lambda self, results: {"correlation": next(told)}
    )
    result = ensure_stage("trunk", CFG, run_on(data))
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


@pytest.mark.parametrize("change", [{"noise": 0.5}, {"trunk": {**TRUNK, "name": "resnet10t"}}])
def test_what_it_depends_on_beside_what_such_stages_do(change):
    run = run_on(Data(root="anywhere"))
    assert built({**CFG, **change}).depends_on(run) != built(CFG).depends_on(run)


def test_clips_with_other_faces_train_anew():
    depends = [
        built(CFG).depends_on(run_on(Data(faces=faces)))
        for faces in (None, {"detector": "mtcnn"}, {"detector": "mtcnn", "cut": "aligned"})
    ]
    assert "faces" not in depends[0]
    assert len({str(each) for each in depends}) == 3


def test_another_content_of_the_weights_it_starts_from_trains_anew(tmp_path):
    path = tmp_path / "start.pth"
    stage = built({**CFG, "trunk": {**TRUNK, "weights": str(path)}})
    run = run_on(Data(root="anywhere"))
    path.write_bytes(b"one")
    before = stage.depends_on(run)
    assert stage.depends_on(run) == before
    path.write_bytes(b"two")
    assert stage.depends_on(run) != before


def test_noise_is_on_the_units_that_are_learnt_from_and_on_nothing_else():
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
        ensure_stage("trunk", {**CFG, "noise": noise}, run_on(data)) for noise in (0.0, 4.0)
    )
    assert plain.key == ensure_stage("trunk", CFG, run_on(data)).key != noisy.key
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
        ensure_stage("trunk", {**CFG, "training": {"epoch": 3}}, run_on(data))


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
