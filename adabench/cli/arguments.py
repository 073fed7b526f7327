"""What the tools share: arguments of a run, and errors that are the user's to mend."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adabench.bench.suites import FOLDER, load_suite
from adabench.cli.parser import whole
from adabench.cli.streams import told, write_anywhere
from adabench.config.experiment import Experiment
from adabench.config.reading.files import keys_of, read_config
from adabench.config.reading.load import load_config
from adabench.config.reading.origin import Origin
from adabench.config.reading.parts import Known, check_parts
from adabench.hints import reworded
from adabench.plugins import PluginReport, any_outside, load_plugins
from adabench.plugins.signatures import Signatures, signatures_of_loaded, with_user
from adabench.plugins.traces import place_in_plugin
from adabench.records.schema.record import Record

# What bad input raises: told in one line. Anything else is a defect and keeps its traceback.
USER_ERRORS = (ValueError, TypeError, LookupError, OSError, FloatingPointError)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a run: its config, and what differs from that."""
    _add_config_arguments(parser)
    _add_changes(parser)


def _add_config_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "config", type=Path, nargs="?", help="a file in configs/, or your own; or a suite"
    )
    parser.add_argument("--row", help="which row, where the file is a suite")
    parser.add_argument(
        "--track",
        help="in place of the config's, e.g. table for a corpus of your own; of a row, one of its",
    )
    parser.add_argument(
        "--stage", help="run the method that this stage of the config trains, and test it"
    )
    parser.add_argument(
        "--demo", action="store_true", help="run the config's demo section on the generated corpus"
    )


def _add_changes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--protocol",
        metavar="NAME",
        help="in place of the config's: a file of configs/_base_/protocols (person-disjoint, folds, "
        "train-dev, cross-corpus, official), or one of your own",
    )
    parser.add_argument("--seed", type=whole(0), help="of the run; the config's by default")
    parser.add_argument(
        "--draw",
        type=whole(0),
        help="which generated corpus, of those from the config's seed on; by default the run's seed "
        "says, so that each seed is another corpus",
    )
    parser.add_argument(
        "--plugins",
        type=_path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="a folder of your own plugins; may be given several times",
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="values that win over the config's, e.g. training.epochs=20 data.synthface.seed=7",
    )


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("expected a folder or a .py file; got an empty text")
    return Path(text)


def experiment_from(arguments: argparse.Namespace) -> Experiment:
    """Load plugins, say which failed, and read the config.

    Raises:
        ValueError, FileNotFoundError: naming file, field and remedy; also for a plugin that the user
            named and that failed or registered nothing, and one that wanted a name of the config's.
    """
    _check_folders(arguments)
    # Importing parts takes seconds; what can be told from their source is told before.
    parts, is_all = with_user(arguments.plugins)
    experiment = _checked(arguments, parts, is_all)
    load_plugins_of(arguments.plugins).refuse_contested(experiment.sections())
    if any_outside(arguments.plugins):
        experiment = _checked(arguments, signatures_of_loaded())
    return experiment


def _check_folders(arguments: argparse.Namespace) -> None:
    """Refuse folders that a run could not use: what is written there comes at its end."""
    for folder in arguments.plugins:
        if folder.is_file() and folder.suffix != ".py":
            raise ValueError(f"--plugins {folder}: it is neither a folder nor a .py file")
    results: Path | None = getattr(arguments, "results", None)
    if results is None:
        return
    there = next(
        path for path in (results.absolute(), *results.absolute().parents) if path.exists()
    )
    if not there.is_dir():
        raise ValueError(f"--results {results}: {there} is a file; name a folder, which may be new")
    if not os.access(there, os.W_OK):
        raise ValueError(f"--results {results}: {there} can't be written to; name another folder")


def _checked(arguments: argparse.Namespace, parts: Signatures, is_all: bool = True) -> Experiment:
    # The generator draws with OpenCV, which a bench that plans has no need of.
    from adabench.config.sections import check_sections

    experiment = _experiment(arguments, arguments.cfg_options, arguments.stage)
    with naming_file(arguments):
        check_parts(experiment, Known(parts, is_all, _origin(arguments)))
        check_sections(experiment)
    return experiment


@contextmanager
def naming_file(arguments: argparse.Namespace) -> Iterator[None]:
    """Have an error that begins with a field of the config begin with the file that sets it."""
    try:
        yield
    except USER_ERRORS as error:
        told_ = told(error)
        named = told_ if arguments.config is None else _origin(arguments).named(told_)
        if named == told_:
            raise
        raise reworded(error, named) from error.__cause__


def _origin(arguments: argparse.Namespace) -> Origin:
    """Return where the config's values come from."""
    source = _source(arguments)
    suite = arguments.config if arguments.row is not None else None
    options = keys_of(arguments.cfg_options)
    return Origin(source["path"], arguments.demo, source["change"], suite, options)


def is_changed(arguments: argparse.Namespace, experiment: Experiment) -> bool:
    """Whether options make a run another than its config is by itself, on its track and protocol."""
    if not arguments.cfg_options and arguments.stage is None:
        return False
    try:
        return _experiment(arguments, (), None).hash() != experiment.hash()
    except ValueError:
        # The config is none without its options.
        return True


def _experiment(
    arguments: argparse.Namespace, overrides: Sequence[str], stage: str | None
) -> Experiment:
    return load_config(
        **{"stage": stage, **_source(arguments)},
        demo=arguments.demo,
        overrides=overrides,
        seed=arguments.seed,
        draw=arguments.draw,
        protocol=arguments.protocol,
    )


def load_plugins_of(folders: Sequence[Path]) -> PluginReport:
    """Load plugins and say which failed.

    Raises:
        ValueError: one of those that the user named.
    """
    report = load_plugins(folders)
    report.refuse_named()
    for failure in report.failed:
        print(f"warning: {failure}", file=sys.stderr)
    return report


def recorded_from(
    arguments: argparse.Namespace, trusted: Path | None = None
) -> tuple[Record, Experiment]:
    """Load plugins, and read the record and the experiment that ``--from-record`` names.

    Args:
        arguments: as parsed.
        trusted: folder where code that is kept beside the record is laid out and run from, if at all.

    Raises:
        ValueError, FileNotFoundError: naming file, field and remedy.
    """
    for name in ("config", "row", "track", "stage", "protocol", "seed", "draw", "demo"):
        value = getattr(arguments, name)
        if value is not None and value is not False:
            shown = name if name == "config" else f"--{name}"
            raise ValueError(f"--from-record repeats a run as it was; leave out {shown}")
    _check_folders(arguments)
    from adabench.engine.recording.repeat import experiment_of

    report = load_plugins_of(arguments.plugins)
    record, experiment = experiment_of(arguments.from_record, arguments.cfg_options, trusted)
    report.refuse_contested(experiment.sections())
    return record, experiment


def refuse_unplanned(experiment: Experiment, planned: str | None) -> None:
    """Stop a job that is another run than its bench planned, before anything long.

    Raises:
        ValueError: with the code of its parts.
    """
    if planned in (None, experiment.hash()):
        return
    code = ", ".join(f"{name} {sha256[:12]}" for name, sha256 in experiment.code.items())
    raise ValueError(
        f"the bench planned config hash {planned}, and this run's is {experiment.hash()}: a plugin or a "
        f"config was edited since. Code of its plugins now: {code or 'none'}. Run the bench again"
    )


def _source(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return which config is asked for, as :func:`load_config` takes it."""
    path: Path | None = arguments.config
    if path is None:
        raise ValueError("name a config: a file in configs/, or one of your own")
    if arguments.row is None:
        if path.parent.name == FOLDER.name and path.is_file():
            rows = ", ".join(row.name for row in load_suite(path).rows)
            raise ValueError(f"{path} is a suite: name one of its rows with --row ({rows})")
        change = {} if arguments.track is None else {"track": arguments.track}
        return {"path": path, "change": change}
    if arguments.stage is not None:
        raise ValueError("--stage is set by the suite's row; leave it out")
    if path.is_file() and path.parent.name != FOLDER.name and "rows" not in read_config(path):
        raise ValueError(f"{path}: it is a config, and --row names a row of a suite: leave it out")
    suite = load_suite(path)
    row = suite.row(arguments.row)
    tracks = suite.tracks_of(row)
    if arguments.track is None and len(tracks) > 1:
        raise ValueError(f"row {row.name!r} runs on {', '.join(tracks)}: choose with --track")
    return suite.config_of(row, arguments.track or tracks[0])


def _with_place(error: Exception) -> str:
    """Return an error's words, with file and line where a plugin raised it."""
    text, place = told(error), place_in_plugin(error)
    if not place or place.partition(", in ")[0] in text:
        return text
    return f"{type(error).__name__}: {text} ({place})"


def run_tool(main: Callable[[], int]) -> None:
    """Run a tool and exit; bad input ends in one line that says what to do, not in a traceback."""
    write_anywhere()
    try:
        code = main()
    except USER_ERRORS as error:
        print(f"error: {_with_place(error)}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("stopped; --resume goes on from the last checkpoint", file=sys.stderr)
        code = 130
    sys.exit(code)
