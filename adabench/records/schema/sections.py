"""The sections of a result record: what each may hold, and in which range.

A section whose default says nothing (None, or empty) is not known of that run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal

from pydantic import (
    Field,
    model_validator,
)

from adabench.evaluation.significance import LEVEL
from adabench.records.schema.plain import Name, SessionName
from adabench.records.schema.values import (
    Amount,
    Correlation,
    Count,
    Digest,
    Distance,
    FileName,
    Grown,
    Interval,
    MetricName,
    Part,
    Points,
    Seconds,
    Seed,
    Share,
    Slope,
    Text,
)

#: How far two predictions of one clip may be apart by rounding alone, points.
ROUNDING: Final = 1e-4


class Metrics(Part):
    """RMSE and MAE in points, PCC and CCC in [-1, 1]; a paper may leave out the last two."""

    RMSE: Distance
    MAE: Distance
    PCC: Correlation | None = None
    CCC: Correlation | None = None


class AgainstConstant(Part):
    """How a control that reads no face compares with the training mean, on some sessions.

    Attributes:
        rmse, constant: of the control and of the training mean, points.
        p: two-sided, of the paired permutation test of their squared errors over persons.
    """

    rmse: Distance
    constant: Distance
    p: Share

    @property
    def fires(self) -> bool:
        """Whether it beats the training mean significantly."""
        return self.rmse < self.constant and self.p <= LEVEL


class Prediction(Part):
    """One session's predicted score and, where the corpus may be passed on, its true one.

    Attributes:
        subject: the person whose session it is; one person may have several.
        label: within the record's scale.
    """

    session: SessionName
    subject: SessionName
    prediction: Points
    label: Points | None = None


#: One a session. Tests over persons take memory with each of them: two records of so many, 2 GB.
Predictions = Annotated[list[Prediction], Field(max_length=10_000)]


def persons_of(predictions: Sequence[Prediction]) -> int:
    """Return how many persons' sessions these are."""
    return len({entry.subject for entry in predictions})


class Counts(Part):
    """What was tested; of a licensed corpus the only thing said of sessions and persons."""

    sessions: Annotated[int, Field(ge=1, le=10**9)]
    persons: Annotated[int, Field(ge=1, le=10**9)]
    clips: Annotated[int, Field(ge=1, le=10**9)] | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Counts:
        if self.persons > self.sessions:
            raise ValueError(f"{self.sessions} sessions can't be of {self.persons} persons")
        return self


class Cost(Part):
    """What the method costs; multiply-adds are those of one clip, the speed is at evaluation.

    Attributes:
        wall_seconds: of this run, which may have found stages and caches that others made.
        alone_seconds: with what those took when they were made: the run as if from nothing.
    """

    parameters: Count | None = None
    multiply_adds: Count | None = None
    frames_per_second: Amount | None = None
    peak_memory_mb: Amount | None = None
    wall_seconds: Seconds | None = None
    alone_seconds: Seconds | None = None


class Flags(Grown):
    """What a reader must know before comparing this record with another.

    Attributes:
        pretrained, pretrained_checksum: the weights that the method names, and their file's sha256.
        semantics: the encoder of semantics.
        starts_from: what its weights, and those below them, were learnt on: ``adabench.config.starts``.
    """

    _LATER: ClassVar[frozenset[str]] = frozenset(("starts_from",))

    demo: bool = False
    paper_compat: bool = False
    pretrained: str | None = None
    pretrained_checksum: str | None = None
    semantics: str | None = None
    starts_from: Name | None = None


class Measure(Part):
    """A number of the open section `measures`.

    Attributes:
        direction: which values are better.
        code: what computed it, a type's or function's name.
    """

    value: Annotated[float, Field(ge=-1e18, le=1e18)]
    unit: str = ""
    direction: Literal["lower", "higher"]
    code: Name


class Code(Part):
    """The code of one part from outside the repository.

    Attributes:
        unit: name of the module, distribution or folder.
        sha256: of its sources; None where a version names them.
        clean: whether its own tree was.
    """

    unit: Name
    kind: Literal["folder", "file", "distribution"]
    version: str | None = None
    sha256: Digest | None = None
    commit: str | None = None
    clean: bool | None = None


class Contract(Part):
    """Whether the parts kept their contract in this run; the worst of its members' if joined."""

    outcome: Literal["held", "broken", "not checked"]
    reasons: list[Text] = []
    seconds: Seconds | None = None


class Decoy(Part):
    """Whether predictions were the same with the test clips handed out under each other's names.

    Attributes:
        difference: largest of a prediction, points.
        repeated: the same of two plain predictions of the same clips, points.
    """

    outcome: Literal["equal", "sees labels", "not asked"]
    difference: Distance | None = None
    repeated: Distance | None = None
    reason: str = ""

    @staticmethod
    def shows_equal(difference: float, repeated: float, rounding: float = ROUNDING) -> bool:
        """Whether predictions are the same within what the model shows when it predicts twice."""
        return difference <= max(rounding, 2 * repeated)

    @property
    def fits(self) -> bool:
        """Whether predictions that it calls equal are, where it says how far they differ."""
        if self.outcome != "equal" or self.difference is None:
            return True
        return self.shows_equal(self.difference, self.repeated or 0.0)


class Selection(Part):
    """How the tested weights were chosen on the development data.

    Attributes:
        metrics: on the development sessions, at the chosen epoch; None without any.
        epoch: whose weights were tested, from 1.
        epochs: that were trained.
        schedule: that the config asked for; training may stop early.
        looks: how often the development labels were looked at: the validations that were compared.
        budget: how many configurations this run compared; 1 without a search.
        rule: what chose among them.
    """

    metrics: Metrics | None = None
    epoch: Count | None = None
    epochs: Count | None = None
    schedule: Count | None = None
    looks: Count | None = None
    budget: Count | None = None
    rule: Text | None = None

    @model_validator(mode="after")
    def _check_epoch(self) -> Selection:
        if self.epoch is not None and self.epochs is not None and self.epoch > self.epochs:
            raise ValueError(f"epoch {self.epoch} can't be tested, as {self.epochs} were trained")
        if self.epochs is not None and self.schedule is not None and self.epochs > self.schedule:
            raise ValueError(f"{self.epochs} epochs were trained, and {self.schedule} asked for")
        return self


class StageUse(Part):
    """A stage that the run stands on.

    Attributes:
        seconds: that it took when it was made.
        selection: of a method that it trained, epoch, epochs and looks; None where it doesn't say.
    """

    name: Name
    type: Name
    key: str
    seed: Seed | None = None
    seconds: Seconds | None = None
    selection: Selection | None = None


class View(Part):
    """What a method sees of a test clip.

    Attributes:
        length: frames of a view or segment.
        stride: frames from one to the next.
        frames_per_second: that a view has.
    """

    length: Annotated[int, Field(ge=1, le=10**9)]
    stride: Annotated[float, Field(gt=0, le=1e9)] | None = None
    frames_per_second: Annotated[float, Field(gt=0, le=1e6)] | None = None


class Group(Grown):
    """The results over some of the tested sessions.

    Attributes:
        persons: whose sessions these are.
        metrics: None where they are of too few persons (`records.schema.groups`).
        intervals: 95 % over persons.
        bias, slope: as in `Calibration`; of a licensed corpus in the private file alone.
        bias_interval, slope_interval: 95 % over persons.
    """

    _LATER: ClassVar[frozenset[str]] = frozenset(
        ("persons", "intervals", "bias", "slope", "bias_interval", "slope_interval")
    )

    sessions: Annotated[int, Field(ge=1, le=10**9)]
    metrics: Metrics | None
    persons: Annotated[int, Field(ge=1, le=10**9)] | None = None
    intervals: dict[MetricName, Interval] = {}
    bias: Points | None = None
    slope: Slope | None = None
    bias_interval: Interval | None = None
    slope_interval: tuple[Slope, Slope] | None = None


class Calibration(Part):
    """How predictions lie to labels: as `adabench.evaluation.calibration` gives it.

    Attributes:
        intercept, slope: of the label on the prediction; None of equal predictions.
        bias: mean prediction less mean label, points.
        sigma_ratio: deviation of the predictions over that of the labels; None of equal labels.
    """

    intercept: Annotated[float, Field(ge=-1e12, le=1e12)] | None = None
    slope: Slope | None = None
    bias: Points
    sigma_ratio: Annotated[float, Field(ge=0, le=1e9)] | None = None


class RelevanceFile(Part):
    """The side file of the test clips' relevance; without a digest it is not kept."""

    name: FileName
    sha256: Digest | None = None


class Load(Part):
    """How busy the machine was: its cores, and the mean of running processes over a minute."""

    cores: Annotated[int, Field(ge=1, le=10**6)]
    load_average: Annotated[float, Field(ge=0, le=1e6)] | None = None


class Measured(Part):
    """The numbers come from a run of adabench."""

    type: Literal["measured"] = "measured"


class Reported(Part):
    """The numbers are printed in a paper's table.

    Attributes:
        scored: over what the errors were taken; where a track has one clip a session, these are one.
    """

    type: Literal["reported"] = "reported"
    paper: Name
    table: Name
    row: Name
    scored: Literal["sessions", "clips", "not printed"] = "not printed"
