"""What mmengine is told of a schedule: optimiser, groups of parameters, learning rates, loggers."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmengine.optim import OPTIMIZERS, OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS, VISBACKENDS, Registry
from torch import nn

from adabench.config.fields.training import LOGGERS, Training
from adabench.config.reading.mistakes import told_at
from adabench.hints import did_you_mean


def check_training(training: Training, *, validates: bool = True) -> None:
    """Refuse a schedule that can't be followed on this machine; nothing that it names is imported.

    Args:
        training: the schedule.
        validates: whether there is validation data.

    Raises:
        ValueError: naming the field, with the nearest name or the remedy; of a logger that is not
            installed, the command that does it.
    """
    _check_options(training)
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


def _check_options(training: Training) -> None:
    """Build optimiser and schedulers once, on a single number."""
    kind = _named(OPTIMIZERS, torch.optim.Optimizer, training.optimiser, "training.optimiser")
    options = {key: value for key, value in training.optimiser.items() if key != "type"}
    with told_at("training.optimiser", training.optimiser):
        trial = OptimWrapper(kind([nn.Parameter(torch.zeros(1))], **options))
    for number, config in enumerate(training.scheduler or ()):
        place = f"training.scheduler[{number}]"
        _named(PARAM_SCHEDULERS, object, config, place)
        # What the runner fills in.
        end = {"end": training.epochs} if config.get("by_epoch", True) else {}
        filled = {"optimizer": trial, "epoch_length": 100}
        with told_at(place, config):
            PARAM_SCHEDULERS.build({**end, **config}, default_args=filled)


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


def _named(registry: Registry, base: type, config: Mapping[str, Any], place: str) -> type:
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
