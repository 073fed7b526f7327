"""What mmengine is told of a schedule: optimiser, groups of parameters, learning rates, loggers."""

from __future__ import annotations

import importlib.util
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from numbers import Number
from typing import Any

import torch
from mmengine.optim import OPTIMIZERS, OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS, VISBACKENDS, Registry
from torch import nn

from adabench.config.fields.training import LOGGERS, Training
from adabench.config.reading.mistakes import told_at
from adabench.hints import did_you_mean, quoted, shown
from adabench.plugins.annotations import annotations_of, misfit

# What the training gives an optimiser or a scheduler.
_GIVEN = ("params", "optimizer")
# What a whole number may be where epochs are counted in steps: half an epoch is many of these.
_PARTS: dict[Any, Any] = {int: float, int | None: float | None, list[int]: list[float]}
# Steps of an epoch whose loader is not made yet, and how many of a schedule are tried at most.
_LENGTH = 100
_MOST_STEPS = 10_000
# Below 0 by rounding.
_NEARLY = 1e-12
# What validations of adabench's tell; a stage's also each of its columns.
_MONITORS = ("RMSE", "MAE", "PCC", "CCC", "correlation")


def check_training(training: Training, *, validates: bool = True) -> None:
    """Refuse a schedule that can't be followed on this machine; nothing that it names is imported.

    Args:
        training: the schedule.
        validates: whether there is validation data.

    Raises:
        ValueError: naming the field, with the nearest name or the remedy; of a logger that is not
            installed, the command that does it.
    """
    _check_options(training, validates)
    _check_factors(training)
    if training.amp and not torch.cuda.is_available():
        raise ValueError(
            "training.amp=True is for CUDA, and torch finds no such device here; leave it out, or set "
            "--cfg-options training.amp=False"
        )
    if training.patience and not validates:
        raise ValueError(
            f"training.patience={training.patience} counts validations, and this protocol has none; "
            "set --cfg-options training.patience=0"
        )
    for name in training.log:
        if importlib.util.find_spec(LOGGERS[name]) is None:
            raise ValueError(
                f"training.log names {name!r}, whose package is not installed: "
                f"pip install {LOGGERS[name]}, or set --cfg-options training.log=[]"
            )


def _check_options(training: Training, validates: bool) -> None:
    """Build optimiser and schedulers once, on a single number, and follow each of these."""
    place = "training.optimiser"
    kind = _named(OPTIMIZERS, torch.optim.Optimizer, training.optimiser, place)
    _check_values(kind, training.optimiser, place)
    closure = inspect.signature(kind.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ValueError(
            f"{place}.type: {kind.__name__} takes each step several times, which training does not: "
            "take another, e.g. 'AdamW'"
        )
    options = {key: value for key, value in training.optimiser.items() if key != "type"}

    def trial() -> OptimWrapper:
        return OptimWrapper(kind([nn.Parameter(torch.zeros(1))], **options))

    with told_at(place, training.optimiser):
        rates = trial().get_lr().get("lr", [])
    for rate in rates:
        if rate < 0:
            raise ValueError(f"{place}.lr: expected at least 0; got {rate:g}")
    for number, config in enumerate(training.scheduler or ()):
        _check_scheduler(training, config, f"training.scheduler[{number}]", trial, validates)


def _check_scheduler(
    training: Training,
    config: Mapping[str, Any],
    place: str,
    trial: Callable[[], OptimWrapper],
    validates: bool,
) -> None:
    kind = _named(PARAM_SCHEDULERS, object, config, place)
    _check_values(kind, config, place)
    # What the runner fills in.
    end = {"end": training.epochs} if config.get("by_epoch", True) else {}
    filled = {"optimizer": trial(), "epoch_length": _LENGTH}
    with told_at(place, config):
        scheduler = PARAM_SCHEDULERS.build({**end, **config}, default_args=filled)
    if getattr(scheduler, "need_val_args", False):
        _check_monitor(scheduler.monitor, f"{place}.monitor", validates)
    is_long = config.get("convert_to_iter_based", False)
    _follow(
        scheduler, config, place, min(training.epochs * (_LENGTH if is_long else 1), _MOST_STEPS)
    )


def _check_values(kind: type, config: Mapping[str, Any], place: str) -> None:
    """Refuse a value that is of another kind than its argument, or no finite number.

    Args:
        kind: of torch's optimisers or mmengine's schedulers.
        config: its options.
        place: of these.

    Raises:
        ValueError: naming the option.
    """
    takes = _constructor(kind)
    kinds = {"convert_to_iter_based": bool, **annotations_of(takes, (torch.Tensor,))}
    defaults = {name: one.default for name, one in inspect.signature(takes).parameters.items()}
    in_parts = config.get("convert_to_iter_based") is True
    for key, value in config.items():
        if key in _GIVEN:
            raise ValueError(f"{place}.{key}: the training gives it; leave it out")
        expected = kinds.get(key, Any)
        wrong = misfit(value, _PARTS.get(expected, expected) if in_parts else expected)
        numbers = value if isinstance(value, list | tuple) else [value]
        if wrong is None and any(isinstance(n, float) and not math.isfinite(n) for n in numbers):
            wrong = f"expected a finite number; got {shown(value)}"
        # Some annotations leave out what stands there by default.
        default = defaults.get(key, inspect.Parameter.empty)
        if wrong is not None and (type(value) is not type(default) or value != default):
            hint = quoted(f"{place}.{key}", value)
            raise ValueError(f"{place}.{key}: {wrong}{hint}")


def _constructor(kind: type) -> Callable[..., Any]:
    """Return the first ``__init__`` of a class and its bases that names its arguments."""
    for one in kind.__mro__:
        own = one.__dict__.get("__init__")
        if own is not None and "args" not in inspect.signature(own).parameters:
            return own
    return object.__init__


def _check_monitor(monitor: str, place: str, validates: bool) -> None:
    """Refuse what no validation tells, a column of a stage apart."""
    if not validates:
        raise ValueError(
            f"{place}: it is looked at in validations, and this protocol has none; take a scheduler "
            "that needs none, e.g. 'StepLR'"
        )
    hint = did_you_mean(monitor, _MONITORS)
    # mmengine's default is told by no validation.
    if monitor not in _MONITORS and (hint or monitor == "loss"):
        raise ValueError(
            f"{place}: no validation tells {monitor!r}.{hint} A method's tell {', '.join(_MONITORS[:4])}; "
            "a stage's 'correlation', and each of its columns"
        )


def _follow(scheduler: Any, config: Mapping[str, Any], place: str, steps: int) -> None:
    """Take the steps of a schedule.

    Raises:
        ValueError: one that fails, or a rate that is negative or no finite number.
    """
    given = ", ".join(f"{key}={shown(value)}" for key, value in config.items() if key != "type")
    called = f"{place}: {config['type']}({given})"
    scheduler.verbose = False
    # No step of the optimiser is taken, of which mmengine would warn.
    scheduler.optimizer._global_step = 0
    for step in range(1, steps + 1):
        try:
            scheduler.step()
            if getattr(scheduler, "need_val_args", False):
                scheduler.step({scheduler.monitor: 1.0})
            found = [group.get(scheduler.param_name) for group in scheduler.optimizer.param_groups]
            # A root of a negative number is complex, which float refuses.
            values = [float(value) for value in found if isinstance(value, Number)]  # type: ignore[arg-type]
        except Exception as error:
            raise ValueError(
                f"{called} can't be followed: in step {step} of {steps}, {type(error).__name__}: {error}"
            ) from error
        for value in values:
            if not math.isfinite(value) or value < -_NEARLY:
                raise ValueError(
                    f"{called} makes {scheduler.param_name} {value:g} in step {step} of {steps}; expected "
                    "a finite number of at least 0"
                )


def _check_factors(training: Training) -> None:
    """Refuse a group's factor of what the optimiser's options do not say; mmengine asks for ``lr``."""
    for prefix, group in training.groups.items():
        factors = {
            "lr_mult": "lr",
            **({"decay_mult": "weight_decay"} if group.decay_mult != 1 else {}),
        }
        for factor, option in factors.items():
            if option not in training.optimiser:
                raise ValueError(
                    f"training.groups.{prefix}.{factor} is a factor of training.optimiser.{option}, "
                    "which is missing: write it out"
                )


def _named(registry: Registry, base: type, config: Mapping[str, Any], place: str) -> Any:
    """Return the class that a config names; mmengine's look-up would import what it does not know.

    Raises:
        ValueError: with the nearest name, and all that exist.
    """
    known: dict[str, type] = {
        name: kind
        for name, kind in registry.module_dict.items()
        if isinstance(kind, type) and issubclass(kind, base)
    }
    name = config["type"]
    if name not in known:
        what = place.partition("[")[0].rpartition(".")[2]
        raise ValueError(
            f"{place}.type: no {what} is called {name!r}.{did_you_mean(name, known)} "
            f"Known: {', '.join(sorted(known))}."
        )
    return known[name]


def check_groups(training: Training, model: nn.Module) -> None:
    """Refuse a group that holds no parameter which learns.

    Raises:
        ValueError: naming the prefix, with the nearest one.
    """
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    for prefix in training.groups:
        if not any(_begins(name, prefix) for name in names):
            prefixes = list(dict.fromkeys(p for name in names for p in _prefixes(name)))
            parts = [p for p in prefixes if "." not in p]
            raise ValueError(
                f"training.groups: no parameter that learns begins with {prefix!r}."
                f"{did_you_mean(prefix, prefixes)} The first names are {', '.join(parts)}."
            )


def _begins(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def _prefixes(name: str) -> Iterator[str]:
    """Yield every prefix of a parameter's name, the shortest first, and the name itself."""
    words = name.split(".")
    yield from (".".join(words[: n + 1]) for n in range(len(words)))


def optim_wrapper(training: Training, model: nn.Module) -> dict[str, Any]:
    """Return the config of the wrapped optimiser of a model whose scale is fitted."""
    wrapper: dict[str, Any] = {"type": "OptimWrapper", "optimizer": dict(training.optimiser)}
    if training.amp:
        wrapper["type"] = "AmpOptimWrapper"
    if training.clip_grad:
        wrapper["clip_grad"] = {"max_norm": training.clip_grad * getattr(model, "clip_share", 1.0)}
    if training.accumulate > 1:
        wrapper["accumulative_counts"] = training.accumulate
    if training.groups:
        wrapper["paramwise_cfg"] = {"custom_keys": _by_parameter(training, model)}
    return wrapper


def _by_parameter(training: Training, model: nn.Module) -> dict[str, dict[str, float]]:
    """Return what is particular to each parameter, by its whole name.

    mmengine takes a key for any part of a name, the longest first: with every name a key, a
    parameter's own is the longest that it holds.
    """
    found: dict[str, dict[str, float]] = {}
    for name, _ in model.named_parameters():
        groups = [training.groups[p] for p in _prefixes(name) if p in training.groups]
        found[name] = groups[-1].model_dump(exclude_defaults=True) if groups else {}
    return found


def schedulers(training: Training) -> list[dict[str, Any]]:
    """Return the configs of the parameter schedulers."""
    if training.scheduler is not None:
        return [dict(config) for config in training.scheduler]
    warm = min(training.warmup_epochs, training.epochs - 1)
    cosine = {
        "type": "CosineAnnealingLR",
        "T_max": training.epochs - warm,
        "begin": warm,
        "end": training.epochs,
        "by_epoch": True,
        "convert_to_iter_based": True,
    }
    if not warm:
        return [cosine]
    rise = {"type": "LinearLR", "start_factor": 0.01, "begin": 0, "end": warm, "by_epoch": True}
    return [{**rise, "convert_to_iter_based": True}, cosine]


def loggers(training: Training) -> dict[str, Any]:
    """Return what mmengine's runner is told of where numbers are sent, if anywhere."""
    if not training.log:
        return {}
    backends = {
        name.removesuffix("VisBackend").lower(): name
        for name in VISBACKENDS.module_dict
        if name.endswith("VisBackend")
    }
    return {
        "visualizer": {
            "type": "Visualizer",
            "vis_backends": [{"type": backends[name]} for name in training.log],
        },
        # train/… and val/…, as the curve has them.
        "log_processor": {"log_with_hierarchy": True},
    }
