"""What belongs to a plugin: files that it imports or names in any manner, and what it has installed."""

import importlib
import os
import sys

import pytest
from plugin_texts import SELECTOR, distribute, forget, install, write

from adabench.plugins import load_plugins
from adabench.plugins.fingerprints import code_of, code_record, requirements_of, units_of
from adabench.plugins.kept import patch_of, units_in
from adabench.records.provenance import packages
from adabench.registry import MODELS


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """Leave no trace of a test's plugins."""
    monkeypatch.delenv("ADABENCH_PLUGINS", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    load_plugins()
    before, path = set(sys.modules), list(sys.path)
    yield
    forget(before)
    sys.path[:] = path


BY_PATH = "import sys, os\nsys.path.insert(0, os.path.dirname(__file__))\n"
READ = "import json\nfrom pathlib import Path\nHERE = Path(__file__).parent\n"
#: Shape → how the plugin gets at its number F, where it stands, and where the plugin itself does.
SHAPES = {
    "namespace": (BY_PATH + "from zz_sub.part import F", "mine/zz_sub/part.py", "mine/zz_mine.py"),
    "namespace elsewhere": ("import zz_ns.a, zz_ns.b.a as m; F = m.F", "lib/zz_ns/b/a.py", ""),
    "name of Python's": (BY_PATH + "import turtledemo as m; F = m.F", "mine/turtledemo.py", ""),
    "import by another name": (
        "from importlib import import_module as load\nF = load('.zz_help', __package__).F",
        *("mine/zz_help.py", ""),
    ),
    "by the file": (
        READ
        + "import importlib.util as u\ns = u.spec_from_file_location('zz_x', HERE / 'zz_x.py')\n"
        "m = u.module_from_spec(s)\ns.loader.exec_module(m)\nF = m.F",
        *("mine/zz_x.py", ""),
    ),
    "compiled": ("F = 0\ndef f():\n    from . import zz_fast", "mine/zz_fast.abi3.so", ""),
    "beside a link": ("from .zz_help import F", "mine/zz_help.py", "real/zz_mine.py"),
    "data by a pattern": (
        READ + "F = json.loads(next(HERE.glob('*.json')).read_text())",
        *("mine/zz_pack/t.json", "mine/zz_pack/__init__.py"),
    ),
    "data, name filled in": (
        READ + "KIND = 't'\nF = json.loads((HERE / f'{KIND}.json').read_text())",
        *("mine/zz_pack/t.json", "mine/zz_pack/__init__.py"),
    ),
    "data deep in a package": (
        READ + "F = json.loads(HERE.joinpath('a').joinpath('b').joinpath('t.json').read_text())",
        *("mine/zz_pack/a/b/t.json", "mine/zz_pack/__init__.py"),
    ),
}


def shaped(tmp_path, how, number, plugin):
    """Write a plugin; return the file that its number is to stand in."""
    plugin = plugin or "mine/zz_mine.py"
    text = f"{how}\n{SELECTOR.format(name='Zz', factor='F')}"
    path = write(tmp_path / plugin, text)
    if plugin.startswith("real/"):
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "zz_mine.py").symlink_to(path)
    write(tmp_path / "lib" / "zz_ns" / "a.py", "")
    return tmp_path / number


@pytest.mark.parametrize("shape", SHAPES)
def test_an_edit_is_seen_and_runs(shape, tmp_path):
    edited = shaped(tmp_path, *SHAPES[shape])
    sys.path.insert(0, str(tmp_path / "lib"))
    before, found = set(sys.modules), []
    for number in (1, 2, 1):
        write(edited, f"{number}" if edited.suffix != ".py" else f"F = {number}\n")
        # Of one size and one time: bytecode of the text before would answer for it.
        os.utime(edited, (1e9, 1e9))
        sys.modules.pop("turtledemo", None)
        report = load_plugins([tmp_path / "mine"])
        assert not report.failed, report
        if shape != "compiled":
            assert MODELS.require("Zz")(units=None).factor == number
        found.append(code_of([{"type": "Zz"}]))
        forget(before)
    assert found[0] == found[2]
    assert found[0] != found[1]


def test_a_part_built_by_its_name_counts(tmp_path):
    inner = (
        "from adabench.registry import MODELS as M\ndef f():\n    M.build(dict(type='ZzInner'))\n"
    )
    write(tmp_path / "mine" / "zz_mine.py", inner + SELECTOR.format(name="Zz", factor=0))
    before, found = set(sys.modules), []
    for number in (1, 2):
        other = SELECTOR.format(name="ZzInner", factor=number)
        write(tmp_path / "mine" / "zz_other.py", other)
        load_plugins([tmp_path / "mine"])
        found.append(code_of([{"type": "Zz"}]))
        assert [held.unit.name for held in units_of("Zz")] == ["zz_mine.py", "zz_other.py"]
        forget(before)
    assert found[0] != found[1]


def test_what_is_no_file_of_the_plugin_does_not_stop_it(tmp_path):
    """An editor's lock is a link to nothing, and a system leaves files of its own."""
    folder = tmp_path / "mine" / "zz_mine"
    write(folder / "__init__.py", SELECTOR.format(name="Zz", factor=1))
    (folder / ".#part.py").symlink_to("somebody@host.123")
    (folder / "gone.py").symlink_to("nothing.py")
    write(folder / "._part.py", "\0")
    assert not load_plugins([tmp_path / "mine"]).failed
    (held,) = units_of("Zz")
    assert list(held.content) == ["zz_mine/__init__.py"]


def test_a_plugin_that_was_imported_and_edited_before_is_refused(tmp_path):
    """The process would run what it imported, and hash what lies there now."""
    sys.path.insert(0, str(tmp_path))
    part = write(tmp_path / "zz_dist" / "part.py", SELECTOR.format(name="Zz", factor=1))
    write(tmp_path / "zz_dist" / "__init__.py", "from zz_dist.part import Zz\n")
    distribute(tmp_path, "zz_dist", "zz_dist")
    importlib.import_module("zz_dist")
    part.write_text(SELECTOR.format(name="Zz", factor=2))
    (failure,) = load_plugins().failed
    assert f"{part} was edited after it was imported as zz_dist.part: start Python" in failure.cause


FROM_A_FOLDER = '{"dir_info": {}, "url": "file:///home/me/lib"}'
EDITABLE = '{"dir_info": {"editable": true}, "url": "file:///home/me/lib"}'


@pytest.mark.parametrize(
    ("versions", "told", "kept"),
    [
        (("1.1", "1.2"), None, False),
        (("1.0", "1.0"), FROM_A_FOLDER, False),
        (("1.0", "1.0"), EDITABLE, True),
    ],
)
def test_an_installed_library_is_named_with_its_version(versions, told, kept, tmp_path):
    """Of one that is edited where it lies the code itself counts."""
    site = tmp_path / "site"
    shaped(tmp_path, "import zz_lib; F = zz_lib.F", "", "")
    sys.path.insert(0, str(site))
    before, found = set(sys.modules), []
    for number, version in zip((1, 2), versions, strict=True):
        install(site, version, number, told)
        load_plugins([tmp_path / "mine"])
        code = code_of([{"type": "Zz"}])
        assert MODELS.require("Zz")(units=None).factor == number
        (held,) = units_of("Zz")
        assert ("beside/zz_lib/__init__.py" in held.content) is kept
        needs = requirements_of(code)
        assert needs.keys() == (set() if kept else {"zz-lib"})
        assert packages(code).items() >= needs.items()
        (unit,) = units_in(patch_of([held]))
        assert unit.requires == needs
        found.append((code["Zz"], needs.get("zz-lib", "").partition(" ")[0]))
        forget(before)
    assert found[0][0] != found[1][0]
    assert [version for _, version in found] == (["", ""] if kept else [*versions])


def test_a_class_of_an_installed_library_is_its_version(tmp_path):
    install(tmp_path / "site", "1.0", 1)
    base = SELECTOR.format(name="ZzBase", factor=1).replace("@MODELS.register_module()", "")
    write(tmp_path / "site" / "zz_lib" / "__init__.py", base)
    sys.path.insert(0, str(tmp_path / "site"))
    text = "import zz_lib\nfrom adabench.registry import MODELS\n"
    text += "MODELS.register_module('Zz', module=zz_lib.ZzBase)\n"
    write(tmp_path / "mine" / "zz_mine.py", text)
    load_plugins([tmp_path / "mine"])
    told = code_record(code_of([{"type": "Zz"}]))["Zz"]
    assert (told["unit"], told["kind"], told["version"]) == ("zz-lib", "distribution", "1.0")
    assert patch_of(units_of("Zz")) is None
