"""The result record: what one run found, and all that is needed to judge it.

A record is data that checks itself: unknown fields are refused, its metrics must follow from its
predictions where labels may be stored, and a checksum over its content shows later changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import (
    ModelWrapValidatorHandler,
    PrivateAttr,
    computed_field,
    field_validator,
    model_validator,
)

from adabench.records.schema.consistency import (
    check_clip_metrics,
    check_measured,
    check_metrics,
    check_names,
    check_private,
    check_relevance,
    check_sessions,
)
from adabench.records.schema.fields import SCHEMA_VERSION, RecordFields
from adabench.records.schema.migration import check_version, migrate
from adabench.records.schema.plain import check_plain
from adabench.records.schema.private import Private
from adabench.records.schema.sections import (
    Group,
    Measure,
    Measured,
    Prediction,
    persons_of,
)
from adabench.records.schema.values import Interval, MetricName


class Record(RecordFields):
    """One row of the leaderboard, held together as a whole; `RecordFields` has the fields.

    Of a licensed corpus it holds nothing that goes by session or clip, and numbers at two decimals;
    `entries` gives the predictions where the private side file is at hand.

    Attributes:
        checksum: sha256 over the canonical JSON of everything else, verified wherever it is given.

    A mapping of an older schema version is migrated once its own checksum has been verified.

    Raises:
        pydantic.ValidationError: (a ValueError) naming each field that is wrong.
    """

    # Neither written nor part of the checksum: a record on its way to a file can't take it along.
    _kept: Private | None = PrivateAttr(default=None)

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

    @field_validator("conformal", mode="before")
    @classmethod
    def _listed_conformal(cls, conformal: Any) -> Any:
        # It was one entry or none, and no run wrote one.
        return [] if conformal is None else conformal

    @field_validator("intervals")
    @classmethod
    def _check_intervals(cls, intervals: dict[MetricName, Interval]) -> dict[MetricName, Interval]:
        for name, (low, high) in intervals.items():
            if low > high:
                raise ValueError(f"the interval of {name} is upside down: [{low}, {high}]")
        return intervals

    @model_validator(mode="after")
    def _check_whole(self) -> Record:
        check_names(self)
        check_private(self)
        if isinstance(self.origin, Measured):
            check_measured(self)
        check_sessions(self)
        check_metrics(self)
        check_relevance(self)
        check_clip_metrics(self)
        return self

    @property
    def kept(self) -> Private | None:
        """The private side file, where it is at hand."""
        return self._kept

    def with_private(self, private: Private) -> Record:
        """Return this record with its private side file at hand.

        Raises:
            ValueError: the record names another one.
        """
        if self.private is not None and self.private != private.digest():
            raise ValueError(
                f"the private side file has sha256 {private.digest()}, but the record names "
                f"{self.private}; take the one that was written with it"
            )
        record = self.model_copy()
        record._kept = private
        return record

    @property
    def entries(self) -> list[Prediction]:
        """The predictions by session that are at hand: its own, or those of the private file."""
        return self.predictions if self._kept is None else self._kept.predictions

    @property
    def clip_scores(self) -> dict[str, float]:
        """Clip to prediction, as far as it is at hand."""
        return self.clips if self._kept is None else self._kept.clips

    @property
    def further(self) -> dict[str, Measure]:
        """Measures by name, as far as they are at hand."""
        return {**self.measures} if self._kept is None else {**self._kept.measures}

    @property
    def by_group(self) -> dict[str, Group]:
        """Results by group, as far as they are at hand."""
        return self.groups if self._kept is None else self._kept.groups

    @property
    def sessions(self) -> int:
        """How many sessions were tested; 0 where that is not known."""
        return self.counts.sessions if self.counts is not None else len(self.predictions)

    @property
    def persons(self) -> int:
        """How many persons these are of; 0 where that is not known."""
        return self.counts.persons if self.counts is not None else persons_of(self.predictions)


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
