"""Training a network: exact resumes, the best on the validation data, what stops it."""

import os

import numpy as np
import pytest
import torch
from toy_training import (
    EPOCHS,
    IDENTITY,
    STEPS,
    Toy,
    equal,
    run,
    stop,
    weights,
)

from adabench.data.digests import DigestBook
from adabench.engine.files import checkpoints
from adabench.engine.training.fit import Fit, make_loader


def leftovers(folder):
    return [p.name for p in folder.rglob("*") if p.name.startswith(".part-")]


@pytest.fixture(scope="module")
def uncut(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uncut")
    return run(folder)[1], folder


def assert_same_run(folder, done, uncut):
    first, reference = uncut
    assert done.best == first.best
    for name in (checkpoints.LAST, checkpoints.BEST):
        assert equal(weights(folder / name), weights(reference / name))
    mine, other = (torch.load(f / checkpoints.LAST, weights_only=True) for f in (folder, reference))
    # Only the runs' own names differ.
    runs = [told["meta"]["adabench"].pop("run") for told in (mine, other)]
    assert len(runs[0]) == len(runs[1]) == 32
    assert mine["meta"]["adabench"] == other["meta"]["adabench"]
    assert (mine["meta"]["epoch"], mine["meta"]["iter"]) == (EPOCHS, EPOCHS * STEPS)
    moments = [c["optimizer"]["state"][0]["exp_avg_sq"] for c in (mine, other)]
    assert torch.equal(*moments)


# every epoch's first step (so after each epoch but the last), and steps within epochs
@pytest.mark.parametrize("step", [0, 1, 3, 5, 6, 9, 11])
def test_a_training_that_was_cut_resumes_exactly(tmp_path, uncut, step):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, at={step: stop})
    torch.manual_seed(77)
    _, done = run(tmp_path, resume=True)
    assert_same_run(tmp_path, done, uncut)
    assert leftovers(tmp_path) == []


def test_cut_twice_and_with_rare_validations(tmp_path):
    rare = {"training": {"validate_every": 2}}
    reference = tmp_path / "uncut", run(tmp_path / "uncut", **rare)[1]
    folder = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        run(folder, at={5: stop}, **rare)  # in the second epoch: nothing is kept yet
    assert not (folder / checkpoints.LAST).exists()
    with pytest.raises(KeyboardInterrupt):
        run(folder, resume=True, at={10: stop}, **rare)
    done = run(folder, resume=True, **rare)[1]
    assert_same_run(folder, done, reference[::-1])


@pytest.mark.parametrize("validation", [0, 2, 3])
def test_cut_within_a_validation(tmp_path, validation):
    values = [5.0, 3.0, 4.0, 2.0]
    reference = tmp_path / "uncut", run(tmp_path / "uncut", told=values)[1]
    folder = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        run(folder, told=[*values[:validation], stop])
    done = run(folder, told=values[validation:], resume=True)[1]
    assert_same_run(folder, done, reference[::-1])


def test_cut_between_best_and_last(tmp_path, uncut, monkeypatch):
    save = checkpoints.save

    def cut(runner, path, identity, optimiser=True):
        if path.name == checkpoints.LAST and runner.epoch == 2:
            raise KeyboardInterrupt
        save(runner, path, identity, optimiser)

    monkeypatch.setattr(checkpoints, "save", cut)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    monkeypatch.undo()
    assert_same_run(tmp_path, run(tmp_path, resume=True)[1], uncut)


def test_cut_while_a_checkpoint_is_written(tmp_path, uncut, monkeypatch):
    written = torch.save

    def cut(content, stream, *rest, **options):
        if content["meta"]["epoch"] == 3 and "optimizer" in content:
            stream.write(b"half a checkpoint")
            raise KeyboardInterrupt
        written(content, stream, *rest, **options)

    monkeypatch.setattr(torch, "save", cut)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    monkeypatch.undo()
    assert torch.load(tmp_path / checkpoints.LAST, weights_only=True)["meta"]["epoch"] == 2
    assert leftovers(tmp_path) == []
    assert_same_run(tmp_path, run(tmp_path, resume=True)[1], uncut)


def test_resuming_a_finished_training_changes_nothing(tmp_path, uncut):
    _, first = run(tmp_path)
    model, again = run(tmp_path, resume=True)
    assert model.steps == 0
    assert again.best == first.best
    assert again.development == first.development != {}
    assert_same_run(tmp_path, again, uncut)


def test_without_resume_it_starts_anew(tmp_path, uncut):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, at={7: stop})
    model, done = run(tmp_path)
    assert model.steps == EPOCHS * STEPS
    assert_same_run(tmp_path, done, uncut)


def test_the_seed_decides(tmp_path, uncut):
    torch.manual_seed(12)
    _, same = run(tmp_path / "same")
    assert_same_run(tmp_path / "same", same, uncut)
    run(tmp_path / "other", seed=1)
    last = weights(tmp_path / "other" / checkpoints.LAST)
    assert not equal(last, weights(uncut[1] / checkpoints.LAST))


def test_workers_do_not_change_the_result(tmp_path, uncut):
    short = {"training": {"epochs": 2}}
    run(tmp_path / "none", **short)
    run(tmp_path / "two", workers=2, **short)
    last = [weights(tmp_path / name / checkpoints.LAST) for name in ("none", "two")]
    assert equal(*last)


def test_checkpoints_hold_tensors_and_plain_values_only(uncut):
    for name in (checkpoints.LAST, checkpoints.BEST):
        content = torch.load(uncut[1] / name, weights_only=True)
        assert content["meta"]["adabench"]["config_hash"] == "0123"
        assert ("optimizer" in content) == (name == checkpoints.LAST)


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        torch.seed()
        np.random.seed(torch.seed() % 2**32)  # noqa: NPY002 - whatever the global state is
        loader = make_loader(range(50), 7, list, shuffle=True, seed=seed, workers=0)
        loader.sampler.set_epoch(epoch)
        return [item for batch in loader for item in batch]

    assert sorted(order(0, 0)) == list(range(50))
    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)
    plain = make_loader(range(50), 7, list, shuffle=False, seed=0, workers=0)
    assert [item for batch in plain for item in batch] == list(range(50))


@pytest.mark.parametrize(
    ("identity", "named"),
    [
        (
            {**IDENTITY, "config": "other", "config_hash": "4567"},
            "belongs to another config: its config_hash is '0123' .toy.",
        ),
        ({**IDENTITY, "seed": 9}, "trained with seed 0, and this run's is 9: give --seed 0"),
    ],
)
def test_a_checkpoint_of_another_config_is_refused_and_kept(tmp_path, identity, named):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, at={4: stop})
    before = (tmp_path / checkpoints.LAST).read_bytes()
    with pytest.raises(ValueError, match=named) as error:
        run(tmp_path, resume=True, identity=identity)
    assert str(tmp_path / checkpoints.LAST) in str(error.value)
    assert (tmp_path / checkpoints.LAST).read_bytes() == before


class Harmful:
    """Makes a folder when it is unpickled, as a crafted checkpoint would run a command."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_that_carries_code_is_not_resumed(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, at={4: stop})
    trap = tmp_path / "trap"
    content = torch.load(tmp_path / checkpoints.LAST, weights_only=True)
    torch.save({**content, "message_hub": Harmful(trap)}, tmp_path / checkpoints.LAST)
    with pytest.raises(ValueError, match="it is refused"):
        run(tmp_path, resume=True)
    assert not trap.exists()


def test_a_full_disk_keeps_the_last_whole_checkpoint(tmp_path, monkeypatch):
    save = checkpoints.save

    def full(runner, path, identity, optimiser=True):
        if runner.epoch == 3:
            monkeypatch.setattr(torch, "save", no_space)
        save(runner, path, identity, optimiser)

    def no_space(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save", full)
    with pytest.raises(OSError, match="the disk is full") as error:
        run(tmp_path, told=[3.0, 2.0, 1.0, 1.0])
    monkeypatch.undo()
    assert str(tmp_path / checkpoints.BEST) in str(error.value)
    assert checkpoints.identity_of(tmp_path / checkpoints.BEST)["best"]["epoch"] == 2
    assert leftovers(tmp_path) == []


def test_two_trainings_that_start_together_share_nothing(tmp_path, monkeypatch):
    """One interrupts itself in the middle of the other; both names fall into the same second."""
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    inner = {}

    def another():
        inner["model"], inner["done"] = run(tmp_path / "inner", told=[9.0, 8.0, 7.0, 6.0])
        return 1.0

    _, alone = run(tmp_path / "alone", told=[5.0, 4.0, 3.0, 3.5])
    _, outer = run(tmp_path / "outer", told=[5.0, 4.0, 3.0, 3.5], at={4: another})
    assert outer.best == alone.best == {"metric": "RMSE", "value": 3.0, "epoch": 3}
    assert inner["done"].best == {"metric": "RMSE", "value": 6.0, "epoch": 4}
    names = {
        torch.load(tmp_path / f / "last.pth", weights_only=True)["meta"]["experiment_name"]
        for f in ("inner", "outer", "alone")
    }
    assert len(names) == 3


def test_a_single_epoch_has_no_warmup(tmp_path):
    _, done = run(tmp_path, training={"epochs": 1})
    assert done.best["epoch"] == 1


def test_the_learning_rate_rises_and_falls(tmp_path):
    rates = []

    class Watch(Toy):
        def train_step(self, data, optim_wrapper):
            rates.append(optim_wrapper.get_lr()["lr"][0])
            return super().train_step(data, optim_wrapper)

    _, done = run(tmp_path, model=Watch())
    assert isinstance(done, Fit)
    top = max(rates)
    peak = rates.index(top)
    assert top == pytest.approx(0.05, rel=0.05)
    assert peak in (STEPS - 1, STEPS)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[0] < 0.1 * top
    assert rates[-1] < 0.1 * top


def test_a_best_checkpoint_of_another_run_is_not_tested(tmp_path):
    run(tmp_path / "other")

    def exchange():
        best = tmp_path / "mine" / checkpoints.BEST
        best.write_bytes((tmp_path / "other" / checkpoints.BEST).read_bytes())
        DigestBook(best.parent).note(best.name)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "mine", told=[1.0, exchange])
    # It is not the best of the resumed run either, which finds none better.
    with pytest.raises(ValueError, match=r"best\.pth was not written by this training: its run is"):
        run(tmp_path / "mine", told=[2.0, 2.0, 2.0], resume=True)


def test_a_resumed_run_keeps_its_name(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, at={7: stop})
    name = checkpoints.identity_of(tmp_path / checkpoints.LAST)["run"]
    run(tmp_path, resume=True)
    assert checkpoints.identity_of(tmp_path / checkpoints.BEST)["run"] == name
    run(tmp_path)
    assert checkpoints.identity_of(tmp_path / checkpoints.BEST)["run"] != name


@pytest.mark.parametrize("name", [checkpoints.LAST, checkpoints.BEST])
def test_a_damaged_checkpoint_stops_a_resume(tmp_path, name):
    run(tmp_path)
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 10**9))
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        run(tmp_path, resume=True)
