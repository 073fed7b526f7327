"""A run that joins the records of others: a model per task, whose predictions are averaged, or folds."""

from __future__ import annotations

from collections.abc import Mapping

from adabench.config.experiment import Experiment
from adabench.engine.contract import worst_contract
from adabench.engine.data.material import calibrating
from adabench.engine.data.rundata import RunData, open_data
from adabench.engine.kinds.method_run import MethodRun, Place
from adabench.engine.recording.combined import CombinedMethod, PooledFolds
from adabench.engine.recording.reporting import Facts
from adabench.engine.testing.calibrated import Predicted, mean_of, read_predicted
from adabench.engine.testing.decoy import worst
from adabench.records.files.results import find_record
from adabench.records.schema.record import Record


class JoinedRun(MethodRun):
    """The runs of `Experiment.members`, each found by hash or run, on one corpus that is open once."""

    combined: CombinedMethod

    def fit(self) -> None:
        """Run the members whose records are not there."""
        records = [self._record_of(member) for member in self.experiment.members()]
        joins = CombinedMethod if self.experiment.is_fused else PooledFolds
        self.combined = joins(records)

    def _record_of(self, member: Experiment) -> Record:
        data = open_data(member, corpus=self.data.corpus)
        results = self.place.results
        record = find_record(
            *(results, member.track, member.hash(), member.seed, member.draw),
            since=self.place.since,
        )
        if record is None:
            record = self.run_member(member, self.place.of(member), data)
        _check_member(record, data, self.place)
        return record

    def predict(self) -> dict[str, float]:
        """Return session → points."""
        return self.combined.predictions()

    def calibration(self) -> Predicted | None:
        """Return the mean over a model per task, as far as members of this folder wrote theirs."""
        if not self.experiment.is_fused or not calibrating(self.experiment, self.data.parts):
            return None
        members = [self.place.of(member).work_dir for member in self.experiment.members()]
        return mean_of([read_predicted(folder) for folder in members])

    def facts(self, labels: Mapping[str, float]) -> Facts:
        """What the members' records say together."""
        del labels
        members = self.combined.members
        names = " and ".join(f"{record.config} on {record.track}" for record in members)
        return Facts(
            kind=members[0].kind,
            stages=self.combined.stages(),
            caches=self.combined.caches(),
            view=self.combined.view(),
            kept_share=self.combined.kept_share(),
            clips=self.combined.clips(),
            decoy=worst([record.decoy for record in members]),
            cost=self.combined.cost(),
            timing=self.combined.timing(),
            relevance_measures=self.combined.relevance_measures(),
            selection=self.combined.selection(),
            flags=members[0].flags,
            contract=worst_contract(members),
            notes=(f"mean of {names}",) if self.experiment.is_fused else (),
        )


def _check_member(record: Record, data: RunData, place: Place) -> None:
    """Refuse a record that was found and is of other data than the member's."""
    remedy = "give another folder with --results, and its part is trained anew"
    if record.corpus_checksum != data.corpus.checksum:
        raise ValueError(
            f"the record of {record.config} in {place.results} is of another preparation of "
            f"{data.corpus.name}; {remedy}"
        )
    if record.protocol != data.parts.protocol:
        raise ValueError(
            f"the record of {record.config} in {place.results} is of another division, "
            f"{record.protocol!r} instead of {data.parts.protocol!r}; {remedy}"
        )
