"""Names that a reader takes for another one: look-alikes of letters, and of whole names.

Unicode has thousands of signs that are drawn like a Latin letter, so it is listed which signs a name
may have, and not which it may not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from adabench.data.plain import printable
from adabench.evaluation.controls import CONTROLS
from adabench.records.schema.record import Record

# Letters of other scripts that are drawn like a Latin one: the commonest of Unicode's confusables.
_LATIN: Final = str.maketrans(
    "АВЕЅІЈКМНОРСТУҮХЗԌԚԜаеѕіјкмнорстухвгԁԛԝһѵӏь" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹαβγεηικνορτυχϲϳω" + "ՕՍԼոսցհօզ",
    "ABESIJKMHOPCTYYX3GQWaesijkmhopctyxbrdqwhvlb" + "ABEZHIKMNOPTYXCabyenikvoptuxcjw" + "OULnugho3",
)
_DRAWN_ALIKE: Final = str.maketrans("ıøđłħ01|!i", "lodlhollll")
_PAIRS: Final = (("rn", "m"), ("vv", "w"))

# Latin letters that are more than an ASCII one with marks; each stays itself in a skeleton, or is
# translated to what it looks like.
_LATIN_LETTERS: Final = frozenset("ßæœøđłħıÆŒØĐŁĦ")
# Greek ones stand in formulas, and a skeleton translates those that look like Latin.
_GREEK_LETTERS: Final = frozenset("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρςστυφχψω")
# The beginnings of Unicode's names for letters of scripts that look like no Latin ones.
_UNLIKE_LATIN: Final = (
    "CJK UNIFIED IDEOGRAPH",
    "HIRAGANA LETTER",
    "KATAKANA LETTER",
    "HANGUL SYLLABLE",
)
_SIGNS: Final = frozenset("‘’“”·×")
_WORD: Final = re.compile(r"[^\W_]+")

#: Names that no method may have.
RESERVED: Final = (*CONTROLS, "bound")
_PROTOCOLS: Final = ("official", "train+dev")


def skeleton(name: str) -> str:
    """Return what remains of a name when case, accents, punctuation and look-alikes are left out.

    >>> skeleton("Dep-MAP") == skeleton("dep \u039cAP") == skeleton("DepM\u0410P")
    True
    """
    # Decomposed first: the table has letters without marks.
    latin = unicodedata.normalize("NFKD", name).translate(_LATIN).casefold()
    bare = "".join(sign for sign in latin if sign.isalnum() or sign in "|!")
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
        yield from _strange_reasons(field, getattr(record, field) or "")
    known = {field: {getattr(other, field) for other in others} for field in ("method", "config")}
    yield from _alike(record, "method", known["method"])
    if record.kind == "method":
        yield from _reserved(record.method)
    for field, names in (("config", known["config"]), ("protocol", set(_PROTOCOLS))):
        # Configs of one method differ in punctuation and digits alone, so ASCII is left to its writer.
        if not (getattr(record, field) or "").isascii():
            yield from _alike(record, field, names)


def _strange_reasons(field: str, name: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFKC", name)
    strange = {sign for sign in plain if not _is_known(sign)} | set(_beside_latin(plain))
    latin = any(sign.isascii() and sign.isalpha() for sign in plain)
    if strange and latin and all(sign.isalpha() for sign in strange):
        scripts = {unicodedata.name(sign, "unknown").split()[0].lower() for sign in strange}
        yield (
            f"{field} {name!a} mixes Latin letters with {', '.join(sorted(scripts))} ones, which "
            "look alike; write it in one script, or put a blank between the two"
        )
    elif strange:
        yield (
            f"{field} {name!a} has signs that can be taken for others, "
            f"{', '.join(ascii(sign) for sign in sorted(strange))}; write it in Latin, Greek, Chinese, "
            "Japanese or Korean letters and plain signs"
        )


def _beside_latin(name: str) -> Iterator[str]:
    """Yield letters of other scripts that stand in one word with Latin ones: a stroke is no l there."""
    for word in _WORD.findall(name):
        if any(sign.isascii() and sign.isalpha() for sign in word):
            yield from (sign for sign in word if _is_unlike_latin(sign))


def _is_unlike_latin(sign: str) -> bool:
    return unicodedata.name(sign, "").startswith(_UNLIKE_LATIN)


def _is_known(sign: str) -> bool:
    """Whether a sign is one that a name may have; it is in the form NFKC."""
    if sign.isascii() or sign in _SIGNS or unicodedata.category(sign) == "Pd":
        return True
    base = unicodedata.normalize("NFKD", sign)[0]
    if sign.isalpha() and (base in _LATIN_LETTERS or base.isascii() or base in _GREEK_LETTERS):
        return True
    return _is_unlike_latin(sign)


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
