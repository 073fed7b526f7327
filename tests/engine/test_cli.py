"""What the tools share: arguments, and how errors end."""

import argparse
from pathlib import Path

import pytest

from adabench.engine import cli
from adabench.engine.cli import add_run_arguments, experiment_from, run_tool
from adabench.plugins import FailedPlugin, PluginReport
from adabench.registry import UnknownTypeError

CONFIG = """
track = "avec14"
method = dict(name="constant", type="EstimatorMethod")
demo = dict(data=dict(size=64))
"""


def parse(*arguments):
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    return parser.parse_args([str(a) for a in arguments])


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def plugins(monkeypatch):
    """Stands in for the search for plugins; says which folders it was given."""
    asked = {"failed": []}

    def load(folders):
        asked["folders"] = list(folders)
        return PluginReport(loaded=(), failed=tuple(asked["failed"]))

    monkeypatch.setattr(cli, "load_plugins", load)
    return asked


def test_defaults(config, plugins):
    experiment = experiment_from(parse(config))
    assert (experiment.seed, experiment.is_demo, experiment.overrides) == (0, False, ())
    assert plugins["folders"] == []


def test_every_argument_arrives(config, plugins):
    experiment = experiment_from(
        parse(config, "--demo", "--seed", 3, "--plugins", "a", "--plugins", "b")
    )
    assert (experiment.seed, experiment.is_demo, experiment.track) == (3, True, "demo")
    assert plugins["folders"] == [Path("a"), Path("b")]
    experiment = experiment_from(parse(config, "--cfg-options", "data.size=32", "cache=False"))
    assert (experiment.data.size, experiment.cache) == (32, False)


def test_a_broken_plugin_is_a_warning(config, plugins, capsys):
    plugins["failed"] = [FailedPlugin("adabench_user_plugins.mine", "mine.py:3", "NameError: x")]
    assert experiment_from(parse(config)).name == "mine"
    err = capsys.readouterr().err
    assert err == "warning: adabench_user_plugins.mine (mine.py:3): NameError: x\n"


def ending(main):
    with pytest.raises(SystemExit) as left:
        run_tool(main)
    return left.value.code


def raising(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize("code", [0, 3])
def test_a_tools_code_is_the_exit_status(code):
    assert ending(lambda: code) == code


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("data.size: too small"), "error: data.size: too small\n"),
        (TypeError("expected a dict"), "error: expected a dict\n"),
        (KeyError("no clip 'a'"), "error: no clip 'a'\n"),
        (UnknownTypeError("no model part"), "error: no model part\n"),
        (FileNotFoundError("corpus is missing"), "error: corpus is missing\n"),
        (OSError(28, "disk full", "a.json"), "error: [Errno 28] disk full: 'a.json'\n"),
        (FloatingPointError("training diverged"), "error: training diverged\n"),
    ],
)
def test_bad_input_ends_in_one_line(capsys, error, line):
    assert ending(raising(error)) == 2
    assert capsys.readouterr().err == line


def test_ctrl_c_says_how_to_go_on(capsys):
    assert ending(raising(KeyboardInterrupt())) == 130
    assert "--resume" in capsys.readouterr().err


@pytest.mark.parametrize("error", [RuntimeError("a defect"), AssertionError()])
def test_a_defect_keeps_its_traceback(error):
    with pytest.raises(type(error)):
        run_tool(raising(error))
