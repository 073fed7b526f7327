"""What stands beside a run in its tables: the constant, what reads no face, and bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from adabench.config.controls import constants_of, faceless_of
from adabench.config.experiment import Experiment
from adabench.data.locks import alone_in
from adabench.engine.data.corpora import reading
from adabench.engine.data.rundata import RunData, open_data
from adabench.engine.kinds import Place
from adabench.engine.kinds.bound import bounds_of
from adabench.engine.recording.repeat import with_side_files
from adabench.engine.run import measure
from adabench.records.files.results import has_constant, read_records, write_record
from adabench.records.files.side_files import write_side_files
from adabench.records.schema.record import Record


def run_controls(experiment: Experiment, results: Path) -> list[Path]:
    """Run the controls of a run's corpus and protocol, and the bounds, where a results folder lacks them.

    Every results folder holds the constant and each control that reads no face once per track, corpus
    and protocol, and each bound once per track and corpus. The constant of the run's own track comes
    last: it says that all is there.

    Args:
        experiment: the run that they stand beside.
        results: the results folder.

    Returns:
        The records that were written.
    """
    written: list[Path] = []
    with reading(experiment):
        for constant in reversed(constants_of(experiment)):
            # Two runs that end at once would otherwise both find them absent.
            with alone_in(results / constant.track_.name):
                written += [
                    _run(control, data, results) for control, data in _absent(constant, results)
                ]
    return written


def _absent(constant: Experiment, results: Path) -> Iterator[tuple[Experiment, RunData]]:
    """Yield the controls of a track that are not there, with their data."""
    data = open_data(constant)
    track, checksum = constant.track_.name, data.corpus.checksum
    records = _records_of(results / track, checksum)
    present = {r.method for r in records if r.kind == "bound"}
    bounds = [one for one in bounds_of(constant) if one.method["name"] not in present]
    if bounds:
        official = open_data(bounds[0], corpus=data.corpus)
        yield from ((bound, official) for bound in bounds)
    there = {r.method for r in records if r.protocol == data.parts.protocol}
    faceless = (one for one in faceless_of(constant) if one.method["name"] not in there)
    yield from ((one, data) for one in faceless)
    if not has_constant(results, track, checksum, data.parts.protocol):
        yield constant, data


def _records_of(folder: Path, checksum: str) -> list[Record]:
    records = read_records(folder)[0] if folder.is_dir() else []
    return [record for record in records if record.corpus_checksum == checksum]


def _run(control: Experiment, data: RunData, results: Path) -> Path:
    # Nothing of a control is worth keeping but its record; the folds of a constant are nobody's rows.
    with TemporaryDirectory() as scratch:
        place = Place(Path(scratch), Path(scratch) / "results")
        record, _ = measure(control, place, data)
    record, beside = with_side_files(control, record)
    path = write_record(record, results)
    write_side_files(path, beside)
    return path
