"""Scales of scores: what a corpus's labels mean. A corpus that names none has the BDI-II's."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

_REQUIRED = ("name", "low", "high", "levels")


@dataclass(frozen=True)
class Level:
    """A level of severity, or a class, and its lowest score."""

    name: str
    low: float


@dataclass(frozen=True)
class Scale:
    """The scale of a corpus's scores.

    Attributes:
        name: e.g. ``PHQ-8``.
        low, high: its ends, both reached.
        levels: two or more, from the mildest on; the first begins at ``low``.
        unit: what one step is called after the name (``PHQ-8 points``).
        whole: whether scores are whole numbers.
        classes: whether the levels are two classes, with 0 and 1 as their scores; a prediction is
            then the probability of the second.

    Raises:
        ValueError: the message names the field.
    """

    name: str
    low: float
    high: float
    levels: tuple[Level, ...]
    unit: str = "points"
    whole: bool = True
    classes: bool = False

    def __post_init__(self) -> None:
        lows = [level.low for level in self.levels]
        names = [level.name for level in self.levels]
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"{self._is}: high is {self.high:g}, not above low, {self.low:g}")
        if len(lows) < 2:
            raise ValueError(f"{self._is}: expected two levels or more, got {len(lows)}")
        if len(set(names)) < len(names) or "" in names:
            raise ValueError(f"{self._is}: levels: each needs a name of its own, got {names}")
        if lows != sorted(set(lows)) or lows[0] != self.low or lows[-1] > self.high:
            raise ValueError(
                f"{self._is}: levels begin at {lows}; expected rising numbers from {self.low:g} to "
                f"at most {self.high:g}"
            )
        if self.whole and any(value != int(value) for value in (*lows, self.high)):
            raise ValueError(f"{self._is}: its scores are whole, so ends and levels are too")
        if self.classes and (lows, self.high) != ([0, 1], 1):
            raise ValueError(f"{self._is}: expected two classes, got {len(lows)}")

    @classmethod
    def of_classes(cls, name: str, names: tuple[str, ...]) -> Scale:
        """Return the scale of two classes, with 0 and 1 as their scores.

        Raises:
            ValueError: not two names.
        """
        levels = tuple(Level(each, number) for number, each in enumerate(names))
        high = max(len(names) - 1, 1)
        return cls(name, 0, high, levels, unit="probability", classes=True)

    @property
    def _is(self) -> str:
        return f"scale {self.name!r}"

    @property
    def points(self) -> str:
        """Its unit with its name, e.g. ``BDI-II points``."""
        return f"{self.name} {self.unit}".strip()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the levels."""
        return tuple(level.name for level in self.levels)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The lowest score of each level but the first."""
        return tuple(level.low for level in self.levels[1:])

    @property
    def expected(self) -> str:
        """What a score is, for messages: ``an integer from 0 to 63``."""
        return f"{'an integer' if self.whole else 'a number'} from {self.low:g} to {self.high:g}"

    def holds(self, score: float) -> bool:
        """Whether ``score`` may be a label."""
        inside = self.low <= score <= self.high
        return inside and (not self.whole or score == int(score))

    def parse(self, text: str) -> float:
        """Return the score that ``text`` writes; an int where scores are whole.

        Raises:
            ValueError: it is none of this scale.
        """
        try:
            score = int(text) if self.whole else float(text)
        except ValueError:
            score = math.nan
        if not self.holds(score):
            raise ValueError(f"expected {self.expected}, got {text!r}")
        return score

    def level(self, score: ArrayLike) -> NDArray[np.int64]:
        """Return the numbers of the levels of scores of any shape, in the same shape.

        A score belongs to the last level whose lowest score it has reached (13.9 of the BDI-II is
        minimal).

        Raises:
            ValueError: a score off the scale, or not a number.

        >>> BDI_II.level([13, 14, 28, 29])
        array([0, 1, 2, 3])
        """
        values = np.asarray(score, dtype=np.float64)
        outside = ~((values >= self.low) & (values <= self.high))
        if outside.any():
            raise ValueError(
                f"a {self.name} score lies in [{self.low:g}, {self.high:g}], but "
                f"{int(outside.sum())} of {values.size} do not, the first being "
                f"{values[outside].flat[0]}; clip predictions before asking for their level"
            )
        return np.searchsorted(self.thresholds, values, side="right").astype(np.int64)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON and TOML hold it; `scale_from` reads that."""
        if self.classes:
            return {"name": self.name, "classes": list(self.names)}
        return {**dataclasses.asdict(self), "levels": [vars(level) for level in self.levels]}


def scale_from(content: Mapping[str, Any]) -> Scale:
    """Return the scale that plain values describe.

    Args:
        content: ``name``, ``low``, ``high``, ``levels`` (a list of ``name`` and ``low`` each), perhaps
            ``unit`` and ``whole``; or ``name`` and ``classes``, the two names.

    Raises:
        ValueError: a key or a value that is none.
    """
    fields = dict(content)
    classes = fields.pop("classes", False)
    if classes and set(fields) == {"name"}:
        return Scale.of_classes(_text(fields, "name"), tuple(_names(classes)))
    known = {field.name for field in dataclasses.fields(Scale)} - {"classes"}
    for key in fields:
        if key not in known:
            raise ValueError(f"scale: unknown key {key!r}{_near(key, known)}")
    missing = [key for key in _REQUIRED if key not in fields]
    if missing or classes:
        told = f"{', '.join(missing)} missing" if missing else "classes beside low, high or levels"
        raise ValueError(
            f"scale: {told}; expected {', '.join(_REQUIRED)}, or name and classes alone"
        )
    levels = fields.pop("levels")
    if not (isinstance(levels, list) and all(_is_level(level) for level in levels)):
        raise ValueError(f"scale: levels: expected a list of name and low each, got {levels!r}")
    for key, kind in (("low", (int, float)), ("high", (int, float)), ("whole", bool)):
        if not isinstance(fields.get(key, False), kind):
            raise ValueError(f"scale: {key}: expected a number or true/false, got {fields[key]!r}")
    for key in ("name", *({"unit"} & fields.keys())):
        _text(fields, key)
    return Scale(**fields, levels=tuple(Level(**level) for level in levels))


def _text(fields: Mapping[str, Any], key: str) -> str:
    if not (isinstance(fields[key], str) and fields[key]):
        raise ValueError(f"scale: {key}: expected a text, got {fields[key]!r}")
    return str(fields[key])


def _names(classes: Any) -> list[str]:
    if not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
        raise ValueError(f"scale: classes: expected a list of two names, got {classes!r}")
    return classes


def _is_level(level: Any) -> bool:
    return (
        isinstance(level, dict)
        and level.keys() == {"name", "low"}
        and isinstance(level["name"], str)
        and isinstance(level["low"], (int, float))
    )


def _near(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"{hint}; there are: {', '.join(sorted(known))}"


def _levels(**lows: float) -> tuple[Level, ...]:
    return tuple(Level(name.replace("_", " "), low) for name, low in lows.items())


#: Beck, Steer and Brown 1996.
BDI_II: Final = Scale("BDI-II", 0, 63, _levels(minimal=0, mild=14, moderate=20, severe=29))

#: Kroenke et al. 2009.
PHQ_8: Final = Scale(
    "PHQ-8", 0, 24, _levels(minimal=0, mild=5, moderate=10, moderately_severe=15, severe=20)
)

SCALES: Final = {"bdi-ii": BDI_II, "phq-8": PHQ_8}

#: Of generated corpora: the BDI-II's range and levels, and no score of anybody.
DRAWN_SCORE: Final = dataclasses.replace(BDI_II, name="drawn score")
