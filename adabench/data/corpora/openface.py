"""Finding what OpenFace 2 left of a clip: ``<stem>.csv`` and the images in ``<stem>_aligned/``."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from adabench.data.corpora.base import OpenFaceFiles, Problem, SourceClip, check_root
from adabench.data.corpora.folders import ALIGNED_ENDING, holds_faces, stem_of, walk
from adabench.data.corpora.folders import is_image as is_image

DETAILS_ENDING = "_of_details.txt"

_LAYOUT = f"CLIP.csv and CLIP{ALIGNED_ENDING}/ anywhere below"


class OpenFaceIndex:
    """The tables and folders of images below a root, by the names of the clips.

    Args:
        root: what OpenFace wrote, in any folders.
        images: whether the clips' faces are its images; otherwise only its tables matter.

    Raises:
        FileNotFoundError: ``root`` is no folder, or is empty.
    """

    def __init__(self, root: Path, *, images: bool = True) -> None:
        check_root(root, _LAYOUT if images else "CLIP.csv anywhere below", option_of(images))
        self.root = root
        self.images = images
        self._tables: dict[str, list[Path]] = {}
        self._folders: dict[str, list[Path]] = {}
        for folder, faces, names in walk(root):
            for path in faces:
                self._folders.setdefault(stem_of(path).lower(), []).append(path)
            for name in names:
                stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a Path a file is slow here
                if suffix.lower() == ".csv" and not name.startswith("."):
                    self._tables.setdefault(stem.lower(), []).append(folder / name)

    @functools.cached_property
    def bare(self) -> bool:
        """Whether images came without any table, as some pass them on."""
        return bool(self._folders) and not any(stem in self._tables for stem in self._folders)

    def find(self, clip: str, stems: Sequence[str]) -> OpenFaceFiles | Problem:
        """What was left of ``clip``, or what is wrong with it.

        A clip needs a table, unless none of the folders of images has one.

        Args:
            clip: its name.
            stems: the names that OpenFace may have called it by, the likeliest first; the first
                with a folder of images counts, or with a table.
        """
        for known in (self._folders, self._tables) if self.images else (self._tables,):
            for stem in stems:
                if stem.lower() in known:
                    return self._pair(clip, stem)
        told = " or ".join(f"{stem}.csv" for stem in stems)
        faces = f", nor a folder {stems[0]}{ALIGNED_ENDING} of images" if self.images else ""
        detail = f"no file {told} below {self.root}{faces}: run OpenFace on the clip"
        return Problem(clip, detail, "no_openface")

    def _pair(self, clip: str, stem: str) -> OpenFaceFiles | Problem:
        tables = self._tables.get(stem.lower(), [])
        folders = self._folders.get(stem.lower(), []) if self.images else []
        if len(tables) > 1 or len(folders) > 1:
            several = tables if len(tables) > 1 else folders
            told = ", ".join(path.relative_to(self.root).as_posix() for path in several)
            detail = f"OpenFace's output comes more than once below {self.root}: {told}; keep one"
            return Problem(clip, detail, "duplicate")
        if not self.images:
            return OpenFaceFiles(tables[0], None)
        if not tables and self.bare and has_image(folders[0]):
            return OpenFaceFiles(None, folders[0])
        if not tables:
            detail = f"no table {stem}.csv below {self.root} for {folders[0]}: run OpenFace again"
            return Problem(clip, detail, "no_openface")
        if not folders or not has_image(folders[0]):
            state = f"no image in {folders[0]}" if folders else f"no folder {stem}{ALIGNED_ENDING}"
            detail = f"{state} for {tables[0]}: run OpenFace again with -simalign"
            return Problem(clip, detail, "no_images")
        return OpenFaceFiles(tables[0], folders[0])


def attach(
    clips: Iterable[SourceClip], index: OpenFaceIndex
) -> tuple[list[SourceClip], list[Problem]]:
    """``clips`` with what OpenFace left of them, and a problem for each of which it left nothing.

    A clip without goes, video or not: neither faces of two detectors nor clips with and without
    signals belong in one corpus.
    """
    found, problems = [], []
    for clip in clips:
        stem = source_stem(clip)
        files = index.find(clip.clip, list(dict.fromkeys((stem, clip.clip))))
        if isinstance(files, Problem):
            problems.append(files)
        else:
            root = index.root if index.images else clip.root
            found.append(dataclasses.replace(clip, openface=files, root=root))
    return found, problems


def option_of(images: bool) -> str:
    """The option that names a root: of images, or of tables whose signals are all that is used."""
    return "--openface" if images else "--openface-tables"


def index_of(openface: Path | None, tables: Path | None) -> OpenFaceIndex | None:
    """What a reader's options ``openface`` and ``openface_tables`` name; None for neither.

    Raises:
        ValueError: they name two.
        FileNotFoundError: a root is no folder, or is empty.
    """
    if openface is not None and tables is not None:
        raise ValueError(
            "openface and openface_tables: the first takes OpenFace's images and tables, the second "
            "its tables beside faces found in the videos: leave one out"
        )
    if openface is not None:
        return OpenFaceIndex(openface)
    return None if tables is None else OpenFaceIndex(tables, images=False)


def source_stem(clip: SourceClip) -> str:
    """The name that OpenFace may have called ``clip`` by: its source's, without any ending."""
    files = clip.openface
    if files is not None and files.table is None and files.aligned is not None:
        return stem_of(files.aligned)
    return clip.source.stem


def outputs_in(folder: Path) -> dict[str, OpenFaceFiles]:
    """What of OpenFace's may stand in ``folder``: a clip's name -> its table and images, sorted."""
    tables: dict[str, Path] = {}
    faces: dict[str, Path] = {}
    names: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if not holds_faces(path):
                continue
            kind, stem = faces, stem_of(path)
        elif path.suffix.lower() == ".csv" and not path.name.startswith("."):
            kind, stem = tables, path.stem
        else:
            continue
        kind[stem.lower()] = path
        names[stem.lower()] = stem
    return {
        stem: OpenFaceFiles(tables.get(key), faces.get(key)) for key, stem in sorted(names.items())
    }


def has_image(folder: Path) -> bool:
    """Whether there is an image in ``folder``; stops at the first."""
    with os.scandir(folder) as entries:
        return any(is_image(entry.name) for entry in entries)


def is_drawn(video: Path) -> bool:
    """Whether ``video`` may be the one that OpenFace drew its tracking on, ``<stem>.avi``."""
    if video.suffix.lower() != ".avi":
        return False
    return video.with_name(f"{video.stem}{DETAILS_ENDING}").is_file()
