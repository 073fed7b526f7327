"""What must hold of a record beyond its schema: its place, its side folder, its labels.

Each check returns the reasons for which a record does not hold, and none where it does.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Hashable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adabench.data.files import TEMPORARY_PREFIX
from adabench.data.folds import share_folds
from adabench.data.tracks import TRACKS
from adabench.evaluation.controls import CONSTANT, CONTROLS, FACELESS
from adabench.evaluation.intervals import Interval, metric_intervals
from adabench.evaluation.metrics import score_metrics
from adabench.evaluation.scale import DRAWN_SCORE
from adabench.records.consistency import FEWEST_IN_GROUP
from adabench.records.labels import CorpusLabels
from adabench.records.private import persons_of
from adabench.records.reading import present_in, read_plain
from adabench.records.record import TOLERANCE, Record, Reported, is_demo_track
from adabench.records.reported import CORPUS_OF_TRACK
from adabench.records.results import Stored, file_names
from adabench.records.rounding import HALF_STEP
from adabench.records.sections import Measured, Scale, bdi_ii, scale_form
from adabench.records.side_files import CONFIG, KNOWN, side_folder

#: Corpora whose organisers' licence forbids passing on labels.
LICENSED = frozenset(CORPUS_OF_TRACK.values())

# How protocols are called that deal sessions anew; all folds together say no number of one.
_FOLDS = re.compile(
    r"(?P<k>[0-9]{1,3}) folds,.*? seed (?P<seed>[0-9]+),[^,]*(, fold (?P<fold>[0-9]+))?$"
)
_DEALT = re.compile(r"person-disjoint (?P<shares>[0-9.]+(/[0-9.]+){2}), seed (?P<seed>[0-9]+)")

_CLOCKS_DIFFER = timedelta(days=1)

# The world of generated corpora whose clips have key frames.
_KEY_FRAMES = "sparse"
_GENERATED = frozenset(track.corpus for track in TRACKS.values() if track.is_demo)


def run_key(record: Record) -> Hashable:
    """What two records share if they are of one run; controls and bounds are told apart by name."""
    data = (record.track, record.corpus_checksum)
    if record.method == CONSTANT:
        # It has no parts, whichever config's run happened to write it.
        return (CONSTANT, record.protocol, record.fusion, *data)
    return (record.kind, record.method, record.config_hash, record.seed, *data)


def content_reasons(record: Record) -> Iterator[str]:
    """Yield what is wrong with where a record says that it comes from."""
    if isinstance(record.origin, Reported):
        yield "its origin is `reported`; a paper's numbers belong into a CSV file in reported/"
    track = TRACKS.get(record.track)
    if track is not None and track.corpus != record.corpus:
        yield f"track {track.name!r} is scored on {track.corpus!r}, but corpus is {record.corpus!r}"
    elif record.corpus in _GENERATED and not is_demo_track(record.track):
        yield f"corpus {record.corpus!r} is generated, but track {record.track!r} is no demo track"
    labelled = sum(entry.label is not None for entry in record.predictions)
    if record.corpus in LICENSED and labelled:
        yield (
            f"corpus {record.corpus!r} is licensed, but {labelled} predictions carry their label; "
            "run again with the corpus prepared as licensed, and pass this file on to nobody"
        )
    if record.scale is not None and record.scale not in _scales_of(record.corpus, record.scale):
        expected = " or ".join(s.name for s in _scales_of(record.corpus, record.scale))
        yield f"scale is {record.scale.name!r}, but corpus {record.corpus!r} has {expected}'s"
    yield from _family_reasons(record)
    yield from _key_frame_reasons(record)
    if record.kind == "control" and record.method not in CONTROLS:
        known = ", ".join(map(repr, CONTROLS))
        yield f"method {record.method!r} is no control; these are {known}"
    if record.method in FACELESS and record.kind != "control":
        yield f"method {record.method!r} is a control, but kind is {record.kind!r}"
    if record.decoy is not None and not record.decoy.fits:
        yield f"decoy is 'equal', but predictions differ by {record.decoy.difference:g} points"
    yield from constant_reasons(record)
    yield from _twice(record)
    if (
        record.created
        and datetime.fromisoformat(record.created) > datetime.now(UTC) + _CLOCKS_DIFFER
    ):
        yield f"it was created at {record.created}, which is yet to come; correct the clock and run again"


def _scales_of(corpus: str, own: Scale) -> tuple[Scale, ...]:
    """The scales that a corpus's records may name; of a corpus of one's own whichever it has."""
    if corpus in _GENERATED:
        # Older records on drawn faces call their scores BDI-II; tables do not.
        return scale_form(DRAWN_SCORE), bdi_ii()
    return (bdi_ii(),) if corpus in LICENSED else (own,)


def _family_reasons(record: Record) -> Iterator[str]:
    """Yield why a record can't be put among the draws of a family."""
    if record.corpus not in _GENERATED:
        if record.family is not None or record.world is not None:
            yield f"family and world are of generated corpora, and {record.corpus!r} is none"
    elif record.family is not None and (record.draw is None or record.world is None):
        yield "it names its family of draws and lacks its draw or world, so it can't be paired"


def _key_frame_reasons(record: Record) -> Iterator[str]:
    """Yield why relevance can't have been held against key frames: there are none."""
    if not record.relevance_measures:
        return
    if record.corpus not in _GENERATED:
        yield f"relevance_measures are of generated corpora, and {record.corpus!r} is none"
    # Records of an older schema have no world.
    elif record.world not in (None, _KEY_FRAMES):
        yield f"relevance_measures need key frames, and world {record.world!r} has none"


def constant_reasons(record: Record) -> Iterator[str]:
    """Yield why a record of the constant predictor is none: it tells sessions apart.

    It has one value a fold, and fused one for each set of tasks that a session may have.
    """
    if record.method != CONSTANT:
        return
    if record.kind != "control":
        yield f"method {CONSTANT!r} is a control, but kind is {record.kind!r}"
    folds = _FOLDS.match(record.protocol or "")
    track = TRACKS.get(record.track)
    tasks = len(track.tasks) if track is not None and record.fusion == "fused" else 1
    most = (int(folds["k"]) if folds and not folds["fold"] else 1) * (2 ** max(tasks, 1) - 1)
    values = {round(entry.prediction, 6) for entry in record.entries}
    if len(values) > most:
        yield f"method {CONSTANT!r} predicts {len(values)} values, of which it can have {most}"


def _twice(record: Record) -> Iterator[str]:
    """Yield a session that stands under two spellings."""
    seen: dict[str, str] = {}
    for entry in record.entries:
        key = unicodedata.normalize("NFKC", entry.session).casefold()
        first = seen.setdefault(key, entry.session)
        if first != entry.session:
            yield f"sessions {first!a} and {entry.session!a} are one under two spellings"
            return


def sharing_reasons(record: Record) -> Iterator[str]:
    """Yield why a record that holds may yet not stand where everybody reads it."""
    if not record.licensed or not isinstance(record.origin, Measured):
        return
    if record.kept is not None and record.private is None:
        yield (
            "it is of an older schema version and holds predictions of a licensed corpus; move it to "
            "local/ and add it again, which leaves them out"
        )
    if record.sessions < FEWEST_IN_GROUP:
        yield (
            f"it was tested on {record.sessions} sessions of a licensed corpus: with fewer than "
            f"{FEWEST_IN_GROUP}, the metrics of a constant alone tell labels; add the record that "
            "joins all folds"
        )


def telling_reasons(
    record: Record, beside: Mapping[str, bytes], corpus: CorpusLabels | None
) -> Iterator[str]:
    """Yield what a licensed corpus's record says of single sessions, in counts and in words.

    Args:
        record: whose private side file tells the names of sessions and clips, where it is at hand.
        beside: name to content of the files in its side folder. Its config is looked into; a patch is
            code, whose examples and tests may well name a session.
        corpus: which tells them too, if it is at hand.
    """
    if not record.licensed or not isinstance(record.origin, Measured):
        return
    found = (len(record.entries), persons_of(record.entries))
    if record.entries and (record.sessions, record.persons) != found:
        yield (
            f"counts are {record.sessions} sessions of {record.persons} persons, but the private "
            f"side file has {found[0]} of {found[1]}"
        )
    sessions = {entry.session for entry in record.entries}
    clips = set(record.clip_scores)
    if corpus is not None:
        sessions |= corpus.subjects.keys()
        clips |= corpus.clips
    told = _telling(sessions | clips)
    if told is None:
        return
    texts = {"it": record.model_dump_json(exclude={"predictions", "clips"})}
    texts |= {CONFIG: beside[CONFIG].decode(errors="replace")} if CONFIG in beside else {}
    for place, text in texts.items():
        named = told.search(text)
        if named is not None:
            kind = "session" if named[0] in sessions else "clip"
            yield (
                f"{place} names {kind} {named[0]!r}, but corpus {record.corpus!r} is licensed: "
                "nothing that goes by session may be passed on"
            )


def _telling(names: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds names in a text, whatever stands around them; None of none that would tell."""
    telling = sorted((name for name in names if _is_telling(name)), key=len, reverse=True)
    if not telling:
        return None
    # Not within a longer word or number: 203_1 is not in 1203_15, but in 203_1_Freeform.mp4.
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, telling))})(?![^\W_])")


def neighbour_reasons(record: Record, accepted: Iterable[Record]) -> Iterator[str]:
    """Yield why a licensed corpus's record may not stand beside the accepted ones.

    A constant's MAE over 50 sessions and over 49 of them tells the label of the one left out.
    """
    for other in accepted:
        same = (other.corpus, _division(other)) == (record.corpus, _division(record))
        if not (record.licensed and other.licensed and same):
            continue
        if 0 < _differing_sessions(record, other) < FEWEST_IN_GROUP:
            yield (
                f"it was tested on {record.sessions} sessions of a licensed corpus and "
                f"{other.method} on {other.track} on {other.sessions}: of two tests that differ by "
                f"fewer than {FEWEST_IN_GROUP}, the metrics tell single labels; prepare the corpus so "
                "that the same sessions are tested"
            )
            return


def _division(record: Record) -> Hashable:
    """What decides who is tested: the corpus's own splits, all of a pool, or how it was dealt.

    Validation plays no part, and the digest of a division differs where a session is missing.
    """
    folds, dealt = _FOLDS.match(record.protocol or ""), _DEALT.match(record.protocol or "")
    if folds is not None:
        return ("fold", *folds.group("k", "seed", "fold")) if folds["fold"] else "all folds"
    if dealt is not None:
        # Tests of one dealing into parts are made of its last ones, so that one holds the other.
        return "person-disjoint", _folds_of(dealt["shares"]), dealt["seed"]
    return "splits"


def _folds_of(shares: str) -> int | str:
    """Return how many folds were dealt for shares in per cent; the text where nobody dealt so."""
    try:
        return sum(share_folds([float(share) / 100 for share in shares.split("/")]))
    except ValueError:
        return shares


def _differing_sessions(record: Record, other: Record) -> int:
    """Return how many sessions two tests differ in, as far as is known."""
    if record.entries and other.entries:
        own, theirs = ({entry.session for entry in each.entries} for each in (record, other))
        return len(own ^ theirs)
    return abs(record.sessions - other.sessions)


def place_reasons(path: Path, folder: Path, stored: Stored) -> Iterator[str]:
    """Yield what is wrong with a file's folder, ``folder/<track>``, and with its name."""
    track = stored.record.track
    if path.parent != folder / track:
        yield f"a record of track {track!r} belongs into {folder / track}"
    names = file_names(stored)
    if path.name not in names:
        yield f"its name does not follow from its content and checksum; expected {names[0]}"


def read_beside(path: Path, expected: Mapping[str, str]) -> tuple[dict[str, bytes], list[str]]:
    """Read the files in a record's side folder and hold them to the record's digests.

    Neither folder nor files may be links, and nothing but plain files of `KNOWN` names is opened.

    Args:
        path: the record's file.
        expected: file name to sha256, `Record.provenance`.

    Returns:
        The files that hold, and the reasons for which the others do not.
    """
    folder = side_folder(path)
    try:
        present = [name for name in present_in(folder) if not name.startswith(TEMPORARY_PREFIX)]
    except (OSError, ValueError) as error:
        return {}, [f"its side folder can't be read: {error}"]
    files: dict[str, bytes] = {}
    reasons = [
        f"{folder.name} holds {name}, which the record does not name; remove it"
        for name in present
        if name not in expected
    ]
    for name, digest in expected.items():
        if name not in KNOWN:
            known = ", ".join(sorted(KNOWN))
            reasons.append(f"{folder.name}/{name} is no file that adabench keeps; it keeps {known}")
        elif name not in present:
            reasons.append(f"{folder.name}/{name} is missing; restore it")
        else:
            content, reason = _held(folder / name, digest)
            files |= {name: content} if content is not None else {}
            reasons += [f"{folder.name}/{name} {reason}"] if reason else []
    return files, reasons


def _held(path: Path, digest: str) -> tuple[bytes | None, str]:
    """Return a side file's content, or None and why it does not hold."""
    try:
        content = read_plain(path)
    except (OSError, ValueError) as error:
        return None, f"can't be read: {str(error).removeprefix(f'{path}: ')}"
    if hashlib.sha256(content).hexdigest() != digest:
        return None, "was changed after the record was written"
    return content, ""


def label_reasons(record: Record, corpus: CorpusLabels) -> Iterator[str]:
    """Yield where a record and its prepared corpus disagree, its metrics among it."""
    if corpus.licensed and not record.licensed:
        yield f"licensed is not set, but corpus {corpus.name!r} is; its labels must stay out"
    unknown = [entry.session for entry in record.entries if entry.session not in corpus.scores]
    if unknown:
        yield f"corpus {corpus.name!r} has no score for session {unknown[0]!r}"
        return
    for entry in record.entries:
        subject, score = corpus.subjects[entry.session], corpus.scores[entry.session]
        if entry.subject != subject:
            yield f"session {entry.session!r} is of subject {subject!r}, not {entry.subject!r}"
            return
        if entry.label is not None and entry.label != score:
            yield f"session {entry.session!r} has label {entry.label:g}, its corpus {score:g}"
            return
    yield from _metric_reasons(record, corpus.scores)
    yield from _clip_reasons(record, corpus)


def interval_reasons(record: Record, scores: Mapping[str, float] | None) -> Iterator[str]:
    """Yield each interval that does not follow from the predictions.

    Args:
        record: with one interval a metric, or none.
        scores: session to points, for a record without labels; None if not at hand.
    """
    if not record.entries or not record.intervals or (record.licensed and scores is None):
        return
    predicted, true = _paired(record, scores)
    subjects = tuple(entry.subject for entry in record.entries)
    given: dict[str, Interval] = dict(record.intervals.items())
    expected = metric_intervals(predicted, true, subjects)
    for name in _differing(given, expected, _tolerance(record)):
        low, high = given[name]
        should = (
            "none, of one person" if name not in expected else "[{}, {}]".format(*expected[name])
        )
        yield f"the interval of {name} is [{low}, {high}], but the predictions give {should}"


def _metric_reasons(record: Record, scores: Mapping[str, float]) -> Iterator[str]:
    # Where the record holds labels, reading it has recomputed its metrics already.
    if not record.licensed or not record.entries:
        return
    for name, value in score_metrics(*_paired(record, scores)).items():
        given = getattr(record.metrics, name)
        if given is None or abs(given - value) > _tolerance(record):
            yield f"metrics.{name} is {given}, but predictions and the corpus's labels give {value}"


def _clip_reasons(record: Record, corpus: CorpusLabels) -> Iterator[str]:
    """Yield each metric over clips that neither file nor corpus gives, where both are at hand."""
    given, scores = record.clip_metrics, record.clip_scores
    owners = {} if corpus.prepared is None else {c.clip: c.session for c in corpus.prepared.clips}
    if given is None or not scores or not scores.keys() <= owners.keys():
        return
    true = np.array([corpus.scores[owners[clip]] for clip in scores])
    for name, value in score_metrics(np.array(list(scores.values())), true).items():
        told = getattr(given, name)
        if told is None or abs(told - value) > _tolerance(record):
            yield f"clip_metrics.{name} is {told}, but the clips' predictions give {value}"


def _paired(
    record: Record, scores: Mapping[str, float] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    true = [
        entry.label if entry.label is not None else (scores or {})[entry.session]
        for entry in record.entries
    ]
    return np.array([entry.prediction for entry in record.entries]), np.array(true)


def _tolerance(record: Record) -> float:
    """How far a record's number may lie from the recomputed one: a licensed record's is rounded."""
    return TOLERANCE + (HALF_STEP if record.licensed else 0.0)


def _is_telling(session: str) -> bool:
    """Whether a word in a record can only be this session: a bare number or word may be anything."""
    return len(session) > 3 and any(c.isdigit() for c in session) and not session.isdigit()


def _differing(
    given: Mapping[str, Interval], expected: Mapping[str, Interval], tolerance: float
) -> list[str]:
    return [
        name
        for name, interval in given.items()
        if name not in expected or not np.allclose(interval, expected[name], rtol=0, atol=tolerance)
    ]
