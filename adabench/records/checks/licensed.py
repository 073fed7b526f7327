"""What a licensed corpus's record may not say of single sessions, alone or beside others."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping

from adabench.data.folds import share_folds
from adabench.records.files.labels import CorpusLabels
from adabench.records.files.side_files import CONFIG
from adabench.records.protocols import FOLDS
from adabench.records.schema.consistency import FEWEST_IN_GROUP
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Measured, persons_of

# How protocols are called that deal sessions into parts anew.
_DEALT = re.compile(r"person-disjoint (?P<shares>[0-9.]+(/[0-9.]+){2}), seed (?P<seed>[0-9]+)")


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
    folds, dealt = FOLDS.match(record.protocol or ""), _DEALT.match(record.protocol or "")
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


def _is_telling(session: str) -> bool:
    """Whether a word in a record can only be this session: a bare number or word may be anything."""
    return len(session) > 3 and any(c.isdigit() for c in session) and not session.isdigit()
