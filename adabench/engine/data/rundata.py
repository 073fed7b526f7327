"""The data of a run: its corpus, opened once, and who is trained on, selected on and tested."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from adabench.config.experiment import Experiment
from adabench.config.fields.protocols import CrossCorpusSection
from adabench.config.preparations import source_data
from adabench.data.prepared import PreparedCorpus
from adabench.data.protocol import Parts, divide, shuffle_labels
from adabench.data.tracks import get_track
from adabench.engine.data.corpora import ensure_corpus

Timer = Callable[[str], AbstractContextManager[Any]]


def untimed(part: str) -> AbstractContextManager[Any]:
    """Time nothing."""
    del part
    return nullcontext()


@dataclass(frozen=True)
class RunData:
    """What a run reads.

    Attributes:
        corpus: whose clips are tested, and unless ``divided.source`` is there, learnt from.
        divided: the clips by what they serve, with their labels as they are.
        parts: the same as the run sees them: a control's training labels are dealt out anew.
    """

    corpus: PreparedCorpus
    divided: Parts
    parts: Parts

    def seen_by(self, experiment: Experiment) -> RunData:
        """Return the same data for another run on it, which may shuffle labels by its own seed."""
        return _seen_by(experiment, self.corpus, self.divided)


def open_data(
    experiment: Experiment, timer: Timer = untimed, *, corpus: PreparedCorpus | None = None
) -> RunData:
    """Open (or generate and prepare) a run's corpus and divide it by the run's protocol.

    Args:
        experiment: the run.
        timer: of the part ``corpus``.
        corpus: the corpus, where it is open already.

    Raises:
        LeakError, ValueError, FileNotFoundError: as `divide` and `ensure_corpus`.
    """
    with timer("corpus"):
        if corpus is None:
            corpus = ensure_corpus(experiment.track_, experiment.corpora)
        divided = _divided(experiment, corpus)
    return _seen_by(experiment, corpus, divided)


def _seen_by(experiment: Experiment, corpus: PreparedCorpus, divided: Parts) -> RunData:
    if not experiment.shuffle_labels:
        return RunData(corpus, divided, divided)
    train = shuffle_labels(divided.train, experiment.seed)
    return RunData(corpus, divided, replace(divided, train=train))


def _divided(experiment: Experiment, corpus: PreparedCorpus) -> Parts:
    """Divide a corpus; the one that a cross-corpus run learns from is opened here."""
    section, tasks = experiment.protocol, experiment.track_.tasks
    if not isinstance(section, CrossCorpusSection):
        return divide(corpus, section.build(), tasks)
    track, data = get_track(section.source), source_data(experiment)
    source = ensure_corpus(track, data or experiment.corpora)
    return divide(corpus, section.build(), tasks, source=source, source_tasks=track.tasks)
