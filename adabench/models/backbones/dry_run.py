"""What a network takes and gives, found by a forward pass that computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

#: What networks were seen to raise on an input that they can't take.
REFUSALS = (
    RuntimeError,
    ValueError,
    TypeError,
    IndexError,
    AssertionError,
    NotImplementedError,
    ImportError,
)


class RefusedInputError(ValueError):
    """A network takes no input of a shape; the message is its own."""


@torch.no_grad()
def dry_run(net: nn.Module, shape: Sequence[int], device: str = "meta") -> list[Tensor]:
    """Return every tensor that a network gives for an input of ``shape``, nested ones in order.

    Args:
        net: asked in evaluation, and left as it was.
        shape: of its input.
        device: ``"meta"``, where tensors have shapes and no content, or ``"cpu"`` for networks that
            look at content.

    Raises:
        RefusedInputError: it can't take such an input, or gives an empty tensor.
    """
    held = {name: tensor.detach().to(device) for name, tensor in _named(net)}
    try:
        found = _asked(net, held, shape, device)
    except REFUSALS as error:
        told = str(error).strip().partition("\n")[0][:160]
        raise RefusedInputError(f"{type(error).__name__}: {told}") from error
    if not found or any(tensor.numel() == 0 for tensor in found):
        raise RefusedInputError("nothing is left of it within the network")
    return found


@torch.enable_grad()
def unreached(
    net: nn.Module,
    shape: Sequence[int],
    read: Callable[[list[Tensor]], Iterable[Tensor]],
    device: str = "meta",
) -> list[str]:
    """Return the names of a network's parameters on which nothing depends that is read of it.

    Args:
        net, shape, device: as in :func:`dry_run`, for an input that the network takes.
        read: gives what is read of its outputs.
    """
    held = {name: tensor.detach().to(device) for name, tensor in _named(net)}
    names = [name for name, _ in net.named_parameters()]
    for name in names:
        held[name].requires_grad_()
    total = torch.stack([each.sum() for each in read(_asked(net, held, shape, device))]).sum()
    found = torch.autograd.grad(total, [held[name] for name in names], allow_unused=True)
    return [name for name, gradient in zip(names, found, strict=True) if gradient is None]


def _named(net: nn.Module) -> list[tuple[str, Tensor]]:
    return [*net.named_parameters(), *net.named_buffers()]


def _asked(
    net: nn.Module, held: dict[str, Tensor], shape: Sequence[int], device: str
) -> list[Tensor]:
    training = net.training
    net.eval()
    try:
        return tensors_in(functional_call(net, held, (torch.zeros(*shape, device=device),)))
    finally:
        net.train(training)


def tensors_in(value: Any) -> list[Tensor]:
    """Return the tensors of nested lists and tuples, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [found for item in value for found in tensors_in(item)]
    raise TypeError(f"expected tensors from a network; got {type(value).__name__}")
