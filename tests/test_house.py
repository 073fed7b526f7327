"""The house's own rules: which way arrows point, what a plugin may import, what a tool is."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from adabench.plugins import BUILT_IN

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "adabench").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
TOOLS = sorted((ROOT / "tools").glob("*.py"))

#: The packages whose ``__all__`` is what a plugin may rely on.
PUBLIC = (
    "adabench.evaluation",
    "adabench.models",
    "adabench.registry",
    "adabench.structures",
    "adabench.testing",
)


def imports(path):
    """Yield (module, names) of each import; a module that is imported whole has no names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, [alias.name for alias in node.names]


def test_rooms_keep_their_order():
    """The contracts in pyproject.toml: layers, circles, torch, plugins."""
    linter = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", linter, "--no-cache"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 10 kept, 0 broken." in done.stdout


def test_every_room_stands_on_the_page_that_tells_of_them():
    page = (ROOT / "adabench" / "README.md").read_text()
    rooms = [p.name for p in (ROOT / "adabench").iterdir() if p.name[0] not in "._"]
    rooms = [name for name in rooms if name != "README.md"]
    assert len(rooms) > 10
    assert [name for name in rooms if f"`{name}`" not in page] == []


def test_the_rooms_that_register_parts_exist():
    for registry, modules in BUILT_IN.items():
        for name in modules:
            importlib.import_module(name)
        owners = {value.__module__ for value in registry.module_dict.values()}
        assert all(any(owner.startswith(name) for owner in owners) for name in modules)


def test_core_names_no_plugin():
    names = [p.name for p in (ROOT / "plugins").iterdir() if (p / "__init__.py").is_file()]
    assert names
    # The command line's help shows how the repository's own configs are run.
    for path in (path for path in CORE if "cli" not in path.parts):
        words = path.read_text().lower()
        assert not [n for n in names if n in words and "registry" not in path.name], path


@pytest.mark.parametrize("path", PLUGINS, ids=lambda p: str(p.relative_to(ROOT / "plugins")))
def test_plugins_use_the_public_api_only(path):
    for module, names in imports(path):
        if module.partition(".")[0] != "adabench":
            continue
        assert module in PUBLIC, f"{path} imports {module}; public are {', '.join(PUBLIC)}"
        public = importlib.import_module(module).__all__
        assert set(names) <= set(public), f"{path} imports {names} from {module}"


@pytest.mark.parametrize("path", TOOLS, ids=lambda p: p.stem)
def test_a_tool_is_three_lines(path):
    told, imported, guarded = ast.parse(path.read_text()).body
    assert isinstance(told.value.value, str)
    assert (imported.module, [a.name for a in imported.names]) == (
        f"adabench.cli.{path.stem}",
        ["main"],
    )
    assert ast.unparse(guarded) == "if __name__ == '__main__':\n    main()"


def test_every_command_has_a_tool():
    commands = {p.stem for p in (ROOT / "adabench" / "cli").glob("*.py")}
    assert commands - {"__init__", "arguments", "parser", "streams", "training"} == {
        path.stem for path in TOOLS
    }


def test_no_function_of_the_engine_is_long():
    """Of a run as a line each step is read at a glance: 40 lines, its docstring among them."""
    found = {
        f"{path.stem}.{node.name}": node.end_lineno - node.lineno + 1
        for path in (ROOT / "adabench" / "engine").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert len(found) > 100
    assert {name: lines for name, lines in found.items() if lines > 40} == {}
