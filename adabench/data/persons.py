"""Names of persons: which spellings are one person's, and which may be."""

from __future__ import annotations

import copy
import dataclasses
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from adabench.data.plain import BLANK

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from adabench.data.manifest import ClipRecord
    from adabench.data.prepared import PreparedCorpus

# A clip of whatever kind: a dataclass with a field `subject`.
Clip = TypeVar("Clip", bound="DataclassInstance")

_LEADING_ZEROS = re.compile(r"(?<![0-9.,])0+(?=[0-9])")
_NO_FRACTION = re.compile(r"(?<=[0-9])[.,]0*$")
_SHOWN = 8


@dataclass(frozen=True)
class Persons(Generic[Clip]):
    """Clips whose persons have one spelling each.

    Attributes:
        clips: in their order; where spellings were merged, with the most frequent one.
        merged: a line for each person of several spellings.
        asked: a line for each group of names that may be one person's; they were left apart.
    """

    clips: tuple[Clip, ...]
    merged: tuple[str, ...]
    asked: tuple[str, ...]


def person_key(name: str) -> str:
    """Return what all spellings of a person's name have in common; empty for a name of no sign.

    Case, width and composition of letters, signs that can't be seen, and blanks make no person.

    >>> person_key(" ZOE\u0308 \u200b") == person_key("Zo\u00eb")
    True
    """
    text = name
    # Once more, since taking signs out or folding case may leave letters that compose.
    for _ in range(2):
        text = unicodedata.normalize("NFKC", text).casefold()
        unseen = (c for c in text if unicodedata.category(c) in ("Cf", "Cc") and not c.isspace())
        text = BLANK.sub("", text.translate(dict.fromkeys(map(ord, unseen))))
    return " ".join(unicodedata.normalize("NFKC", text).split())


def one_spelling(
    clips: Sequence[Clip], places: Sequence[str], what: str = "clips"
) -> Persons[Clip]:
    """Give each person one spelling, and tell of names that may be one person's.

    Args:
        clips: dataclasses with a field ``subject``.
        places: where each one's name stands, for the lines.
        what: such places are, e.g. ``rows``.
    """
    names: list[str] = [vars(clip)["subject"] for clip in clips]
    counts = Counter(names)
    keys = {name: person_key(name) or name for name in counts}
    chosen = {
        key: min(same, key=lambda name: (-counts[name], name))
        for key, same in _groups(keys).items()
    }
    found: dict[str, list[str]] = {name: [] for name in counts}
    for name, place in zip(names, places, strict=True):
        found[name].append(place)
    merged = [
        f"{_told(same, found, what)} are taken for one person: write one spelling"
        for same in _groups(keys).values()
        if len(same) > 1
    ]
    asked = [
        f"{_told(sorted(chosen[key] for key in same), found, what)}: is it one person? write one spelling"
        for same in _groups({key: _loose(key) for key in chosen}).values()
        if len(same) > 1
    ]
    spelled = (
        clip if chosen[keys[name]] == name else _renamed(clip, chosen[keys[name]])
        for clip, name in zip(clips, names, strict=True)
    )
    return Persons(tuple(spelled), tuple(merged), tuple(asked))


def spell_alike(
    corpora: Sequence[PreparedCorpus],
) -> tuple[list[PreparedCorpus], Persons[ClipRecord]]:
    """Return corpora whose clips name each person one way, and what was found."""
    clips = [clip for corpus in corpora for clip in corpus.clips]
    persons = one_spelling(clips, [clip.clip for clip in clips])
    if not persons.merged:
        return list(corpora), persons
    left = iter(persons.clips)
    spelled = []
    for corpus in corpora:
        renamed = copy.copy(corpus)
        renamed.clips = tuple(islice(left, len(corpus.clips)))
        spelled.append(renamed)
    return spelled, persons


def told_in_records(corpus: str, persons: Persons[ClipRecord], *, asks: bool) -> list[str]:
    """Return what a record says of names of persons, without them.

    Raises:
        ValueError: names that may be one person's, where persons have to be told apart.
    """
    if persons.asked and asks:
        raise ValueError(
            f"protocol: persons of {corpus} can't be told apart, {len(persons.asked)} times: "
            f"{persons.asked[0]} in the corpus, and prepare it again"
        )
    notes = []
    if persons.merged:
        notes.append(
            f"{len(persons.merged)} persons stand under several spellings, and count as one"
        )
    if persons.asked:
        notes.append(
            f"{len(persons.asked)} groups of names may be one person's each, and count apart"
        )
    return notes


def _renamed(clip: Clip, subject: str) -> Clip:
    changed: dict[str, Any] = {"subject": subject}
    return dataclasses.replace(clip, **changed)


def _loose(key: str) -> str:
    """Return a key without what a spreadsheet or a word processor makes of digits and dashes."""
    dashes = "".join("-" if unicodedata.category(c) == "Pd" or c == "\u2212" else c for c in key)
    digits = "".join(str(unicodedata.decimal(c, c)) for c in dashes)
    return _NO_FRACTION.sub("", _LEADING_ZEROS.sub("", digits))


def _groups(keys: Mapping[str, str]) -> dict[str, list[str]]:
    """Return key → names, each sorted."""
    found: dict[str, list[str]] = {}
    for name in sorted(keys):
        found.setdefault(keys[name], []).append(name)
    return found


def _told(names: Sequence[str], found: Mapping[str, Sequence[str]], what: str) -> str:
    """Say where some names stand, e.g. ``rows 3, 7: persons '1' and '01'``."""
    firsts = [found[name][0] for name in names]
    more = sorted((p for name in names for p in found[name][1:]), key=_in_order)
    places = sorted([*firsts, *more[: max(0, _SHOWN - len(firsts))]], key=_in_order)
    rest = len(firsts) + len(more) - len(places)
    return (
        f"{what} {', '.join(places)}{f' and {rest} more' if rest else ''}: persons "
        f"{' and '.join(_visible(names))}"
    )


def _in_order(place: str) -> tuple[int, str]:
    return (int(place) if place.isdecimal() else 0, place)


def _visible(names: Iterable[str]) -> list[str]:
    """Return names in quotes, as escapes where they look alike."""
    shown = [repr(name) for name in names]
    alike = Counter(unicodedata.normalize("NFKC", text) for text in shown)
    return [
        ascii(name) if alike[unicodedata.normalize("NFKC", text)] > 1 else text
        for name, text in zip(names, shown, strict=True)
    ]
