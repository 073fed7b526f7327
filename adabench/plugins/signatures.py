"""What each registered part takes: read from source without importing it, or asked of what is loaded.

Importing parts means importing torch, which takes seconds; a mistyped argument can be told before.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adabench import registry
from adabench.plugins.find import installed

_ROOT: Final = Path(__file__).parents[1]
_REGISTRIES: Final = {
    name: one for name, one in vars(registry).items() if isinstance(one, registry.Registry)
}

# A class's own version, above the first; and parts whose version was above 1 before hashes held it.
_RAISED: Final = re.compile(rb"^ +version(: ClassVar\[int\])? = ([2-9]|[1-9][0-9])", re.MULTILINE)
_FIRST: Final = {"ExpressionPretrain": 2}


@dataclass(frozen=True)
class Signature:
    """What a part takes.

    Attributes:
        names: its arguments, those that the builder passes among them.
        is_open: it takes others too.
    """

    names: frozenset[str]
    is_open: bool = False


#: Registry and registered name → what the part takes.
Signatures = Mapping[str, Mapping[str, Signature]]


def signatures_of_loaded() -> Signatures:
    """Return what is registered and loaded takes, and what of our own parts is not loaded yet."""
    source = signatures_in_source()
    return {
        name: {**source[name], **{each: _inspected(part) for each, part in one.module_dict.items()}}
        for name, one in _REGISTRIES.items()
    }


def _inspected(part: object) -> Signature:
    if not callable(part):
        return Signature(frozenset(), is_open=True)
    try:
        parameters = inspect.signature(part).parameters.values()
    except (TypeError, ValueError):
        return Signature(frozenset(), is_open=True)
    named = frozenset(p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL))
    return Signature(named, any(p.kind is p.VAR_KEYWORD for p in parameters))


@functools.cache
def signatures_in_source() -> Signatures:
    """Return what the repository's own parts take; none of them is imported."""
    found: dict[str, dict[str, Signature]] = {name: {} for name in _REGISTRIES}
    for path in _files():
        module = _Module.read(path)
        for registry_name, name, node in module.registered():
            found[registry_name][name] = module.signature(node)
    return found


@functools.cache
def raised_versions() -> Mapping[str, int]:
    """Return registered name → ``version`` of the repository's own parts that was raised.

    Nothing is imported: a plan has to know whether a part computes what it did.
    """
    found: dict[str, int] = {}
    for path in _files():
        if _RAISED.search(path.read_bytes()):
            module = _Module.read(path)
            for _, name, node in module.registered():
                version = _version_of(node)
                if version > _FIRST.get(name, 1):
                    found[name] = version
    return found


def _version_of(node: ast.ClassDef) -> int:
    for item in node.body:
        targets = item.targets if isinstance(item, ast.Assign) else [getattr(item, "target", None)]
        value = getattr(item, "value", None)
        named = any(isinstance(one, ast.Name) and one.id == "version" for one in targets)
        if named and isinstance(value, ast.Constant) and type(value.value) is int:
            return value.value
    return 1


def _files() -> Iterator[Path]:
    """Yield the files that register parts, in the rooms that have some and in our plugins."""
    from adabench.plugins import BUILT_IN

    rooms = {
        _ROOT.parent.joinpath(*name.split(".")) for names in BUILT_IN.values() for name in names
    }
    plugins = {Path(candidate.root) for candidate in installed() if candidate.unit is None}
    for root in sorted(rooms | plugins):
        files = root.rglob("*.py") if root.is_dir() else [root.with_suffix(".py")]
        yield from (path for path in sorted(files) if b".register_module(" in path.read_bytes())


@dataclass(frozen=True)
class _Module:
    """A module's source, parsed.

    Attributes:
        classes: by name.
        imported: name → the module that it comes from.
    """

    classes: Mapping[str, ast.ClassDef]
    imported: Mapping[str, str]

    @staticmethod
    @functools.cache
    def read(path: Path) -> _Module:
        tree = ast.parse(path.read_bytes())
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        imported = {
            alias.asname or alias.name: node.module or ""
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        return _Module(classes, imported)

    def registered(self) -> Iterator[tuple[str, str, ast.ClassDef]]:
        """Yield registry, name and class of each that is registered."""
        for node in self.classes.values():
            for decorator in node.decorator_list:
                registry_name = _registering(decorator)
                if registry_name is not None:
                    yield registry_name, _registered_name(decorator) or node.name, node

    def signature(self, node: ast.ClassDef) -> Signature:
        """Return what a class takes: by its own ``__init__``, or by the first that a base has."""
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                return _of_function(item)
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id in self.classes:
                return self.signature(self.classes[base.id])
            if isinstance(base, ast.Name) and self.imported.get(base.id, "").startswith("adabench"):
                path = _path_of(self.imported[base.id])
                there = _Module.read(path) if path is not None else None
                if there is not None and base.id in there.classes:
                    return there.signature(there.classes[base.id])
        # A base from a library may take anything; an abstract one of ours takes nothing.
        plain = {"ABC", "nn.Module", "Module"}
        known = all(ast.unparse(base) in plain for base in node.bases)
        return Signature(frozenset(), is_open=not known)


def _registering(decorator: ast.expr) -> str | None:
    """Return the registry of a ``REGISTRY.register_module(…)``."""
    called = decorator.func if isinstance(decorator, ast.Call) else None
    if not isinstance(called, ast.Attribute) or called.attr != "register_module":
        return None
    name = called.value.id if isinstance(called.value, ast.Name) else None
    return name if name in _REGISTRIES else None


def _registered_name(decorator: ast.expr) -> str | None:
    if not isinstance(decorator, ast.Call):
        return None
    given = [*decorator.args, *(word.value for word in decorator.keywords if word.arg == "name")]
    if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
        return given[0].value
    return None


def _of_function(node: ast.FunctionDef) -> Signature:
    arguments = [*node.args.posonlyargs, *node.args.args][1:] + node.args.kwonlyargs
    return Signature(frozenset(a.arg for a in arguments), node.args.kwarg is not None)


def _path_of(module: str) -> Path | None:
    """Return the file of one of adabench's own modules; None of a package or of another's."""
    package, _, rest = module.partition(".")
    if package != "adabench":
        return None
    path = _ROOT.joinpath(*rest.split(".")).with_suffix(".py")
    return path if path.is_file() else None
