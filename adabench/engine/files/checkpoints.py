"""Checkpoints: what a training keeps, and reading it back with its identity checked."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import Runner
from torch import nn

from adabench.config.reading.difference import config_differences
from adabench.data.digests import DigestBook
from adabench.models.weights import read_weights

LAST = "last.pth"
BEST = "best.pth"


def plain_message_hub(checkpoint: dict[str, Any]) -> None:
    """Reduce mmengine's message hub to plain values, so that the file loads weights-only.

    Its history buffers and numpy scalars would need an allow-list of classes, and such a list lets a
    crafted file run code.
    """
    checkpoint["message_hub"] = {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}}


def save(runner: Runner, path: Path, identity: dict[str, Any], optimiser: bool = True) -> None:
    """Write the runner's state to ``path`` atomically, and its digest to the book beside it.

    Args:
        runner: what is saved.
        path: where.
        identity: plain values that say what the checkpoint is (config hash, best score, …).
        optimiser: also what a resume needs.
    """
    with DigestBook(path.parent).writing(path.name) as temporary:
        runner.save_checkpoint(
            str(temporary.parent),
            temporary.name,
            save_optimizer=optimiser,
            save_param_scheduler=optimiser,
            # mmengine would write epoch + 1: it expects to be called before the epoch is counted.
            meta={"epoch": runner.epoch, "iter": runner.iter, "adabench": identity},
        )


def add(path: Path, **told: Any) -> None:
    """Add plain values to the identity that :func:`save` wrote; all else stays."""
    content = _read(path)
    content["meta"]["adabench"].update(told)
    with DigestBook(path.parent).writing(path.name) as temporary:
        torch.save(content, temporary)


def identity_of(path: Path) -> dict[str, Any]:
    """Return the identity that :func:`save` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a checkpoint of adabench's, one that carries code, or a damaged one.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"checkpoint {path} does not exist; name the best.pth or last.pth of a training's folder"
        )
    meta = _read(path).get("meta", {})
    if not isinstance(meta, dict) or not isinstance(meta.get("adabench"), dict):
        raise ValueError(
            f"checkpoint {path}: field meta.adabench is missing, so it is not one that tools/train.py "
            "wrote; name its best.pth or last.pth"
        )
    return meta["adabench"]


def check_identity(path: Path, expected: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    """Return a checkpoint's identity after comparing ``fields`` with what this run is.

    Raises:
        ValueError: a checkpoint of another config, with what differs where both tell.
    """
    return compare(path, identity_of(path), expected, fields)


def compare(
    path: Path, found: dict[str, Any], expected: dict[str, Any], fields: tuple[str, ...]
) -> dict[str, Any]:
    """Return the identity ``found`` in a file, after comparing; errors as `check_identity`."""
    for field in fields:
        if found.get(field) != expected.get(field):
            if field in ("seed", "draw") and found.get(field) is not None:
                raise ValueError(
                    f"checkpoint {path} was trained with {field} {found[field]}, and this run's is "
                    f"{expected.get(field)}: give --{field} {found[field]}, or begin anew without --resume"
                )
            raise ValueError(
                f"checkpoint {path} belongs to another config: its {field} is {found.get(field)!r} "
                f"({found.get('config')}), this run's is {expected.get(field)!r} ({expected.get('config')})"
                f"{_differs(found.get('decided'), expected.get('decided'))}; use the config, the options "
                "and the plugins' code that it was trained with, or begin anew without --resume"
            )
    return found


def _differs(before: Any, after: Any) -> str:
    if before is None or after is None:
        return ""
    return (
        f". What differs: {', '.join(config_differences(before, after)) or 'nothing that is told'}"
    )


def load_model(model: nn.Module, path: Path) -> None:
    """Load a checkpoint's weights; every tensor has to fit.

    Raises:
        ValueError: a damaged file; tensors that are missing, unexpected or of another shape.
    """
    state = _read(path).get("state_dict")
    if not isinstance(state, dict):
        raise ValueError(
            f"checkpoint {path}: field state_dict is missing; name a best.pth or last.pth that "
            "tools/train.py wrote"
        )
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ValueError(
            f"checkpoint {path} does not fit the config's model: {error}; "
            "use the config and options that it was trained with"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    """Read a checkpoint that is as it was written: torch itself looks at no checksum.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a damaged file, or one that carries code.
    """
    refuse_damaged(path)
    return read_weights(path)


def refuse_damaged(path: Path) -> None:
    """Refuse a checkpoint that is not as it was written; one that is not there is left to its reader.

    Raises:
        ValueError: a damaged file, or one that was exchanged.
    """
    if path.is_file():
        book = DigestBook(path.parent)
        # One that was copied from its folder has the checksums of its archive only.
        damage = book.difference(path.name) if book.knows(path.name) else _archive_damage(path)
        if damage is not None:
            raise ValueError(
                f"checkpoint {path} is damaged or was exchanged ({damage}); it is refused: restore it, or "
                "delete it and train again"
            )


def _archive_damage(path: Path) -> str | None:
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            first = archive.testzip()
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        return str(error)
    return None if first is None else f"checksum of {first}"
