"""The house's own rules: which way arrows point, and what a plugin may import."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "adabench").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
TOOLS = sorted((ROOT / "tools").glob("*.py"))

# What each layer of the core must not reach for; arrows point down, never up.
FORBIDDEN = {
    "structures.py": ("adabench",),
    "data": ("adabench.engine", "adabench.bench", "adabench.viz", "adabench.models"),
    "evaluation": ("adabench.engine", "adabench.bench", "adabench.models", "adabench.data"),
    "models": ("adabench.engine", "adabench.bench", "adabench.data", "adabench.viz"),
    "viz": ("adabench.engine", "adabench.bench", "adabench.models"),
    "bench": ("torch", "mmengine", "adabench.engine", "adabench.models"),
}
PRIVATE_TO_CORE = ("adabench.engine", "adabench.bench", "adabench.plugins")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def within(name, packages):
    return any(name == p or name.startswith(p + ".") for p in packages)


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_arrows_point_one_way(layer):
    place = ROOT / "adabench" / layer
    files = [place] if place.is_file() else sorted(place.rglob("*.py"))
    assert files
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imports(path)
        if within(name, FORBIDDEN[layer])
    ]
    assert not wrong, wrong


def test_core_names_no_plugin():
    names = [p.name for p in (ROOT / "plugins").iterdir() if (p / "__init__.py").is_file()]
    assert names
    for path in CORE:
        for imported in imports(path):
            assert not within(imported, ["adabench_plugins"]), path
        words = path.read_text().lower()
        assert not [n for n in names if n in words and "registry" not in path.name], path


def test_plugins_use_the_public_api_only():
    for path in PLUGINS:
        for name in imports(path):
            assert not within(name, PRIVATE_TO_CORE), f"{path} imports {name}"
            assert "._" not in name, f"{path} imports {name}"


@pytest.mark.parametrize("path", TOOLS, ids=lambda p: p.stem)
def test_tools_only_parse_call_and_print(path):
    tree = ast.parse(path.read_text())
    assert path.read_text().count("\n") <= 120
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
