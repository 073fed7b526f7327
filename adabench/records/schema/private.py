"""What of a licensed corpus stays with who holds the licence: all that goes by session or clip.

From many records' predictions and exact metrics the labels follow by least squares, so neither is
public. They lie in a private side file, in the folder ``private`` of the work folder and of the
results folder, which git ignores. The record names it by its sha256; the salt in the file keeps
anybody from testing guesses against that.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from adabench.records.schema.groups import public_groups
from adabench.records.schema.intervals import Conformal
from adabench.records.schema.plain import Name
from adabench.records.schema.rounding import FROM_LABELS, coarse
from adabench.records.schema.sections import (
    Calibration,
    Group,
    Measure,
    Metrics,
    Predictions,
    RelevanceFile,
)
from adabench.records.schema.values import STRICT, Digest, Interval, MeasureName, MetricName, Points


class Private(BaseModel):
    """One run's private side file.

    Attributes:
        salt: 32 random bytes; without them the digest can't be told from a guess.
        predictions: one a session; labels stay in the corpus.
        clips: clip to prediction.
        relevance: the side file of the test clips' relevance, if it is kept.
        metrics, intervals, calibration, conformal, measures, groups: with all their digits.
    """

    model_config = STRICT

    schema_version: Literal[1] = 1
    salt: Digest = Field(default_factory=lambda: secrets.token_hex(32))
    predictions: Predictions
    clips: dict[Name, Points] = {}
    relevance: RelevanceFile | None = None
    metrics: Metrics | None = None
    intervals: dict[MetricName, Interval] = {}
    calibration: Calibration | None = None
    conformal: list[Conformal] = []
    measures: dict[MeasureName, Measure] = {}
    groups: dict[Name, Group] = {}

    def content(self) -> bytes:
        """Return the file's bytes."""
        # They came later: a file of before keeps its digest.
        left_out = {name for name in ("groups", "conformal") if not getattr(self, name)}
        return (self.model_dump_json(indent=1, exclude=left_out) + "\n").encode()

    def digest(self) -> str:
        """Return what a record names the file by."""
        return hashlib.sha256(self.content()).hexdigest()


def divided(content: Mapping[str, Any]) -> tuple[dict[str, Any], Private]:
    """Divide the fields of a licensed corpus's record into public ones and the private file.

    Calibration is left out whole: a bias and a mean prediction give the sum of the labels, and the
    sums of two tests that differ by one session give that session's label. So are measures: what a
    metric of somebody's own tells of labels nobody can bound; and how many labels lie within known
    intervals bounds each of them. Relevance is measured by severity
    level, on how many clips of each, and no licensed corpus has key frames: it isn't kept at all.

    Args:
        content: field to value, as for `Record`, with predictions that carry no label.

    Returns:
        The public fields, numbers from labels at two decimals and the private file's digest among
        them, and the private file.
    """
    private = Private(
        predictions=content["predictions"],
        clips=content.get("clips", {}),
        relevance=content.get("relevance"),
        metrics=content["metrics"],
        intervals=content.get("intervals", {}),
        calibration=content.get("calibration"),
        conformal=content.get("conformal", []),
        measures=content.get("measures", {}),
        groups=content.get("groups", {}),
    )
    left_out = (
        *("predictions", "clips", "relevance", "calibration", "conformal"),
        *("measures", "relevance_measures"),
    )
    public = {name: value for name, value in content.items() if name not in left_out}
    public["groups"] = public_groups(private.groups, len(private.predictions))
    for name in FROM_LABELS:
        if name in public:
            public[name] = coarse(_plain(public[name]))
    return {**public, "private": private.digest()}, private


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return value
