"""The curve that each training keeps, and that a cut leaves as it would be."""

import pytest
import torch
from toy_training import EPOCHS, STEPS, Toy, run, stop

from adabench.data import files
from adabench.engine.files import checkpoints
from adabench.records.files.curve import read_curve, write_curve
from adabench.records.files.side_files import CURVE


def rows(folder):
    """A curve without its seconds."""
    found = read_curve(folder / CURVE)
    assert all(row.pop("seconds") >= 0 for row in found)
    return found


@pytest.fixture(scope="module")
def uncut(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uncut")
    run(folder)
    return folder


class Watch(Toy):
    """Notes rate and loss of each step."""

    def __init__(self):
        super().__init__()
        self.told = []

    def train_step(self, data, optim_wrapper):
        rate = optim_wrapper.get_lr()["lr"][0]
        outputs = super().train_step(data, optim_wrapper)
        self.told.append((rate, float(outputs["loss"].detach())))
        return outputs


def test_a_row_is_the_mean_over_its_epoch(tmp_path):
    values = [5.0, 2.0, 3.0, 2.5]
    model, _ = run(tmp_path, model=Watch(), told=values)
    header = (tmp_path / CURVE).read_text().splitlines()[0]
    assert header == "epoch,rate,train/loss,val/RMSE,seconds"
    steps = torch.tensor(model.told, dtype=torch.float64).view(EPOCHS, STEPS, 2).mean(1)
    for epoch, row in enumerate(rows(tmp_path)):
        assert row["epoch"] == epoch + 1
        assert row["val/RMSE"] == values[epoch]
        assert row["rate"] == pytest.approx(float(steps[epoch, 0]), rel=1e-12)
        assert row["train/loss"] == pytest.approx(float(steps[epoch, 1]), rel=1e-12)


def test_losses_stand_by_name_and_one_may_come_later(tmp_path):
    class Two(Toy):
        def forward(self, x, y, mode="tensor"):
            found = super().forward(x, y, mode)
            if mode == "loss" and self.steps > STEPS + 1:
                found["late_loss"] = 0 * found["loss"] + 3.0
            return found

    run(tmp_path, model=Two())
    found = rows(tmp_path)
    assert "train/late_loss" not in found[0]
    # The first step of the second epoch has none, which counts as nothing.
    assert [row["train/late_loss"] for row in found[1:]] == [2.0, 3.0, 3.0]
    assert (tmp_path / CURVE).read_text().splitlines()[1].count(",,") == 1


@pytest.mark.parametrize("step", [0, 1, 3, 5, 6, 9, 11])
def test_a_training_that_was_cut_has_the_uncut_ones_curve(tmp_path, uncut, step):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, at={step: stop})
    run(tmp_path, resume=True)
    assert rows(tmp_path) == rows(uncut)


@pytest.mark.parametrize("validates", [True, False])
def test_so_has_one_of_rare_checkpoints(tmp_path, validates):
    options = {"validates": validates, "training": {"validate_every": 2}}
    run(tmp_path / "uncut", **options)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", at={10: stop}, **options)
    assert [row["epoch"] for row in rows(tmp_path / "cut")] == [1, 2, 3]
    run(tmp_path / "cut", resume=True, **options)
    assert rows(tmp_path / "cut") == rows(tmp_path / "uncut")
    validated = ["val/RMSE" in row for row in rows(tmp_path / "cut")]
    assert validated == ([False, True, False, True] if validates else [False] * EPOCHS)


def test_cut_in_a_validation_or_before_its_checkpoint(tmp_path, monkeypatch):
    values = [5.0, 3.0, 4.0, 2.0]
    run(tmp_path / "uncut", told=values)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", told=[*values[:2], stop])
    assert [row["epoch"] for row in rows(tmp_path / "cut")] == [1, 2, 3]

    def cut(runner, path, identity, optimiser=True):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "save", cut)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", told=values[2:], resume=True)
    monkeypatch.undo()
    run(tmp_path / "cut", told=values[2:], resume=True)
    assert rows(tmp_path / "cut") == rows(tmp_path / "uncut")


def test_a_finished_one_is_left_alone_and_a_new_one_begins_anew(tmp_path, uncut):
    run(tmp_path, seed=1)
    before = (tmp_path / CURVE).read_bytes()
    _, done = run(tmp_path, seed=1, resume=True)
    assert done.curve == read_curve(tmp_path / CURVE)
    assert (tmp_path / CURVE).read_bytes() == before
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, at={1: stop})
    assert not (tmp_path / CURVE).exists()
    run(tmp_path)
    assert rows(tmp_path) == rows(uncut)


def test_it_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, at={7: stop})
    before = (tmp_path / CURVE).read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_flush", full)
    with pytest.raises(OSError, match="the disk is full"):
        write_curve(tmp_path / CURVE, [{"epoch": 1, "seconds": 1.0}])
    assert (tmp_path / CURVE).read_bytes() == before


@pytest.mark.parametrize("damage", ["epoch,rate\n1,abc\n", "epoch,rate\n1,2,3\n", "rate\n2\n"])
def test_a_damaged_one_is_told_and_begun_anew(tmp_path, uncut, caplog, damage):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, at={7: stop})
    (tmp_path / CURVE).write_text(damage)
    with pytest.raises(ValueError, match=r"curve\.csv: damaged at line 2"):
        read_curve(tmp_path / CURVE)
    run(tmp_path, resume=True)
    assert f"{tmp_path / CURVE}: damaged at line 2" in caplog.text
    assert rows(tmp_path) == rows(uncut)[2:]


def test_numbers_come_back_as_they_were(tmp_path):
    told = [{"epoch": 1, "train/loss": 1 / 3, "seconds": 0.1}, {"epoch": 2, "val/PCC": -1e-17}]
    write_curve(tmp_path / "a.csv", told)
    assert read_curve(tmp_path / "a.csv") == told
