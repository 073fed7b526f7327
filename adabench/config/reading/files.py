"""Config files and options as mmengine reads them, with mistakes told by file and field.

A config, its bases included, is a ``.py`` file: Python assignments, which a user trusts as code. YAML
and JSON are not read, since mmengine's loaders run what they hold, nor are environment variables
filled in, which a record would publish.
"""

from __future__ import annotations

import ast
import copy
import difflib
import functools
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

from adabench.config.local_files import by_content
from adabench.config.reading.assignments import parsed, refusal, text_of
from adabench.hints import MISTAKES, shown
from adabench.plugins.annotations import misfit

#: Ready-made ``protocol`` sections, a file each.
PROTOCOLS = Path("configs/_base_/protocols")

#: The key by which a section takes the place of what stands there, rather than changing it.
DELETE = "_delete_"

# What a text in quotes, or a list of such texts, begins with.
_LITERAL = ("'", '"', "[", "(")

# For messages.
_WHAT = "config"

# As mmengine looks for them: {{$NAME:default}}.
_VARIABLE = re.compile(r"\{\{\s*['\"]?\s*\$")


def read_config(path: Path) -> Config:
    """Read a config and its bases.

    Raises:
        FileNotFoundError: a base that does not exist.
        ValueError: a file, or a base, that is no ``.py`` file of assignments, or names an environment
            variable.
    """
    try:
        files = tuple(_files(path, ()))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: _base_ names {error.filename}, which does not exist"
        ) from error
    try:
        # Rows of a suite differ in little, and mmengine takes long over each reading of their base.
        cfg = copy.deepcopy(_parsed(path, Path.cwd(), files))
    except MISTAKES as error:
        raise refusal([file for file, _ in files], error, _WHAT) from error
    for key in [key for key in cfg if key.startswith("_")]:
        cfg.pop(key)
    return cfg


@functools.lru_cache(maxsize=64)
def _parsed(path: Path, here: Path, files: tuple[tuple[Path, str], ...]) -> Config:
    """Have mmengine read a config; it is read again where a text, or the working folder, is another."""
    del here, files
    # Neither what a file imports by name nor what the environment holds belongs in a config.
    return Config.fromfile(
        path, import_custom_modules=False, use_environment_variables=False, lazy_import=False
    )


def _files(path: Path, above: tuple[Path, ...]) -> Iterator[tuple[Path, str]]:
    """Yield a config and its bases with their texts, once they are plain Python.

    Raises:
        ValueError: one that mmengine would read otherwise.
    """
    asked = f" (a _base_ of {above[-1]})" if above else ""
    if path.suffix != ".py":
        raise ValueError(
            f"{path}{asked}: a config is a .py file of assignments; YAML, JSON and others are not "
            "read, since loading them can run code. Write the same values as Python: "
            "method = dict(name=…)"
        )
    if path.resolve() in above:
        raise ValueError(f"{path}{asked}: _base_ goes in a circle")
    text = text_of(path, _WHAT)
    yield path, text
    for base in _bases(path, text):
        yield from _files(path.parent / base, (*above, path.resolve()))


@functools.lru_cache(maxsize=64)
def _bases(path: Path, text: str) -> tuple[str, ...]:
    """Return the bases of a config; errors as `_files`."""
    for number, line in enumerate(text.splitlines(), 1):
        if _VARIABLE.search(line):
            raise ValueError(
                f"{path}:{number}: environment variables are not filled in, since a record "
                "publishes its config: write the value, or give it by --cfg-options KEY=VALUE"
            )
    _check_deletions(path, text)
    bases = tuple(Config._get_base_files(str(path)))
    for base in bases:
        if not isinstance(base, str) or "::" in base:
            raise ValueError(f"{path}: _base_: expected the path of a .py file; got {base!r}")
    return bases


def _check_deletions(path: Path, text: str) -> None:
    """Refuse a ``_delete_`` that is written as anything but True or False: mmengine takes a 'no' for yes."""
    for node in ast.walk(parsed(path, text, _WHAT)):
        pairs: list[tuple[Any, ast.expr]] = []
        if isinstance(node, ast.Call):
            pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.Dict):
            keys = (getattr(key, "value", None) for key in node.keys)
            pairs = list(zip(keys, node.values, strict=True))
        for key, value in pairs:
            if key == DELETE and isinstance(value, ast.Constant):
                _check_deletion(value.value, f"{path}:{value.lineno}: {DELETE}")


def _check_deletion(value: Any, place: str) -> None:
    wrong = misfit(value, bool)
    if wrong is not None:
        raise ValueError(f"{place}: {wrong}")


def _check_merged(values: Any, place: str) -> None:
    """Refuse such a ``_delete_`` in what is merged over a config."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            if str(key).rpartition(".")[2] == DELETE:
                _check_deletion(value, f"{place}{key}")
            _check_merged(value, f"{place}{key}.")
    elif isinstance(values, list | tuple):
        for index, item in enumerate(values):
            _check_merged(item, f"{place.removesuffix('.')}[{index}].")


def bases_of(path: Path) -> list[Path]:
    """Return the files that a config names as its bases; errors as `read_config`."""
    return [path.parent / base for base in _bases(path, text_of(path, _WHAT))]


def read_protocol(name: str | Path) -> dict[str, Any]:
    """Return the ``protocol`` section that a name or a file stands for.

    Args:
        name: of a file in ``configs/_base_/protocols`` (of the working folder, or else of the
            repository), with ``-`` or ``_``; or the path of a ``.py`` file of one's own.

    Raises:
        FileNotFoundError: there is no such file, with those that exist.
        ValueError: a file that sets anything but ``protocol``.
    """
    path = Path(name)
    if path.suffix != ".py":
        # A run may start anywhere; the ready-made ones are always at hand in the repository.
        folder = PROTOCOLS if PROTOCOLS.is_dir() else Path(__file__).parents[3] / PROTOCOLS
        path = folder / f"{str(name).replace('-', '_')}.py"
    if not path.is_file():
        known = sorted(p.stem.replace("_", "-") for p in path.parent.glob("*.py"))
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise FileNotFoundError(
            f"--protocol {name}: {path} does not exist{hint} Known: {', '.join(known) or 'none'}"
        )
    content = read_config(path).to_dict()
    if list(content) != ["protocol"] or not isinstance(content["protocol"], dict):
        raise ValueError(
            f"{path}: expected one assignment, protocol = dict(...); got {', '.join(content) or 'none'}"
        )
    return content["protocol"]


def merge(path: Path, cfg: Config, values: dict[str, Any], source: str) -> None:
    """Merge values over a config, those of options by ``path.of.field``.

    Raises:
        ValueError: values that do not fit what they change, naming the field.
    """
    begin = f"{path}: {source} " if source.startswith("--") else f"{path}: {source}."
    _check_merged(values, begin)
    _check_places(cfg, _nested(values, begin), begin)
    try:
        cfg.merge_from_dict(values)
    except (TypeError, KeyError) as error:
        raise ValueError(
            f"{path}: {source} does not fit what it changes: {error.args[0]}"
        ) from error


def _nested(values: Mapping[str, Any], begin: str) -> dict[str, Any]:
    """Return values with a dict in place of each dot in their names, as mmengine merges them."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        *outer, last = key.split(".")
        within = found
        for number, step in enumerate(outer, 1):
            within = within.setdefault(step, {})
            if not isinstance(within, dict):
                above = ".".join(outer[:number])
                raise ValueError(
                    f"{begin}{key}: {above}={shown(within)} is given too, which has no fields; leave "
                    "one of them out"
                )
        # A dict that is merged loses its marks.
        within[last] = dict(value) if isinstance(value, Mapping) else value
    return found


def _check_places(content: Any, values: Mapping[str, Any], begin: str, above: str = "") -> None:
    """Refuse fields for what has none, and items that a list has not."""
    for key, value in values.items():
        here = f"{above}{key}"
        if isinstance(content, list):
            old = _item(content, key, value, f"{begin}{here}", above.removesuffix("."))
        elif not isinstance(value, Mapping) or key not in content or value.get(DELETE, False):
            continue
        else:
            old = content[key]
        if isinstance(old, Mapping | list):
            _check_places(old, value, begin, f"{here}.")
            continue
        remedy = f"give {here} a value itself"
        if old is None:
            remedy = f"to put a section there, give it {here}.{DELETE}=True too"
        field = next(iter(value), "")
        raise ValueError(
            f"{begin}{here}.{field}: {here} is {shown(old)}, which has no fields; {remedy}"
        )


def _item(items: list[Any], key: str, value: Any, place: str, above: str) -> Any:
    """Return the item of a list that a part of a name stands for, of which fields are given."""
    if not key.isdigit() or int(key) >= len(items):
        raise ValueError(
            f"{place}: {above} is a list of {len(items)}; an item's fields are given by its number "
            f"from 0 on, e.g. {above}.0.FIELD=VALUE"
        )
    if not isinstance(value, Mapping):
        raise ValueError(
            f"{place}: a single item is not replaced; give the whole list, {above}=[…]"
        )
    return items[int(key)]


def without_marks(value: Any) -> Any:
    """Drop the `_delete_` that merging leaves where there was nothing to replace."""
    if isinstance(value, dict):
        return {k: without_marks(v) for k, v in value.items() if k != DELETE}
    if isinstance(value, (list, tuple)):
        return type(value)(without_marks(item) for item in value)
    return value


def told_option(pair: str) -> str:
    """Return a ``key=value`` pair as others may see it: a local file by name and content."""
    ((key, value),) = parse_options([pair]).items()
    told = by_content(value, key.rpartition(".")[2])
    return pair if told == value else f"{key}={told}"


def keys_of(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that ``key=value`` pairs set."""
    return tuple(pair.partition("=")[0] for pair in overrides)


def parse_options(overrides: Sequence[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for pair in overrides:
        key, sign, text = pair.partition("=")
        if not sign or not all(key.split(".")):
            raise ValueError(f"--cfg-options takes key=value pairs; got {pair!r}")
        if key.partition(".")[0] == "demo":
            raise ValueError(
                f"--cfg-options {key}: --demo merges the demo section, and options win over it: write "
                f"{key.partition('.')[2] or 'FIELD'}=VALUE, without the demo"
            )
        _refuse_dict(key, text)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"--cfg-options {key}: letters came that this terminal's encoding "
                f"({sys.getfilesystemencoding()}) lacks: run with PYTHONUTF8=1, or write them in a config"
            ) from error
        options[key] = _value(pair, text)
    return options


def _refuse_dict(key: str, text: str) -> None:
    """Refuse a dict, whose items would come in pieces."""
    if text.startswith("{") and text.endswith("}") and not _is_file(text):
        raise ValueError(
            f"--cfg-options {key}: a dict is given field by field, not as {text}: "
            f"{key}.FIELD=VALUE {key}.FIELD=VALUE …"
        )


def _value(pair: str, text: str) -> Any:
    if ("," in text and (text[:1] in _LITERAL or _is_file(text))) or text.startswith(("[{", "({")):
        value = _literal(text)
        if value is not None:
            return value
    listed = text.startswith(("[", "(")) or "," in text
    try:
        # mmengine's parser of lists drops blanks, which a path may hold.
        value = (DictAction._parse_iterable if listed else DictAction._parse_int_float_bool)(
            text if listed else text.strip("'\"")
        )
    except AssertionError as error:
        raise ValueError(f"--cfg-options: {pair!r} has a bracket that is not closed") from error
    except RecursionError as error:
        raise ValueError(
            f"--cfg-options: {pair!r} can't be read; a list of dicts is written as Python writes it: "
            "\"KEY=[{'type': 'Name', 'option': 1}]\""
        ) from error
    return None if isinstance(value, str) and value.lower() == "none" else value


def promote_stage(path: Path, content: dict[str, Any], stage: str) -> dict[str, Any]:
    """Return a config's content as the run of one of its stages.

    Raises:
        ValueError: the config has no such stage, or it trains no method.
    """
    # One set to None is left out.
    stages = {name: own for name, own in content.get("stages", {}).items() if own is not None}
    if stage not in stages:
        known = ", ".join(stages) or "none"
        raise ValueError(f"{path}: it has no stage {stage!r}; its stages: {known}")
    own = dict(stages.pop(stage))
    kind = own.pop("type", None)
    if kind != "MethodTraining":
        raise ValueError(f"{path}: stage {stage!r} is of type {kind}, which trains no method")
    if not isinstance(own.get("method"), Mapping):
        raise ValueError(f"{path}: stages.{stage}.method is missing: the four parts to train")
    own.pop("seed", None)
    name = content.get("method", {}).get("name")
    return {**content, **own, "method": {"name": name, **own["method"]}, "stages": stages}


def _literal(text: str) -> str | list[Any] | tuple[Any, ...] | None:
    """Return what a text in quotes or brackets says in Python, where commas may be quoted.

    None for anything else, such as a list of words without quotes; the name of a file is itself.
    """
    if _is_file(text):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    if isinstance(value, tuple) and not text.startswith("("):
        return list(value)
    return value if isinstance(value, (str, list, tuple)) else None


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False
