"""Corpora in AVEC 2014's layout: two tasks a session, one BDI-II label a session."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from adabench.data.corpora.base import (
    VIDEO_SUFFIXES,
    Problem,
    Scan,
    SourceClip,
    check_found,
    check_root,
    files_below,
    read_record,
    sorted_scan,
    split_aliases,
    subfolders,
    unique,
)
from adabench.data.manifest import MAX_SCORE

SPLIT_FOLDERS = {
    "train": ("Training", "train"),
    "dev": ("Development", "dev"),
    "test": ("Testing", "test"),
}
TASKS = ("Freeform", "Northwind")

_LABEL = re.compile(r"(\d+_\d+)_Depression\.csv", re.IGNORECASE)


class Avec2014Reader:
    """Reads ``SPLIT/TASK/NNN_M_TASK_video.mp4`` and ``NNN_M_Depression.csv`` anywhere below.

    NNN is the person and M that person's session. Folder names match in whatever case.

    Args:
        name: the corpus; synthface comes in this layout too.
        licensed: whether a licence forbids publishing its labels.
        splits: our name of a split -> the names that its folder may have.
        tasks: names of the tasks, which are folder names and parts of file names.
        record: file name of the generator's record; None for a recorded corpus.
    """

    kind = "avec2014"

    def __init__(
        self,
        name: str = "avec2014",
        *,
        licensed: bool = True,
        splits: Mapping[str, Sequence[str]] = SPLIT_FOLDERS,
        tasks: Sequence[str] = TASKS,
        record: str | None = None,
    ) -> None:
        self.name = name
        self.licensed = licensed
        self.splits = split_aliases(splits)
        self.tasks = tuple(tasks)
        self.record = record

    @property
    def layout(self) -> str:
        """The expected layout, for messages."""
        splits = ",".join("|".join(names) for names in self.splits.values())
        tasks = ",".join(self.tasks)
        return (
            f"{{{splits}}}/{{{tasks}}}/NNN_M_{{{tasks}}}_video.mp4 and labels "
            "NNN_M_Depression.csv anywhere below"
        )

    def scan(self, src: Path) -> Scan:
        """See :meth:`adabench.data.corpora.base.CorpusReader.scan`.

        A clip is left out, with a problem, if its session has no usable label or its name comes
        more than once.
        """
        check_root(src, self.layout)
        problems: list[Problem] = []
        found = list(self._videos(src, problems))
        check_found(found, src, self.layout)
        clips, duplicates = unique(found, src)
        labels, wrong = _read_labels(src)
        sessions = {clip.session for clip in found}
        problems += duplicates + _unused(labels, sessions)
        scored = []
        for clip in clips:
            score = labels.get(clip.session)
            if score is None:
                why = wrong.get(clip.session) or (
                    f"no file {clip.session}_Depression.csv below {src}"
                )
                problems.append(Problem(clip.clip, f"no usable label: {why}", "no_label"))
            else:
                scored.append(_with_score(clip, score))
        for session in sorted(set(wrong) - sessions):
            problems.append(Problem(f"{session}_Depression.csv", wrong[session], "bad_label"))
        return sorted_scan(scored, problems)

    def parameters(self, src: Path) -> dict[str, Any] | None:
        """See :meth:`adabench.data.corpora.base.CorpusReader.parameters`."""
        return None if self.record is None else read_record(src, self.record)

    def _videos(self, src: Path, problems: list[Problem]) -> Iterator[SourceClip]:
        for split, names in self.splits.items():
            for split_folder in subfolders(src, names):
                for task in self.tasks:
                    for folder in subfolders(split_folder, [task]):
                        yield from _clips_in(folder, split, task, src, problems)


def _clips_in(
    folder: Path, split: str, task: str, src: Path, problems: list[Problem]
) -> Iterator[SourceClip]:
    pattern = re.compile(rf"(\d+)_(\d+)_{re.escape(task)}_video", re.IGNORECASE)
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in VIDEO_SUFFIXES or path.name.startswith("."):
            continue
        match = pattern.fullmatch(path.stem)
        if match is None:
            name = path.relative_to(src).as_posix()
            detail = f"the file name is not NNN_M_{task}_video{path.suffix}: rename or remove it"
            problems.append(Problem(name, detail, "bad_name"))
            continue
        subject, number = match.groups()
        session = f"{subject}_{number}"
        yield SourceClip(f"{session}_{task}", subject, session, task, split, path)


def _read_labels(src: Path) -> tuple[dict[str, int], dict[str, str]]:
    """The scores by session, and for each session without a usable one the reason."""
    files: dict[str, list[Path]] = {}
    for path in files_below(src):
        match = _LABEL.fullmatch(path.name)
        if match is not None:
            files.setdefault(match[1], []).append(path)
    labels: dict[str, int] = {}
    wrong: dict[str, str] = {}
    for session, same in files.items():
        try:
            scores = {_read_label(path): path for path in same}
        except (ValueError, OSError) as error:
            wrong[session] = str(error)
            continue
        if len(scores) > 1:
            told = ", ".join(f"{score} in {path}" for score, path in scores.items())
            wrong[session] = f"label files that disagree: {told}; keep the right one"
        else:
            labels[session] = next(iter(scores))
    return labels, wrong


def _read_label(path: Path) -> int:
    content = path.read_bytes()
    try:
        score = int(content.decode("utf-8-sig").strip())
    except ValueError:
        score = -1
    if not 0 <= score <= MAX_SCORE:
        raise ValueError(
            f"{path}: expected one integer from 0 to {MAX_SCORE} without a header, "
            f"got {content[:40]!r}"
        )
    return score


def _unused(labels: Iterable[str], sessions: set[str]) -> list[Problem]:
    return [
        Problem(f"{session}_Depression.csv", "a label without a video", "no_video")
        for session in sorted(set(labels) - sessions)
    ]


def _with_score(clip: SourceClip, score: int) -> SourceClip:
    return SourceClip(
        clip.clip, clip.subject, clip.session, clip.task, clip.split, clip.video, score
    )
