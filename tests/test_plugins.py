import os
import sys
import textwrap
from pathlib import Path

import pytest

from adabench import registry
from adabench.plugins import load, load_plugins, places
from adabench.plugins.held import HOLDER
from adabench.registry import MODELS, UnknownTypeError

SELECTOR = """
from adabench.models import KeepAll
from adabench.registry import MODELS

@MODELS.register_module()
class {name}(KeepAll):
    pass
"""


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """Leave no trace of a test's plugins."""
    monkeypatch.delenv("ADABENCH_PLUGINS", raising=False)
    monkeypatch.setattr(load, "_failures", {})
    monkeypatch.setattr(load, "_registered", {})
    load_plugins()
    modules, entries = set(sys.modules), dict(MODELS.module_dict)
    yield
    HOLDER.clear()
    for name in set(sys.modules) - modules:
        if name.startswith((places.USER, "entry_")):
            del sys.modules[name]
    MODELS.module_dict.clear()
    MODELS.module_dict.update(entries)
    registry.forget_failed_plugins()


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def own(names) -> list[str]:
    return [n.removeprefix("adabench_user_plugins.") for n in names if n.startswith(places.USER)]


def test_files_and_packages_of_a_folder_are_loaded(tmp_path):
    write(tmp_path / "single.py", SELECTOR.format(name="FromFile"))
    write(tmp_path / "whole" / "__init__.py", "from .deep.part import FromPackage\n")
    write(tmp_path / "whole" / "deep" / "__init__.py", "")
    write(tmp_path / "whole" / "deep" / "part.py", "from ..base import FromPackage\n")
    write(tmp_path / "whole" / "base.py", SELECTOR.format(name="FromPackage"))
    report = load_plugins([tmp_path])
    assert own(report.loaded) == ["single", "whole"]
    assert not report.failed
    assert MODELS.require("FromFile").__module__ == "adabench_user_plugins.single"
    assert MODELS.require("FromPackage").__module__ == "adabench_user_plugins.whole.base"


def test_a_second_call_changes_nothing(tmp_path):
    write(tmp_path / "single.py", SELECTOR.format(name="Once"))
    first = load_plugins([tmp_path])
    held = MODELS.require("Once")
    second = load_plugins([tmp_path])
    assert first == second
    assert MODELS.require("Once") is held


def test_the_environment_names_folders_too(tmp_path, monkeypatch):
    write(tmp_path / "a" / "one.py", SELECTOR.format(name="One"))
    write(tmp_path / "b" / "two.py", SELECTOR.format(name="Two"))
    monkeypatch.setenv(
        "ADABENCH_PLUGINS", os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")])
    )
    assert own(load_plugins().loaded) == ["one", "two"]


def test_a_package_or_a_file_can_be_named_itself(tmp_path):
    write(tmp_path / "mine" / "__init__.py", SELECTOR.format(name="Mine"))
    single = write(tmp_path / "other" / "lone.py", SELECTOR.format(name="Lone"))
    assert own(load_plugins([tmp_path / "mine", single]).loaded) == ["lone", "mine"]


def test_names_of_installed_modules_stay_theirs(tmp_path):
    import json

    write(tmp_path / "json.py", SELECTOR.format(name="FromJson"))
    load_plugins([tmp_path])
    assert MODELS.require("FromJson").__module__ == "adabench_user_plugins.json"
    assert sys.modules["json"] is json


def test_two_plugins_of_one_name_are_both_loaded(tmp_path):
    write(tmp_path / "a" / "same.py", SELECTOR.format(name="InA"))
    write(tmp_path / "b" / "same.py", SELECTOR.format(name="InB"))
    report = load_plugins([tmp_path / "a", tmp_path / "b"])
    assert len(own(report.loaded)) == 2
    assert MODELS.require("InA") is not MODELS.require("InB")


def test_a_missing_folder_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere, named by --plugins.*name a folder"):
        load_plugins([tmp_path / "nowhere"])


def test_a_missing_folder_of_the_environment_says_where_it_came_from(tmp_path, monkeypatch):
    monkeypatch.setenv("ADABENCH_PLUGINS", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="named by ADABENCH_PLUGINS"):
        load_plugins()


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("raise ValueError('bad value')", "ValueError: bad value"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import a_module_that_is_not_there", "ModuleNotFoundError: No module named"),
        ("def broken(:\n    pass", "SyntaxError"),
        ("MODELS.register_module('KeepAll', module=dict)", "KeepAll is already registered"),
    ],
)
def test_a_broken_plugin_is_reported_and_undone(tmp_path, code, cause):
    start = "from torch import nn\nfrom adabench.registry import MODELS\n"
    half = SELECTOR.format(name="Half") + "MODELS.register_module('HalfGRU', module=nn.GRU)\n"
    path = write(tmp_path / "broken.py", start + half + code)
    write(tmp_path / "sound.py", SELECTOR.format(name="Sound"))
    line = path.read_text().split("\n").index(code.split("\n")[0]) + 1
    report = load_plugins([tmp_path])
    (failure,) = report.failed
    assert failure.name == "adabench_user_plugins.broken"
    assert failure.location == f"{path}:{line}"
    assert cause in failure.cause
    assert cause in str(report)
    assert MODELS.require("Sound")
    assert MODELS.require("KeepAll").__module__ == "adabench.models.selectors.keep_all"
    with pytest.raises(UnknownTypeError, match=r"Plugin adabench_user_plugins\.broken could not"):
        MODELS.require("Half")
    assert "HalfGRU" not in MODELS.module_dict
    assert "adabench_user_plugins.broken" not in sys.modules


def test_a_broken_package_leaves_no_part_of_itself(tmp_path):
    write(tmp_path / "pack" / "__init__.py", "from . import good\nfrom . import bad\n")
    write(tmp_path / "pack" / "good.py", SELECTOR.format(name="GoodHalf"))
    bad = write(tmp_path / "pack" / "bad.py", "\n1 / 0\n")
    (failure,) = load_plugins([tmp_path]).failed
    assert failure.location == f"{bad}:2"
    assert "GoodHalf" not in MODELS.module_dict
    assert not [name for name in sys.modules if name.startswith("adabench_user_plugins.pack")]


def test_a_mended_plugin_loads_and_its_failure_is_forgotten(tmp_path):
    path = write(tmp_path / "mended.py", SELECTOR.format(name="Mended") + "1 / 0\n")
    assert load_plugins([tmp_path]).failed
    path.write_text(SELECTOR.format(name="Mended") + "\n\n")
    report = load_plugins([tmp_path])
    assert own(report.loaded) == ["mended"]
    assert MODELS.require("Mended")
    assert "mended" not in MODELS.explain_missing("Nothing")


def test_a_plugin_beside_a_failing_one_keeps_what_it_registered(tmp_path):
    write(tmp_path / "a_user.py", "from .b_base import Base\n1 / 0\n")
    write(tmp_path / "b_base.py", SELECTOR.format(name="Base"))
    report = load_plugins([tmp_path])
    assert [f.name for f in report.failed] == ["adabench_user_plugins.a_user"]
    assert own(report.loaded) == ["b_base"]
    assert MODELS.require("Base").__module__ == "adabench_user_plugins.b_base"


def test_the_second_of_two_equal_names_is_told_who_holds_it(tmp_path):
    write(tmp_path / "first.py", SELECTOR.format(name="Twice"))
    write(tmp_path / "second.py", SELECTOR.format(name="Twice"))
    (failure,) = load_plugins([tmp_path]).failed
    assert failure.name == "adabench_user_plugins.second"
    assert "already registered in model at adabench_user_plugins.first" in failure.cause
    assert MODELS.require("Twice").__module__ == "adabench_user_plugins.first"


def test_ctrl_c_is_not_swallowed(tmp_path):
    write(tmp_path / "slow.py", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_plugins([tmp_path])


def test_a_folder_without_init_is_mentioned(tmp_path):
    write(tmp_path / "forgot" / "part.py", SELECTOR.format(name="Forgotten"))
    report = load_plugins([tmp_path])
    assert report.skipped == (tmp_path / "forgot",)
    assert "forgot has no __init__.py" in str(report)


def test_entry_points_are_loaded(tmp_path, monkeypatch):
    write(tmp_path / "entry_sound.py", SELECTOR.format(name="FromEntry"))
    write(tmp_path / "entry_gone.py", SELECTOR.format(name="HalfEntry"))
    bad = write(tmp_path / "entry_bad.py", "\nraise RuntimeError('no')\n")
    info = tmp_path / "entry_dist-1.0.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: entry_dist\nVersion: 1.0\n")
    write(
        info / "entry_points.txt",
        "[adabench.plugins]\nsound = entry_sound\nbad = entry_bad\ngone = entry_gone:nothing\n",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    report = load_plugins()
    failed = {f.name: f for f in report.failed}
    assert failed["entry_bad"].location == f"{bad}:2"
    assert "no attribute 'nothing'" in failed["entry_gone"].cause
    assert "HalfEntry" not in MODELS.module_dict
    assert "entry_sound" in report.loaded
    assert MODELS.require("FromEntry").__module__ == "entry_sound"


def test_installed_plugins_are_loaded_one_by_one(tmp_path, monkeypatch):
    package = tmp_path / "entry_installed"
    write(package / "__init__.py", "")
    write(package / "fine" / "__init__.py", SELECTOR.format(name="Fine"))
    write(package / "broken" / "__init__.py", "1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(places, "INSTALLED", "entry_installed")
    report = load_plugins()
    assert report.loaded == ("entry_installed.fine",)
    assert [f.name for f in report.failed] == ["entry_installed.broken"]


def test_the_projects_own_plugins_load():
    report = load_plugins()
    assert not report.failed


def test_a_named_plugin_that_fails_is_refused_and_a_found_one_is_not(tmp_path, monkeypatch):
    bad = write(tmp_path / "mine" / "bad.py", "\n1 / 0\n")
    with pytest.raises(
        ValueError, match=rf"bad\.py:2.*ZeroDivision.*named by --plugins {bad.parent}"
    ):
        load_plugins([tmp_path / "mine"]).refuse_named()
    monkeypatch.setenv("ADABENCH_PLUGINS", str(bad))
    with pytest.raises(ValueError, match=r"bad\.py:2.*named by ADABENCH_PLUGINS"):
        load_plugins().refuse_named()
    monkeypatch.delenv("ADABENCH_PLUGINS")
    write(tmp_path / "entry_bad.py", "1 / 0\n")
    info = tmp_path / "entry_dist-1.0.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: entry_dist\nVersion: 1.0\n")
    write(info / "entry_points.txt", "[adabench.plugins]\nbad = entry_bad\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    report = load_plugins()
    assert [failure.name for failure in report.failed] == ["entry_bad"]
    report.refuse_named()
    report.refuse_contested({"method": {"type": "KeepAll"}})


@pytest.mark.parametrize("taken", ["PrototypeMAP", "KeepAll"])
def test_a_taken_name_is_told_with_both_places(tmp_path, monkeypatch, taken):
    path = write(tmp_path / "entry_twin.py", SELECTOR.format(name=taken))
    info = tmp_path / "entry_twin-1.0.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: entry_twin\nVersion: 1.0\n")
    write(info / "entry_points.txt", "[adabench.plugins]\ntwin = entry_twin\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    report = load_plugins()
    report.refuse_named()
    report.refuse_contested({"method": {"type": "Identity"}})
    first = rf"(prototype_map|keep_all)\.py:\d+.*{path}:5.*rename"
    with pytest.raises(ValueError, match=first):
        report.refuse_contested({"method": [{"selector": {"type": taken}}]})
    named = load_plugins([path])
    with pytest.raises(ValueError, match=first):
        named.refuse_named()


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"lone.py": "class Forgot:\n    pass\n"}, r"registers nothing \(.*lone\.py:1\)"),
        (
            {"pack/__init__.py": "", "pack/part.py": SELECTOR.format(name="Unseen")},
            "registers nothing",
        ),
        (
            {"pack/part.py": SELECTOR.format(name="Unseen")},
            r"holds no plugin \(.*pack: no __init__",
        ),
        ({}, "holds no plugin"),
    ],
)
def test_a_named_folder_without_a_part_is_refused(tmp_path, files, told):
    (tmp_path / "mine").mkdir()
    for name, text in files.items():
        write(tmp_path / "mine" / name, text)
    with pytest.raises(ValueError, match=told):
        load_plugins([tmp_path / "mine"]).refuse_named()
    # Nor is it forgiven when it is looked for a second time.
    with pytest.raises(ValueError, match=told):
        load_plugins([tmp_path / "mine"]).refuse_named()


def test_a_file_that_registers_nothing_is_told_where_a_part_is_missing(tmp_path):
    write(tmp_path / "mine" / "good.py", "from .help import x\n" + SELECTOR.format(name="Good"))
    write(tmp_path / "mine" / "help.py", "x = 1\n")
    lone = write(tmp_path / "mine" / "lone.py", "class Forgot:\n    pass\n")
    for _ in range(2):
        report = load_plugins([tmp_path / "mine"])
        report.refuse_named()
        assert report.idle == (f"adabench_user_plugins.lone ({lone})",)
        with pytest.raises(
            UnknownTypeError, match=rf"lone \({lone}\) was loaded and registered not"
        ):
            MODELS.require("Forgot")


def test_a_name_of_a_view_is_taken_too_where_its_room_was_not_imported(tmp_path):
    text = SELECTOR.format(name="StridedView").replace("MODELS", "TRANSFORMS")
    write(tmp_path / "mine" / "twin.py", text)
    (failure,) = load_plugins([tmp_path / "mine"]).failed
    assert "StridedView is already registered" in failure.cause
    assert failure.contested == "StridedView"
