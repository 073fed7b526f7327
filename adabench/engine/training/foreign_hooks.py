"""Hooks that a config names: built from the registry, and told by their place where they fail."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import get_priority

from adabench.config.reading.mistakes import told_at
from adabench.registry import HOOKS, place_of


class HookError(ValueError):
    """A config's hook failed in training."""


def build_hooks(configs: Sequence[Mapping[str, Any]]) -> list[Hook]:
    """Return the hooks of a config's ``hooks``, in their order.

    Args:
        configs: of each its ``type`` and arguments; a ``priority`` (``"LOW"``, or 0 to 100) stands
            in place of the class's own.

    Raises:
        UnknownTypeError: a hook that is not registered.
        ValueError: one that can't be built, with its place in the config.
    """
    return [_build(f"hooks[{number}]", dict(config)) for number, config in enumerate(configs)]


def _build(place: str, config: dict[str, Any]) -> Hook:
    priority = config.pop("priority", None)
    with told_at(place):
        kind = HOOKS.type_of(config)
    if not issubclass(kind, Hook):
        raise ValueError(
            f"{place}: {kind.__name__} ({place_of(kind)}) is no subclass of mmengine's Hook"
        )
    try:
        hook: Hook = HOOKS.build(config)
        if priority is not None:
            get_priority(priority)
            hook.priority = priority
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"{place} ({config['type']}, {place_of(kind)}): {error}") from error
    for moment in Hook.stages:
        setattr(hook, moment, _telling(getattr(hook, moment), f"{place} ({config['type']})", hook))
    return hook


def _telling(method: Callable[..., None], name: str, hook: Hook) -> Callable[..., None]:
    """Return a hook's method that says, where it fails, whose it is and at which line."""

    @functools.wraps(method)
    def told(runner: Any, *args: Any, **kwargs: Any) -> None:
        try:
            method(runner, *args, **kwargs)
        except Exception as error:
            raise HookError(
                f"{name} failed in {method.__name__}, epoch {runner.epoch + 1}, at "
                f"{_place_in(error, hook)}: {type(error).__name__}: {error}. Mend it, or take it out "
                "of the config's hooks"
            ) from error

    return told


def _place_in(error: BaseException, hook: Hook) -> str:
    """Return ``file:line`` of the last line of the hook's own file before an error."""
    file, _, _ = place_of(type(hook)).rpartition(":")
    frames = traceback.extract_tb(error.__traceback__)
    own = [f"{frame.filename}:{frame.lineno}" for frame in frames if frame.filename == file]
    return own[-1] if own else place_of(type(hook))
