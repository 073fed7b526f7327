"""What a config may be: Python assignments, no YAML, no environment."""

import os

import pytest
from config_texts import CONFIG
from plugin_texts import write

from adabench.config.reading.files import parse_options, read_config
from adabench.config.reading.load import load_config

YAML = "seed: !!python/object/apply:os.system ['touch {marker}']\n"


@pytest.fixture
def marker(tmp_path):
    path = tmp_path / "ran"
    yield path
    assert not path.exists()


@pytest.mark.parametrize("name", ["c.yaml", "c.yml", "c.json", "c.PY", "c.toml", "c"])
def test_a_config_is_a_python_file(tmp_path, marker, name):
    write(tmp_path / "c.yaml", YAML.format(marker=marker))
    path = write(
        tmp_path / name,
        '{"_base_": ["./c.yaml"]}' if "json" in name else YAML.format(marker=marker),
    )
    with pytest.raises(ValueError, match=r"a config is a \.py file of assignments; YAML, JSON"):
        load_config(path)


@pytest.mark.parametrize(
    "base",
    [
        '_base_ = "c.yaml"',
        '_base_ = ["good.py", "./c.yaml"]',
        '_base_ = "c." + "yaml"',
        '_base_ = "middle.py"',
    ],
)
def test_so_is_every_base(tmp_path, marker, base):
    write(tmp_path / "c.yaml", YAML.format(marker=marker))
    write(tmp_path / "good.py", "")
    write(tmp_path / "middle.py", '_base_ = ["c.yaml"]')
    path = write(tmp_path / "mine.py", f"{base}\n{CONFIG}")
    with pytest.raises(ValueError, match=r"c\.yaml \(a _base_ of .*\): a config is a \.py file"):
        load_config(path)


@pytest.mark.parametrize("base", ['"mmdet::x.py"', "3", '["mine.py"]'])
def test_a_base_is_a_file_beside_it(tmp_path, base):
    path = write(tmp_path / "mine.py", f"_base_ = {base}\n{CONFIG}")
    with pytest.raises(ValueError, match=r"_base_"):
        load_config(path)


@pytest.mark.parametrize(
    "text", ["{{$ZZ_TOKEN:}}", "{{ $ZZ_TOKEN:x }}", "{{'$ZZ_TOKEN:x'}}", "{{$ZZ_TOKEN}}"]
)
@pytest.mark.parametrize("in_base", [False, True])
def test_the_environment_stays_out(tmp_path, monkeypatch, text, in_base):
    monkeypatch.setenv("ZZ_TOKEN", "secret")
    named = CONFIG.replace('"Mine"', f'"{text}"')
    write(tmp_path / "base.py", named if in_base else "")
    own = CONFIG if in_base else named
    path = write(tmp_path / "mine.py", '_base_ = "base.py"\n' + own)
    with pytest.raises(
        ValueError, match=r"\.py:\d+.*environment variables are not filled in"
    ) as told:
        load_config(path)
    assert "secret" not in str(told.value)
    assert os.environ["ZZ_TOKEN"] == "secret"


def test_a_config_imports_no_other_lazily(tmp_path):
    text = "from mmengine.config import read_base\nwith read_base():\n    from .other import *\n"
    with pytest.raises(ValueError, match="a config is a file of Python assignments"):
        load_config(write(tmp_path / "mine.py", text + CONFIG))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed = 1 / 0", r"mine\.py:2: a config is a file .*; ZeroDivisionError"),
        ("seed = None.seed", r"mine\.py:2: .*; AttributeError"),
        ("raise SystemExit(0)", r"mine\.py:2: .*; SystemExit"),
        ("assert 1 > 2, 'nope'", r"mine\.py:2: .*; AssertionError: nope$"),
        ("raise RuntimeError('boom')", r"mine\.py:2: .*; RuntimeError: boom$"),
        ("def f(): f()\nf()", r"mine\.py:2: .*; RecursionError: "),
        ("class E(Exception): pass\nraise E('own')", r"mine\.py:3: .*; E: own$"),
        ("raise MemoryError", r"mine\.py:2: .*; MemoryError$"),
        ("raise StopIteration", r"mine\.py:2: .*; StopIteration$"),
        ("raise GeneratorExit", r"mine\.py:2: .*; GeneratorExit$"),
    ],
)
def test_what_a_config_raises_is_told_with_its_line(tmp_path, text, told):
    path = tmp_path / "mine.py"
    path.write_text(f"track = 'demo'\n{text}\n")
    with pytest.raises(ValueError, match=told):
        read_config(path)


def test_so_is_what_a_base_raises(tmp_path):
    write(tmp_path / "base.py", "\nraise RuntimeError('boom')\n")
    with pytest.raises(ValueError, match=r"base\.py:2: .*; RuntimeError: boom$"):
        read_config(write(tmp_path / "mine.py", "_base_ = 'base.py'\n"))


def test_what_is_no_python_is_told_with_its_line_of_a_base_too(tmp_path):
    write(tmp_path / "mine.py", "_base_ = 'base.py'\n")
    write(tmp_path / "base.py", "seed = 1\ntrack = (\n")
    for name in ("base.py", "mine.py"):
        with pytest.raises(ValueError, match=r"base\.py:2: a config is .*; SyntaxError: '\(' was"):
            read_config(tmp_path / name)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_told_with_the_file(tmp_path, encoding):
    write(tmp_path / "mine.py", "_base_ = 'base.py'\n")
    (tmp_path / "base.py").write_bytes("name = 'café'\n".encode(encoding))
    for name in ("base.py", "mine.py"):
        with pytest.raises(ValueError, match=r"base\.py:1: a config is a text in UTF-8.*save it"):
            read_config(tmp_path / name)


def test_a_byte_order_mark_and_a_folder_are_told(tmp_path):
    (tmp_path / "mine.py").write_text("seed = 1\n", encoding="utf-8-sig")
    with pytest.raises(ValueError, match=r"mine\.py: it begins with a byte order mark"):
        read_config(tmp_path / "mine.py")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder\.py is a folder; name a \.py file in it"):
        load_config(tmp_path / "folder.py")


@pytest.mark.parametrize("value", ["'yes'", "'no'", "1", "None"])
@pytest.mark.parametrize("section", ["dict(_delete_={})", "{{'_delete_': {}}}"])
def test_what_deletes_is_true_or_false(tmp_path, section, value):
    path = write(tmp_path / "mine.py", f"track = 'demo'\nviews = {section.format(value)}\n")
    with pytest.raises(ValueError, match=rf"mine\.py:2: _delete_: expected True .*; got {value}"):
        read_config(path)
    for fine in ("True", "False"):
        read_config(write(path, f"views = {section.format(fine)}\n"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["views.test._delete_=no"], "--cfg-options views.test._delete_: expected True or False"),
        (["training=3", "training.epochs=3"], "--cfg-options training.epochs: training=3 is given"),
        (["training.epochs.x=3"], "training.epochs.x: training.epochs is 100, which has no fields"),
        (["views.augment.flip=1"], "views.augment is None, which has no fields; to put a section"),
        (["training=a"], "training: expected a dict; got 'a'. By options a dict is given field by"),
        (["training={'epochs': 3}"], "--cfg-options training: a dict is given field by field"),
        (["demo.method=3"], "--cfg-options demo.method: --demo merges the demo section"),
        (["hooks.3.type=EMAHook"], "hooks.3: hooks is a list of 1; an item's fields are given by"),
        (["hooks.x.type=EMAHook"], "hooks.x: hooks is a list of 1; an item's fields are given by"),
        (["hooks.0=EMAHook"], "hooks.0: a single item is not replaced; give the whole list"),
    ],
)
def test_options_that_do_not_fit_are_told_by_their_field(tmp_path, options, told):
    own = "views['augment'] = None\nhooks = [dict(type='EMAHook')]\n"
    path = write(tmp_path / "mine.py", CONFIG + own)
    with pytest.raises(ValueError, match=r"cfg-options|mine\.py") as error:
        load_config(path, overrides=options)
    assert told in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_section_takes_the_place_of_none_by_options(tmp_path):
    path = write(tmp_path / "mine.py", f"{CONFIG}views['augment'] = None\n")
    options = ["views.augment._delete_=True", "views.augment.type=ClipAugment"]
    assert load_config(path, overrides=options).views.augment == {"type": "ClipAugment"}


def test_a_list_of_one_dict_is_no_text():
    assert parse_options(["hooks=[{'type': 'EMAHook'}]"]) == {"hooks": [{"type": "EMAHook"}]}


def test_letters_that_the_terminal_did_not_pass_on_are_told_with_the_remedy():
    came = "Zoë".encode().decode("ascii", errors="surrogateescape")
    with pytest.raises(ValueError, match=r"--cfg-options method\.name: .*PYTHONUTF8=1"):
        parse_options([f"method.name={came}"])
