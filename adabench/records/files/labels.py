"""True scores from prepared corpora, for records that may not hold them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adabench.records.schema.record import Record

if TYPE_CHECKING:
    from adabench.data.prepared import PreparedCorpus


@dataclass(frozen=True)
class CorpusLabels:
    """What a prepared corpus says of its sessions.

    Attributes:
        name: the corpus.
        licensed: its labels may not be passed on.
        scores: session to points; a session without a score is left out.
        subjects: session to whose it is.
        prepared: the corpus itself, for whoever divides it again; None where labels alone are known.
    """

    name: str
    licensed: bool
    scores: Mapping[str, float]
    subjects: Mapping[str, str]
    prepared: PreparedCorpus | None = None

    @property
    def clips(self) -> set[str]:
        """The names of its clips."""
        return {clip.clip for clip in self.prepared.clips} if self.prepared is not None else set()


def read_labels(folders: Iterable[str | os.PathLike[str]]) -> dict[str, CorpusLabels]:
    """Read the labels of prepared corpora: corpus checksum to what its manifest says.

    Raises:
        FileNotFoundError: a folder holds no complete corpus.
        ValueError: its description or manifest is damaged.
    """
    corpora = [_open(folder) for folder in folders]
    return {corpus.checksum: _labels(corpus) for corpus in corpora}


def labels_for(
    records: Sequence[Record], corpora: Mapping[str, CorpusLabels]
) -> Mapping[str, float] | None:
    """The scores of the sessions that the records were tested on, or None if none are at hand."""
    for record in records:
        found = corpora.get(record.corpus_checksum or "")
        if found is not None:
            return found.scores
    return None


def _open(folder: str | os.PathLike[str]) -> PreparedCorpus:
    # Importing what reads frames and tables would slow down all that needs no corpus.
    from adabench.data.prepared import PreparedCorpus

    return PreparedCorpus.open(folder)


def _labels(corpus: PreparedCorpus) -> CorpusLabels:
    return CorpusLabels(
        name=corpus.name,
        licensed=corpus.licensed,
        scores={clip.session: float(clip.score) for clip in corpus.clips if clip.score is not None},
        subjects={clip.session: clip.subject for clip in corpus.clips},
        prepared=corpus,
    )
