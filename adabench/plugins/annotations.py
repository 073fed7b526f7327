"""What an argument's annotation says of a config's values, told from source and from a class alike.

A config holds plain values. What else an annotation may name (a tensor, a class of adabench's) is
``Any`` here: the builder passes it, or the part says itself what it takes.
"""

from __future__ import annotations

import ast
import functools
import operator
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from adabench.bounds import Bounds, Count, Natural, Share
from adabench.hints import shown

#: Names in annotations → the kind of plain value that a config gives for each.
_PLAIN: dict[str, Any] = {
    "None": None,
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "Path": str,
    "dict": dict,
    "Mapping": dict,
    "MutableMapping": dict,
    "list": list,
    "tuple": list,
    "Sequence": list,
    "Iterable": list,
    "Collection": list,
    # of `adabench.bounds`
    "Count": Count,
    "Natural": Natural,
    "Share": Share,
}
_OBJECTS: dict[Any, Any] = {
    **{kind: kind for kind in (bool, int, float, str, dict, list)},
    type(None): None,
    None: None,
    Path: str,
    Mapping: dict,
    tuple: list,
    Sequence: list,
    Iterable: list,
}
_UNIONS = (Union, types.UnionType)
_TOLD = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
    dict: "a dict",
}


@dataclass(frozen=True)
class _Long:
    """How long a list is whose annotation counts its items."""

    length: int

    def hold(self, value: Sequence[Any]) -> bool:
        """Whether a list is as long."""
        return len(value) == self.length


#: Name → what a module assigns to it, if anything.
Aliases = Callable[[str], ast.expr | None]


def from_source(node: ast.expr | None, alias: Aliases) -> Any:
    """Return the kind of value that an annotation in source asks for; `Any` of what is no plain one.

    Args:
        node: the annotation.
        alias: what names of the module stand for.
    """
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return from_source(ast.parse(node.value, mode="eval").body, alias)
        return None if node.value is None else Any
    if isinstance(node, ast.Name):
        other = alias(node.id)
        # An alias of an alias is not followed.
        found = Any if other is None else from_source(other, _no_alias)
        return _PLAIN.get(node.id, Any) if found is Any else found
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _either([from_source(side, alias) for side in (node.left, node.right)])
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if node.value.id == "Literal":
            return _words(each.value for each in inner if isinstance(each, ast.Constant))
        kinds = [from_source(each, alias) for each in inner if not _is_ellipsis(each)]
        found = _of(node.value.id, _PLAIN.get(node.value.id, Any), kinds)
        return _counted(node.value.id, found, kinds, inner)
    return Any


def from_object(annotation: Any, apart: Collection[Any] = ()) -> Any:
    """Return the kind of value that an annotation asks for, as `from_source` does.

    Args:
        annotation: the object.
        apart: classes that a union may name and that neither a config nor a builder gives.
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _words(inner)
    if origin is Annotated:
        bounded = isinstance(inner[1], Bounds)
        return annotation if bounded else from_object(inner[0], apart)
    if origin in _UNIONS:
        return _either([from_object(each, apart) for each in inner if each not in apart])
    if origin is not None:
        kinds = [from_object(each, apart) for each in inner if each is not ...]
        name = getattr(origin, "__name__", "")
        return _counted(name, _of(name, _OBJECTS.get(origin, Any), kinds), kinds, inner)
    try:
        return _OBJECTS.get(annotation, Any)
    except TypeError:
        return Any


def _no_alias(name: str) -> None:
    del name


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _words(values: Iterable[Any]) -> Any:
    return Literal[tuple(values)]


def _either(kinds: Sequence[Any]) -> Any:
    return Any if Any in kinds else functools.reduce(operator.or_, kinds)


def _of(name: str, kind: Any, inner: Sequence[Any]) -> Any:
    if name == "Optional":
        return _either([*inner, None])
    if kind is list and inner:
        return types.GenericAlias(list, (_either(inner),))
    return kind


def _counted(name: str, kind: Any, kinds: Sequence[Any], inner: Sequence[Any]) -> Any:
    """Return the kind of a tuple whose annotation has an item for each of its own, with its length."""
    is_counted = name.lower() == "tuple" and kinds and len(kinds) == len(inner)
    return Annotated[kind, _Long(len(kinds))] if is_counted else kind


def misfit(value: Any, kind: Any) -> str | None:
    """Return ``expected this; got that`` where a config's value is not of the kind asked for.

    A whole number is a number; True and False are none, and a text is neither.

    >>> misfit("no", bool)
    "expected True or False; got 'no'"
    """
    if _fits(value, kind):
        return None
    return f"expected {' or '.join(dict.fromkeys(_told(kind)))}; got {shown(value)}"


def _fits(value: Any, kind: Any) -> bool:
    origin = get_origin(kind)
    if kind is Any:
        return True
    if kind is None or kind is type(None):
        return value is None
    if origin in _UNIONS:
        return any(_fits(value, each) for each in get_args(kind))
    if origin is Annotated:
        number, bounds = get_args(kind)
        return _fits(value, number) and bounds.hold(value)
    if origin is Literal:
        return any(type(value) is type(word) and value == word for word in get_args(kind))
    if origin is list:
        is_list = isinstance(value, list | tuple)
        return is_list and all(_fits(item, get_args(kind)[0]) for item in value)
    return isinstance(value, _TYPES[kind]) and (kind is bool or not isinstance(value, bool))


_TYPES: dict[Any, Any] = {
    bool: bool,
    int: int,
    float: (int, float),
    str: (str, Path),
    dict: Mapping,
    list: (list, tuple),
}


def _told(kind: Any) -> Iterator[str]:
    origin = get_origin(kind)
    if origin in _UNIONS:
        for each in get_args(kind):
            yield from _told(each)
    elif origin is Literal:
        yield from map(repr, get_args(kind))
    elif origin is Annotated and isinstance(get_args(kind)[1], _Long):
        items = " or ".join(dict.fromkeys(_told(get_args(get_args(kind)[0])[0])))
        yield f"a list of {get_args(kind)[1].length}" + (f", each {items}" if items else "")
    elif origin is Annotated:
        number, bounds = get_args(kind)
        yield f"{_TOLD[number]} {bounds}"
    elif origin is list:
        items = " or ".join(dict.fromkeys(_told(get_args(kind)[0])))
        yield f"a list of {items}" if items else "a list"
    elif kind is Any:
        return
    elif kind is None or kind is type(None):
        yield "None"
    else:
        yield "a list" if kind is list else _TOLD[kind]


def annotations_of(function: Callable[..., Any], apart: Collection[Any] = ()) -> dict[str, Any]:
    """Return argument → kind of what is loaded; nothing of one whose names can't be found."""
    try:
        found = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}
    return {name: from_object(each, apart) for name, each in found.items()}
