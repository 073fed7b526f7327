"""The scale of the labels as a record holds it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import (
    model_validator,
)

from adabench.evaluation import scale as scales
from adabench.records.schema.plain import Name
from adabench.records.schema.values import Grown, Part, Points


class Level(Part):
    """A level of severity and its lowest score, in points."""

    name: Name
    low: Points


class Scale(Grown):
    """The scale of the labels, whole, so that checking a record needs no corpus.

    Attributes:
        low, high: its ends, in points, both reached.
        levels: from the mildest on; the first begins at ``low``.
        unit: what one step is called after the name.
        whole: whether labels are whole numbers.
        classes: whether the levels are two classes, and a prediction the probability of the second.
    """

    _LATER: ClassVar[frozenset[str]] = frozenset(("unit", "whole", "classes"))

    name: Name
    low: Points
    high: Points
    levels: list[Level] = []
    unit: str = "points"
    whole: bool = True
    classes: bool = False

    @property
    def points(self) -> str:
        """Its unit with its name, e.g. ``BDI-II points``."""
        return f"{self.name} {self.unit}".strip()

    @model_validator(mode="after")
    def _check_order(self) -> Scale:
        if self.low >= self.high:
            raise ValueError(f"scale {self.name!r} ends at {self.high:g}, not above {self.low:g}")
        lows = [level.low for level in self.levels]
        if lows and (lows != sorted(set(lows)) or lows[0] != self.low or lows[-1] > self.high):
            raise ValueError(
                f"levels of scale {self.name!r} begin at {lows}; expected rising numbers from "
                f"{self.low:g} to at most {self.high:g}"
            )
        return self


def scale_form(scale: scales.Scale) -> Scale:
    """Return a corpus's scale as records hold it."""
    return Scale(
        name=scale.name,
        low=scale.low,
        high=scale.high,
        levels=[Level(name=level.name, low=level.low) for level in scale.levels],
        unit=scale.unit,
        whole=scale.whole,
        classes=scale.classes,
    )


def scale_of(form: Scale) -> scales.Scale:
    """Return what a record holds as a scale.

    Raises:
        ValueError: it has no levels.
    """
    levels = tuple(scales.Level(level.name, level.low) for level in form.levels)
    return scales.Scale(form.name, form.low, form.high, levels, form.unit, form.whole, form.classes)


def bdi_ii() -> Scale:
    """Return the scale of records that name none."""
    return scale_form(scales.BDI_II)
