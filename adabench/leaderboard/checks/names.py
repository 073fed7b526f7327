"""Names that a reader takes for another one: look-alikes of letters, and of whole names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from adabench.data.plain import printable
from adabench.evaluation.controls import CONSTANT, SHUFFLED
from adabench.records.record import Record

# Letters of other scripts that are drawn like a Latin one: the commonest of Unicode's confusables.
_LATIN: Final = str.maketrans(
    "АВЕЅІЈКМНОРСТУҮХЗԌԚԜаеѕіјкмнорстухвгԁԛԝһѵӏь" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹαβγεηικνορτυχϲϳω" + "ՕՍԼոսցհօզ",
    "ABESIJKMHOPCTYYX3GQWaesijkmhopctyxbrdqwhvlb" + "ABEZHIKMNOPTYXCabyenikvoptuxcjw" + "OULnugho3",
)
_DRAWN_ALIKE: Final = str.maketrans("ıɑɡɩʀʟøđłħ01|!i", "laglrlodlhollll")
_PAIRS: Final = (("rn", "m"), ("vv", "w"))

# Scripts beside Latin in one name: Greek stands in formulas, the others look like no Latin letter.
_BESIDE_LATIN: Final = frozenset(("LATIN", "GREEK", "CJK", "HIRAGANA", "KATAKANA", "HANGUL"))

#: Names that no method may have.
RESERVED: Final = (CONSTANT, SHUFFLED, "bound")
_PROTOCOLS: Final = ("official", "train+dev")


def skeleton(name: str) -> str:
    """Return what remains of a name when case, accents, punctuation and look-alikes are left out.

    >>> skeleton("Dep-MAP") == skeleton("dep \u039cAP") == skeleton("DepM\u0410P")
    True
    """
    latin = unicodedata.normalize("NFKC", name).translate(_LATIN).casefold()
    bare = "".join(
        sign for sign in unicodedata.normalize("NFKD", latin) if sign.isalnum() or sign in "|!"
    )
    alike = bare.translate(_DRAWN_ALIKE)
    for pair, single in _PAIRS:
        alike = alike.replace(pair, single)
    return alike


def name_reasons(record: Record, others: Iterable[Record]) -> Iterator[str]:
    """Yield why a record's names would be taken for others.

    Args:
        record: that is to stand in the tables.
        others: that stand there, reported ones too.
    """
    others = list(others)
    for field in ("method", "config", "protocol", "corpus"):
        yield from _script_reasons(field, getattr(record, field) or "")
    known = {field: {getattr(other, field) for other in others} for field in ("method", "config")}
    yield from _alike(record, "method", known["method"])
    if record.kind == "method":
        yield from _reserved(record.method)
    for field, names in (("config", known["config"]), ("protocol", set(_PROTOCOLS))):
        # Configs of one method differ in punctuation and digits alone, so ASCII is left to its writer.
        if not (getattr(record, field) or "").isascii():
            yield from _alike(record, field, names)


def _script_reasons(field: str, name: str) -> Iterator[str]:
    scripts = {
        unicodedata.name(letter, "UNKNOWN").split()[0]
        for letter in unicodedata.normalize("NFKC", name)
        if letter.isalpha()
    }
    strange = sorted(scripts - _BESIDE_LATIN)
    if "LATIN" in scripts and strange:
        yield (
            f"{field} {name!a} mixes Latin letters with {', '.join(strange).lower()} ones, which "
            "look alike; write it in one script"
        )


def _alike(record: Record, field: str, names: Iterable[str]) -> Iterator[str]:
    own = getattr(record, field)
    names = set(names)
    if own in names:
        return
    found = sorted(name for name in names if skeleton(name) == skeleton(own))
    if found:
        yield (
            f"{field} {own!a} looks like {printable(found[0])!r}, which stands in the tables; "
            "write it the same way, or choose another name"
        )


def _reserved(method: str) -> Iterator[str]:
    kinds = {skeleton(name) for name in RESERVED}
    if skeleton(method) in kinds or skeleton(method.partition(":")[0]) in kinds:
        yield f"method {method!a} is the name of a control or a bound; choose another name"
