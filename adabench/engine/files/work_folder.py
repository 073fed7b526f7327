"""A run's work folder: where it is by default, whose it is, and that nobody else works there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adabench.config.experiment import Experiment, turn_name
from adabench.config.fields.protocols import ProtocolSection
from adabench.data.files import write_text
from adabench.data.locks import alone_at_once

CONFIG = "config.json"

_SHOWN = 8
_IN_USE = "wait for it or stop it, or give this run a folder of its own with --work-dir"


def default_work_dir(
    experiment: Experiment, *, with_track: bool = False, with_hash: bool = False
) -> Path:
    """Return ``work_dirs/<config>[-demo]/seed<N>``.

    In between stands the track of a suite's row, and the name of any protocol but the official one.

    Args:
        experiment: of the run.
        with_track: name the track in any case: it may not be the config's own.
        with_hash: add the config's short hash, ``seed<N>-<hash>``: options make it another run than
            the config is by itself.
    """
    folder = Path("work_dirs") / (experiment.name + ("-demo" if experiment.is_demo else ""))
    if with_track or "/" in experiment.name:
        folder = folder / experiment.track_.name
    if experiment.protocol != ProtocolSection():
        title = experiment.protocol.build().title
        folder = folder / re.sub(r"[^a-z0-9.+]+", "-", title.lower()).strip("-")
    name = turn_name(experiment.seed, experiment.draw)
    return folder / (f"{name}-{experiment.hash()[:8]}" if with_hash else name)


@contextmanager
def working_in(work_dir: Path, experiment: Experiment, *, resume: bool) -> Iterator[None]:
    """Work in a folder alone, with the run's config kept there.

    Raises:
        FolderInUseError: another run works there.
        ValueError: a run that is resumed, and was begun with other settings; each is named.
        OSError: the folder can't be written.
    """
    with alone_at_once(work_dir, _IN_USE):
        if resume:
            _refuse_other(work_dir, experiment)
        write_text(work_dir / CONFIG, json.dumps(experiment.told(), indent=1) + "\n")
        yield


def runs_beside(work_dir: Path, experiment: Experiment) -> Iterator[str]:
    """Yield a line for each run of the same config and seed that was begun with other settings."""
    wanted = re.compile(rf"seed{experiment.seed}(-draw\d+)?(-[0-9a-f]{{8}})?")
    for folder in sorted(work_dir.parent.glob(f"seed{experiment.seed}*")):
        if folder != work_dir and wanted.fullmatch(folder.name):
            told = _differences(folder, experiment)
            if told:
                yield f"{folder} holds a run of this config with other settings: {told}"


def _refuse_other(work_dir: Path, experiment: Experiment) -> None:
    told = _differences(work_dir, experiment)
    if told:
        raise ValueError(
            f"--resume: {work_dir} holds a run of {experiment.name} that was begun with other settings: "
            f"{told}; give the settings that it was begun with, or leave --resume out to begin anew, or "
            "choose another folder with --work-dir"
        )


def _differences(work_dir: Path, experiment: Experiment) -> str:
    """Say in which fields the run that was begun in a folder differs; nothing if in none."""
    try:
        begun = Experiment.model_validate(json.loads((work_dir / CONFIG).read_bytes()))
    except (FileNotFoundError, ValueError):
        # An earlier adabench kept no config; its checkpoints tell whose they are all the same.
        return ""
    then, now = (
        dict(_fields({**one.settings(), "seed": one.seed, "draw": one.draw}))
        for one in (begun, experiment)
    )
    told = [
        f"{field} is {_short(then.get(field, 'absent'))} there and {_short(now.get(field, 'absent'))} now"
        for field in sorted({*then, *now})
        if then.get(field, "absent") != now.get(field, "absent")
    ]
    more = [f"and {len(told) - _SHOWN} more"] if len(told) > _SHOWN else []
    return ", ".join([*told[:_SHOWN], *more])


def _fields(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested dicts with their dotted places."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _fields(item, f"{place}.{key}" if place else str(key))
    else:
        yield place, list(value) if isinstance(value, tuple) else value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
