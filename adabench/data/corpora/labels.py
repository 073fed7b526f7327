"""Label files: one BDI-II score a session, in a file named after it."""

from __future__ import annotations

import codecs
import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from adabench.data.corpora.base import Problem, SourceClip
from adabench.data.corpora.folders import files_below
from adabench.evaluation.scale import BDI_II

LABEL_PATTERN = r"(?P<subject>\d+)_(?P<session>\d+)_Depression\.csv"

_SCORE = re.compile(rb"[0-9]{1,2}")
_SHOWN = 12
"""Characters of a wrong label that a message shows: a file of many labels must not leak them."""


@dataclass(frozen=True)
class Labels:
    """The label files below a folder.

    Args:
        root: the folder.
        names: session -> a label file's name.
        scores: session -> BDI-II points, 0 to 63.
        wrong: session -> why its label can't be used.
        usual: whether the files are named as the organisers name them.
    """

    root: Path
    names: Mapping[str, str]
    scores: Mapping[str, int]
    wrong: Mapping[str, str]
    usual: bool = True

    def give(self, clips: Iterable[SourceClip]) -> tuple[list[SourceClip], list[Problem]]:
        """``clips`` with their sessions' scores, and a problem for each that gets none."""
        scored, problems = [], []
        for clip in clips:
            score = self.scores.get(clip.session)
            if score is None:
                detail = f"no usable label: {self._why(clip.session)}"
                problems.append(Problem(clip.clip, detail, "no_label"))
            else:
                scored.append(dataclasses.replace(clip, score=score))
        return scored, problems

    def unused(self, sessions: Iterable[str], told: Collection[str] = ()) -> list[Problem]:
        """A problem for each label file of none of ``sessions``.

        Args:
            sessions: those that have a clip.
            told: those of which it is told elsewhere that they have none.
        """
        left = sorted(set(self.names) - set(sessions))
        return [
            Problem(self.names[session], self.wrong[session], "bad_label")
            if session in self.wrong
            else Problem(self.names[session], "a label without a video", "no_video")
            for session in left
            if session in self.wrong or session not in told
        ]

    def _why(self, session: str) -> str:
        why = self.wrong.get(session)
        if why is not None:
            return why
        file = f"file {session}_Depression.csv" if self.usual else f"label file of {session}"
        return f"no {file} below {self.root}; where labels are elsewhere, add --labels FOLDER"


def read_labels(root: Path, pattern: re.Pattern[str]) -> Labels:
    """Reads the label files anywhere below ``root``; the same label twice does no harm.

    Args:
        root: a folder.
        pattern: matches a label file's whole name, with or without ``.csv``; its groups
            ``subject`` and ``session`` make the session's name.
    """
    files: dict[str, list[Path]] = {}
    for path in files_below(root):
        spellings = (path.name, path.stem) if path.suffix.lower() == ".csv" else (path.name,)
        match = matched(pattern, spellings)
        if match is not None:
            files.setdefault(session_name(match), []).append(path)
    scores: dict[str, int] = {}
    wrong: dict[str, str] = {}
    for session, same in files.items():
        try:
            values = {read_label(path) for path in same}
        except (ValueError, OSError) as error:
            wrong[session] = str(error)
            continue
        if len(values) > 1:
            told = ", ".join(str(path) for path in same)
            wrong[session] = f"label files that disagree: {told}; keep the right one"
        else:
            scores[session] = values.pop()
    names = {session: same[0].name for session, same in files.items()}
    return Labels(root, names, scores, wrong, usual=pattern.pattern == LABEL_PATTERN)


def matched(pattern: re.Pattern[str], spellings: Iterable[str]) -> re.Match[str] | None:
    """The first of a name's spellings that ``pattern`` matches as a whole; None if none does."""
    return next(filter(None, map(pattern.fullmatch, spellings)), None)


def session_name(match: re.Match[str]) -> str:
    """``NNN_M`` of a name with the groups ``subject`` and ``session``."""
    return f"{match['subject']}_{match['session']}"


def read_label(path: Path) -> int:
    """The score in a label file, BDI-II points, 0 to 63.

    Raises:
        ValueError: the file holds anything but one such integer.
        OSError: it can't be read.
    """
    content = path.read_bytes()
    # narrower than int(), which takes 1_2 for 12
    match = _SCORE.fullmatch(content.removeprefix(codecs.BOM_UTF8).strip())
    score = int(match[0]) if match else -1
    if not BDI_II.holds(score):
        more = f" and {len(content) - _SHOWN} bytes more" if len(content) > _SHOWN else ""
        raise ValueError(
            f"{path}: expected one integer from 0 to {BDI_II.high} without a header, "
            f"got {content[:_SHOWN]!r}{more}: correct the file"
        )
    return score
