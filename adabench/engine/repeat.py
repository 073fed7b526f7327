"""Running a record's config again, and how far its numbers are from the record's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from adabench.config.experiment import LOCAL_OPTIONS, Experiment, with_overrides
from adabench.records import provenance
from adabench.records.record import METRIC_NAMES, Record
from adabench.records.results import read_record
from adabench.records.side_files import (
    CHANGES,
    CONFIG,
    ENVIRONMENT,
    digests,
    read_side_files,
    side_folder,
)


def experiment_of(path: Path, overrides: Sequence[str] = ()) -> tuple[Record, Experiment]:
    """Return a record and the experiment that made it.

    Args:
        path: the record's file; its config lies in the folder beside it.
        overrides: where this machine keeps its data, ``data.root=…``, and the files that the
            config knows by their content; anything else would be another run.

    Raises:
        FileNotFoundError: no such record, or no config beside it.
        ValueError: a record or a config that was changed, a config of another adabench, or an
            override that decides the result.
    """
    record = read_record(path)
    if CONFIG not in record.provenance:
        raise FileNotFoundError(
            f"{path} has no config beside it ({side_folder(path) / CONFIG}): a reported row, a "
            "control, or the record of an adabench that kept none; run its config by name "
            f"({record.config})"
        )
    text = read_side_files(path, record.provenance)[CONFIG]
    try:
        experiment = Experiment.model_validate(json.loads(text))
    except ValidationError as error:
        raise ValueError(
            f"{side_folder(path) / CONFIG}: a config of another adabench; run it with commit "
            f"{record.commit or 'unknown'} ({error.error_count()} fields don't fit)"
        ) from error
    repeated = with_overrides(experiment, overrides)
    for option in overrides:
        if not option.startswith(LOCAL_OPTIONS) and repeated.hash() != experiment.hash():
            raise ValueError(
                f"--from-record repeats a run as it was; of --cfg-options it takes only "
                f"{' and '.join(LOCAL_OPTIONS)}…, and where this machine has the files that the config "
                f"names by NAME@sha256:…; {option!r} came, which makes it another run"
            )
    return record, repeated


def side_files(experiment: Experiment) -> dict[str, str]:
    """Return file name → text of what is kept beside a record of this run."""
    files = {
        CONFIG: json.dumps(experiment.told(), indent=1) + "\n",
        ENVIRONMENT: provenance.environment(),
    }
    changed = provenance.changes()
    return files if changed is None else {**files, CHANGES: changed}


def with_side_files(experiment: Experiment, record: Record) -> tuple[Record, dict[str, str]]:
    """Return a record that names what is kept beside it, and that: file name → text."""
    beside = side_files(experiment)
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
        yield f"the record's working tree was not clean: see {CHANGES} beside it"
    yield from _changed("packages", before.packages, after.packages)
    yield from _changed("hardware", before.hardware, after.hardware)


def _farthest(before: Record, after: Record) -> str:
    then = {entry.session: entry.prediction for entry in before.predictions}
    now = {entry.session: entry.prediction for entry in after.predictions}
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
