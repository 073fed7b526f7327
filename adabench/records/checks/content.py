"""What a record says of itself that can't be: where it comes from, its scale, its control, its sessions."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Iterator
from datetime import UTC, datetime, timedelta

from adabench.data.tracks import TRACKS
from adabench.evaluation.controls import CONSTANT, CONTROLS, FACELESS
from adabench.evaluation.scale import DRAWN_SCORE
from adabench.records.checks.draws import draw_reasons
from adabench.records.files.reported import CORPUS_OF_TRACK
from adabench.records.protocols import FOLDS
from adabench.records.schema.record import Record
from adabench.records.schema.scale import Scale, bdi_ii, scale_form
from adabench.records.schema.sections import Reported
from adabench.records.schema.tracks import is_demo_track

#: Corpora whose organisers' licence forbids passing on labels.
LICENSED = frozenset(CORPUS_OF_TRACK.values())

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
    else:
        yield from draw_reasons(record)


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
    folds = FOLDS.match(record.protocol or "")
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
