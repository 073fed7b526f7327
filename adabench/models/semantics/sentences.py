"""Sentences about a face, made of its action units (Ekman and Friesen's FACS names)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from adabench.structures import Signals

#: FACS names of the action units that OpenFace, or a trunk's own head, may report.
AU_NAMES: dict[int, str] = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    10: "upper lip raiser",
    11: "nasolabial deepener",
    12: "lip corner puller",
    14: "dimpler",
    15: "lip corner depressor",
    16: "lower lip depressor",
    17: "chin raiser",
    18: "lip puckerer",
    20: "lip stretcher",
    22: "lip funneler",
    23: "lip tightener",
    24: "lip pressor",
    25: "lips part",
    26: "jaw drop",
    27: "mouth stretch",
    28: "lip suck",
    43: "eyes closed",
    45: "blink",
}

#: The sentence of every frame whose action units are not known.
FIXED_SENTENCE = "A photo of a face."
#: The sentence of a frame in which no action unit is present.
NO_AU_SENTENCE = "A photo of a face showing a neutral expression."

MOST_PHRASES = 5

_OPENFACE = re.compile(r"\s*AU(\d+)_([cr])\s*")
_PLAIN = re.compile(r"\s*AU(\d+)\s*")


def au_number(column: str) -> int | None:
    """Return the action unit that a column ``AU<number>`` measures, None for another column."""
    match = _PLAIN.fullmatch(column)
    return int(match[1]) if match and int(match[1]) in AU_NAMES else None


def strongest(intensity: Mapping[int, float]) -> list[int]:
    """Return at most five present action units, the strongest, in the order of their numbers.

    Ordered by number, so that noise between two intensities doesn't make another sentence.
    """
    ranked = sorted(intensity, key=lambda unit: (-intensity[unit], unit))
    return sorted(ranked[:MOST_PHRASES])


def phrases(units: list[int]) -> list[str]:
    """Return the FACS name of each action unit."""
    return [AU_NAMES[unit] for unit in units]


def sentence(units: list[int]) -> str:
    """Return the sentence about a face that shows ``units``.

    >>> sentence([1, 4, 15])
    'A photo of a face showing inner brow raiser, brow lowerer and lip corner depressor.'
    """
    names = phrases(units)
    if not names:
        return NO_AU_SENTENCE
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"A photo of a face showing {listed}."


def openface_columns(names: tuple[str, ...]) -> dict[str, dict[int, int]]:
    """Return the column of each action unit's presence (``c``) and intensity (``r``)."""
    columns: dict[str, dict[int, int]] = {"c": {}, "r": {}}
    for position, name in enumerate(names):
        match = _OPENFACE.fullmatch(name)
        if match and int(match[1]) in AU_NAMES:
            columns[match[2]][int(match[1])] = position
    return columns


def openface_sentences(signals: Signals) -> list[str] | None:
    """Return one sentence a frame of one clip (signals (T, S)), or None without OpenFace columns.

    An action unit is present where ``AUxx_c`` is 1; the five strongest by ``AUxx_r`` are named
    (AU28 has no intensity and comes last). A frame that was not measured gets the fixed sentence.
    """
    columns = openface_columns(signals.names)
    if not columns["c"]:
        return None
    values, mask = signals.values.tolist(), signals.mask.tolist()
    return [_openface_sentence(v, m, columns) for v, m in zip(values, mask, strict=True)]


def _openface_sentence(
    values: list[float], mask: list[bool], columns: dict[str, dict[int, int]]
) -> str:
    measured = [unit for unit, at in columns["c"].items() if mask[at]]
    if not measured:
        return FIXED_SENTENCE
    present = [unit for unit in measured if values[columns["c"][unit]] > 0.5]
    rated = columns["r"]
    intensity = {u: values[rated[u]] if u in rated and mask[rated[u]] else 0.0 for u in present}
    return sentence(strongest(intensity))
