"""The result record: what one run found, and all that is needed to judge it.

A record is data that checks itself: unknown fields are refused, its metrics must follow from its
predictions where labels may be stored, and a checksum over its content shows later changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    NonNegativeFloat,
    NonNegativeInt,
    computed_field,
    field_validator,
    model_validator,
)

from adabench.evaluation.controls import CONSTANT
from adabench.evaluation.levels import MAX_SCORE, MIN_SCORE
from adabench.evaluation.metrics import score_metrics
from adabench.records.migration import check_version, migrate
from adabench.records.plain import Name, Points, SessionName, check_plain

SCHEMA_VERSION: Final = 2

METRIC_NAMES = ("RMSE", "MAE", "PCC", "CCC")

#: A record's numbers may differ by this much from recomputed ones.
TOLERANCE: Final = 1e-6

# A reported row knows none of these; a measured one is worth nothing without them.
_MEASURED_FIELDS = ("config_hash", "corpus_checksum", "protocol", "fusion", "created")

Correlation = Annotated[float, Field(ge=-1, le=1)]
MetricName = Literal["RMSE", "MAE", "PCC", "CCC"]
# These become names of folders and must not lead elsewhere.
TrackName = Annotated[str, Field(max_length=100, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
FileName = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Metrics(_Part):
    """RMSE and MAE in BDI-II points, PCC and CCC in [-1, 1]; a paper may leave out the last two."""

    RMSE: NonNegativeFloat
    MAE: NonNegativeFloat
    PCC: Correlation | None = None
    CCC: Correlation | None = None


class Prediction(_Part):
    """One session's predicted score and, where the corpus may be passed on, its true one.

    Attributes:
        subject: the person whose session it is; one person may have several.
    """

    session: SessionName
    subject: SessionName
    prediction: Points
    label: Annotated[float, Field(ge=MIN_SCORE, le=MAX_SCORE)] | None = None


class Cost(_Part):
    """What the method costs; multiply-adds are those of one clip, the speed is at evaluation.

    Attributes:
        wall_seconds: of this run, which may have found stages and caches that others made.
        alone_seconds: with what those took when they were made: the run as if from nothing.
    """

    parameters: NonNegativeInt | None = None
    multiply_adds: NonNegativeInt | None = None
    frames_per_second: NonNegativeFloat | None = None
    peak_memory_mb: NonNegativeFloat | None = None
    wall_seconds: NonNegativeFloat | None = None
    alone_seconds: NonNegativeFloat | None = None


class Flags(_Part):
    """What a reader must know before comparing this record with another."""

    demo: bool = False
    paper_compat: bool = False
    pretrained: str | None = None
    pretrained_checksum: str | None = None
    semantics: str | None = None


class Measured(_Part):
    """The numbers come from a run of adabench."""

    type: Literal["measured"] = "measured"


class Reported(_Part):
    """The numbers are printed in a paper's table."""

    type: Literal["reported"] = "reported"
    paper: Name
    table: Name
    row: Name


class Record(_Part):
    """One row of the leaderboard.

    Attributes:
        kind: a method, a control (the constant, shuffled labels) or a bound of the generator.
        method: the method's name; `CONSTANT` for the constant predictor.
        config: the config's name; for a reported row, the row's name in its table.
        config_hash: hash of the resolved config **without its seed**, so that seeds can be merged.
        overrides: the ``--cfg-options`` of the run, as typed.
        corpus_checksum: checksum of the prepared corpus's manifest.
        licensed: the corpus's labels may not be passed on, so no prediction carries one.
        protocol: which splits were trained on, selected on and tested on.
        fusion: how a session's tasks become one score; ``none`` on a track with one task.
        intervals: metric to its 95 % bootstrap interval over persons; empty for one person.
        predictions: one entry a session, no session twice; a bound or reported row may have none.
        timing: part of the run to seconds.
        relevance_auc: where key frames are known (a generated corpus), how well the relevance finds
            them: area under the ROC curve over frames, mean over clips; of all units, of each
            temporal scale, and over the clips of each severity level.
        provenance: name of each file in the record's side folder to its sha256.
        created: ISO 8601 time with its offset from UTC.
        checksum: sha256 over the canonical JSON of everything else, verified wherever it is given.

    A mapping of an older schema version is migrated once its own checksum has been verified.

    Raises:
        pydantic.ValidationError: (a ValueError) naming each field that is wrong.
    """

    schema_version: Literal[2] = SCHEMA_VERSION
    kind: Literal["method", "control", "bound"]
    method: Name
    config: Name
    config_hash: Name | None = None
    overrides: list[str] = []
    track: TrackName
    corpus: Name
    corpus_checksum: Name | None = None
    licensed: bool
    protocol: Name | None = None
    fusion: Literal["joint", "fused", "none"] | None = None
    seed: NonNegativeInt | None = None
    metrics: Metrics
    intervals: dict[MetricName, tuple[float, float]] = {}
    predictions: list[Prediction] = []
    cost: Cost = Cost()
    timing: dict[str, NonNegativeFloat] = {}
    relevance_auc: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    hardware: dict[str, str | int | float] = {}
    packages: dict[str, str] = {}
    commit: str | None = None
    clean_tree: bool | None = None
    provenance: dict[FileName, Digest] = {}
    flags: Flags = Flags()
    notes: list[str] = []
    created: str | None = None
    origin: Annotated[Measured | Reported, Field(discriminator="type")]

    # mypy knows no decorator above @property; pydantic asks for exactly this order.
    @computed_field  # type: ignore[prop-decorator]
    @property
    def checksum(self) -> str:
        return content_checksum(self.model_dump(mode="json", exclude={"checksum"}))

    @model_validator(mode="wrap")
    @classmethod
    def _verify_checksum(cls, data: Any, handler: ModelWrapValidatorHandler[Record]) -> Record:
        if not isinstance(data, Mapping):
            return handler(data)
        check_plain(data)
        version = check_version(data.get("schema_version", SCHEMA_VERSION), SCHEMA_VERSION)
        content = {name: value for name, value in data.items() if name != "checksum"}
        doubtful = "checksum" in data and data["checksum"] != _checksum_of(content)
        if doubtful and version != SCHEMA_VERSION:
            # Migrating changes the content, so only a file's own text can be held against it.
            raise ValueError(_edited(data["checksum"], _checksum_of(content)))
        record = handler(migrate(content, version, SCHEMA_VERSION))
        if doubtful and data["checksum"] != record.checksum:
            raise ValueError(_edited(data["checksum"], record.checksum))
        return record

    @field_validator("created")
    @classmethod
    def _check_created(cls, created: str | None) -> str | None:
        if created is not None and datetime.fromisoformat(created).tzinfo is None:
            raise ValueError(f"expected a time with its offset from UTC, got {created!r}")
        return created

    @field_validator("intervals")
    @classmethod
    def _check_intervals(
        cls, intervals: dict[MetricName, tuple[float, float]]
    ) -> dict[MetricName, tuple[float, float]]:
        for name, (low, high) in intervals.items():
            if low > high:
                raise ValueError(f"the interval of {name} is upside down: [{low}, {high}]")
        return intervals

    @model_validator(mode="after")
    def _check_whole(self) -> Record:
        _check_names(self)
        if isinstance(self.origin, Measured):
            _check_measured(self)
        _check_labels(self)
        _check_metrics(self)
        return self


def content_checksum(content: Mapping[str, Any]) -> str:
    """The sha256, in hexadecimal, over the canonical JSON of a record without its checksum.

    Canonical means sorted names, no spaces and UTF-8, so that layout does not count.

    Raises:
        ValueError: if a number is not finite.
        TypeError: if something is not JSON.
    """
    text = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _checksum_of(content: Mapping[str, Any]) -> str | None:
    """The checksum of a file's own text: defaults that came later must not break it.

    None where the content is no JSON, as when a record is built from its parts.
    """
    try:
        return content_checksum(content)
    except (TypeError, ValueError):
        return None


def _edited(given: Any, expected: str | None) -> str:
    return (
        f"checksum is {given!r}, but the content gives {expected!r}: the record was changed after "
        "it was written; restore the file or run again"
    )


def is_demo_track(track: str) -> bool:
    """Whether a track's faces are drawn, so that its numbers say nothing about depression."""
    return track == "demo" or track.startswith("demo-")


def _check_names(record: Record) -> None:
    if record.method == CONSTANT and record.kind != "control":
        raise ValueError(f"method {CONSTANT!r} is a control, but kind is {record.kind!r}")
    if record.flags.demo and not is_demo_track(record.track):
        raise ValueError(
            f"flags.demo is set, but track {record.track!r} is no demo track: numbers on drawn "
            "faces belong on `demo` or a track whose name begins with `demo-`"
        )


def _check_measured(record: Record) -> None:
    missing = [name for name in _MEASURED_FIELDS if getattr(record, name) is None]
    if record.kind == "bound":
        missing = [name for name in missing if name == "corpus_checksum"]
    elif record.seed is None:
        missing.append("seed")
    if missing:
        raise ValueError(f"a measured {record.kind} needs {', '.join(missing)}, which came as None")
    if record.kind == "bound":
        return
    if not record.predictions:
        raise ValueError(f"a measured {record.kind} needs its predictions, one a session")
    if record.metrics.PCC is None or record.metrics.CCC is None:
        raise ValueError(f"a measured {record.kind} needs all four metrics, PCC and CCC too")


def _check_labels(record: Record) -> None:
    sessions = [entry.session for entry in record.predictions]
    if len(set(sessions)) < len(sessions):
        twice = sorted({name for name in sessions if sessions.count(name) > 1})
        raise ValueError(f"predictions hold session {twice[0]!r} more than once")
    labelled = [entry.session for entry in record.predictions if entry.label is not None]
    if record.licensed and labelled:
        raise ValueError(
            f"corpus {record.corpus!r} is licensed, so labels must stay out of the record, but "
            f"{len(labelled)} predictions carry one, the first being session {labelled[0]!r}"
        )
    if not record.licensed and len(labelled) < len(sessions):
        bare = next(entry.session for entry in record.predictions if entry.label is None)
        raise ValueError(
            f"session {bare!r} has no label, and corpus {record.corpus!r} is not licensed: give "
            "every label, so that the metrics can be checked, or set licensed"
        )


def _check_metrics(record: Record) -> None:
    if record.licensed or not record.predictions:
        return
    predicted = np.array([entry.prediction for entry in record.predictions])
    # Labels are complete here: `_check_labels` has refused a gap.
    true = np.array([entry.label for entry in record.predictions], dtype=np.float64)
    for name, value in score_metrics(predicted, true).items():
        given = getattr(record.metrics, name)
        if given is None or abs(given - value) > TOLERANCE:
            raise ValueError(
                f"metrics.{name} is {given}, but predictions and labels give {value}: take the "
                "metrics from adabench.evaluation.score_metrics on the predictions stored here"
            )
