"""Readers of raw corpora, by name.

A corpus's name says its layout. A generated corpus is written in several, so it has several names:
``synthface`` and ``synthface2013`` are the readers of AVEC's layouts for folders that hold the
generator's record, which is what says that their labels are nobody's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

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
from adabench.data.corpora.layout import near, read_layout
from adabench.data.corpora.table import TableReader

__all__ = [
    "CORPORA",
    "Avec2013Reader",
    "Avec2014Reader",
    "CorpusReader",
    "ExpressionsReader",
    "OpenFaceFiles",
    "Problem",
    "Scan",
    "SourceClip",
    "TableReader",
    "find_reader",
    "read_layout",
]

_AVEC = ("labels", "openface", "splits", "video_pattern", "label_pattern")
_GENERATED: dict[str, Any] = {"licensed": False, "record": "synthface.json"}


class RegisteredCorpus(NamedTuple):
    """What makes a corpus's reader, and the options that a user may set."""

    make: Callable[..., CorpusReader]
    options: tuple[str, ...]


CORPORA = {
    "avec2013": RegisteredCorpus(Avec2013Reader, _AVEC),
    "avec2014": RegisteredCorpus(Avec2014Reader, (*_AVEC, "tasks")),
    "table": RegisteredCorpus(TableReader, ("labels", "openface", "splits", "name", "licensed")),
    "synthface": RegisteredCorpus(
        partial(Avec2014Reader, "synthface", **_GENERATED), (*_AVEC, "tasks")
    ),
    "synthface2013": RegisteredCorpus(
        partial(Avec2013Reader, "synthface2013", **_GENERATED), _AVEC
    ),
    "expressions": RegisteredCorpus(ExpressionsReader, ("splits",)),
}


def find_reader(name: str, /, **options: Any) -> CorpusReader:
    """The reader of the corpus ``name``.

    Args:
        name: in ``CORPORA``.
        options: see :func:`read_layout`; None leaves an option as it is.

    Raises:
        ValueError: there is none, or it has no such option, or a value is wrong; the message lists
            those that exist.
    """
    if name not in CORPORA:
        raise ValueError(f"no reader for the corpus {name!r}{near(name, CORPORA)}")
    make, known = CORPORA[name]
    given = {key: value for key, value in options.items() if value is not None}
    for option in given:
        if option not in known:
            raise ValueError(f"the corpus {name!r} has no option {option!r}{near(option, known)}")
    if given.get("name") in CORPORA and given["name"] != name:
        raise ValueError(f"name: {given['name']!r} is another corpus: choose a name of your own")
    return make(**given)
