"""Readers of raw corpora, by name."""

from __future__ import annotations

import difflib

from adabench.data.corpora.avec2014 import Avec2014Reader
from adabench.data.corpora.base import CorpusReader, Problem, Scan, SourceClip
from adabench.data.corpora.expressions import ExpressionsReader

__all__ = [
    "CORPORA",
    "Avec2014Reader",
    "CorpusReader",
    "ExpressionsReader",
    "Problem",
    "Scan",
    "SourceClip",
    "find_reader",
]

CORPORA: dict[str, CorpusReader] = {
    reader.name: reader
    for reader in (
        Avec2014Reader(),
        Avec2014Reader("synthface", licensed=False, record="synthface.json"),
        ExpressionsReader(),
    )
}


def find_reader(name: str) -> CorpusReader:
    """The reader of the corpus ``name``.

    Raises:
        ValueError: there is none; the message lists those that exist.
    """
    try:
        return CORPORA[name]
    except KeyError:
        near = difflib.get_close_matches(name, CORPORA, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        known = ", ".join(sorted(CORPORA))
        raise ValueError(f"no reader for the corpus {name!r}{hint}; there are: {known}") from None
