"""Loading weights: from timm's hub, or from a local file. Files are loaded weights-only."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

NO_WEIGHTS_HINT = (
    "give a local file with --cfg-options method.backbone…weights=FILE, "
    "or start at random with weights=None"
)


def load_timm(name: str, *, pretrained: bool, **options: Any) -> nn.Module:
    """Create a timm network, fetching its weights from timm's hub when ``pretrained``.

    Raises:
        FileNotFoundError: if the hub is out of reach, naming the weights and both ways on.
    """
    try:
        return timm.create_model(name, pretrained=pretrained, **options)
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        raise FileNotFoundError(
            f"pretrained weights of timm's {name} could not be fetched ({error}); {NO_WEIGHTS_HINT}"
        ) from error


def read_weights(path: Path) -> dict[str, Any]:
    """Read a checkpoint of tensors and plain values; one that carries code is refused.

    Raises:
        FileNotFoundError: no such file, with the remedy.
        ValueError: a damaged file, or one that would run code.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"weights {path} do not exist; {NO_WEIGHTS_HINT}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds more than tensors and plain values, so loading it could run code; "
            "it is refused. Save a plain state dict instead"
        ) from error
    except (RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"{path} can't be read as weights ({error}); fetch or make it again") from error


def load_trunk(module: nn.Module, path: Path) -> None:
    """Load a local file into ``TimmFrames``: a stage's trunk, or a network's own state dict.

    Classifier weights that the trunk has no place for are left out; a missing tensor is an error.
    """
    content = read_weights(path)
    state: dict[str, Tensor] = content.get("trunk", content.get("state_dict", content))
    net = module.get_submodule("net")
    wanted = net.state_dict()
    found = {k.removeprefix("net."): v for k, v in state.items()}
    missing = [k for k in wanted if k not in found or found[k].shape != wanted[k].shape]
    if missing:
        raise ValueError(
            f"{path} does not fit this network: {len(missing)} of {len(wanted)} tensors are missing or of "
            f"another shape, the first {missing[0]!r}; name the file of the same network and options"
        )
    net.load_state_dict({k: found[k] for k in wanted})


def file_checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
