"""Reading a config file into an experiment: its demo section, a suite's change and options merged over it."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from pydantic import (
    ValidationError,
)

from adabench.config.experiment import Data, Experiment
from adabench.config.reading.files import (
    keys_of,
    merge,
    parse_options,
    promote_stage,
    read_config,
    read_protocol,
    told_option,
    without_marks,
)
from adabench.config.reading.origin import Origin, field_in
from adabench.config.reading.stage_networks import with_stage_networks
from adabench.data.tracks import get_track
from adabench.hints import did_you_mean, problems

# What decides no result need not travel with a record: where a user keeps data, what is computed after.
LOCAL_OPTIONS = ("data.root=", "data.processes=", "metrics=", "intervals=", "training.log=")
# A record has a field for the draw, as for the seed.
_DRAW_OPTION = "data.synthface.draw="

_KEYS = {*Experiment.model_fields} - {"name", "is_demo", "overrides", "code", "versions"} | {"demo"}


def load_config(
    path: str | Path,
    *,
    demo: bool = False,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    draw: int | None = None,
    change: Mapping[str, Any] | None = None,
    name: str | None = None,
    stage: str | None = None,
    protocol: str | Path | None = None,
) -> Experiment:
    """Read a config file into an experiment, with the code of its parts as it is loaded.

    Args:
        path: a ``.py`` file. Names of its own that start with an underscore are not part of the config.
        demo: merge its ``demo`` section, which must exist, and score the track's demo track.
        overrides: ``key=value`` pairs that win over all else.
        seed, draw: win over the config's; a draw pins which generated corpus is read.
        change: what a suite's row changes, merged over the file and its demo section; its own
            ``demo`` key is merged last, in a demo only.
        name: what the record calls the config; the file's stem by default.
        stage: run the method that this stage trains, a ``MethodTraining``, instead of the config's.
        protocol: a ready-made section, or a file with one, in place of the config's own; overrides
            refine it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unknown key or a wrong value, with file, field and what was expected.
    """
    path = Path(path)
    cfg = _merged(_read(path), path, demo, change or {}, protocol, overrides)
    content = with_stage_networks(without_marks(cfg.to_dict()))
    if stage is not None:
        content = promote_stage(path, content, stage)
    if seed is not None:
        content["seed"] = seed
    if draw is not None:
        _pin(content, draw)
    own = (*LOCAL_OPTIONS, _DRAW_OPTION)
    told = tuple(told_option(o) for o in overrides if not o.startswith(own))
    content.update(name=name or path.stem, is_demo=demo, overrides=told)
    experiment = _validate(Origin(path, demo, options=keys_of(overrides)), content)
    if draw is not None and experiment.draw is None:
        raise ValueError(
            f"{path}: --draw {draw} names a generated corpus, and track {experiment.track!r} is of a "
            "recorded one: leave --draw out, or add --demo"
        )
    return experiment.with_code()


def _read(path: Path) -> Config:
    if path.is_dir():
        raise IsADirectoryError(f"config {path} is a folder; name a .py file in it")
    if not path.is_file():
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.py")], n=1)
        hint = f"; did you mean {path.parent / near[0]}?" if near else ""
        raise FileNotFoundError(f"config {path} does not exist{hint}")
    cfg = read_config(path)
    _check_keys(path, cfg)
    return cfg


def _merged(
    cfg: Config,
    path: Path,
    demo: bool,
    change: Mapping[str, Any],
    protocol: str | Path | None,
    overrides: Sequence[str],
) -> Config:
    """Merge over a file's content what wins over it, the last most; arguments as of `load_config`."""
    section = cfg.pop("demo", None)
    if demo:
        _merge_demo(path, cfg, section)
    _merge_change(path, cfg, dict(change), demo)
    if protocol is not None:
        cfg.protocol = read_protocol(protocol)
    if overrides:
        merge(path, cfg, parse_options(overrides), "--cfg-options")
        _check_keys(path, cfg)
    if demo:
        _map_tracks(path, cfg)
    return cfg


def with_overrides(experiment: Experiment, overrides: Sequence[str]) -> Experiment:
    """Return a resolved experiment with ``key=value`` pairs merged; `overrides` stays as it was.

    Raises:
        ValueError: a pair that does not fit.
    """
    cfg = Config(experiment.model_dump(by_alias=True))
    merge(Path(experiment.name), cfg, parse_options(overrides), "--cfg-options")
    return _validate(Origin(Path(experiment.name)), cfg.to_dict())


def _pin(content: dict[str, Any], draw: int) -> None:
    """Name the draw in a config's content; sections that are no dict are the validation's to refuse."""
    data = content.setdefault("data", {})
    drawn = data.setdefault("synthface", Data().synthface) if isinstance(data, dict) else None
    if isinstance(drawn, dict):
        data["synthface"] = {**drawn, "draw": draw}


def _merge_demo(path: Path, cfg: Config, section: Any) -> None:
    if not isinstance(section, dict):
        raise ValueError(
            f"{path}: --demo needs a `demo` section, a dict of what differs; got {section!r}"
        )
    _check_keys(path, section, "demo.")
    merge(path, cfg, section, "demo")


def _merge_change(path: Path, cfg: Config, change: dict[str, Any], demo: bool) -> None:
    _check_keys(path, change, "change.")
    section = change.pop("demo", {})
    if not isinstance(section, Mapping):
        raise ValueError(f"{path}: change.demo is a dict of what a demo needs; got {section!r}")
    _check_keys(path, section, "change.demo.")
    # Merging takes `_delete_` out of what it is given, and a suite's row is merged more than once.
    merge(path, cfg, copy.deepcopy(change), "change")
    if demo:
        merge(path, cfg, copy.deepcopy(dict(section)), "change.demo")


def _map_tracks(path: Path, cfg: Config) -> None:
    """Name the demo tracks; a missing or odd track is left to the validation, which reports it."""
    if "track" in cfg:
        cfg.track = _demo_track(path, "track", cfg.track)
    section = cfg.get("protocol")
    if isinstance(section, dict) and "source" in section:
        section["source"] = _demo_track(path, "protocol.source", section["source"])


def _demo_track(path: Path, field: str, track: Any) -> Any:
    try:
        return get_track(track).demo if isinstance(track, str) else track
    except ValueError as error:
        raise ValueError(f"{path}: {field}: {str(error).removeprefix('track: ')}") from error


def _check_keys(path: Path, cfg: Any, prefix: str = "") -> None:
    # A demo section has none of its own.
    known = _KEYS - {"demo"} if prefix.endswith("demo.") else _KEYS
    for key in cfg:
        if key not in known:
            hint = did_you_mean(key, known)
            raise ValueError(
                f"{path}: unknown key {prefix + key!r}.{hint} Known: {', '.join(sorted(known))}."
            )


def _validate(origin: Origin, content: dict[str, Any]) -> Experiment:
    try:
        return Experiment.model_validate(content)
    except ValidationError as error:
        told = problems(error, Experiment)
        place = field_in(told) or told.partition(":")[0]
        file = origin.file_of(field_in(told))
        if place in origin.options and told.startswith(f"{place}: expected a dict"):
            # A shell takes the braces of a dict away, and gives it in pieces.
            told += f". By options a dict is given field by field: {place}.FIELD=VALUE"
        raise ValueError(f"{file}: {told}") from error
