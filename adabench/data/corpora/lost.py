"""Clips in folders that no name of a split or task leads to, and what to do about them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adabench.data.corpora.base import Problem
from adabench.data.corpora.folders import pictures_below, subfolders


@dataclass
class LostFolder:
    """A folder that isn't looked into, though there are videos or OpenFace's faces in it.

    Args:
        root: the corpus or OpenFace's root that it is below.
        folder: the folder.
        first: the first of those, by the order in which they are come by.
        clips: the names of the clips that aren't found elsewhere -> their sessions.
    """

    root: Path
    folder: Path
    first: Path
    clips: dict[str, str] = field(default_factory=dict)

    def add(self, path: Path, clip: str | None, session: str | None) -> None:
        """Takes a find of this folder in; without names, one that is called otherwise."""
        if clip is not None and session is not None:
            self.first = self.first if self.clips else path
            self.clips[clip] = session

    def problem(self, splits: Mapping[str, Sequence[str]], missing: Sequence[str]) -> Problem:
        """What is wrong, and the remedy.

        Args:
            splits: our name of a split -> the names that its folder may have.
            missing: the splits of which no clip was found.
        """
        name = self.folder.relative_to(self.root).as_posix()
        detail = (
            f"{len(self.clips)} clips in this folder, the first "
            f"{self.first.relative_to(self.root).as_posix()}, are not looked for: "
            f"{self._remedy(name, splits, missing)}{_without(missing)}"
        )
        return Problem(name, detail, "bad_split")

    def _remedy(
        self, name: str, splits: Mapping[str, Sequence[str]], missing: Sequence[str]
    ) -> str:
        if self.folder == self.root:
            return "move them into the folders of their splits"
        used = {split: used_folders(self.root, names) for split, names in splits.items()}
        if any(
            self.folder.is_relative_to(self.root / one) for each in used.values() for one in each
        ):
            return "its name is no task's: rename it, or name it by tasks in a file for --layout"
        own = max(missing or splits, key=lambda split: _likeness(name, splits[split]))
        used[own] = [*used[own], name]
        told = ", ".join(f"{split} = {_written(names)}" for split, names in used.items() if names)
        return (
            f"its name is no split's: rename it, or name all splits' folders in a file for "
            f"--layout, such as splits = {{{told}}} if it is {own}"
        )


def lost_split(
    root: Path, missing: Sequence[str], labels: Sequence[str], folders: Sequence[LostFolder]
) -> Problem | None:
    """One line for all labels without a video, if whole splits have none and something is there.

    Args:
        root: where pictures may be that nothing says are faces.
        missing: the splits of which no clip was found.
        labels: the names of the labels' files, sorted.
        folders: what isn't looked into and has videos or faces of other names.
    """
    if not (missing and labels):
        return None
    there = [(one.root, one.folder, "videos or faces of other names") for one in folders]
    images = "images of other names than OpenFace's"
    there += [(root, path, images) for path in pictures_below(root)]
    if not there:
        return None
    near, folder, what = there[0]
    detail = (
        f"{len(labels)} labels without a video, the first {labels[0]}{_without(missing)}; there are "
        f"{what} in {folder.relative_to(near).as_posix()}: if they are those, rename them, or tell "
        "splits and video_pattern in a file for --layout"
    )
    return Problem(", ".join(missing), detail, "no_video")


def used_folders(root: Path, names: Sequence[str]) -> list[str]:
    """Those of ``names`` that are folders in ``root``, as they are written there."""
    return [path.relative_to(root).as_posix() for path in subfolders(root, names)]


def _without(missing: Sequence[str]) -> str:
    return f"; no clip of {' or '.join(missing)} was found" if missing else ""


def _likeness(name: str, names: Sequence[str]) -> float:
    matcher = difflib.SequenceMatcher
    return max(matcher(None, name.lower(), each.lower()).ratio() for each in names)


def _written(names: Sequence[str]) -> str:
    return json.dumps(names[0] if len(names) == 1 else list(names), ensure_ascii=False)
