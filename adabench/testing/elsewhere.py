"""What a part does beside its answer: the device of tensors that it makes, and half precision.

A part is run on tensors that say they are on another device (``meta``) and hold their numbers all the
same, so that parts which look at numbers (a mask as index, ``nonzero``) are checked without a GPU.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from adabench.batching import tensors_of
from adabench.structures import Units
from adabench.testing.flow import (
    PartFailedError,
    Problem,
    arguments,
    blamed,
    cloned,
    last_place,
    place_of,
)
from adabench.testing.same import changed_arguments
from adabench.testing.subject import NotCheckedError, Subject

_AWAY = torch.device("meta")
_HALF = (torch.float16, torch.bfloat16)
# These take an index or a source from the CPU on any device.
_MIXES = ("index", "index_put", "index_put_", "_index_put_impl_", "copy_", "_to_copy")
# Lengths and numbers of sequences (integers) are on the CPU in these, going in and coming out.
_LENGTHS_HERE = (
    "_pack_padded_sequence",
    "_pad_packed_sequence",
    "lstm",
    "gru",
    "rnn_tanh",
    "rnn_relu",
)
# The attention that runs anywhere.
_PLAIN_ATTENTION = 0


class MixedDevicesError(RuntimeError):
    """An operation on tensors of two devices."""


class _Away(Tensor):
    """A tensor that says it is on another device; ``held`` has its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls: type[_Away], held: Tensor) -> _Away:
        made = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=_AWAY,
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch declares a placeholder here
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        del types
        return _run(func, args, kwargs or {})


class _Elsewhere(TorchDispatchMode):
    """Lets factory functions that are told of the other device make tensors there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    given: list[Tensor] = []
    tree_map(lambda x: given.append(x) if isinstance(x, Tensor) else None, (args, dict(kwargs)))
    name = func.overloadpacket.__name__
    # torch.tensor and new_tensor make plain ones there.
    away = any(tensor.device == _AWAY for tensor in given)
    if away:
        _refuse_mixed(name, given)
    if name == "_fused_sdp_choice":
        return _PLAIN_ATTENTION
    asked = kwargs.get("device")
    options = dict(kwargs)
    if asked is not None and torch.device(asked) == _AWAY:
        options["device"] = torch.device("cpu")
    inner_args, inner_kwargs = tree_map(_held, (tuple(args), options))
    result = func(*inner_args, **inner_kwargs)
    if func._schema.is_mutable and given and _written(func, args, kwargs) is not None:
        return _written(func, args, kwargs)
    stays = asked is not None and torch.device(asked).type == "cpu"
    goes = asked is not None and torch.device(asked) == _AWAY
    if stays or not (away or goes):
        return result
    return tree_map(lambda value: value if _is_length(name, value) else _away(value), result)


def _refuse_mixed(name: str, given: Sequence[Tensor]) -> None:
    """Raise MixedDevicesError where tensors of both devices meet that may not."""
    here = [t for t in given if t.ndim and t.device != _AWAY and not _is_length(name, t)]
    if here and name not in _MIXES:
        shapes = ", ".join(str(tuple(t.shape)) for t in here[:2])
        raise MixedDevicesError(f"{name} mixes its input with a tensor {shapes} on the CPU")


def _is_length(name: str, value: Any) -> bool:
    return name in _LENGTHS_HERE and isinstance(value, Tensor) and value.dtype == torch.int64


def _written(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return the tensor that an operation in place writes to and gives back."""
    if not func._schema.returns or not func.overloadpacket.__name__.endswith("_"):
        return kwargs.get("out")
    return args[0]


def _held(value: Any) -> Any:
    if isinstance(value, _Away):
        return value.held
    if isinstance(value, Tensor) and value.device == _AWAY:
        # A plain one that torch made there holds no numbers: its place counts here, not its value.
        return torch.zeros(value.shape, dtype=value.dtype)
    return value


def _away(value: Any) -> Any:
    return _Away(value) if isinstance(value, Tensor) and not isinstance(value, _Away) else value


def _moved(part: nn.Module) -> dict[str, Tensor]:
    named = [*part.named_parameters(), *part.named_buffers()]
    return {name: _Away(tensor.detach()) for name, tensor in named}


@contextmanager
def _autocast_elsewhere() -> Iterator[None]:
    """Let ``torch.autocast(x.device.type, …)`` be entered for the other device, as for any real one."""
    made = torch.autocast.__init__

    def make(self: torch.autocast, device_type: str, *args: Any, **kwargs: Any) -> None:
        made(self, "cpu" if device_type == _AWAY.type else device_type, *args, **kwargs)

    with patch.object(torch.autocast, "__init__", make):
        yield


def device(subject: Subject) -> Iterator[Problem]:
    """Yield parts that mix tensors of the CPU with their input.

    Raises:
        NotCheckedError: a part does what can't be done on such tensors.
    """
    unclear: list[str] = []
    for role, flow in _answers(subject):
        part = subject.part(role)
        try:
            with blamed(role), _autocast_elsewhere(), _Elsewhere():
                given = tuple(record.map(_away) for record in arguments(role, flow))
                output = functional_call(part, _moved(part), given)
            # A unit's scale is looked up, and indexes from the CPU too.
            asked = replace(output, scale=output.valid) if isinstance(output, Units) else output
            stayed = [tensor for tensor in tensors_of(asked) if tensor.device != _AWAY]
            if stayed:
                told = f"a tensor {tuple(stayed[0].shape)} of its output is on the CPU"
                yield Problem("device", role, told, place_of(part, "forward"))
        except PartFailedError as failed:
            error = failed.error
            if isinstance(error, MixedDevicesError):
                place = last_place(traceback.extract_tb(error.__traceback__), part)
                yield Problem("device", role, str(error), place or place_of(part, "forward"))
            else:
                unclear.append(f"{type(part).__name__}: {_first_line(error)}")
    if unclear:
        raise NotCheckedError("; ".join(unclear))


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:120]}"


class _HalfWatch(TorchDispatchMode):
    """Notes the first operation that gives half precision, and where it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.found: tuple[str, list[traceback.FrameSummary]] | None = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        result = func(*args, **(kwargs or {}))
        if self.found is None and isinstance(result, Tensor) and result.dtype in _HALF:
            kind = str(result.dtype).removeprefix("torch.")
            told = f"{func.overloadpacket.__name__} gives {kind}"
            self.found = told, list(traceback.extract_stack())
        return result


def precision_and_input(subject: Subject) -> Iterator[Problem]:
    """Yield parts that compute in half precision, or write to what they are given."""
    for role, flow in _answers(subject):
        part, watch = subject.part(role), _HalfWatch()
        given = {name: cloned(record) for name, record in flow.items()}
        with blamed(role), watch:
            part(*arguments(role, given))
        if watch.found is not None:
            told, frames = watch.found
            place = last_place(frames, part) or place_of(part, "forward")
            yield Problem("precision", role, told, place)
        if changed_arguments(role, flow, given):
            told = "forward changes its input in place"
            yield Problem("input kept", role, told, place_of(part, "forward"))


def _answers(subject: Subject) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each part that answers, with what it is given on the smallest view."""
    for draw, base in subject.draws:
        if draw.name == "its smallest view":
            for role in subject.usable(draw.roles):
                yield role, base
