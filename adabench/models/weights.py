"""Loading weights: from timm's or torchvision's hub, or from a local file, weights-only."""

from __future__ import annotations

import hashlib
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from adabench.hints import did_you_mean

NO_WEIGHTS_HINT = (
    "give a local file with --cfg-options method.backbone…weights=FILE, "
    "or start at random with weights=None"
)

# Words in place of a file.
_HUBS = ("timm", "hub")
# What files of torch begin with: archives, and pickles of before.
_BEGINS = (b"PK", b"\x80")

# What torch and safetensors were seen to raise on files cut short or with a changed byte.
_DAMAGE = (
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    AssertionError,
    struct.error,
    SafetensorError,
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


def load_torchvision(name: str, *, pretrained: bool, **options: Any) -> nn.Module:
    """Create a torchvision network, fetching its default weights when ``pretrained``.

    Raises:
        FileNotFoundError: if they are out of reach, naming the weights and both ways on.
    """
    weights = "DEFAULT" if pretrained else None
    try:
        return torchvision.models.get_model(name, weights=weights, **options)
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        raise FileNotFoundError(
            f"pretrained weights of torchvision's {name} could not be fetched ({error}); "
            f"{NO_WEIGHTS_HINT}"
        ) from error


def read_weights(path: Path) -> dict[str, Any]:
    """Read a checkpoint of tensors and plain values; one that carries code is refused.

    Raises:
        FileNotFoundError: no such file, with the remedy.
        ValueError: a damaged file, or one that would run code.
    """
    path = Path(path)
    if path == Path():
        raise ValueError(f"no file is named; {NO_WEIGHTS_HINT}")
    if path.is_dir():
        raise ValueError(f"weights {path} are a folder; name a file in it")
    if not path.is_file():
        near = "" if str(path) in _HUBS else did_you_mean(str(path), _HUBS)
        hint = f".{near}" if near else f"; {NO_WEIGHTS_HINT}"
        raise FileNotFoundError(f"weights {path} do not exist{hint}")
    if _is_script(path):
        raise ValueError(
            f"{path} is a TorchScript archive, a network with its code, as OpenAI's own files of CLIP "
            "are; no code is run. Save its tensors once, and name that file: "
            f"torch.save(torch.jit.load({str(path)!r}, map_location='cpu').state_dict(), "
            f"{f'{path.stem}-state.pth'!r})"
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch raises the same for a class or function that it won't load and for a damaged file.
        if "global" not in str(error).lower():
            raise _unread(path, "no readable checkpoint") from error
        raise ValueError(
            f"{path} holds more than tensors and plain values, so loading it could run code; "
            "it is refused. Save a plain state dict instead"
        ) from error
    except _DAMAGE as error:
        raise _unread(path, str(error)) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}; expected a dict of tensors")
    return content


def _is_script(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except (*_DAMAGE, zipfile.BadZipFile):
        return False


def _unread(path: Path, cause: str) -> ValueError:
    """Return the error of a file that can't be read: another kind of file, or a damaged one."""
    with path.open("rb") as stream:
        begin = stream.read(64)
    if not begin:
        return ValueError(f"{path} is empty, and no weights; fetch or make it again")
    if path.suffix != ".safetensors" and not begin.startswith(_BEGINS):
        what = "a text" if _is_text(begin) else "another kind of file"
        if begin.startswith(b"version https://git-lfs"):
            what = "the pointer of Git LFS to one, fetched with: git lfs pull"
        named = "; one of safetensors is named .safetensors" if begin[8:9] == b"{" else ""
        return ValueError(
            f"{path} is no checkpoint of torch, but {what}{named}; name another file, or make it again"
        )
    return ValueError(f"{path} can't be read as weights ({cause}); fetch or make it again")


def _is_text(begin: bytes) -> bool:
    return all(letter in b"\t\n\r" or letter >= 32 for letter in begin)


def load_trunk(module: Any, path: Path) -> None:
    """Load a local file into a ``TimmFrames``: a stage's trunk, or a network's own state dict.

    Classifier weights that the trunk has no place for are left out; a missing tensor is an error.

    Args:
        module: the ``TimmFrames``: its ``net``, and ``creation``, how timm created that.
        path: the file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is damaged, carries code, or belongs to another network.
    """
    content = read_weights(path)
    state: dict[str, Tensor] = content.get("trunk", content.get("state_dict", content))
    found = {k.removeprefix("module.").removeprefix("net."): v for k, v in state.items()}
    wanted = module.net.state_dict()
    if "trunk" not in content and not wanted.keys() <= found.keys():
        found = _as_features(module.creation, found, path)
    wrong = [k for k in wanted if k not in found or found[k].shape != wanted[k].shape]
    if wrong:
        raise _misfit(path, wrong, len(wanted))
    module.net.load_state_dict({k: found[k] for k in wanted})


def load_network(net: nn.Module, path: Path) -> None:
    """Load a local file into a network of a library.

    The file is the network's state dict, a checkpoint that holds one under ``state_dict`` (the
    network as ``backbone``, in mmaction2's), or a stage's or training's result of this repository.
    What the network has no place for, its classifier, is left out; a missing tensor is an error.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is damaged, carries code, or belongs to another network.
    """
    content = read_weights(path)
    state: dict[str, Tensor] = content.get("backbone", content.get("state_dict", content))
    found = {
        k.removeprefix("module.").removeprefix("backbone.").removeprefix("net."): v
        for k, v in state.items()
    }
    wanted = net.state_dict()
    wrong = [k for k in wanted if k not in found or found[k].shape != wanted[k].shape]
    if wrong:
        raise _misfit(path, wrong, len(wanted))
    net.load_state_dict({k: found[k] for k in wanted})


def load_part(role: str, module: nn.Module, path: Path) -> None:
    """Load a whole part of a method: a stage's result, or the checkpoint of a training.

    Args:
        role: which part it is, ``"backbone"``, ``"aggregator"``, ….
        module: the part.
        path: the file; it holds the part's state dict under its role, or the whole method's.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is damaged, carries code, holds no such part, or belongs to another one.
    """
    content = read_weights(path)
    state: dict[str, Tensor] | None = content.get(role)
    if state is None:
        prefix = f"{role}."
        whole = content.get("state_dict", {})
        state = {k.removeprefix(prefix): v for k, v in whole.items() if k.startswith(prefix)}
    if not state:
        raise ValueError(
            f"{path} holds no {role}: name the file of a stage that trained one, or of a training"
        )
    wanted = module.state_dict()
    wrong = [k for k in wanted if k not in state or state[k].shape != wanted[k].shape]
    wrong += [k for k in state if k not in wanted]
    if wrong:
        raise _misfit(path, wrong, len(wanted))
    module.load_state_dict(state)


def _as_features(
    creation: dict[str, Any], state: dict[str, Tensor], path: Path
) -> dict[str, Tensor]:
    """Rename the tensors of a whole timm network to those of its feature network.

    timm does so itself, and fits position embeddings to another image size on the way; but it
    passes over what is missing, so that is looked for first.
    """
    whole = {k: v for k, v in creation.items() if k not in ("features_only", "out_indices", "name")}
    wanted = timm.create_model(creation["name"], num_classes=0, **whole).state_dict()
    missing = [k for k in wanted if k not in state]
    if missing:
        raise _misfit(path, missing, len(wanted))
    options = {k: v for k, v in creation.items() if k != "name"}
    overlay = {"state_dict": dict(state)}
    try:
        net = timm.create_model(
            creation["name"], pretrained=True, pretrained_cfg_overlay=overlay, **options
        )
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit {creation['name']}: {error}") from error
    return net.state_dict()


def _misfit(path: Path, wrong: list[str], total: int) -> ValueError:
    return ValueError(
        f"{path} does not fit this network: {len(wrong)} of {total} tensors are missing or of "
        f"another shape, the first {wrong[0]!r}; name the file of the same network and options"
    )


def file_checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def local_checksums(value: Any) -> list[str]:
    """Return the checksum of every local file that a nested config names as ``weights``."""
    if isinstance(value, (list, tuple)):
        return [found for item in value for found in local_checksums(item)]
    if not isinstance(value, Mapping):
        return []
    named = value.get("weights")
    own = [file_checksum(Path(named))] if isinstance(named, str) and Path(named).is_file() else []
    return own + [found for item in value.values() for found in local_checksums(item)]


def weights_digest(module: nn.Module, length: int = 16) -> str:
    """Hash every parameter and buffer of a module, names and shapes included.

    Buffers that a checkpoint leaves out (a mean that normalises the input) count too.
    """
    hasher = hashlib.sha256()
    tensors = {**module.state_dict(), **dict(module.named_buffers())}
    for name, tensor in sorted(tensors.items()):
        hasher.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        hasher.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return hasher.hexdigest()[:length]
