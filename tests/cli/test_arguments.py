"""What the tools share: arguments, and how errors end."""

import argparse
from pathlib import Path

import pytest

from adabench.cli import arguments as cli
from adabench.cli.arguments import (
    add_run_arguments,
    experiment_from,
    recorded_from,
    refuse_unplanned,
    run_tool,
)
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
    folders = [config.parent / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    experiment = experiment_from(
        parse(config, "--demo", "--seed", 3, "--plugins", folders[0], "--plugins", folders[1])
    )
    assert (experiment.seed, experiment.is_demo, experiment.track) == (3, True, "demo")
    assert plugins["folders"] == folders
    experiment = experiment_from(parse(config, "--cfg-options", "data.size=32", "cache=False"))
    assert (experiment.data.size, experiment.cache) == (32, False)


def test_a_protocol_by_name(config, plugins):
    run = experiment_from(parse(config, "--protocol", "folds", "--cfg-options", "protocol.k=3"))
    assert (run.protocol.kind, run.protocol.k) == ("folds", 3)
    with pytest.raises(FileNotFoundError, match="did you mean 'person-disjoint'"):
        experiment_from(parse(config, "--protocol", "person-disjont"))


def test_a_repeated_run_keeps_its_protocol(plugins):
    arguments = parse("--protocol", "folds")
    arguments.from_record = Path("record.json")
    with pytest.raises(ValueError, match="as it was; leave out --protocol"):
        recorded_from(arguments)


def test_a_broken_plugin_is_a_warning(config, plugins, capsys):
    plugins["failed"] = [FailedPlugin("adabench_user_plugins.mine", "mine.py:3", "NameError: x")]
    assert experiment_from(parse(config)).name == "mine"
    err = capsys.readouterr().err
    assert err == "warning: adabench_user_plugins.mine (mine.py:3): NameError: x\n"


SUITE = """
paper = None
table = None
title = "Rows"
base = "../mine.py"
tracks = ("avec14-freeform", "avec14-northwind")
rows = (
    dict(name="plain", label="Plain"),
    dict(name="small", label="Small", change=dict(data=dict(size=32)), tracks=("avec13",)),
    dict(name="encoder", label="Encoder", stage="encoder", tracks=("avec14",)),
)
"""
ENCODER = """
stages = dict(
    encoder=dict(
        type="MethodTraining",
        method=dict(
            backbone=dict(type="TimmFrames", name="resnet18"),
            aggregator=dict(type="Identity"),
            selector=dict(type="KeepAll"),
            head=dict(type="UnitRegressor"),
        ),
        views=dict(
            train=dict(type="StridedView", frames=8), test=dict(type="StridedView", frames=8)
        ),
        training=dict(epochs=3, batch_size=2, optimiser=dict(type="Adam")),
    )
)
"""


@pytest.fixture
def suite(config):
    """A suite of rows over the config."""
    config.write_text(CONFIG + ENCODER)
    path = config.parent / "suites" / "rows.py"
    path.parent.mkdir()
    path.write_text(SUITE)
    return path


def test_a_suites_row_on_a_track(suite, plugins):
    row = experiment_from(parse(suite, "--row", "plain", "--track", "avec14-northwind"))
    assert (row.name, row.track, row.seed) == ("rows/plain", "avec14-northwind", 0)
    demo = experiment_from(
        parse(suite, "--row", "plain", "--track", "avec14-northwind", "--demo", "--seed", 2)
    )
    assert (demo.track, demo.data.size, demo.seed) == ("demo-northwind", 64, 2)


def test_a_rows_only_track_needs_no_name(suite, plugins):
    row = experiment_from(parse(suite, "--row", "small", "--cfg-options", "cache=False"))
    assert (row.track, row.data.size, row.cache) == ("avec13", 32, False)
    assert experiment_from(parse(suite, "--row", "small", "--demo")).data.size == 32


def test_a_row_may_be_a_stage(suite, plugins):
    row = experiment_from(parse(suite, "--row", "encoder"))
    assert row.name == "rows/encoder"
    assert row.method["name"] == "constant"
    assert row.method["backbone"] == {"type": "TimmFrames", "name": "resnet18"}


@pytest.mark.parametrize("track", ["table", "table-clinic", "avec14-freeform"])
def test_a_config_on_another_track(config, plugins, track):
    assert experiment_from(parse(config, "--track", track)).track == track
    demo = experiment_from(parse(config, "--track", track, "--demo"))
    assert demo.track == "demo-freeform"
    with pytest.raises(ValueError, match="no track is called 'clinic'"):
        experiment_from(parse(config, "--track", "clinic"))


def test_a_configs_stage_as_a_run(suite, config, plugins):
    run = experiment_from(parse(config, "--stage", "encoder"))
    assert (run.name, run.training.epochs, run.stages) == ("mine", 3, {})
    with pytest.raises(ValueError, match="it has no stage 'trunk'; its stages: encoder"):
        experiment_from(parse(config, "--stage", "trunk"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], r"rows\.py is a suite: name one of its rows with --row \(plain, small, encoder\)"),
        (["--row", "plian"], "no row is called 'plian'; did you mean 'plain'.*plain, small"),
        (["--row", "plain"], "'plain' runs on avec14-freeform, avec14-northwind: .* --track"),
        (["--row", "plain", "--track", "avec13"], "'plain' does not run on track 'avec13'"),
        (["--row", "encoder", "--stage", "encoder"], "--stage is set by the suite's row"),
    ],
)
def test_rows_tracks_and_stages_that_do_not_fit(suite, plugins, arguments, said):
    with pytest.raises(ValueError, match=said):
        experiment_from(parse(suite, *arguments))


def test_a_row_of_what_is_no_suite(config, plugins):
    with pytest.raises(ValueError, match=r"mine\.py: "):
        experiment_from(parse(config, "--row", "plain"))


def test_a_suite_that_does_not_exist_is_named(suite, plugins):
    for arguments in (["--row", "plain"], []):
        with pytest.raises(FileNotFoundError, match=r"rwos\.py does not exist.*did you mean"):
            experiment_from(parse(suite.with_name("rwos.py"), *arguments))


def test_a_job_of_another_hash_than_was_planned_stops(config, plugins):
    experiment = experiment_from(parse(config))
    refuse_unplanned(experiment, None)
    refuse_unplanned(experiment, experiment.hash())
    edited = experiment.model_copy(update={"code": {"EstimatorMethod": "c0ffee" * 4}})
    with pytest.raises(
        ValueError, match=r"planned config hash .*EstimatorMethod c0ffeec0ffee.*again"
    ):
        refuse_unplanned(edited, experiment.hash())


def test_a_part_whose_name_a_plugin_wanted_is_not_scored_as_it(config, plugins, capsys):
    twin = FailedPlugin("entry", "twin.py:3", "taken", contested="EstimatorMethod")
    plugins["failed"] = [twin]
    with pytest.raises(ValueError, match=r"two parts have that name: entry \(twin\.py:3\)"):
        experiment_from(parse(config))
    plugins["failed"] = [FailedPlugin("entry", "twin.py:3", "taken", contested="KeepAll")]
    assert experiment_from(parse(config)).name == "mine"


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
