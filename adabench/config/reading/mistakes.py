"""Where in a config a mistake is that a part tells only when it is built."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from adabench.config.reading.origin import field_in
from adabench.config.reading.parts import parts_within
from adabench.hints import did_you_mean, problems, reworded, shown
from adabench.plugins.annotations import annotations_of, misfit
from adabench.plugins.traces import place_in_plugin
from adabench.registry import being_built

# What a part raises on purpose, in its own words.
_TOLD = (ValueError, TypeError, LookupError, OSError)


@contextmanager
def told_at(place: str, config: Any = None) -> Iterator[None]:
    """Have what is raised within name its place in the config.

    Args:
        place: of a section.
        config: that section, whose parts are built; None where none is.

    Raises:
        ValueError: in place of an error that says nothing of a config, with the part that raised it,
            what that was given and, of a plugin's, file and line.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        better = _placed(error, place, config)
        if better is error:
            raise
        raise better from error


def _placed(error: BaseException, place: str, config: Any) -> BaseException:
    text = _text_of(error)
    if isinstance(error, Exception) and field_in(text):
        # A stage has sections of its own.
        is_inner = place.startswith("stages.") and not text.startswith("stages.")
        return reworded(error, f"{place}.{text}" if is_inner else text)
    where, part = _innermost(place, config, being_built(error))
    if isinstance(error, TypeError):
        argument, wrong = _misgiven(error)
        if argument:
            inner = (k for k, v in part.items() if isinstance(v, Mapping) and argument in v)
            steps = [where, *([] if argument in part else inner), argument]
            return ValueError(f"{'.'.join(steps)}: {wrong}")
    if isinstance(error, _TOLD) and not _is_raw(error):
        return reworded(error, _joined(where, part, text))
    file = place_in_plugin(error) or _library(error)
    told = f"{type(error).__name__}: {text}".removesuffix(": ") + (f" ({file})" if file else "")
    return ValueError(f"{where}: {_called(part)} can't be built: {told}")


def _is_raw(error: BaseException) -> bool:
    """Whether an error is what Python itself says of a slip, and no one's own words."""
    if not isinstance(error, TypeError | LookupError) or isinstance(error, ValidationError):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and not (frames[-1].line or "raise").startswith("raise")


def _library(error: BaseException) -> str:
    """Return the package that an error was raised in; an empty text where it is adabench."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    package = str(frames[-1].f_globals.get("__name__", "")).partition(".")[0] if frames else ""
    return "" if package in ("", "adabench") else f"in {package}"


def _misgiven(error: TypeError) -> tuple[str, str]:
    """Return the argument that a class was wrongly given, and what it takes; no text of other errors."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    odd = re.match(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error))
    if odd is not None:
        named = {**frames[-1].f_globals, **frames[-1].f_locals}.values()
        kinds = (kind for kind in named if isinstance(kind, type) and kind.__name__ == odd[1])
        kind = next(kinds, None)
        if kind is not None:
            taken = [*inspect.signature(kind).parameters]
            hint = f"{did_you_mean(odd[2], taken)} It takes: {', '.join(taken)}."
            return odd[2], f"{odd[1]} takes no {odd[2]!r}.{hint}"
    missing = re.match(r"(\w+)\.__init__\(\) missing \d+ required .*?: '(\w+)'", str(error))
    if missing is not None:
        return missing[2], f"it is missing, and {missing[1]} needs it"
    for frame in reversed(frames):
        if frame.f_code.co_name == "__init__" and "self" in frame.f_locals:
            for name, kind in annotations_of(type(frame.f_locals["self"]).__init__).items():
                wrong = misfit(frame.f_locals.get(name), kind) if name in frame.f_locals else None
                if wrong is not None:
                    return name, wrong
    return "", ""


def _text_of(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        return problems(error)
    return str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)


def _innermost(place: str, config: Any, types: list[str]) -> tuple[str, Mapping[str, Any]]:
    """Return place and config of the part that was being built; those of the section without.

    Args:
        place: of the section.
        config: the section.
        types: of the parts that were being built, each within the next.
    """
    places = list(parts_within(config, place))
    for where, part in places:
        outer = [p.get("type") for w, p in places if where.startswith((f"{w}.", f"{w}["))]
        if types and [part.get("type"), *reversed(outer)][: len(types)] == types:
            return where, part
    return next(iter(places), (place, {}))


def _joined(where: str, part: Mapping[str, Any], text: str) -> str:
    """Return a part's message with the field that it is about, where it begins with one."""
    own = re.match(rf"{re.escape(str(part.get('type')))}\.(?=[a-z])", text)
    if own is not None:
        return f"{where}.{text[own.end() :]}"
    first = re.match(r"([a-z_]\w*)[.:]", text)
    return f"{where}.{text}" if first is not None and first[1] in part else f"{where}: {text}"


def _called(part: Mapping[str, Any]) -> str:
    # Parts within are told by their own places.
    given = [
        f"{key}={shown(value)}"
        for key, value in part.items()
        if key != "type" and next(parts_within(value, ""), None) is None
    ]
    return f"{part.get('type', 'a part')}({', '.join(given)})"
