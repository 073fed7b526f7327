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
    ],
)
def test_what_a_config_raises_is_told_with_its_line(tmp_path, text, told):
    path = tmp_path / "mine.py"
    path.write_text(f"track = 'demo'\n{text}\n")
    with pytest.raises(ValueError, match=told):
        read_config(path)


def test_a_list_of_one_dict_is_no_text():
    assert parse_options(["hooks=[{'type': 'EMAHook'}]"]) == {"hooks": [{"type": "EMAHook"}]}


def test_letters_that_the_terminal_did_not_pass_on_are_told_with_the_remedy():
    came = "Zoë".encode().decode("ascii", errors="surrogateescape")
    with pytest.raises(ValueError, match=r"--cfg-options method\.name: .*PYTHONUTF8=1"):
        parse_options([f"method.name={came}"])
