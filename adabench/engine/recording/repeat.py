"""Running a record's config again, and how far its numbers are from the record's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from adabench.config.experiment import Data, Experiment
from adabench.config.local_files import refuse_paths
from adabench.config.reading.difference import config_differences
from adabench.config.reading.load import LOCAL_OPTIONS, with_overrides
from adabench.plugins import load_plugins
from adabench.plugins.fingerprints import requirements_of, units_of
from adabench.plugins.kept import describe_kept, lay_out, patch_of, units_in
from adabench.records import provenance
from adabench.records.files.results import read_record
from adabench.records.files.side_files import (
    CHANGES,
    CODE,
    CONFIG,
    ENVIRONMENT,
    digests,
    read_side_files,
    side_folder,
)
from adabench.records.schema.record import Record
from adabench.records.schema.values import METRIC_NAMES


def experiment_of(
    path: Path, overrides: Sequence[str] = (), trusted: Path | None = None
) -> tuple[Record, Experiment]:
    """Return a record and the experiment that made it, with the code of its parts as it is loaded.

    Where the sender kept data is of no account: it is looked for where this machine's runs do.

    Args:
        path: the record's file; its config lies in the folder beside it.
        overrides: where this machine keeps its data, ``data.root=…``, and the files that the
            config knows by their content; anything else would be another run.
        trusted: folder where the plugins' code that is kept beside the record is laid out and run
            from; None runs none of it.

    Raises:
        FileNotFoundError: no such record, or no config beside it.
        ValueError: a record or a config that was changed, a config of another adabench, an override
            that decides the result, or parts from plugins that are not loaded and not trusted.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: there is no record at that path; a record is a .json file under "
            "leaderboard/measured or of your own runs under leaderboard/local, in its track's folder"
        )
    record = read_record(path)
    if CONFIG not in record.provenance:
        raise FileNotFoundError(
            f"{path} has no config beside it ({side_folder(path) / CONFIG}): a reported row, a "
            "control, or the record of an adabench that kept none; run its config by name "
            f"({record.config})"
        )
    files = read_side_files(path, record.provenance)
    experiment = _as_here(path, record, files[CONFIG])
    missing = sorted(experiment.code.keys() - experiment.with_code().code.keys())
    if missing:
        _load_kept(path, experiment, missing, files.get(CODE), trusted)
    return record, _repeated(experiment, overrides).with_code()


def _as_here(path: Path, record: Record, text: str) -> Experiment:
    """Return the experiment of a record's config, its data where this machine's runs look for it."""
    try:
        experiment = Experiment.model_validate(json.loads(text))
    except ValidationError as error:
        raise ValueError(
            f"{side_folder(path) / CONFIG}: a config of another adabench; run it with commit "
            f"{record.commit or 'unknown'} ({error.error_count()} fields don't fit)"
        ) from error
    try:
        refuse_paths(experiment.model_dump(mode="json"))
    except ValueError as error:
        raise ValueError(f"{side_folder(path) / CONFIG}: {error}") from error
    local = Data()
    here = {"root": local.root, "processes": local.processes}
    return experiment.model_copy(update={"data": experiment.data.model_copy(update=here)})


def _repeated(experiment: Experiment, overrides: Sequence[str]) -> Experiment:
    """Merge what this machine has elsewhere; refuse what would make it another run."""
    repeated = with_overrides(experiment, overrides)
    for option in overrides:
        if not option.startswith(LOCAL_OPTIONS) and repeated.hash() != experiment.hash():
            raise ValueError(
                f"--from-record repeats a run as it was; of --cfg-options it takes only "
                f"{' and '.join(LOCAL_OPTIONS)}…, and where this machine has the files that the config "
                f"names by NAME@sha256:…; {option!r} came, which makes it another run"
            )
    return repeated


def _load_kept(
    path: Path,
    experiment: Experiment,
    missing: Sequence[str],
    patch: str | None,
    trusted: Path | None,
) -> None:
    """Load the code kept beside a record, if it is trusted, and hold it to the config's fingerprints."""
    told = f"{path}: {', '.join(missing)} came from a plugin that is not loaded"
    if patch is None:
        raise ValueError(f"{told}, and its code is not kept; name the plugin with --plugins FOLDER")
    units = units_in(patch)
    if trusted is None:
        raise ValueError(
            f"{told}. Its code is kept in {side_folder(path) / CODE}: {describe_kept(units)}. Read it, "
            "and run it with --trust-code; or name your own copy with --plugins FOLDER"
        )
    load_plugins(lay_out(units, trusted)).refuse_named()
    found = experiment.with_code().code
    other = [name for name in missing if found.get(name) != experiment.code[name]]
    here = requirements_of(found)
    needs = {name: version for unit in units for name, version in unit.requires.items()}
    lacking = [
        f"{n} {v} ({here.get(n, 'absent')} here)" for n, v in needs.items() if here.get(n) != v
    ]
    if other and lacking:
        raise ValueError(
            f"{', '.join(other)} ran with {', '.join(lacking)}: install what the record was made with"
        )
    if other:
        raise ValueError(
            f"{side_folder(path) / CODE} holds other code of {', '.join(other)} than the config tells "
            "of; restore the folder"
        )


def told_apart(path: Path, record: Record, experiment: Experiment) -> list[str]:
    """Return what differs between a record's config and a run's, place by place.

    Args:
        path: of the record, with its config beside it.
        record: which one.
        experiment: the run.
    """
    numbers = {
        "seed": (record.seed, experiment.seed),
        "draw": (record.draw, experiment.draw),
    }
    seeds = [f"{n}: {then} then, {now} now" for n, (then, now) in numbers.items() if then != now]
    if CONFIG not in record.provenance:
        return [*seeds, f"hash: {record.config_hash} then, {experiment.hash()} now"]
    before = json.loads(read_side_files(path, record.provenance)[CONFIG])
    own = Experiment.model_validate(before).settings()
    return [*seeds, *config_differences(own, json.loads(json.dumps(experiment.settings())))]


def side_files(experiment: Experiment) -> dict[str, str]:
    """Return file name → text of what is kept beside a record of this run."""
    files = {
        CONFIG: json.dumps(experiment.told(), indent=1) + "\n",
        ENVIRONMENT: provenance.environment(),
    }
    units = {held.unit.path: held for name in experiment.code for held in units_of(name)}
    for name, patch in ((CODE, patch_of([*units.values()])), (CHANGES, provenance.changes())):
        if patch is not None:
            files[name] = patch
    return files


def with_side_files(
    experiment: Experiment, record: Record, further: Mapping[str, str] | None = None
) -> tuple[Record, dict[str, str]]:
    """Return a record that names what is kept beside it, and that: file name → text.

    Args:
        experiment: the run.
        record: of it.
        further: file name → text of what else is kept.
    """
    beside = {**side_files(experiment), **(further or {})}
    return record.model_copy(update={"provenance": digests(beside)}), beside


def differences(before: Record, after: Record) -> Iterator[str]:
    """Yield lines that say how far a repeated run is from its record, and what else differs."""
    for name in METRIC_NAMES:
        first, second = getattr(before.metrics, name), getattr(after.metrics, name)
        if first is not None and second is not None:
            yield f"{name:<5}{first:9.4f} {second:9.4f}  {second - first:+.2e}"
    yield _farthest(before, after)
    if before.corpus_checksum != after.corpus_checksum:
        yield (
            f"the corpus is another: {before.corpus_checksum} then, {after.corpus_checksum} now; "
            "its numbers can't be expected to agree"
        )
    if before.config_hash != after.config_hash:
        yield f"the config's hash is another: {before.config_hash} then, {after.config_hash} now"
    if before.commit != after.commit:
        yield f"commit {before.commit} then, {after.commit} now"
    if before.clean_tree is False:
        kept = [name for name in (CHANGES, CODE) if name in before.provenance]
        yield f"the record's code was in no commit: see {' and '.join(kept) or 'nothing'} beside it"
    yield from _changed("packages", before.packages, after.packages)
    yield from _changed("hardware", before.hardware, after.hardware)


def _farthest(before: Record, after: Record) -> str:
    then = {entry.session: entry.prediction for entry in before.entries}
    now = {entry.session: entry.prediction for entry in after.entries}
    if not then and before.private is not None:
        return "the record's private side file is not at hand, so its predictions can't be compared"
    if then.keys() != now.keys():
        return f"other sessions: {len(then)} then, {len(now)} now, {len(then.keys() & now)} shared"
    if then == now:
        return f"all {len(now)} predictions are equal"
    far = max(now, key=lambda session: abs(now[session] - then[session]))
    return (
        f"largest difference of a prediction: {abs(now[far] - then[far]):.2e} points ({far}), "
        f"of {len(now)} sessions"
    )


def _changed(
    what: str, before: Mapping[str, str | int | float], after: Mapping[str, str | int | float]
) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        then, now = before.get(name, "absent"), after.get(name, "absent")
        if then != now:
            yield f"{what}: {name} {then} then, {now} now"
