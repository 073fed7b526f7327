"""The section of calibrated intervals around single predictions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from adabench.records.schema.plain import Name
from adabench.records.schema.values import Amount, Count, Distance, Part, Share

# Of a share that was written and read.
_ROUNDING = 1e-9


class Covered(Part):
    """How many of some sessions' labels lie within their interval."""

    held: Count
    sessions: Annotated[int, Field(ge=1, le=10**9)]

    @model_validator(mode="after")
    def _check_share(self) -> Covered:
        if self.held > self.sessions:
            raise ValueError(f"{self.held} of {self.sessions} labels can't be held")
        return self


class Conformal(Part):
    """Intervals around single predictions, fitted on sessions that neither trained nor selected.

    Attributes:
        method: the calibrator's type.
        level: share of the labels that they promise to hold.
        fitted_on: sessions that they were fitted on.
        coverage: share of the tested labels that they held.
        coverage_interval: exact, 95 %, sessions being independent.
        width: their mean, points.
        relative_width: over that of the training mean, calibrated alike.
        score: mean interval score, points: the width, and 2/(1 - level) for each point outside.
        constant_score: the same of the training mean.
        by_prediction, by_label: level of severity to coverage, by the prediction's and by the label's.
    """

    method: Name
    level: Share
    fitted_on: Count | None = None
    coverage: Share
    coverage_interval: tuple[Share, Share] | None = None
    width: Distance
    relative_width: Amount | None = None
    score: Amount | None = None
    constant_score: Amount | None = None
    by_prediction: dict[Name, Covered] = {}
    by_label: dict[Name, Covered] = {}

    @model_validator(mode="after")
    def _check_levels(self) -> Conformal:
        for name in ("by_prediction", "by_label"):
            levels = getattr(self, name).values()
            sessions = sum(level.sessions for level in levels)
            held = sum(level.held for level in levels)
            if levels and abs(held / sessions - self.coverage) > _ROUNDING:
                raise ValueError(
                    f"coverage is {self.coverage}, and {name} holds {held} of {sessions} labels"
                )
        return self
