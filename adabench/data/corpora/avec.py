"""What AVEC's corpora share: folders of splits, clips and labels named after sessions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adabench.data.corpora.base import (
    CorpusReader,
    OpenFaceFiles,
    Problem,
    Scan,
    SourceClip,
    check_found,
    check_root,
    read_record,
    sorted_scan,
    told_persons,
    unique,
)
from adabench.data.corpora.folders import (
    ALIGNED_ENDING,
    FACE_PREFIX,
    is_video,
    outside,
    stem_of,
    subfolders,
    walk,
)
from adabench.data.corpora.labels import (
    LABEL_PATTERN,
    Labels,
    matched,
    read_labels,
    session_name,
)
from adabench.data.corpora.layout import SPLIT_FOLDERS, compiled, split_aliases
from adabench.data.corpora.lost import LostFolder, lost_split
from adabench.data.corpora.openface import attach, index_of, is_drawn, outputs_in, source_stem
from adabench.data.manifest import CALIBRATION
from adabench.data.persons import one_spelling

FileNames = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class _Place:
    """A folder that clips of a split and of some tasks stand in."""

    folder: Path
    split: str
    tasks: tuple[str, ...]


class AvecReader(CorpusReader):
    """Reads one clip a session and task below a folder for each split; base of two readers.

    Clips come from videos, and with ``openface`` from OpenFace's output too: a clip of which only
    that exists is found where its video would be.

    Args:
        splits: our name of a split -> the name or names that its folder may have.
        tasks: a task -> the names of its folders in a split's folder.
        video_pattern: regular expression for a video's name without its ending, with the groups
            ``subject``, ``session`` (the number of that person's session) and perhaps ``task``.
        label_pattern: one for a label file's name, with ``subject`` and ``session``.
        labels: the folder of the label files, where that is not the corpus's own.
        openface: the root of what OpenFace 2 wrote, to be used instead of finding faces.
        openface_tables: the same, if only its tables are to be used: their columns become the
            signals of faces found in the videos.

    Attributes:
        record: file name of the generator's record; None for a recorded corpus.
        fps: frames per second of its recordings, where OpenFace's images alone are there.

    Raises:
        ValueError: a wrong option.
    """

    record: str | None = None
    fps: float | None = 30.0
    usual_names = ""
    """The names of the videos, for messages."""
    usual_pattern = ""
    deep = False
    """Whether videos may stand in folders of their own below a split's folder."""

    def __init__(
        self,
        *,
        splits: FileNames | None,
        tasks: Mapping[str, Sequence[str]],
        video_pattern: str | None,
        label_pattern: str | None,
        labels: Path | None,
        openface: Path | None,
        openface_tables: Path | None,
    ) -> None:
        self.splits = split_aliases(splits or SPLIT_FOLDERS)
        self.tasks = {task: tuple(folders) for task, folders in tasks.items()}
        groups = ("subject", "session")
        self._video = compiled(video_pattern or self.usual_pattern, "video_pattern", groups)
        self._label = compiled(label_pattern or LABEL_PATTERN, "label_pattern", groups)
        self.labels, self.openface = labels, openface
        self.openface_tables = openface_tables
        given: dict[str, Any] = {
            "splits": splits,
            "video_pattern": video_pattern,
            "label_pattern": label_pattern,
            "labels": labels,
            "openface": openface,
            "openface_tables": openface_tables,
        }
        self._options = {key: value for key, value in given.items() if value is not None}

    @property
    def options(self) -> Mapping[str, Any]:
        """See :attr:`adabench.data.corpora.base.CorpusReader.options`."""
        return self._options

    @property
    def names(self) -> str:
        """How a clip is named, for messages."""
        usual = self._video.pattern == self.usual_pattern
        return self.usual_names if usual else f"names like {self._video.pattern}"

    @property
    def _split_names(self) -> list[str]:
        return [name for names in self.splits.values() for name in names]

    @property
    def layout(self) -> str:
        """The expected layout, for messages."""
        needed = [names for split, names in self.splits.items() if split != CALIBRATION]
        splits = ",".join("|".join(names[:2]) for names in needed)
        tasks = ",".join(task for task in self.tasks if task)
        folder = f"{{{splits}}}/" + (f"{{{tasks}}}/" if tasks else "")
        label = "NNN_M_Depression.csv"
        if self._label.pattern != LABEL_PATTERN:
            label = f"names like {self._label.pattern}"
        where = f"below {self.labels}" if self.labels else "anywhere below"
        names = self.names
        if self.openface is not None:
            images = f"{names.removesuffix('.mp4')}{ALIGNED_ENDING}/{FACE_PREFIX}00_000001.bmp"
            names += f", or {images} and so on of OpenFace's below {self.openface},"
        return f"{folder}{names} and labels {label} {where}"

    def scan(self, src: Path) -> Scan:
        """See :meth:`adabench.data.corpora.base.CorpusReader.scan`.

        A clip is left out, with a problem, if its session has no usable label, its name comes
        more than once, or OpenFace's output is asked for and lacks it.
        """
        src = Path(src)
        check_root(src, self.layout)
        index = index_of(self.openface, self.openface_tables)
        if self.labels is not None:
            check_root(self.labels, self.layout, "--labels")
        problems: list[Problem] = []
        found = self._find(src, problems)
        check_found(found, src, self.layout, self.openface, self._split_names)
        clips, duplicates = unique(found)
        problems += duplicates
        if index is not None:
            clips, missing = attach(clips, index)
            problems += missing
        labels = read_labels(self.labels or src, self._label)
        scored, unlabelled = labels.give(clips)
        problems += unlabelled + self._without_clip(src, found, labels)
        persons = one_spelling(scored, [clip.clip for clip in scored])
        return sorted_scan(persons.clips, [*problems, *told_persons(src.name, src, persons)])

    def parameters(self, src: Path) -> dict[str, Any] | None:
        """See :meth:`adabench.data.corpora.base.CorpusReader.parameters`."""
        if self.record is None:
            return super().parameters(Path(src))
        return read_record(Path(src), self.record)

    def _find(self, src: Path, problems: list[Problem]) -> list[SourceClip]:
        """The clips with a video, then those of which there is only OpenFace's output."""
        found = list(self._videos(src, problems))
        if self.openface is not None:
            known = {clip.clip for clip in found}
            outputs = self._outputs(self.openface, problems)
            found += [clip for clip in _one_a_stem(outputs) if clip.clip not in known]
        return found

    def _without_clip(self, src: Path, found: list[SourceClip], labels: Labels) -> list[Problem]:
        """Labels that no clip was found for, and the folders that theirs may be in."""
        sessions, splits = {clip.session for clip in found}, {clip.split for clip in found}
        missing = [name for name in self.splits if name not in splits | {CALIBRATION}]
        by_task = "task" in self._video.groupindex
        folders = self._lost(src, {clip.clip if by_task else clip.session for clip in found})
        problems, told = [], set[str]()
        for folder in folders:
            lost = set(folder.clips.values())
            # what given splits leave out is no oversight, unless labels are left
            usual = "splits" not in self._options and folder.root == src
            if lost and (usual or lost & labels.scores.keys()):
                problems.append(folder.problem(self.splits, missing))
                told |= lost
        left = sorted(labels.scores.keys() - sessions - told)
        odd = [folder for folder in folders if not folder.clips]
        line = lost_split(self.openface or src, missing, [labels.names[one] for one in left], odd)
        if line is not None:
            problems.append(line)
            told |= set(left)
        return problems + labels.unused(sessions, told)

    def _lost(self, src: Path, known: set[str]) -> list[LostFolder]:
        """The folders with what may be clips that the names of splits and tasks don't lead to.

        A folder whose clips, or their sessions, are all ``known`` is none.
        """
        roots = [(src, self._places(src), False)]
        if self.openface is not None:
            roots.append((self.openface, self._places(self.openface, deep=True), True))
        found: dict[tuple[Path, Path], LostFolder] = {}
        for root, places, faces in roots:
            for outer, path in outside(root, {place.folder for place in places}, faces=faces):
                stem = stem_of(path) if faces else path.stem
                match = matched(self._video, (stem, path.name))
                clip = None if match is None else self._named(match)
                if match is None or (clip is not None and clip not in known):
                    folder = found.setdefault((root, outer), LostFolder(root, outer, path))
                    folder.add(path, clip, match and session_name(match))
        return list(found.values())

    def _named(self, match: re.Match[str]) -> str | None:
        """The clip of this name, or its session where the name doesn't tell the task.

        None for one of a task that the corpus has not.
        """
        if "task" not in match.re.groupindex:
            return session_name(match)
        task = _task(match, _Place(Path(), "", tuple(self.tasks)))
        return None if task is None else _clip_name(session_name(match), task)

    def _videos(self, src: Path, problems: list[Problem]) -> Iterator[SourceClip]:
        for place in self._places(src):
            videos = [path for path in sorted(place.folder.iterdir()) if is_video(path.name)]
            stems = [path.stem for path in videos]
            for path in videos:
                name = path.relative_to(src).as_posix()
                if is_drawn(path) and stems.count(path.stem) > 1:
                    continue
                match = self._match((path.stem, path.name), place, name, problems)
                if match is None:
                    continue
                if is_drawn(path) and self.openface is None:
                    problems.append(_drawn(name))
                yield self._clip(match, place, src, video=path)

    def _outputs(self, root: Path, problems: list[Problem]) -> Iterator[SourceClip]:
        for place in self._places(root, deep=True):
            for stem, files in outputs_in(place.folder).items():
                # tables of other things stand here too; images make it one of OpenFace's
                told = problems if files.aligned is not None else []
                name = (files.table or files.aligned or root).relative_to(root).as_posix()
                match = self._match((stem,), place, name, told)
                if match is not None:
                    yield self._clip(match, place, root, openface=files)

    def _places(self, root: Path, *, deep: bool = False) -> list[_Place]:
        """Where clips may stand below ``root``, each folder once.

        Args:
            root: the corpus, or what OpenFace wrote.
            deep: whether folders below those of splits and tasks count, as parts of the nearest.
        """
        tasks: dict[tuple[str, Path], list[str]] = {}
        for split, names in self.splits.items():
            for split_folder in subfolders(root, names):
                for task, folders in self.tasks.items():
                    for folder in subfolders(split_folder, folders):
                        tasks.setdefault((split, folder), []).append(task)
        found = [_Place(folder, split, tuple(told)) for (split, folder), told in tasks.items()]
        if not (deep or self.deep):
            return found
        heads = {place.folder for place in found}
        return [_Place(path, one.split, one.tasks) for one in found for path in _below(one, heads)]

    def _match(
        self, spellings: Sequence[str], place: _Place, name: str, problems: list[Problem]
    ) -> re.Match[str] | None:
        """The parts of a clip's name; None, with a problem, if it is none or in a wrong folder."""
        match = matched(self._video, spellings)
        if not name.isprintable():
            expected = "one that can be printed"
        elif match is None:
            expected = self.names
        elif _task(match, place) is None:
            expected = f"that of a clip of task {' or '.join(place.tasks)}, as its folder says"
        else:
            return match
        detail = f"the file name is not {expected}: rename or remove it"
        problems.append(Problem(name, detail, "bad_name"))
        return None

    def _clip(
        self,
        match: re.Match[str],
        place: _Place,
        root: Path,
        *,
        video: Path | None = None,
        openface: OpenFaceFiles | None = None,
    ) -> SourceClip:
        session, task = session_name(match), _task(match, place) or ""
        return SourceClip(
            clip=_clip_name(session, task),
            subject=match["subject"],
            session=session,
            task=task,
            split=place.split,
            video=video,
            openface=openface,
            root=root,
            fps=self.fps,
        )


def _clip_name(session: str, task: str) -> str:
    return f"{session}_{task}" if task else session


def _task(match: re.Match[str], place: _Place) -> str | None:
    """The task by the name, or by the folder where names don't tell; None if the two disagree."""
    if "task" not in match.re.groupindex:
        return place.tasks[0] if len(place.tasks) == 1 else None
    by_name = {task.lower(): task for task in place.tasks}
    return by_name.get(match["task"].lower())


def _below(place: _Place, heads: Collection[Path]) -> Iterator[Path]:
    """The folders below a place, itself among them, that are nearer to it than to another."""
    for path, _, _ in walk(place.folder):
        if next(above for above in (path, *path.parents) if above in heads) == place.folder:
            yield path


def _one_a_stem(outputs: Iterable[SourceClip]) -> Iterator[SourceClip]:
    """One of the finds of each clip's name; images go first, and of several names each is told."""
    found: dict[str, list[SourceClip]] = {}
    for clip in outputs:
        found.setdefault(clip.clip, []).append(clip)
    for same in found.values():
        faces = [one for one in same if one.openface is not None and one.openface.aligned]
        yield from {source_stem(one).lower(): one for one in faces or same[-1:]}.values()


def _drawn(name: str) -> Problem:
    detail = (
        "may be the video that OpenFace drew its tracking on: name OpenFace's folder with "
        "--openface to use its faces, or the folder of the original videos with --src"
    )
    return Problem(name, detail, "openface_video", left_out=False)
