"""What a network takes and gives, found by a forward pass that computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
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
    training = net.training
    net.eval()
    named = [*net.named_parameters(), *net.named_buffers()]
    held = {name: tensor.detach().to(device) for name, tensor in named}
    try:
        found = tensors_in(functional_call(net, held, (torch.zeros(*shape, device=device),)))
    except REFUSALS as error:
        told = str(error).strip().partition("\n")[0][:160]
        raise RefusedInputError(f"{type(error).__name__}: {told}") from error
    finally:
        net.train(training)
    if not found or any(tensor.numel() == 0 for tensor in found):
        raise RefusedInputError("nothing is left of it within the network")
    return found


def tensors_in(value: Any) -> list[Tensor]:
    """Return the tensors of nested lists and tuples, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [found for item in value for found in tensors_in(item)]
    raise TypeError(f"expected tensors from a network; got {type(value).__name__}")
