"""What is told of a mistake: where it is, what was expected, what came, what could have been meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, Tag, ValidationError

Section = TypeVar("Section", bound=BaseModel)

#: What running a user's code raises where it holds a mistake: anything but the user's own Ctrl-C.
MISTAKES = (Exception, SystemExit, GeneratorExit)

# A value is written out up to this length.
_LONGEST = 60
# What pydantic calls the kinds of values, in the words of a config.
_EXPECTED = {
    "bool": "True or False",
    "dict": "a dict",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "model": "a dict",
    "string": "a text",
    "tuple": "a list",
}
_SHORT = {
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "greater than": "above",
    "less than": "below",
}
# Steps that are pydantic's own and no key of a config.
_OWN_STEP = re.compile(r"[a-z-]+\[.*\]|constrained-\w+|function-.*")
_KINDS = frozenset(("int", "float", "str", "bool", "list", "dict", "none"))
# Where a message says itself which field it is about.
_INNER = re.compile(r"([a-z_]\w*(?:[.\[][\w.\]]*)?): ")


def did_you_mean(name: str, known: Iterable[str], most: int = 1, cutoff: float = 0.6) -> str:
    """Return `` Did you mean 'x' or 'y'?`` with the nearest names, or an empty text.

    Args:
        name: as it was written; capital letters don't count.
        known: what there is.
        most: names that are told.
        cutoff: how like they have to be, 0 to 1.

    >>> did_you_mean("frmes", ["frames", "phases"])
    " Did you mean 'frames'?"
    """
    folded = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), folded, n=most, cutoff=cutoff)
    return f" Did you mean {' or '.join(repr(folded[each]) for each in near)}?" if near else ""


def shown(value: Any) -> str:
    """Return a value as Python writes it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def quoted(place: str, value: Any) -> str:
    """Return how a text with a comma is given as an option, where a list of words came of it."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return ""
    return f". A text with a comma is quoted: --cfg-options \"{place}='{','.join(value)}'\""


def reworded(error: Exception, text: str) -> Exception:
    """Return an error of the same kind with another text; a `ValueError` where it is no plain one."""
    if len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = (text,)
        return error
    return ValueError(text)


def validated(model: type[Section], content: Any, place: str) -> Section:
    """Return a section as its model has it.

    Raises:
        ValueError: as `problems` has it.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ValueError(problems(error, model, place)) from error


def problems(error: ValidationError, model: type[BaseModel] | None = None, place: str = "") -> str:
    """Return a validation's errors, ``path.of.field: expected this; got that`` each.

    Args:
        error: pydantic's.
        model: what was validated, whose fields are told where one is mistyped.
        place: of the whole.
    """
    told: dict[str, str] = {}
    errors = error.errors(include_url=False)
    # Of a list whose items are wrong, pydantic also says that it has too few.
    inner = [e["loc"][:-1] for e in errors]
    for each in (e for e in errors if e["type"] != "too_short" or e["loc"] not in inner):
        fields, steps = _inner(model, each["loc"])
        text, got = _told(each, fields)
        further = _INNER.match(text)
        if further is not None and not got:
            steps, text = [*steps, further[1]], text[further.end() :]
        where = ".".join([place] * bool(place) + [str(step) for step in steps])
        if where in told and got and told[where].endswith(got):
            # One value is tried as each of the kinds that a field may be.
            text = f"{told[where].removesuffix(got)} or {text.removeprefix('expected ')}"
        elif where in told:
            text = f"{told[where]}; {text}"
        told[where] = f"{text}{got}"
    return "; ".join(f"{where}: {text}" if where else text for where, text in told.items())


def _told(each: Mapping[str, Any], fields: Collection[str]) -> tuple[str, str]:
    """Return what is said of one of pydantic's errors, and apart from it what came."""
    kind, message = str(each["type"]), str(each["msg"])
    if kind == "extra_forbidden":
        name = str(each["loc"][-1])
        known = f" Known: {', '.join(sorted(fields))}." if fields else ""
        return f"no field is called {name!r}.{did_you_mean(name, fields)}{known}", ""
    if kind == "missing":
        return "it is missing", ""
    if kind in ("value_error", "assertion_error"):
        return message.partition(", ")[2], ""
    if kind == "too_short":
        return (
            f"expected at least {each['ctx']['min_length']} in it",
            f"; got {shown(each['input'])}",
        )
    if kind == "union_tag_invalid":
        known = each["ctx"]["expected_tags"].replace("'", "").split(", ")
        tag = str(each["ctx"]["tag"])
        return (
            f"kind: expected {' or '.join(map(repr, known))}; got {tag!r}.{did_you_mean(tag, known)}",
            "",
        )
    expected = _EXPECTED.get(kind.partition("_")[0])
    if expected is None or not kind.endswith(("_type", "_parsing", "_from_float")):
        expected = message.removeprefix("Input should be ")
        for long, short in _SHORT.items():
            expected = expected.replace(long, short)
    return f"expected {expected}", f"; got {shown(each['input'])}"


def _inner(
    model: type[BaseModel] | None, loc: Sequence[int | str]
) -> tuple[list[str], list[int | str]]:
    """Return the fields of the section that an error is in, and its place as a config has it.

    pydantic names each of the kinds that a field may be as a step of its own.
    """
    within = [] if model is None else [(model, "")]
    kept: list[int | str] = []
    fields: list[str] = []
    for step in loc:
        tagged = [one for one in within if one[1] == step]
        if tagged:
            within = tagged
            continue
        if isinstance(step, str) and (step in _KINDS or _OWN_STEP.fullmatch(step)):
            continue
        named = [(f.alias or n, f) for one, _ in within for n, f in one.model_fields.items()]
        fields = [name for name, _ in named]
        if isinstance(step, str):
            own = [field for name, field in named if name == step]
            within = [m for f in own for m in _models(f.annotation)] if own else within
        kept.append(step)
    return fields, kept


def _models(annotation: Any, tag: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """Yield the sections that an annotation names, with the tag of each."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, tag
    inner = get_args(annotation)
    tag = next((str(each.tag) for each in inner if isinstance(each, Tag)), tag)
    for each in inner:
        yield from _models(each, tag)
