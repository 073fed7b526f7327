"""The contract of a corpus reader, asked of a plugin's as of the repository's own."""

from __future__ import annotations

import pickle
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from adabench.data.corpora import CorpusReader, Scan, SourceClip, find_reader
from adabench.data.manifest import SPLITS
from adabench.evaluation.scale import Scale
from adabench.registry import place_of
from adabench.testing.report import ContractReport, Finding, Rule, refuse_broken

READER_RULES: Final[dict[str, Rule]] = {
    rule.name: rule
    for rule in (
        Rule(
            "says what it is",
            "name, kind, licensed and layout are set, and every option has a default",
            "Set name and licensed on the class, return a text from layout, give each argument a default.",
        ),
        Rule(
            "refuses what is not there",
            "a missing and an empty folder raise FileNotFoundError that names them",
            "Begin scan with adabench.data.corpora.base.check_root(src, self.layout).",
        ),
        Rule(
            "finds clips",
            "scan returns a Scan with clips",
            "Return Scan(clips, problems), each a tuple sorted by name (sorted_scan does it).",
        ),
        Rule(
            "repeats",
            "scanning the same folder again gives the same, in the order of names",
            "Sort what the file system lists; use sorted_scan.",
        ),
        Rule(
            "names clips once",
            "clips have names of their own that can be files' names",
            "Name a clip by session and task, without '/', and leave duplicates out (unique).",
        ),
        Rule(
            "splits",
            f"a clip's split is one of {', '.join(SPLITS)}",
            "Map the corpus's own names of splits to these.",
        ),
        Rule(
            "scores",
            "a score is one of the reader's scale, an int where that is whole, or None",
            "Read labels as int, and leave a clip without one out, with a Problem.",
        ),
        Rule(
            "sessions",
            "all clips of a session are of one person, one split and one score",
            "Give each recording with a label of its own a session of its own.",
        ),
        Rule(
            "sources",
            "each clip's video or OpenFace output is there, below its root",
            "Set video to the file's path and root to src.",
        ),
        Rule(
            "hands on",
            "clips can be handed to another process",
            "Keep plain values and paths in a SourceClip.",
        ),
    )
}

Faults = Iterator[str]


def check_reader(reader: str | CorpusReader, src: Path) -> ContractReport:
    """Hold a reader to the contract on a folder with a corpus of its layout.

    Args:
        reader: the corpus's name in ``CORPORA``, or a reader.
        src: a small corpus.

    Raises:
        ContractError: it breaks a rule, with every finding.
    """
    report = report_reader(reader, src)
    refuse_broken(report)
    return report


def report_reader(reader: str | CorpusReader, src: Path) -> ContractReport:
    """Return the outcome of the same checks without raising."""
    asked = find_reader(reader) if isinstance(reader, str) else reader
    findings = [_finding(asked, "says what it is", told) for told in _self_told(asked)]
    findings += [_finding(asked, "refuses what is not there", told) for told in _absent(asked)]
    scan, told = _scanned(asked, src)
    if scan is None:
        findings.append(_finding(asked, "finds clips", told))
        return _report(findings, dict.fromkeys(_OF_SCANS, "there are no clips to look at"))
    for rule, check in _OF_SCANS.items():
        findings += [_finding(asked, rule, detail) for detail in check(asked, scan, src)]
    return _report(findings, {})


def _report(findings: Sequence[Finding], skipped: dict[str, str]) -> ContractReport:
    broken = {finding.rule for finding in findings}
    held = tuple(name for name in READER_RULES if name not in broken and name not in skipped)
    return ContractReport(tuple(findings), held, skipped)


def _finding(reader: CorpusReader, rule: str, detail: str) -> Finding:
    kind = type(reader)
    mend = READER_RULES[rule].mend
    return Finding(kind.__name__, "corpus reader", rule, detail, mend, place_of(kind))


def _self_told(reader: CorpusReader) -> Faults:
    for field, expected in (("name", str), ("kind", str), ("layout", str), ("licensed", bool)):
        value = getattr(reader, field, None)
        if not isinstance(value, expected) or value == "":
            yield f"{field} is {value!r}"
    try:
        type(reader)()
    except TypeError as error:
        yield f"it can't be made without arguments ({error})"


def _absent(reader: CorpusReader) -> Faults:
    with tempfile.TemporaryDirectory() as folder:
        for src, what in ((Path(folder) / "nowhere", "a missing"), (Path(folder), "an empty")):
            try:
                reader.scan(src)
            except FileNotFoundError as error:
                if src.name not in str(error):
                    yield f"{what} folder is not named: {error}"
            except Exception as error:  # noqa: BLE001 - a plugin's code: what it raises is a finding
                yield f"{what} folder raises {type(error).__name__}: {error}"
            else:
                yield f"{what} folder raises nothing"


def _scanned(reader: CorpusReader, src: Path) -> tuple[Scan | None, str]:
    try:
        scan = reader.scan(src)
    except Exception as error:  # noqa: BLE001 - as above
        return None, f"scan of {src} raises {type(error).__name__}: {error}"
    if not isinstance(scan, Scan):
        return None, f"scan returns {type(scan).__name__}"
    if not scan.clips:
        first = f", the first problem {scan.problems[0]}" if scan.problems else ""
        return None, f"scan of {src} found no clip{first}"
    return scan, ""


def _repeats(reader: CorpusReader, scan: Scan, src: Path) -> Faults:
    if reader.scan(src) != scan:
        yield "a second scan differs"
    names = [clip.clip for clip in scan.clips]
    if names != sorted(names):
        yield f"clips are not in the order of their names: {names[:3]}"


def _names(reader: CorpusReader, scan: Scan, src: Path) -> Faults:
    del reader, src
    names = [clip.clip for clip in scan.clips]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        yield f"{len(twice)} names stand several times, the first {twice[0]!r}"
    odd = [name for name in names if not name or "/" in name or name.startswith(".")]
    if odd:
        yield f"{odd[0]!r} can't be the name of a file"


def _splits(reader: CorpusReader, scan: Scan, src: Path) -> Faults:
    del reader, src
    yield from _first(scan, lambda clip: clip.split not in SPLITS, lambda clip: repr(clip.split))


def _scores(reader: CorpusReader, scan: Scan, src: Path) -> Faults:
    del src
    odd = partial(_is_odd_score, reader.scale)
    expected = f"expected {reader.scale.expected}"
    yield from _first(scan, odd, lambda clip: f"score {clip.score!r}, {expected}")


def _is_odd_score(scale: Scale, clip: SourceClip) -> bool:
    score = clip.score
    if score is None:
        return False
    kinds = (int,) if scale.whole else (int, float)
    return type(score) not in kinds or not scale.holds(score)


def _sessions(reader: CorpusReader, scan: Scan, src: Path) -> Faults:
    del reader, src
    sessions: dict[str, set[tuple[str, str, float | None]]] = defaultdict(set)
    for clip in scan.clips:
        sessions[clip.session].add((clip.subject, clip.split, clip.score))
    for session, found in sessions.items():
        if len(found) > 1 or not session:
            yield f"session {session!r} is of several (person, split, score): {sorted(found, key=str)}"
            return
    yield from _first(scan, lambda clip: not clip.subject, lambda _: "no subject")


def _sources(reader: CorpusReader, scan: Scan, src: Path) -> Faults:
    del reader, src
    for clip in scan.clips:
        if not clip.source.exists():
            yield f"clip {clip.clip!r}: {clip.source} is not there"
            return
        try:
            _ = clip.source_name
        except ValueError:
            yield f"clip {clip.clip!r}: {clip.source} is not below its root {clip.root}"
            return


def _handed_on(reader: CorpusReader, scan: Scan, src: Path) -> Faults:
    del reader, src
    try:
        same = pickle.loads(pickle.dumps(scan.clips)) == scan.clips
    except Exception as error:  # noqa: BLE001 - whatever a plugin put into a clip may raise anything
        yield f"a clip can't be handed on: {type(error).__name__}: {error}"
        return
    if not same:
        yield "clips are others on the other side"


def _first(
    scan: Scan, odd: Callable[[SourceClip], bool], told: Callable[[SourceClip], str]
) -> Faults:
    found = [clip for clip in scan.clips if odd(clip)]
    if found:
        yield f"{len(found)} clips, the first {found[0].clip!r}: {told(found[0])}"


_OF_SCANS: Final[dict[str, Callable[[CorpusReader, Scan, Path], Faults]]] = {
    "repeats": _repeats,
    "names clips once": _names,
    "splits": _splits,
    "scores": _scores,
    "sessions": _sessions,
    "sources": _sources,
    "hands on": _handed_on,
}
