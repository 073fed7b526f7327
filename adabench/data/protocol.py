"""Protocols: which clips train, select and test; leaks between them are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from adabench.data.manifest import ClipRecord

if TYPE_CHECKING:
    from adabench.data.prepared import PreparedCorpus


class LeakError(ValueError):
    """Data that selects or trains a model is also its test data."""


@dataclass(frozen=True)
class Protocol:
    """Names of the splits behind each use.

    Attributes:
        name: as the record says it.
        train, validate, test: split names of the manifest.
    """

    name: str = "official"
    train: tuple[str, ...] = ("train",)
    validate: tuple[str, ...] = ("dev",)
    test: tuple[str, ...] = ("test",)


@dataclass(frozen=True)
class Parts:
    """The clips of one run."""

    train: tuple[ClipRecord, ...]
    validate: tuple[ClipRecord, ...]
    test: tuple[ClipRecord, ...]


def _choose(
    corpus: PreparedCorpus, splits: Sequence[str], tasks: Sequence[str]
) -> tuple[ClipRecord, ...]:
    return tuple(
        clip for clip in corpus.clips if clip.split in splits and (not tasks or clip.task in tasks)
    )


def _refuse_overlap(use: str, clips: Sequence[ClipRecord], test: Sequence[ClipRecord]) -> None:
    sessions = {clip.session for clip in test}
    videos = {clip.source_sha256 for clip in test}
    shared = [c.clip for c in clips if c.session in sessions or c.source_sha256 in videos]
    if shared:
        raise LeakError(
            f"protocol: {len(shared)} clips of the {use} data are also test data "
            f"(by session or by video), the first {shared[0]}; "
            f"choose splits for protocol.{use} that share no session with protocol.test"
        )


def divide(corpus: PreparedCorpus, protocol: Protocol, tasks: Sequence[str]) -> Parts:
    """Divide a corpus into the parts of a run.

    Args:
        corpus: the prepared corpus.
        protocol: which splits serve what.
        tasks: the track's tasks; empty takes all.

    Raises:
        LeakError: if training or validation data overlaps test data, in sessions or in videos.
        ValueError: if a part is empty or a clip of it has no score.
    """
    parts = Parts(
        train=_choose(corpus, protocol.train, tasks),
        validate=_choose(corpus, protocol.validate, tasks),
        test=_choose(corpus, protocol.test, tasks),
    )
    for use in ("train", "validate", "test"):
        clips = getattr(parts, use)
        splits = ", ".join(getattr(protocol, use))
        if not clips:
            there = sorted({c.split for c in corpus.clips})
            raise ValueError(
                f"protocol.{use}: corpus {corpus.name} has no clip in split {splits!r} "
                f"with task {', '.join(tasks) or 'any'}; its splits are {', '.join(there)}"
            )
        bare = [c.clip for c in clips if c.score is None]
        if bare:
            raise ValueError(
                f"protocol.{use}: {len(bare)} clips have no score in the manifest of {corpus.name}, "
                f"the first {bare[0]}; prepare the corpus again with its label files"
            )
    _refuse_overlap("train", parts.train, parts.test)
    _refuse_overlap("validate", parts.validate, parts.test)
    return parts


def shuffle_labels(clips: Sequence[ClipRecord], seed: int) -> tuple[ClipRecord, ...]:
    """Return clips whose scores are dealt out anew among sessions; a session's clips share one.

    Args:
        clips: with scores.
        seed: of the dealing.
    """
    scores = {clip.session: clip.score for clip in clips}
    sessions = sorted(scores)
    dealt = np.random.default_rng(seed).permutation(len(sessions))
    new = {session: scores[sessions[other]] for session, other in zip(sessions, dealt, strict=True)}
    return tuple(replace(clip, score=new[clip.session]) for clip in clips)
