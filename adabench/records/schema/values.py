"""What a value in a record may be, and what a section of one is."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

Correlation = Annotated[float, Field(ge=-1, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]
#: In points of the scale; no prediction lies that far off, and no scale reaches there.
Points = Annotated[float, Field(gt=-1e4, lt=1e4)]
Distance = Annotated[float, Field(ge=0, lt=1e4)]
Seconds = Annotated[float, Field(ge=0, le=1e9)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
Amount = Annotated[float, Field(ge=0, le=1e18)]
METRIC_NAMES = ("RMSE", "MAE", "PCC", "CCC")
MetricName = Literal["RMSE", "MAE", "PCC", "CCC"]
# These become names of folders and must not lead elsewhere.
TrackName = Annotated[str, Field(max_length=100, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
#: Free text of one line or more.
Text = Annotated[str, Field(min_length=1)]
FileName = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
MeasureName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9 ._@/+-]{0,63}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Interval = tuple[Points, Points]
Slope = Annotated[float, Field(ge=-1e12, le=1e12)]

#: Unknown fields are refused, numbers are finite, nothing can be assigned.
STRICT: Final = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Part(BaseModel):
    """A section."""

    model_config = STRICT


class Grown(Part):
    """A section with fields that came later.

    These are not written at their default, so that what was written before keeps its checksum.
    """

    _LATER: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        return {
            name: value
            for name, value in content.items()
            if name not in self._LATER or getattr(self, name) != fields[name].default
        }
