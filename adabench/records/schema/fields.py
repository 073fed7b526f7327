"""The fields of a result record: what each is called, and in which range."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from adabench.records.schema.intervals import Conformal
from adabench.records.schema.localisation import Localisation
from adabench.records.schema.plain import Name
from adabench.records.schema.scale import Scale
from adabench.records.schema.sections import (
    AgainstConstant,
    Calibration,
    Code,
    Contract,
    Cost,
    Counts,
    Decoy,
    Flags,
    Group,
    Load,
    Measure,
    Measured,
    Metrics,
    Predictions,
    RelevanceFile,
    Reported,
    Selection,
    StageUse,
    View,
)
from adabench.records.schema.values import (
    Count,
    Digest,
    FileName,
    Grown,
    Interval,
    MeasureName,
    MetricName,
    Points,
    Seconds,
    Seed,
    Share,
    TrackName,
)

SCHEMA_VERSION: Final = 4


class RecordFields(Grown):
    """One row of the leaderboard, each field checked by itself.

    Attributes:
        written_in: the schema version of a record from before runs told their draw, kept when it is
            written anew; None of all others.
        kind: a method, a control (the constant, shuffled labels) or a bound of the generator.
        method: the method's name; `CONSTANT` for the constant predictor.
        config: the config's name; for a reported row, the row's name in its table.
        config_hash: hash of the resolved config **without its seed**, so that seeds can be merged.
        overrides: the ``--cfg-options`` of the run, as typed.
        code: a part's type to its code, for parts from outside the repository.
        corpus_checksum: checksum of the prepared corpus's manifest.
        licensed: the corpus's labels may not be passed on, nor what they could be computed from.
        draw, family, world: of a generated corpus, its number among the draws of a family, which is
            a hash of the generator's settings without chance, and what its faces' behaviour follows.
        protocol: which splits were trained on, selected on and tested on.
        fusion: how a session's tasks become one score; ``none`` on a track with one task.
        stages: what was trained before the method.
        caches: names of the folders of features and semantic vectors that were read.
        kept_share: share of the units that the selector kept.
        clip_metrics: the same over the clips, each against its session's label, where one model scored
            several tasks (``joint``); the metrics and all else are over sessions.
        intervals: metric to its 95 % bootstrap interval over persons; empty for one person.
        counts: sessions, persons and clips that were tested.
        predictions: one entry a session, no session twice; a bound or reported row has none.
        clips: clip to prediction, points.
        private: sha256 of the private side file of a licensed corpus's run (`records.schema.private`).
        groups: name to the results over some of the sessions; of a licensed corpus those of which
            nothing follows on few persons, without bias and slope.
        conformal: intervals around single predictions, one entry a calibrator.
        measures: further numbers, by name.
        timing: part of the run to seconds.
        relevance_measures: where key frames are known (a generated corpus), how well the relevance
            finds them: of all units, of each temporal scale (``scale1``, …), and over the clips of
            each severity level.
        against_constant: of a control that reads no face, whether it beats the training mean.
        provenance: name of each file in the record's side folder to its sha256.
        created: ISO 8601 time with its offset from UTC.
    """

    _LATER: ClassVar[frozenset[str]] = frozenset(("written_in",))

    schema_version: Literal[4] = SCHEMA_VERSION
    written_in: Literal[1, 2, 3] | None = None
    kind: Literal["method", "control", "bound"]
    method: Name
    config: Name
    config_hash: Name | None = None
    overrides: list[str] = []
    code: dict[Name, Code] = {}
    track: TrackName
    corpus: Name
    corpus_checksum: Name | None = None
    licensed: bool
    draw: Count | None = None
    family: Name | None = None
    world: Name | None = None
    scale: Scale | None = None
    protocol: Name | None = None
    fusion: Literal["joint", "fused", "none"] | None = None
    seed: Seed | None = None
    stages: list[StageUse] = []
    caches: list[Name] = []
    view: View | None = None
    kept_share: Share | None = None
    selection: Selection | None = None
    metrics: Metrics
    clip_metrics: Metrics | None = None
    intervals: dict[MetricName, Interval] = {}
    counts: Counts | None = None
    predictions: Predictions = []
    clips: dict[Name, Points] = {}
    private: Digest | None = None
    groups: dict[Name, Group] = {}
    calibration: Calibration | None = None
    conformal: list[Conformal] = []
    measures: dict[MeasureName, Measure] = {}
    contract: Contract | None = None
    decoy: Decoy | None = None
    cost: Cost = Cost()
    timing: dict[str, Seconds] = {}
    relevance: RelevanceFile | None = None
    against_constant: dict[Literal["dev", "test"], AgainstConstant] = {}
    relevance_measures: dict[Name, Localisation] = {}
    hardware: dict[str, str | int | float] = {}
    load: Load | None = None
    packages: dict[str, str] = {}
    commit: str | None = None
    clean_tree: bool | None = None
    provenance: dict[FileName, Digest] = {}
    flags: Flags = Flags()
    notes: list[str] = []
    created: str | None = None
    origin: Annotated[Measured | Reported, Field(discriminator="type")]
