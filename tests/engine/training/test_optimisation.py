"""What a schedule's options do in a training, and which are refused before one."""

import importlib.util

import pytest
import torch
from mmengine.registry import VISBACKENDS
from mmengine.visualization import BaseVisBackend
from toy_training import EPOCHS, STEPS, Toy, equal, run, schedule, stop, weights

from adabench.config.fields.training import LOGGERS
from adabench.engine.files import checkpoints
from adabench.engine.training.optimisation import check_groups, check_training, loggers
from adabench.records.files.curve import read_curve
from adabench.records.files.side_files import CURVE


class Watch(Toy):
    """Notes each step's rates and whether it moved the weights."""

    def __init__(self):
        super().__init__()
        self.rates, self.moved = [], []

    def train_step(self, data, optim_wrapper):
        self.rates.append(optim_wrapper.get_lr()["lr"])
        before = self.net[0].weight.detach().clone()
        found = super().train_step(data, optim_wrapper)
        self.moved.append(not torch.equal(before, self.net[0].weight))
        return found


def watched(folder, **training):
    model, _ = run(folder, model=Watch(), training=training)
    return model


class Plain(Toy):
    """A linear network, whose gradient of a batch is the mean of its parts' gradients."""

    def __init__(self):
        super().__init__()
        self.net = torch.nn.Linear(3, 1)


@pytest.mark.parametrize(
    ("accumulate", "moved"), [(2, [False, True, True]), (3, [False, False, True])]
)
def test_gradients_of_several_steps_make_one_and_end_with_their_epoch(tmp_path, accumulate, moved):
    assert watched(tmp_path, accumulate=accumulate).moved == moved * EPOCHS


def test_three_steps_of_four_points_are_one_of_twelve(tmp_path):
    def trained(folder, **training):
        torch.manual_seed(5)
        constant = {"type": "ConstantLR", "factor": 1.0}
        options = {"clip_grad": 0, "scheduler": constant, "optimiser": {"type": "SGD", "lr": 0.1}}
        model, _ = run(folder, model=Plain(), training={**options, **training})
        return model.state_dict()

    small = trained(tmp_path / "small", accumulate=3)
    moved = trained(tmp_path / "plain")
    x, y = torch.linspace(-1, 1, 12)[:, None] * torch.tensor([[1.0, 0.5, -2.0]]), None
    y = x.sum(1, keepdim=True).sin()
    torch.manual_seed(5)
    large = Plain()
    for epoch in range(EPOCHS):
        noise = [
            torch.randn(3, generator=torch.Generator().manual_seed(1000 * epoch + item))
            for item in range(12)
        ]
        large.zero_grad()
        torch.nn.functional.mse_loss(large.net(x + 0.01 * torch.stack(noise)), y).backward()
        with torch.no_grad():
            for parameter in large.parameters():
                parameter -= 0.1 * parameter.grad
    assert all(torch.allclose(small[k], v, atol=1e-6) for k, v in large.state_dict().items())
    assert not torch.allclose(moved["net.weight"], small["net.weight"], atol=1e-3)


@pytest.mark.parametrize(
    "training",
    [
        {"accumulate": 2},
        {"scheduler": [{"type": "StepLR", "step_size": 1, "gamma": 0.5}]},
        {"scheduler": {"type": "ReduceOnPlateauLR", "monitor": "RMSE", "patience": 0}},
        {"groups": {"net.0": {"lr_mult": 0.1}}},
    ],
    ids=str,
)
def test_a_cut_changes_nothing(tmp_path, training):
    run(tmp_path / "uncut", training=training)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", at={7: stop}, training=training)
    run(tmp_path / "cut", resume=True, training=training)
    last = [weights(tmp_path / name / checkpoints.LAST) for name in ("cut", "uncut")]
    assert equal(*last)


def test_a_scheduler_takes_the_place_of_warm_up_and_cosine(tmp_path):
    halved = {"type": "StepLR", "step_size": 1, "gamma": 0.5}
    model = watched(tmp_path / "one", scheduler=halved, warmup_epochs=2)
    expected = [0.05 * 0.5**epoch for epoch in range(EPOCHS)]
    assert [rates[0] for rates in model.rates[::STEPS]] == pytest.approx(expected)
    assert [row["rate"] for row in read_curve(tmp_path / "one" / CURVE)] == pytest.approx(expected)
    late = {"type": "ConstantLR", "factor": 0.1, "begin": 2, "end": 4}
    model = watched(tmp_path / "two", scheduler=[halved, late])
    factors = [1, 1, 0.1, 1]
    assert [rates[0] for rates in model.rates[::STEPS]] == pytest.approx(
        [rate * factor for rate, factor in zip(expected, factors, strict=True)]
    )


def test_a_scheduler_may_count_steps(tmp_path):
    late = {"type": "ConstantLR", "factor": 0.1, "begin": 7, "by_epoch": False}
    model = watched(tmp_path, scheduler=late)
    low = [rates[0] < 0.04 for rates in model.rates]
    # At its end, the last step, mmengine takes the factor back.
    assert low[:-1] == [step >= 7 for step in range(EPOCHS * STEPS - 1)]


def test_groups_have_rates_of_their_own(tmp_path):
    groups = {"net": {"lr_mult": 0.5}, "net.0": {"lr_mult": 0.0}, "net.4.bias": {"decay_mult": 0}}
    constant = {"type": "ConstantLR", "factor": 1.0}
    optimiser = {"type": "AdamW", "lr": 0.05, "weight_decay": 0.1}
    model = watched(tmp_path, groups=groups, scheduler=constant, optimiser=optimiser)
    names = [name for name, _ in model.named_parameters()]
    rates = dict(zip(names, model.rates[0], strict=True))
    assert rates == pytest.approx(
        {
            "net.0.weight": 0.0,
            "net.0.bias": 0.0,
            "net.1.weight": 0.025,
            "net.1.bias": 0.025,
            "net.4.weight": 0.025,
            "net.4.bias": 0.05,
        }
    )
    assert not any(model.moved)
    # The curve shows the rate that no group changes.
    shown = [row["rate"] for row in read_curve(tmp_path / CURVE)]
    assert shown == pytest.approx([0.05] * EPOCHS)
    held = torch.load(tmp_path / checkpoints.LAST, weights_only=True)["optimizer"]
    decays = dict(zip(names, (g["weight_decay"] for g in held["param_groups"]), strict=True))
    assert decays["net.4.bias"] == 0 < decays["net.0.bias"] == decays["net.1.bias"]


class Overhead(torch.nn.Module):
    """A parameter whose name holds another's."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(1, 1)
        self.overhead = torch.nn.Linear(1, 1)
        self.tail = torch.nn.ModuleDict({"head": torch.nn.Linear(1, 1)})
        self.frozen = torch.nn.Linear(1, 1).requires_grad_(False)


def test_a_prefix_is_of_whole_words_from_the_beginning(tmp_path):
    class Named(Watch):
        def __init__(self):
            super().__init__()
            self.parts = Overhead()

    model, _ = run(tmp_path, model=Named(), training={"groups": {"parts.head": {"lr_mult": 0.0}}})
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    held = [name for name, rate in zip(names, model.rates[0], strict=True) if rate == 0]
    assert held == ["parts.head.weight", "parts.head.bias"]


@pytest.mark.parametrize(
    ("prefix", "near"),
    [
        ("haed", "'haed'. Did you mean 'head'? The first names are head, overhead, tail."),
        ("head.wei", "'head.wei'. Did you mean 'head.weight'?"),
        ("hea", "'hea'. Did you mean 'head'?"),
        ("frozen", "no parameter that learns begins with 'frozen'."),
    ],
)
def test_a_prefix_of_no_parameter_is_refused(prefix, near):
    with pytest.raises(ValueError, match=r"training\.groups: ") as error:
        check_groups(schedule(groups={prefix: {"lr_mult": 0.1}}), Overhead())
    assert near in str(error.value)


def test_it_is_refused_by_a_training_too(tmp_path):
    with pytest.raises(ValueError, match=r"training\.groups: .*Did you mean 'net'"):
        run(tmp_path, training={"groups": {"nett": {}}})
    assert list(tmp_path.iterdir()) == []


TWO = "training.optimiser.betas: expected a list of 2, each a number; got"
VALUES = [
    ({"betas": 0.9}, f"{TWO} 0.9"),
    ({"betas": [0.9]}, f"{TWO} [0.9]"),
    ({"betas": None}, f"{TWO} None"),
    ({"lr": None}, "training.optimiser.lr: expected a number; got None"),
    ({"lr": [1, 5]}, "training.optimiser.lr: expected a number; got [1, 5]"),
    ({"lr": True}, "training.optimiser.lr: expected a number; got True"),
    ({"lr": float("inf")}, "training.optimiser.lr: expected a finite number; got inf"),
    ({"params": []}, "training.optimiser.params: the training gives it; leave it out"),
]
FIRST = "training.scheduler[0]"
SCHEDULES = [
    (
        {"type": "StepLR", "step_size": 0},
        f"{FIRST}: StepLR(step_size=0) can't be followed: in step 1 of 4, ZeroDivisionError",
    ),
    (
        {"type": "ExponentialLR", "gamma": -1},
        f"{FIRST}: ExponentialLR(gamma=-1) makes lr -0.05 in step 1",
    ),
    (
        {"type": "OneCycleLR", "eta_max": 0.1, "total_steps": 2},
        f"{FIRST}: OneCycleLR(eta_max=0.1, total_steps=2) can't be followed: in step 3 of 4",
    ),
    ({"type": "ReduceOnPlateauLR"}, f"{FIRST}.monitor: no validation tells 'loss'."),
    ({"type": "ReduceOnPlateauLR", "monitor": "RMS"}, "'RMS'. Did you mean 'RMSE'?"),
    *(
        ({"type": kind, key: value}, f"{FIRST}.{key}: expected {told}; got {value!r}")
        for kind, key, value, told in (
            ("StepLR", "step_size", "a", "a whole number"),
            ("ExponentialLR", "gamma", "a", "a number"),
            ("PolyLR", "power", "a", "a number"),
            ("OneCycleLR", "total_steps", "x", "a whole number or None"),
            ("LinearLR", "end", "x", "a whole number"),
            ("MultiStepLR", "milestones", 5, "a list of a whole number"),
            ("ConstantLR", "convert_to_iter_based", "yes", "True or False"),
            ("PolyLR", "power", float("nan"), "a finite number"),
        )
    ),
]


@pytest.mark.parametrize(
    "scheduler",
    [
        {"type": "CosineAnnealingLR", "T_max": 10, "eta_min": 0},
        {"type": "LinearLR", "end": 0.5, "convert_to_iter_based": True},
        {"type": "LinearLR", "begin": 500, "by_epoch": False},
        {"type": "OneCycleLR", "eta_max": 0.1, "total_steps": 4, "convert_to_iter_based": True},
        {"type": "ReduceOnPlateauLR", "monitor": "AU04_r"},
        {"type": "StepMomentum", "step_size": 1},
    ],
)
def test_a_schedule_that_can_be_followed_is_taken(scheduler):
    check_training(schedule(scheduler=scheduler))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"scheduler": {"type": "StepL", "step_size": 1}}, "no scheduler is called 'StepL'. Did"),
        ({"scheduler": {"type": "StepLR"}}, "training.scheduler[0].step_size: it is missing, and"),
        ({"scheduler": {"type": "StepLR", "step": 1}}, "training.scheduler[0].step: "),
        ({"optimiser": {"type": "AdamW", "lrr": 1.0}}, "training.optimiser.lrr: AdamW takes no"),
        ({"optimiser": {"type": "AdamW", "lr": -1.0}}, "training.optimiser: Invalid learning rate"),
        *(({"optimiser": {"type": "AdamW", **own}}, told) for own, told in VALUES),
        *(({"scheduler": own}, told) for own, told in SCHEDULES),
        (
            {"optimiser": {"type": "LBFGS"}},
            "training.optimiser.type: LBFGS takes each step several",
        ),
        ({"amp": True}, "training.amp=True is for CUDA"),
        (
            {"groups": {"net": {"decay_mult": 0.5}}},
            "training.groups.net.decay_mult is a factor of training.optimiser.weight_decay, which",
        ),
        (
            {"groups": {"net": {"decay_mult": 0.5}}, "optimiser": {"type": "AdamW"}},
            "training.groups.net.lr_mult is a factor of training.optimiser.lr, which",
        ),
    ],
)
def test_what_can_not_be_followed_is_told_before(options, told, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="training") as error:
        check_training(schedule(**options))
    assert told in str(error.value)
    with pytest.raises(ValueError, match="training"):
        run(tmp_path, training=options)
    assert list(tmp_path.iterdir()) == []


def test_amp_is_taken_where_there_is_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_training(schedule(amp=True))


def test_patience_needs_validations(tmp_path):
    with pytest.raises(ValueError, match=r"training\.patience=2 counts validations"):
        run(tmp_path, validates=False, training={"patience": 2})


def test_a_logger_that_is_missing_is_told_with_the_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"'wandb', .* not installed: pip install wandb"):
        check_training(schedule(log=["wandb"]))


@pytest.mark.parametrize("name", LOGGERS)
def test_each_logger_has_a_backend_of_mmengine_s(name):
    (backend,) = loggers(schedule(log=[name]))["visualizer"]["vis_backends"]
    assert backend["type"] in VISBACKENDS.module_dict


def test_numbers_are_sent_to_a_logger(tmp_path, monkeypatch):
    told = {}

    class Fake(BaseVisBackend):
        """In the place of mmengine's backend, whose package need not be here."""

        experiment = None

        def _init_env(self):
            told["folder"] = self._save_dir

        def add_scalars(self, scalars, step=0, file_path=None, **_):
            for name, value in scalars.items():
                told.setdefault(name, []).append((step, float(value)))

        def close(self):
            told["closed"] = True

    monkeypatch.setitem(VISBACKENDS.module_dict, "TensorboardVisBackend", Fake)
    monkeypatch.setitem(LOGGERS, "tensorboard", "mmengine")
    values = [4.0, 3.0, 2.0, 1.0]
    run(tmp_path / "sent", training={"log": ["tensorboard"]}, told=values)
    assert told["val/RMSE"] == [(STEPS * (i + 1), value) for i, value in enumerate(values)]
    assert [step for step, _ in told["train/loss"]] == [STEPS * (i + 1) for i in range(EPOCHS)]
    assert "train/lr" in told
    assert told["closed"]
    run(tmp_path / "not", told=values)
    last = [weights(tmp_path / name / checkpoints.LAST) for name in ("sent", "not")]
    assert equal(*last)
