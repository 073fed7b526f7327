"""What each registered part takes: read from source without importing it, or asked of what is loaded.

Importing parts means importing torch, which takes seconds; a mistyped argument can be told before.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adabench import registry
from adabench.plugins.annotations import annotations_of, from_source
from adabench.plugins.find import by_entry_point, installed, of_user, user_paths

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
        kinds: argument → the kind of value that its annotation asks for, those that the builder
            passes among them.
        required: those without a default.
        is_open: it takes others too.
    """

    kinds: Mapping[str, Any]
    required: frozenset[str] = frozenset()
    is_open: bool = False

    @property
    def names(self) -> frozenset[str]:
        """Its arguments."""
        return frozenset(self.kinds)


#: Registry and registered name → what the part takes.
Signatures = Mapping[str, Mapping[str, Signature]]


def signatures_of_loaded() -> Signatures:
    """Return what is registered and loaded takes, and what of our own parts is not loaded yet."""
    source = signatures_in_source()
    return {
        name: {**source[name], **{each: _inspected(part) for each, part in one.module_dict.items()}}
        for name, one in _REGISTRIES.items()
    }


@functools.lru_cache(maxsize=512)
def _inspected(part: object) -> Signature:
    try:
        parameters = inspect.signature(part).parameters.values()  # type: ignore[arg-type]  # it says what is no callable
    except (TypeError, ValueError):
        return Signature({}, is_open=True)
    kinds = annotations_of(part.__init__ if isinstance(part, type) else part)  # type: ignore[misc, arg-type]  # of the class itself, a callable
    named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return Signature(
        {p.name: _or_default(kinds.get(p.name, Any), p.default is None) for p in named},
        frozenset(p.name for p in named if p.default is p.empty),
        any(p.kind is p.VAR_KEYWORD for p in parameters),
    )


def _or_default(kind: Any, is_none: bool) -> Any:
    return kind | None if is_none and kind is not Any else kind


@functools.cache
def signatures_in_source() -> Signatures:
    """Return what the repository's own parts take; none of them is imported."""
    found: dict[str, dict[str, Signature]] = {name: {} for name in _REGISTRIES}
    for path in _files():
        module = _Module.read(path)
        for registry_name, name, node in module.registered():
            found[registry_name][name] = module.signature(node)
    return found


def with_user(folders: Sequence[Path] = ()) -> tuple[Signatures, bool]:
    """Return what parts take, those of plugins from outside among them; none of them is imported.

    Args:
        folders: of the user's plugins, as `load_plugins` takes them.

    Returns:
        The signatures, and whether that is all that the plugins register, as far as their text tells:
        plain classes below ``@REGISTRY.register_module()``.

    Raises:
        FileNotFoundError: a named folder that does not exist.
    """
    known = {name: dict(parts) for name, parts in signatures_in_source().items()}
    is_all = True
    candidates = (*installed(), *by_entry_point(), *of_user(user_paths(folders)))
    for unit in (candidate.unit for candidate in candidates if candidate.unit is not None):
        try:
            found = unit()
            texts = [f.read_bytes() for f in found.files.values() if f.suffix == ".py"]
            modules = [_Module.of(text) for text in texts]
        except (OSError, SyntaxError, ValueError):
            return known, False  # importing it will tell what is the matter
        parts = [(module, *each) for module in modules for each in module.registered()]
        written = sum(text.count(b"register_module") for text in texts)
        # Of one that seems to register nothing, importing it will tell why.
        is_all = is_all and not found.requires and 0 < written == len(parts)
        for module, registry_name, name, node in parts:
            known[registry_name][name] = module.signature(node)
    return known, is_all


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
        aliases: name → value, of its assignments.
    """

    classes: Mapping[str, ast.ClassDef]
    imported: Mapping[str, str]
    aliases: Mapping[str, ast.expr]

    @staticmethod
    @functools.cache
    def read(path: Path) -> _Module:
        return _Module.of(path.read_bytes())

    @staticmethod
    def of(text: bytes) -> _Module:
        tree = ast.parse(text)
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        imported = {
            alias.asname or alias.name: node.module or ""
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and not node.level
            for alias in node.names
        }
        aliases = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        return _Module(classes, imported, aliases)

    def find(self, name: str) -> tuple[_Module, ast.ClassDef] | None:
        """Return a class that the module has or takes from adabench, and the module that has it."""
        if name in self.classes:
            return self, self.classes[name]
        path = _path_of(self.imported.get(name, ""))
        return None if path is None else _Module.read(path).find(name)

    def alias(self, name: str) -> ast.expr | None:
        """Return what a name is assigned, here or in the module of adabench that it comes from."""
        path = _path_of(self.imported.get(name, ""))
        return self.aliases.get(name) if path is None else _Module.read(path).aliases.get(name)

    def registered(self) -> Iterator[tuple[str, str, ast.ClassDef]]:
        """Yield registry, name and class of each that is registered."""
        for node in self.classes.values():
            for decorator in node.decorator_list:
                registry_name = _registering(decorator)
                if registry_name is not None:
                    yield registry_name, _registered_name(decorator) or node.name, node

    def signature(self, node: ast.ClassDef) -> Signature:
        """Return what a class takes: by its own ``__init__``, or by the first that a base has."""
        if not _is_plain(node):
            return Signature({}, is_open=True)
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                return self._of_function(item)
        for base in node.bases:
            found = self.find(base.id) if isinstance(base, ast.Name) else None
            if found is not None:
                return found[0].signature(found[1])
        # A base from a library may take anything; an abstract one of ours takes nothing.
        plain = {"ABC", "nn.Module", "Module"}
        known = all(ast.unparse(base) in plain for base in node.bases)
        return Signature({}, is_open=not known)

    def _of_function(self, node: ast.FunctionDef) -> Signature:
        given = node.args
        placed = [*given.posonlyargs, *given.args]
        defaults = [None] * (len(placed) - len(given.defaults)) + given.defaults
        taken = [*zip(placed, defaults, strict=True)][1:]
        taken += zip(given.kwonlyargs, given.kw_defaults, strict=True)
        kinds = {
            argument.arg: _or_default(
                from_source(argument.annotation, self.alias), _is_none(default)
            )
            for argument, default in taken
        }
        required = frozenset(argument.arg for argument, default in taken if default is None)
        return Signature(kinds, required, given.kwarg is not None)


def _is_plain(node: ast.ClassDef) -> bool:
    """Whether a class takes what its ``__init__`` says, as far as its own text tells."""
    others = [one for one in node.decorator_list if _registering(one) is None]
    made = [item for item in node.body if isinstance(item, ast.FunctionDef)]
    return not others and not any(
        item.name == "__new__" or (item.name == "__init__" and item.decorator_list) for item in made
    )


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


def _is_none(default: ast.expr | None) -> bool:
    return isinstance(default, ast.Constant) and default.value is None


def _path_of(module: str) -> Path | None:
    """Return the file of one of adabench's own modules or packages; None of another's."""
    package, _, rest = module.partition(".")
    if package != "adabench" or not rest:
        return None
    path = _ROOT.joinpath(*rest.split("."))
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)
