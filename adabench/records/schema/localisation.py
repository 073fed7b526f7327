"""The section of a record that tells how well relevance finds key frames, and how sections are joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import Field, model_validator

from adabench.evaluation.localisation import MEASURES, MeanLocated
from adabench.records.schema.values import Part, Share

#: Digits that are kept; a mean over clips has no more.
_DIGITS = 6


class Located(Part):
    """A measure, mean over clips.

    Attributes:
        chance: of the method's own relevance, shifted round each clip, mean over the shifts.
        ceiling: the best that is known of what the method's units allow. Neither is known of a
            record of an older schema version.
    """

    value: Share
    chance: Share | None = None
    ceiling: Share | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Located:
        if self.ceiling is not None and self.value > self.ceiling:
            raise ValueError(
                f"value {self.value} lies above {self.ceiling}, which the units allow at most"
            )
        return self


class Localisation(Part):
    """How well relevance finds key frames: `adabench.evaluation.localisation.MEASURES`.

    Attributes:
        clips: over which these are means: those with key frames and others; None if not known.
    """

    clips: Annotated[int, Field(ge=1, le=10**9)] | None = None
    roc_area: Located
    pr_area: Located | None = None
    pointing: Located | None = None
    share: Located | None = None


def localisation_form(found: MeanLocated) -> Localisation:
    """Return what was measured as a record holds it."""
    told = {
        name: Located.model_validate(
            {part: round(value, _DIGITS) for part, value in numbers._asdict().items()}
        )
        for name, numbers in found.measures.items()
    }
    return Localisation(clips=found.clips, **told)


def joined_localisation(
    members: Sequence[tuple[Mapping[str, Localisation], int]],
) -> dict[str, Localisation]:
    """Return the means over all clips of runs that tested other clips.

    Args:
        members: what each run's record tells, and how many clips to count where it doesn't say.
    """
    joined: dict[str, Localisation] = {}
    for label in dict.fromkeys(label for told, _ in members for label in told):
        own = [(told[label], clips) for told, clips in members if label in told]
        weights = [one.clips or clips for one, clips in own]
        known = all(one.clips is not None for one, _ in own)
        measures = {
            name: _mean_of([getattr(one, name) for one, _ in own], weights) for name in MEASURES
        }
        told = {name: located for name, located in measures.items() if located is not None}
        joined[label] = Localisation(clips=sum(weights) if known else None, **told)
    return joined


def _mean_of(members: Sequence[Located | None], weights: Sequence[int]) -> Located | None:
    """Return the weighted mean; None where a member lacks the measure, and so for each part."""
    parts = {
        part: _weighted([None if one is None else getattr(one, part) for one in members], weights)
        for part in Located.model_fields
    }
    return None if parts["value"] is None else Located.model_validate(parts)


def _weighted(values: Iterable[float | None], weights: Sequence[int]) -> float | None:
    pairs = list(zip(values, weights, strict=True))
    known = [(value, weight) for value, weight in pairs if value is not None]
    if len(known) < len(pairs):
        return None
    total = sum(value * weight for value, weight in known)
    return round(total / sum(weights), _DIGITS)
