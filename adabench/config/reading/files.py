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
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

from adabench.config.local_files import by_content
from adabench.hints import MISTAKES

#: Ready-made ``protocol`` sections, a file each.
PROTOCOLS = Path("configs/_base_/protocols")

# What a text in quotes, or a list of such texts, begins with.
_LITERAL = ("'", '"', "[", "(")


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
    except SyntaxError as error:
        raise _no_assignments(path, error) from error
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: _base_ names {error.filename}, which does not exist"
        ) from error
    try:
        # Rows of a suite differ in little, and mmengine takes long over each reading of their base.
        cfg = copy.deepcopy(_parsed(path, Path.cwd(), files))
    except MISTAKES as error:
        raise _no_assignments(path, error) from error
    for key in [key for key in cfg if key.startswith("_")]:
        cfg.pop(key)
    return cfg


def _no_assignments(path: Path, error: BaseException) -> ValueError:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)]
    frames = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    own = [line for line, file in zip(lines, frames, strict=True) if Path(file) == path.absolute()]
    where = f"{path}:{own[-1]}" if own else str(path)
    return ValueError(
        f"{where}: a config is a file of Python assignments; {type(error).__name__}: {error}"
    )


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
    text = path.read_text(encoding="utf-8")
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
    bases = tuple(Config._get_base_files(str(path)))
    for base in bases:
        if not isinstance(base, str) or "::" in base:
            raise ValueError(f"{path}: _base_: expected the path of a .py file; got {base!r}")
    return bases


def bases_of(path: Path) -> list[Path]:
    """Return the files that a config names as its bases; errors as `read_config`."""
    return [path.parent / base for base in _bases(path, path.read_text(encoding="utf-8"))]


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
    try:
        cfg.merge_from_dict(values)
    except (TypeError, KeyError) as error:
        raise ValueError(
            f"{path}: {source} does not fit what it changes: {error.args[0]}"
        ) from error


def without_marks(value: Any) -> Any:
    """Drop the `_delete_` that merging leaves where there was nothing to replace."""
    if isinstance(value, dict):
        return {k: without_marks(v) for k, v in value.items() if k != "_delete_"}
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
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"--cfg-options {key}: letters came that this terminal's encoding "
                f"({sys.getfilesystemencoding()}) lacks: run with PYTHONUTF8=1, or write them in a config"
            ) from error
        options[key] = _value(pair, text)
    return options


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
