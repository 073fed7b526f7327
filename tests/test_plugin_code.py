"""What code a result rests on: what is outside, what belongs to a unit, and that hashed bytes run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from config_texts import CONFIG
from plugin_texts import IN_TWO, SELECTOR, distribute, forget, git, write

from adabench.config.reading.load import load_config
from adabench.plugins import any_outside, load_plugins, places
from adabench.plugins.fingerprints import code_of, code_record, units_of
from adabench.plugins.git import tracked_files
from adabench.plugins.kept import lay_out, patch_of, units_in
from adabench.registry import MODELS

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """Leave no trace of a test's plugins."""
    monkeypatch.delenv("ADABENCH_PLUGINS", raising=False)
    load_plugins()
    before, path = set(sys.modules), list(sys.path)
    yield
    forget(before)
    sys.path[:] = path


def ways(kind, tmp_path, monkeypatch):
    """Return how a plugin of one class is written, which file is edited, and the folders to name.

    Every kind of plugin that a user may have; the last ones keep their number in a second file.
    """
    part = SELECTOR.format(name="Zz", factor=1)
    if kind == "file":
        return write(tmp_path / "mine" / "zz_mine.py", part), [tmp_path / "mine"]
    if kind == "package":
        write(tmp_path / "mine" / "zz_mine" / "__init__.py", "from .deep.part import Zz\n")
        write(tmp_path / "mine" / "zz_mine" / "deep" / "__init__.py", "")
        return write(tmp_path / "mine" / "zz_mine" / "deep" / "part.py", part), [tmp_path / "mine"]
    if kind == "git tree":
        edited = write(tmp_path / "tree" / "zz_mine.py", part)
        git(tmp_path / "tree", "init", "-q")
        git(tmp_path / "tree", "add", ".")
        git(tmp_path / "tree", "commit", "-q", "-m", "first")
        return edited, [tmp_path / "tree"]
    if kind in ("installed", "editable"):
        monkeypatch.syspath_prepend(str(tmp_path))
        init = write(tmp_path / "zz_dist" / "__init__.py", "from zz_dist.part import Zz\n")
        edited = write(tmp_path / "zz_dist" / "part.py", part)
        distribute(tmp_path, "zz_dist", "zz_dist", [init, edited] if kind == "installed" else ())
        return edited, []
    if kind == "untracked":
        package = tmp_path / "adabench_plugins_copy"
        write(package / "__init__.py", "")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(places, "INSTALLED", package.name)
        return write(package / "zz_mine.py", part), []
    if kind == "helper beside a file":
        write(tmp_path / "mine" / "zz_mine.py", IN_TWO.format(name="Zz", helper=".zz_help"))
    elif kind == "helper imported by its own name":
        text = "import sys, os\nsys.path.insert(0, os.path.dirname(__file__))\n"
        text += IN_TWO.format(name="Zz", helper="zz_help")
        write(tmp_path / "mine" / "zz_mine.py", text)
    elif kind == "helper imported by a text":
        text = "import importlib\nhelp = importlib.import_module('.zz_help', __package__)\n"
        write(
            tmp_path / "mine" / "zz_mine.py",
            text + SELECTOR.format(name="Zz", factor="help.FACTOR"),
        )
    return write(tmp_path / "mine" / "zz_help.py", "FACTOR = 1\n"), [tmp_path / "mine"]


KINDS = (
    *("file", "package", "git tree", "installed", "editable", "untracked"),
    *("helper beside a file", "helper imported by its own name", "helper imported by a text"),
)
CONFIG_OF_ZZ = CONFIG.replace(
    'head=dict(type="Unit', 'selector=dict(type="Zz"), head=dict(type="Unit'
)


def factor():
    return MODELS.require("Zz")(units=None).factor


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_is_another_run_and_runs(kind, tmp_path, monkeypatch):
    """The edit has the size and the second of what was there: a bytecode cache would answer for it."""
    edited, folders = ways(kind, tmp_path, monkeypatch)
    path = write(tmp_path / "config.py", CONFIG_OF_ZZ)
    before = set(sys.modules)
    bare = load_config(REPOSITORY / "configs" / "depmap_r18_avec14.py").hash()
    seen = []
    for number in (1, 2, 1):
        text = edited.read_text()
        moment = edited.stat()
        old = "FACTOR = " if "FACTOR = " in text else "factor = "
        at = text.index(old) + len(old)
        edited.write_text(f"{text[:at]}{number}{text[at + 1 :]}")
        os.utime(edited, ns=(moment.st_atime_ns, moment.st_mtime_ns))
        assert any_outside(folders)
        report = load_plugins(folders)
        assert not report.failed, report
        run = load_config(path)
        assert set(run.code) == {"Zz"}
        assert factor() == number
        seen.append((run.hash(), run.code["Zz"]))
        # What names no foreign part keeps the hash that it has always had.
        other = load_config(REPOSITORY / "configs" / "depmap_r18_avec14.py")
        assert (other.code, other.hash()) == ({}, bare)
        assert "code" not in other.model_dump()
        forget(before)
    assert seen[0] == seen[2]
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] != seen[1][1]


def test_the_repository_s_own_plugins_are_inside():
    assert not any_outside()
    assert code_of([{"type": "PrototypeMAP"}, {"type": "KeepAll"}, {"type": "MTE"}]) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GIT_DIR", "/nowhere"),
        ("GIT_INDEX_FILE", "/nowhere"),
        ("GIT_WORK_TREE", "/"),
        ("GIT_CONFIG_COUNT", "no number"),
        ("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1"),
    ],
)
def test_what_is_tracked_is_known_in_a_hook_and_in_another_s_checkout(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    places._own_files.cache_clear()
    assert places.is_own(REPOSITORY / "plugins" / "depmap" / "__init__.py")
    assert not places.is_own(REPOSITORY / "plugins" / "zz_new.py")


def test_a_repository_around_adabench_s_folder_is_not_its_own(tmp_path):
    write(tmp_path / "third" / "adabench.py", "")
    write(tmp_path / "mine" / "zz_mine.py", "")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    found = tracked_files(tmp_path / "third")
    assert [os.path.relpath(name, tmp_path) for name in found] == ["third/adabench.py"]


def test_what_a_lazy_import_runs_is_what_was_hashed(tmp_path):
    helper = write(tmp_path / "mine" / "zz_help.py", "FACTOR = 1\n")
    write(tmp_path / "mine" / "zz_mine.py", IN_TWO.format(name="Zz", helper=".zz_help"))
    load_plugins([tmp_path / "mine" / "zz_mine.py"])
    told = code_of([{"type": "Zz"}])
    helper.write_text("FACTOR = 2\n")
    assert factor() == 1
    assert code_of([{"type": "Zz"}]) == told


def test_a_unit_is_what_its_code_names(tmp_path):
    folder = tmp_path / "mine"
    text = (
        SELECTOR.format(name="Zz", factor=1)
        + 'TABLE = "zz_table.json"\ndef f():\n    import zz_twice\n'
    )
    write(folder / "zz_mine.py", text)
    text += 'NEAR = __file__, "zz_data", "zz_deep.csv", ".cfg"\n'
    write(folder / "zz_mine.py", text)
    write(folder / "zz_table.json", "{}")
    write(folder / "zz_mine.cfg", "")
    write(folder / "zz_data" / "zz_deep.csv", "")
    write(folder / "zz_twice.py", "def f():\n    from .zz_pack import thing\n")
    write(folder / "zz_pack" / "__init__.py", "")
    write(folder / "zz_pack" / "thing.py", "")
    write(folder / "zz_other.py", SELECTOR.format(name="ZzOther", factor=1))
    write(folder / "notes.txt", "nothing")
    write(folder / ".hidden" / "x.py", "")
    load_plugins([folder / "zz_mine.py"])
    (held,) = units_of("Zz")
    assert sorted(held.content) == [
        *("zz_data/zz_deep.csv", "zz_mine.cfg"),
        *("zz_mine.py", "zz_pack/__init__.py", "zz_pack/thing.py", "zz_table.json", "zz_twice.py"),
    ]


def test_a_helper_that_another_folder_hides_is_told(tmp_path):
    for folder, name in (("a", "ZzA"), ("b", "ZzB")):
        text = "from .zz_help import FACTOR\n" + SELECTOR.format(name=name, factor="FACTOR")
        write(tmp_path / folder / f"zz_{folder}.py", text)
        write(tmp_path / folder / "zz_help.py", f"FACTOR = '{folder}'\n")
    report = load_plugins([tmp_path / "a", tmp_path / "b"])
    (failure,) = report.failed
    assert MODELS.require("ZzA").factor == "a"
    for said in ("a/zz_help.py", "b/zz_help.py", "rename one"):
        assert said in failure.cause


def test_where_a_unit_lies_does_not_matter(tmp_path):
    found = []
    before = set(sys.modules)
    for place in ("a", "b"):
        write(tmp_path / place / "zz_mine.py", SELECTOR.format(name="Zz", factor=1))
        load_plugins([tmp_path / place])
        found.append(code_of([{"type": "Zz"}]))
        forget(before)
    assert found[0] == found[1]


def test_a_base_class_in_another_plugin_counts(tmp_path):
    folder = tmp_path / "mine"
    write(folder / "zz_base" / "__init__.py", SELECTOR.format(name="ZzBase", factor=1))
    derived = "from ..zz_base import ZzBase\nfrom adabench.registry import MODELS\n"
    derived += "@MODELS.register_module()\nclass Zz(ZzBase):\n    pass\n"
    write(folder / "zz_mine" / "__init__.py", derived)
    before = set(sys.modules)
    assert not load_plugins([folder]).failed
    first = code_of([{"type": "Zz"}])
    forget(before)
    write(folder / "zz_base" / "__init__.py", SELECTOR.format(name="ZzBase", factor=2))
    load_plugins([folder])
    assert code_of([{"type": "Zz"}]) != first


def test_a_record_s_account_of_code(tmp_path):
    folder = tmp_path / "tree"
    path = write(folder / "zz_mine.py", SELECTOR.format(name="Zz", factor=1))
    git(folder, "init", "-q")
    before = set(sys.modules)
    load_plugins([folder])
    code = code_of([{"type": "Zz"}])
    told = {"unit": "zz_mine.py", "kind": "file", "version": None, "sha256": code["Zz"]}
    assert code_record(code) == {"Zz": {**told, "commit": None, "clean": False}}
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    head = git(folder, "rev-parse", "HEAD")
    assert code_record(code) == {"Zz": {**told, "commit": head, "clean": True}}
    # What ran counts, not what lies there now.
    forget(before)
    path.write_text(SELECTOR.format(name="Zz", factor=2))
    load_plugins([folder])
    code = code_of([{"type": "Zz"}])
    path.write_text(SELECTOR.format(name="Zz", factor=1))
    assert code_record(code)["Zz"]["clean"] is False


@pytest.mark.parametrize(("kind", "told"), [("installed", "distribution"), ("editable", "folder")])
def test_installed_code_is_named_with_its_version(kind, told, tmp_path, monkeypatch):
    ways(kind, tmp_path, monkeypatch)
    load_plugins()
    found = code_record(code_of([{"type": "Zz"}]))["Zz"]
    assert (found["unit"], found["kind"], found["version"]) == ("zz_dist", told, "1.0")


def test_kept_code_is_a_patch_that_runs_again(tmp_path):
    folder = tmp_path / "mine"
    text = SELECTOR.format(name="Zz", factor=1) + "y = '''\n++ b/x\n'''"
    write(folder / "zz_mine" / "__init__.py", "from .part import Zz\n")
    write(folder / "zz_mine" / "part.py", text)
    write(folder / "zz_mine" / "empty.py", "")
    before = set(sys.modules)
    load_plugins([folder])
    code = code_of([{"type": "Zz"}])
    patch = patch_of(units_of("Zz"))
    forget(before)
    (unit,) = units_in(patch)
    assert unit.files["zz_mine/part.py"] == (folder / "zz_mine" / "part.py").read_text()
    assert unit.files["zz_mine/empty.py"] == ""
    named = lay_out([unit], tmp_path / "again")
    load_plugins(named).refuse_named()
    assert code_of([{"type": "Zz"}]) == code
    (tmp_path / "code.patch").write_text(patch)
    git(tmp_path, "init", "-q")
    git(tmp_path, "apply", "code.patch")
    (applied,) = tmp_path.glob("zz_mine-*")
    assert (applied / "zz_mine" / "part.py").read_text() == unit.files["zz_mine/part.py"]


@pytest.mark.parametrize(
    "line",
    [
        "diff --git a/u/../../x.py b/u/../../x.py",
        "diff --git a/u b/u",
        "diff --git a/u/x.py b/u/y.py",
        "rename from a",
    ],
)
def test_a_patch_that_would_write_elsewhere_is_refused(line):
    with pytest.raises(ValueError, match="kept code: expected"):
        units_in(f"# unit zz_mine.py\n{line}\n")


def test_planning_without_plugins_imports_neither_them_nor_torch():
    probe = (
        "import sys; from adabench.cli.bench import command; "
        "command(['--suite', 'controls', '--demo', '--dry-run']); "
        "print(*(m for m in sys.modules if m.split('.')[0] in ('torch', 'adabench_plugins')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.splitlines()[-1] == ""
