"""The ``training`` section of a config: how a network is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from adabench.config.types import check_optimiser, check_scheduler
from adabench.hints import did_you_mean
from adabench.plugins.annotations import from_object, misfit

#: Logger by its short name → the package that it needs; mmengine has a backend for each.
LOGGERS = {
    "aim": "aim",
    "clearml": "clearml",
    "dvclive": "dvclive",
    "mlflow": "mlflow",
    "neptune": "neptune",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
}

# Fields that came later are absent from hashes, keys and stored configs where they are at their
# default, so that what was made before them is still found.
_LATER = ("accumulate", "patience", "sampler", "scheduler", "groups", "log")


# Kinds for which pydantic would also take a text or another number.
_PLAIN = (bool, int, float, int | None, float | None)


class Strict(BaseModel):
    """A section of a config: unknown fields are refused, and texts where a number or a flag stands."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: Any, field: ValidationInfo) -> Any:
        kind = cls.model_fields[str(field.field_name)].annotation
        wrong = misfit(value, from_object(kind)) if kind in _PLAIN else None
        if wrong is not None:
            raise ValueError(wrong)
        return value


class Group(Strict):
    """How some parameters are trained apart from the others.

    Attributes:
        lr_mult: factor of the learning rate; 0 holds them.
        decay_mult: factor of the weight decay.
    """

    lr_mult: float = Field(default=1.0, ge=0)
    decay_mult: float = Field(default=1.0, ge=0)


class Training(Strict):
    """How a network is trained.

    Attributes:
        epochs: passes over the training clips.
        batch_size: clips a step.
        optimiser: ``type``, a torch optimiser that mmengine registers, and its options, ``lr`` among
            them: numbers and lists of numbers.
        warmup_epochs: epochs of linearly rising learning rate; cosine decay follows. Of no effect
            where `scheduler` is given.
        clip_grad: largest norm of the gradient; 0 leaves it.
        validate_every: epochs between validations; a checkpoint is written after each.
        workers: loader processes.
        amp: mixed precision (CUDA).
        threads: torch's CPU threads; fixed, since sums depend on it. 0 takes OMP_NUM_THREADS, or
            one a core.
        accumulate: steps whose gradients make one step of the optimiser; an epoch's last may be fewer.
        patience: validations without a better one before training stops; 0 never stops it.
        sampler: the order of an epoch: all clips once (``random``), or as many of each severity level
            (``level``), so that clips of rare levels come more than once, and of others not all.
        scheduler: mmengine's parameter schedulers, one dict or several; None is the warm-up and cosine.
        groups: prefix of parameters (a part, ``backbone``, or further, ``backbone.trunk``) → what is
            particular to them; the longest prefix of a parameter counts.
        log: where numbers are sent too while it trains, by the names in `LOGGERS`.
    """

    epochs: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    optimiser: dict[str, Any]
    warmup_epochs: int = Field(default=1, ge=0)
    clip_grad: float = Field(default=1.0, ge=0)
    validate_every: int = Field(default=1, gt=0)
    workers: int = Field(default=0, ge=0, le=1024)
    amp: bool = False
    threads: int = Field(default=0, ge=0, le=1024)
    accumulate: int = Field(default=1, gt=0)
    patience: int = Field(default=0, ge=0)
    sampler: Literal["random", "level"] = "random"
    scheduler: tuple[dict[str, Any], ...] | None = Field(default=None, min_length=1)
    groups: dict[str, Group] = Field(default_factory=dict)
    log: tuple[str, ...] = ()

    @field_validator("optimiser")
    @classmethod
    def _check_optimiser(cls, optimiser: dict[str, Any]) -> dict[str, Any]:
        check_optimiser(optimiser)
        return optimiser

    @field_validator("scheduler", "log", mode="before")
    @classmethod
    def _several(cls, given: Any) -> Any:
        return (given,) if isinstance(given, (Mapping, str)) else given

    @field_validator("scheduler")
    @classmethod
    def _check_schedulers(
        cls, schedulers: tuple[dict[str, Any], ...] | None
    ) -> tuple[dict[str, Any], ...] | None:
        for scheduler in schedulers or ():
            check_scheduler(scheduler)
        return schedulers

    @field_validator("log")
    @classmethod
    def _check_log(cls, log: tuple[str, ...]) -> tuple[str, ...]:
        for name in log:
            if name not in LOGGERS:
                hint = did_you_mean(name, LOGGERS)
                raise ValueError(
                    f"no logger is called {name!r}.{hint} Known: {', '.join(LOGGERS)}."
                )
        return log

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = serialise(self)
        for name in _LATER:
            default = type(self).model_fields[name].get_default(call_default_factory=True)
            if getattr(self, name) == default:
                content.pop(name, None)
        return content
