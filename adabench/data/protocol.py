"""Protocols: which clips train, select and test; leaks between them are refused.

=================  ==================================================================================
`Protocol`         the corpus's own splits: AVEC's official ones, or train and dev together
`PersonDisjoint`   all sessions divided anew, so that no person is in two parts
`Folds`            k folds over persons, each tested once with a model of its own
`CrossCorpus`      trained on one corpus, tested on another, without the persons who are tested
=================  ==================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from adabench.data.folds import deal, division_digest, hold_out, person_folds
from adabench.data.manifest import CALIBRATION, USED_SPLITS, ClipRecord
from adabench.data.persons import spell_alike, told_in_records
from adabench.data.sealed import SealedScores
from adabench.evaluation.scale import BDI_II, DRAWN_SCORE

if TYPE_CHECKING:
    from adabench.data.prepared import PreparedCorpus

# Names under which these splits are known; other splits are added to a protocol's name.
_KNOWN = {
    "official": (("train",), ("dev",), ("test",)),
    "train+dev": (("train", "dev"), (), ("test",)),
}
_USES = {"train": "training", "validate": "validation", "test": "test"}


class LeakError(ValueError):
    """Data that selects or trains a model is also its test data."""


@dataclass(frozen=True)
class Protocol:
    """Names of the splits behind each use.

    Attributes:
        name: as the record says it.
        train, validate, test: split names of the manifest; without ``validate``, nothing selects.
    """

    name: str = "official"
    train: tuple[str, ...] = ("train",)
    validate: tuple[str, ...] = ("dev",)
    test: tuple[str, ...] = ("test",)

    @property
    def title(self) -> str:
        """The name, and the splits where they are not the name's own."""
        splits = (self.train, self.validate, self.test)
        return self.name if splits == _KNOWN.get(self.name) else f"{self.name} {_listed(*splits)}"


@dataclass(frozen=True)
class PersonDisjoint:
    """All sessions of some splits divided anew: no person in two parts, severity levels spread evenly.

    Attributes:
        shares: of the sessions, for training, validation (may be 0) and test.
        seed: of the division, whatever the run's.
        pool: splits of the manifest whose sessions are divided.
    """

    shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
    seed: int = 0
    pool: tuple[str, ...] = USED_SPLITS

    @property
    def title(self) -> str:
        """Kind, shares in per cent, seed."""
        shares = "/".join(f"{100 * share:.3g}" for share in self.shares)
        return f"person-disjoint {shares}, seed {self.seed}"


@dataclass(frozen=True)
class Folds:
    """Folds over persons, severity levels spread evenly; each session is tested in one of them.

    Attributes:
        k: number of folds.
        fold: the one that is tested, 1 to k; None stands for all together.
        validation: share of a fold's training persons' sessions that selects, 0 to 0.5.
        seed: of the division, whatever the run's.
        pool: splits of the manifest whose sessions are divided.
    """

    k: int = 5
    fold: int | None = None
    validation: float = 0.2
    seed: int = 0
    pool: tuple[str, ...] = USED_SPLITS

    @property
    def title(self) -> str:
        """Number of folds, validation in per cent, seed."""
        return f"{self.k} folds, validation {100 * self.validation:.3g}, seed {self.seed}"


@dataclass(frozen=True)
class CrossCorpus:
    """Training on one corpus and testing on another.

    Persons who are tested are left out of training and validation: AVEC 2013 and 2014 share nearly
    all of their sessions.

    Attributes:
        source: name of what is trained on, as the record says it.
        train, validate: splits of the corpus that is trained on.
        test: splits of the corpus that is tested.
    """

    source: str
    train: tuple[str, ...] = ("train",)
    validate: tuple[str, ...] = ("dev",)
    test: tuple[str, ...] = ("test",)

    @property
    def title(self) -> str:
        """Kind and source, and the splits where they are not AVEC's."""
        splits = (self.train, self.validate, self.test)
        added = "" if splits == _KNOWN["official"] else f" {_listed(*splits)}"
        return f"cross-corpus from {self.source}{added}"


AnyProtocol = Protocol | PersonDisjoint | Folds | CrossCorpus


@dataclass(frozen=True)
class Parts:
    """The clips of one run.

    Attributes:
        train, validate, test: of the folds together, ``test`` alone holds clips: all of them.
        protocol: the protocol's name for records; equal only where the division is equal too.
        notes: what the record has to say of persons.
        source: the corpus of the training and validation clips where it is not that of the others.
        sealed: the scores of the test clips, which bear none themselves.
        calibrate: that calibrators are fitted on, of sessions that serve nothing else; empty where the
            corpus keeps none. They bear no scores either.
        sealed_calibration: their scores.
    """

    train: tuple[ClipRecord, ...]
    validate: tuple[ClipRecord, ...]
    test: tuple[ClipRecord, ...]
    protocol: str = "official"
    notes: tuple[str, ...] = ()
    source: PreparedCorpus | None = None
    sealed: SealedScores | None = field(default=None, compare=False)
    calibrate: tuple[ClipRecord, ...] = ()
    sealed_calibration: SealedScores | None = field(default=None, compare=False)

    def open_labels(self, predictions: Mapping[str, float]) -> dict[str, float]:
        """Return session → points of the test clips, for predictions of all of them.

        Raises:
            ValueError: a session without a prediction.
        """
        if self.sealed is None:
            raise ValueError("parts that `divide` did not make have no sealed labels to open")
        return self.sealed.open(predictions)

    def open_calibration(self, predictions: Mapping[str, float]) -> dict[str, float]:
        """Return session → points of the calibration clips, for predictions of all of them.

        Raises:
            ValueError: a session without a prediction, or no calibration clips.
        """
        if self.sealed_calibration is None:
            raise ValueError("no session is kept for calibrators, so there are no labels to open")
        return self.sealed_calibration.open(predictions)

    def learnt_from(self) -> list[object]:
        """Return plain values of everything that training and selection see."""
        clips = [[clip.clip for clip in part] for part in (self.train, self.validate)]
        return [*clips, self.source.checksum if self.source is not None else None]


def divide(
    corpus: PreparedCorpus,
    protocol: AnyProtocol,
    tasks: Sequence[str],
    *,
    source: PreparedCorpus | None = None,
    source_tasks: Sequence[str] = (),
) -> Parts:
    """Divide a corpus into the parts of a run; its test clips come without their scores.

    Sessions are divided before tasks are chosen, so that runs of several tasks agree on who is
    tested.

    Args:
        corpus: the prepared corpus that is tested on.
        protocol: what serves what.
        tasks: the track's tasks; empty takes all.
        source: the corpus that a `CrossCorpus` trains on.
        source_tasks: tasks of that one; empty takes all.

    Raises:
        LeakError: training or validation data overlaps test data, in sessions or in videos; in all
            but a `Protocol`, also in persons.
        ValueError: a part is empty, a clip of it has no score, persons can't be divided so, or the
            source has another scale; in all but a `Protocol`, names that may be one person's.
    """
    spelled, persons = spell_alike([corpus, *([] if source is None else [source])])
    corpus, by_splits = spelled[0], isinstance(protocol, Protocol)
    told = told_in_records(corpus.name, persons, asks=not by_splits)
    if isinstance(protocol, Protocol):
        parts = _by_splits(corpus, protocol, tasks)
        remedy = "choose splits for protocol.{use} that share no session with protocol.test"
        _refuse_overlap(parts, remedy)
        notes = (person_note(parts), *told)
        parts = replace(parts, protocol=protocol.title, notes=notes)
        return _sealed(_with_calibration(corpus, parts, tasks))
    if isinstance(protocol, CrossCorpus):
        if source is None:
            raise TypeError("divide: a cross-corpus protocol needs the corpus that it trains on")
        parts = replace(_across(corpus, protocol, tasks, spelled[1], source_tasks), source=source)
    elif isinstance(protocol, PersonDisjoint):
        parts = _anew(corpus, protocol, tasks)
    else:
        parts = _fold(corpus, protocol, tasks)
    _refuse_overlap(parts, "a video stands under two persons' names; correct the corpus")
    refuse_shared_persons(parts, both_learn=not isinstance(protocol, CrossCorpus))
    # Of folds together there is one part only, and notes of its own.
    own = (person_note(parts),) if parts.train else ()
    parts = replace(parts, notes=(*parts.notes, *own, *told))
    return _sealed(_with_calibration(corpus, parts, tasks))


def _sealed(parts: Parts) -> Parts:
    return replace(
        parts,
        test=_bare(parts.test),
        sealed=SealedScores(parts.test),
        calibrate=_bare(parts.calibrate),
        sealed_calibration=SealedScores(parts.calibrate) if parts.calibrate else None,
    )


def _bare(clips: Sequence[ClipRecord]) -> tuple[ClipRecord, ...]:
    return tuple(replace(clip, score=None) for clip in clips)


def _with_calibration(corpus: PreparedCorpus, parts: Parts, tasks: Sequence[str]) -> Parts:
    """Add the scored clips of the calibration split; of folds together there is no model to calibrate.

    Raises:
        LeakError: they overlap the run's other clips, in sessions or in videos.
    """
    clips = tuple(
        clip
        for clip in corpus.clips
        if clip.split == CALIBRATION
        and clip.score is not None
        and (not tasks or clip.task in tasks)
    )
    if not clips or not parts.train:
        return parts
    others = [*parts.train, *parts.validate, *parts.test]
    sessions, videos = ({getattr(c, name) for c in others} for name in ("session", "source_sha256"))
    shared = [c.clip for c in clips if c.session in sessions or c.source_sha256 in videos]
    if shared:
        raise LeakError(
            f"protocol: {len(shared)} clips of the split {CALIBRATION!r} of {corpus.name} also serve "
            f"training, validation or test (by session or by video), the first {shared[0]}; take them "
            "out of one of the two"
        )
    known = len(_persons(clips) & _persons(others))
    notes = (
        (f"{known} persons of the calibration sessions are in training, validation or test",)
        if known
        else ()
    )
    return replace(parts, calibrate=clips, notes=(*parts.notes, *notes))


def person_note(parts: Parts) -> str:
    """Say how many persons are in two parts, or that none is."""
    persons = {use: _persons(getattr(parts, use)) for use in _USES}
    shared = [
        f"{len(persons[one] & persons[other])} in {_USES[one]} and {_USES[other]}"
        for one, other in combinations(_USES, 2)
        if persons[one] & persons[other]
    ]
    if shared:
        learnt = persons["train"] | persons["validate"]
        added = "" if learnt & persons["test"] else "; nobody who is tested"
        return f"persons in two parts: {', '.join(shared)}{added}"
    counts = ", ".join(f"{len(found)} in {_USES[use]}" for use, found in persons.items() if found)
    return f"no person is in two parts: {counts}"


def refuse_shared_persons(parts: Parts, *, both_learn: bool = True) -> None:
    """Raise `LeakError` where a person is in two parts.

    Args:
        parts: of one run.
        both_learn: whether training and validation may share none either.
    """
    for one, other in combinations(_USES, 2):
        if other == "validate" and not both_learn:
            continue
        shared = sorted(_persons(getattr(parts, one)) & _persons(getattr(parts, other)))
        if shared:
            raise LeakError(
                f"protocol: {parts.protocol}: {len(shared)} persons of the {_USES[one]} data are "
                f"also in the {_USES[other]} data, the first {shared[0]}; nobody may be"
            )


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


def _by_splits(corpus: PreparedCorpus, protocol: Protocol, tasks: Sequence[str]) -> Parts:
    train = _chosen(corpus, "train", protocol.train, tasks)
    validate: tuple[ClipRecord, ...] = ()
    if protocol.validate:
        validate = _chosen(corpus, "validate", protocol.validate, tasks)
    return Parts(train, validate, _chosen(corpus, "test", protocol.test, tasks))


def _secret(corpus: PreparedCorpus) -> list[str]:
    """Return the checksums of a licensed corpus's videos, which only its holders know; else nothing."""
    return sorted(clip.source_sha256 for clip in corpus.clips) if corpus.licensed else []


def _anew(corpus: PreparedCorpus, protocol: PersonDisjoint, tasks: Sequence[str]) -> Parts:
    pool = _chosen(corpus, "pool", protocol.pool, ())
    dealt = deal(pool, dict(zip(_USES, protocol.shares, strict=True)), protocol.seed, corpus.scale)
    place = {session: use for use, sessions in dealt.items() for session in sessions}
    clips = {use: _of_sessions(pool, dealt[use], tasks) for use in _USES}
    _refuse_empty(corpus, clips, tasks, [use for use in _USES if dealt[use]])
    name = f"{protocol.title}, {division_digest(place, _secret(corpus))}"
    return Parts(clips["train"], clips["validate"], clips["test"], name)


def _fold(corpus: PreparedCorpus, protocol: Folds, tasks: Sequence[str]) -> Parts:
    pool = _chosen(corpus, "pool", protocol.pool, ())
    folds = person_folds(pool, protocol.k, protocol.seed, corpus.scale)
    name = f"{protocol.title}, {division_digest(folds, _secret(corpus))}"
    if protocol.fold is None:
        test = _of_sessions(pool, folds.keys(), tasks)
        notes = (
            f"{protocol.k} folds over persons: each session's prediction is that of the one fold in "
            "which its person was neither trained on nor selected on",
            f"no person is in two folds: {len(_persons(test))} persons, {len(folds)} sessions",
        )
        return Parts((), (), test, name, notes)
    tested = {session for session, fold in folds.items() if fold == protocol.fold - 1}
    rest = [clip for clip in pool if clip.session not in tested]
    # Each fold draws its validation persons anew.
    seed = int(np.random.SeedSequence([protocol.seed, protocol.fold]).generate_state(1)[0])
    held_out = hold_out(rest, protocol.validation, seed, corpus.scale)
    clips = {
        "train": _of_sessions(rest, folds.keys() - tested - held_out, tasks),
        "validate": _of_sessions(rest, held_out, tasks),
        "test": _of_sessions(pool, tested, tasks),
    }
    _refuse_empty(corpus, clips, tasks, [use for use in _USES if use != "validate" or held_out])
    name = f"{name}, fold {protocol.fold}"
    return Parts(clips["train"], clips["validate"], clips["test"], name)


def _across(
    corpus: PreparedCorpus,
    protocol: CrossCorpus,
    tasks: Sequence[str],
    source: PreparedCorpus,
    source_tasks: Sequence[str],
) -> Parts:
    if source.checksum == corpus.checksum:
        raise ValueError(
            f"protocol.source: {protocol.source} is the very corpus that is tested, {corpus.name}; "
            "name another track, or another protocol.synthface.seed of a generated one"
        )
    # Drawn scores have the BDI-II's range and levels.
    if source.scale != corpus.scale and {source.scale, corpus.scale} != {BDI_II, DRAWN_SCORE}:
        raise ValueError(
            f"protocol.source: {source.name} has scores of {source.scale.name}, and {corpus.name}, "
            f"which is tested, of {corpus.scale.name}: a run has one scale; name a corpus of that"
        )
    test = _chosen(corpus, "test", protocol.test, tasks)
    tested = _persons(test)
    found = {"train": _chosen(source, "train", protocol.train, source_tasks)}
    if protocol.validate:
        found["validate"] = _chosen(source, "validate", protocol.validate, source_tasks)
    left = {use: tuple(c for c in clips if c.subject not in tested) for use, clips in found.items()}
    told = []
    for use, clips in found.items():
        if not left[use]:
            raise ValueError(
                f"protocol.{use}: all {len(_persons(clips))} persons of {source.name} are also "
                f"tested in {corpus.name}; choose other splits for protocol.{use} or protocol.test"
            )
        told.append(f"{len(_persons(clips) & tested)} of {len(_persons(clips))} in {_USES[use]}")
    note = (
        f"trained on {source.name} (corpus {source.checksum[:8]}); persons left out there because "
        f"they are tested: {', '.join(told)}"
    )
    name = f"{protocol.title}, {source.checksum[:8]}"
    return Parts(left["train"], left.get("validate", ()), test, name, (note,), source)


def _chosen(
    corpus: PreparedCorpus, use: str, splits: Sequence[str], tasks: Sequence[str]
) -> tuple[ClipRecord, ...]:
    """Return the scored clips of some splits and tasks; what ``use`` they serve is for messages."""
    if CALIBRATION in splits:
        raise ValueError(
            f"protocol.{use}: the split {CALIBRATION!r} is kept for calibrators, and no run trains, "
            f"selects or tests on it; choose from {', '.join(USED_SPLITS)}"
        )
    clips = tuple(c for c in corpus.clips if c.split in splits and (not tasks or c.task in tasks))
    if not clips:
        there = ", ".join(sorted({c.split for c in corpus.clips}))
        raise ValueError(
            f"protocol.{use}: corpus {corpus.name} has no clip in split {', '.join(splits)!r} "
            f"with task {', '.join(tasks) or 'any'}; its splits are {there}"
        )
    bare = [c.clip for c in clips if c.score is None]
    if bare:
        raise ValueError(
            f"protocol.{use}: {len(bare)} clips have no score in the manifest of {corpus.name}, "
            f"the first {bare[0]}; prepare the corpus again with its label files"
        )
    return clips


def _of_sessions(
    clips: Iterable[ClipRecord], sessions: Iterable[str], tasks: Sequence[str]
) -> tuple[ClipRecord, ...]:
    wanted = set(sessions)
    return tuple(c for c in clips if c.session in wanted and (not tasks or c.task in tasks))


def _persons(clips: Iterable[ClipRecord]) -> set[str]:
    return {clip.subject for clip in clips}


def _listed(*splits: Sequence[str]) -> str:
    """Return split names of the three uses, e.g. ``(train+dev, none, test)``."""
    return f"({', '.join('+'.join(names) or 'none' for names in splits)})"


def _refuse_empty(
    corpus: PreparedCorpus,
    clips: dict[str, tuple[ClipRecord, ...]],
    tasks: Sequence[str],
    needed: Sequence[str],
) -> None:
    for use in needed:
        if not clips[use]:
            raise ValueError(
                f"protocol: no {_USES[use]} session of {corpus.name} has a clip with task "
                f"{', '.join(tasks)}; choose another track or another protocol.seed"
            )


def _refuse_overlap(parts: Parts, remedy: str) -> None:
    sessions = {clip.session for clip in parts.test}
    videos = {clip.source_sha256 for clip in parts.test}
    for use in ("train", "validate"):
        clips: tuple[ClipRecord, ...] = getattr(parts, use)
        shared = [c.clip for c in clips if c.session in sessions or c.source_sha256 in videos]
        if shared:
            raise LeakError(
                f"protocol: {len(shared)} clips of the {use} data are also test data "
                f"(by session or by video), the first {shared[0]}; {remedy.format(use=use)}"
            )
