"""What a record says of itself, held against the config that lies beside it.

The config decides: its hash, track, names, overrides and seed are computed anew, and those of the
record must be the same.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adabench.data.plain import printable
from adabench.evaluation.controls import CONSTANT, FACELESS, SHUFFLED
from adabench.records.files.side_files import CONFIG, read_side_files
from adabench.records.schema.record import Record

if TYPE_CHECKING:
    from adabench.config.experiment import Experiment

#: The type of a config's ``method`` whose predictions follow from the generator's own curves.
BOUND_TYPE: Final = "GeneratorBound"

#: The type of one that is a control that reads no face.
FACELESS_TYPE: Final = "FacelessControl"

_PREFIX: Final = "bound: "


def experiment_in(files: Mapping[str, bytes]) -> Experiment | None:
    """Return the experiment that a record's side files describe, or None if no config is among them.

    Raises:
        ValueError: the config is none, or one of another adabench.
    """
    # Reading configs takes longer to import than all that records alone need.
    from adabench.config.experiment import Experiment
    from adabench.config.local_files import refuse_paths

    if CONFIG not in files:
        return None
    try:
        content = json.loads(files[CONFIG])
        refuse_paths(content)
        return Experiment.model_validate(content)
    except (ValueError, RecursionError) as error:
        reason = printable(" ".join(str(error).split())[:200])
        raise ValueError(f"{CONFIG} is no config that this adabench reads: {reason}") from error


def experiment_beside(path: Path | None, record: Record) -> Experiment | None:
    """Return the experiment that made a record in a folder; None if that can't be told."""
    if path is None or CONFIG not in record.provenance:
        return None
    try:
        return experiment_in(
            {name: text.encode() for name, text in read_side_files(path, record.provenance).items()}
        )
    except (OSError, ValueError):
        # `verify` says what is wrong with it; whoever asks here goes on without.
        return None


def claim_reasons(record: Record, experiment: Experiment) -> Iterator[str]:
    """Yield what a record says of itself that does not follow from its config."""
    from adabench.config.starts import starts_from

    for field, expected in _expected(experiment).items():
        given = record
        for name in field.split("."):
            given = getattr(given, name)
        if given != expected:
            yield f"{field} is {given!r}, but its config gives {expected!r}"
    yield from _draw_reasons(record, experiment)
    # Records of an older schema don't tell it.
    started = record.flags.starts_from
    if started not in (None, begun := starts_from(experiment)):
        yield f"flags.starts_from is {started!r}, but its config gives {begun!r}"
    yield from _code_reasons(record, experiment)
    if record.method == CONSTANT and not _is_plain_constant(experiment):
        yield f"its method is {CONSTANT!r}, but its config is not that of the constant predictor"


def unshuffled_hash(experiment: Experiment) -> str:
    """Return the hash of the config whose training labels a control shuffles."""
    return experiment.model_copy(update={"shuffle_labels": False}).hash()


def hash_without_code(experiment: Experiment) -> str:
    """Return the hash of the config as if its parts were the repository's, as they were at first."""
    return experiment.model_copy(update={"code": {}, "versions": {}}).hash()


def bound_name(method: Mapping[str, Any]) -> str | None:
    """Return which of the generator's bounds a config's method is, or None."""
    name = method.get("bound")
    known = {"name": f"{_PREFIX}{name}", "type": BOUND_TYPE, "bound": name}
    return name if isinstance(name, str) and dict(method) == known else None


def faceless_name(method: Mapping[str, Any]) -> str | None:
    """Return which of the controls that read no face a config's method is, or None."""
    name = method.get("name")
    known = {"name": name, "type": FACELESS_TYPE}
    return name if name in FACELESS and dict(method) == known else None


def _expected(experiment: Experiment) -> dict[str, object]:
    """Return field of the record → what it must be."""
    name = experiment.method["name"]
    is_control = experiment.shuffle_labels or name == CONSTANT or faceless_name(experiment.method)
    kind = "control" if is_control else "method"
    if bound_name(experiment.method) is not None:
        kind = "bound"
    return {
        "kind": kind,
        "method": SHUFFLED if experiment.shuffle_labels else name,
        "config": experiment.name,
        "config_hash": experiment.hash(),
        "overrides": list(experiment.overrides),
        "track": experiment.track_.name,
        "fusion": experiment.fusion if len(experiment.track_.tasks) > 1 else "none",
        "seed": experiment.seed,
        "flags.demo": experiment.is_demo,
        "flags.paper_compat": experiment.paper_compat,
    }


def _draw_reasons(record: Record, experiment: Experiment) -> Iterator[str]:
    """Yield where a record's draw is not its config's; that it tells one, `content_reasons` asks."""
    expected: dict[str, object] = {"draw": experiment.draw}
    if record.family is not None:
        from adabench.config.fields.generated import synthface_parameters

        # Of a corpus that can't be drawn, `session_reasons` tells.
        with contextlib.suppress(ValueError):
            drawn = synthface_parameters(experiment.corpora.synthface)
            expected |= {"family": drawn.family(), "world": drawn.world}
    for field, value in expected.items():
        if getattr(record, field) not in (None, value):
            yield f"{field} is {getattr(record, field)!r}, but its config gives {value!r}"
    if record.draw is None and record.written_in is not None and _names_draws(experiment):
        yield (
            f"written_in is {record.written_in}, before runs told their draw, but its config names "
            "draws: run again"
        )


def _names_draws(experiment: Experiment) -> bool:
    """Whether a config says something of draws, which none could before there were any."""
    seeds = [stage.get("seed") for stage in experiment.stages.values()]
    return "draw" in seeds or not {"draw", "world"}.isdisjoint(experiment.data.synthface)


def _code_reasons(record: Record, experiment: Experiment) -> Iterator[str]:
    """Yield where a record says something else of parts from outside than its config, or itself."""
    told = {name: code.sha256 for name, code in record.code.items()}
    differing = sorted(told.items() ^ experiment.code.items(), key=lambda pair: pair[0])
    if differing:
        yield f"code does not name the same code of {differing[0][0]!r} as its config"
    unclean = sorted(name for name, code in record.code.items() if code.clean is False)
    if unclean and record.clean_tree:
        yield f"clean_tree is true, but the code of {unclean[0]!r} is in no commit"


def _is_plain_constant(experiment: Experiment) -> bool:
    """Whether it is the mean of the training scores, which needs no estimator or scikit-learn's."""
    estimator = experiment.method.get("estimator") or {"type": "DummyRegressor"}
    rest = {name: value for name, value in experiment.method.items() if name != "estimator"}
    return estimator == {"type": "DummyRegressor"} and rest == {
        "name": CONSTANT,
        "type": "EstimatorMethod",
    }
