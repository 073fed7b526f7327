"""Readers of raw corpora, by name.

A corpus's name says its layout. A generated corpus is written in several, so it has several names. A
plugin adds a reader of its own: a `CorpusReader`, registered in ``CORPORA`` by its name.
"""

from __future__ import annotations

from typing import Any

from adabench.data.corpora.avec2013 import Avec2013Reader
from adabench.data.corpora.avec2014 import Avec2014Reader
from adabench.data.corpora.base import (
    CorpusReader,
    OpenFaceFiles,
    Problem,
    Scan,
    SourceClip,
)
from adabench.data.corpora.expressions import ExpressionsReader
from adabench.data.corpora.generated import Synthface2013Reader, SynthfaceReader
from adabench.data.corpora.layout import near, read_layout
from adabench.data.corpora.table import TableReader
from adabench.registry import CORPORA

__all__ = [
    "Avec2013Reader",
    "Avec2014Reader",
    "CorpusReader",
    "ExpressionsReader",
    "OpenFaceFiles",
    "Problem",
    "Scan",
    "SourceClip",
    "Synthface2013Reader",
    "SynthfaceReader",
    "TableReader",
    "find_reader",
    "is_own",
    "options_of",
    "read_layout",
]


def is_own(name: str) -> bool:
    """Whether a corpus's reader is one of the repository's, so that no plugin is asked for it."""
    kind = CORPORA.module_dict.get(name)
    return kind is not None and kind.__module__.startswith(f"{__name__}.")


def options_of(name: str) -> tuple[str, ...]:
    """The options that a user may set of the reader of the corpus ``name``; errors as `find_reader`."""
    return _kind(name).option_names()


def find_reader(name: str, /, **options: Any) -> CorpusReader:
    """The reader of the corpus ``name``.

    Args:
        name: in ``CORPORA``.
        options: the reader's own, see :func:`options_of`; None leaves one as it is.

    Raises:
        ValueError: there is none, or it has no such option, or a value is wrong; the message lists
            those that exist.
    """
    kind = _kind(name)
    known = kind.option_names()
    given = {key: value for key, value in options.items() if value is not None}
    for option in given:
        if option not in known:
            raise ValueError(f"the corpus {name!r} has no option {option!r}{near(option, known)}")
    if given.get("name") in CORPORA.module_dict and given["name"] != name:
        raise ValueError(f"name: {given['name']!r} is another corpus: choose a name of your own")
    reader = kind(**given)
    reader._given = given
    if "name" not in given and reader.name != name:
        raise ValueError(
            f"{kind.__name__}.name is {reader.name!r}, but it is registered as the corpus {name!r}: "
            "give both the same name"
        )
    return reader


def _kind(name: str) -> type[CorpusReader]:
    kind = CORPORA.module_dict.get(name)
    if kind is None:
        raise ValueError(f"no reader for the corpus {name!r}{near(name, CORPORA.module_dict)}")
    if not issubclass(kind, CorpusReader):
        raise ValueError(
            f"the corpus {name!r}: {kind.__name__} is no adabench.data.corpora.CorpusReader"
        )
    return kind
