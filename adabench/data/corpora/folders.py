"""What stands below a corpus's folder; folders of faces are told by what they hold."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".wmv")
IMAGE_SUFFIXES = (".bmp", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".ppm")
TRUTH_FOLDER = "truth"
ALIGNED_ENDING = "_aligned"
"""How OpenFace 2 ends the name of a clip's folder of images."""
FACE_PREFIX = "frame_det_"
"""How OpenFace 2 begins the name of an image of a face."""

_ENDING = re.compile(r"[ _.-]aligned$", re.IGNORECASE)
_NAMELESS = ("aligned", "face", "faces")


def is_video(name: str) -> bool:
    """Whether a file of this name counts as a video; hidden files don't."""
    return Path(name).suffix.lower() in VIDEO_SUFFIXES and not name.startswith(".")


def is_image(name: str) -> bool:
    """Whether a file of this name counts as an image; hidden files don't."""
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def holds_faces(folder: Path) -> bool:
    """Whether ``folder`` is a clip's folder of images as OpenFace leaves it.

    An image of a face in it says so, whatever the folder is called; it stops at the first. One
    that is called ``CLIP_aligned`` counts without, unless it holds folders, videos or tables.
    """
    named = _ENDING.search(folder.name) is not None
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.lower().startswith(FACE_PREFIX) and is_image(entry.name):
                    return True
                named = named and not _is_other(entry)
    except OSError:
        # whoever reads its images tells that
        return named
    return named


def _is_other(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith((".", "@")):
        return False
    return is_video(entry.name) or entry.name.lower().endswith(".csv") or entry.is_dir()


def stem_of(faces: Path) -> str:
    """The clip's name by its folder of images: ``CLIP_aligned``, ``CLIP`` or ``CLIP/aligned``."""
    if faces.name.lower() in _NAMELESS and faces.parent.name:
        return stem_of(faces.parent)
    return _ENDING.sub("", faces.name)


def subfolders(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """The folders in ``folder`` that have one of ``names``, in whatever case, sorted.

    A name may have several parts (``Videos/Training``); ``.`` is ``folder`` itself.
    """
    found = set()
    for name in names:
        level = [folder]
        for part in PurePosixPath(name).parts:
            level = [
                path
                for parent in level
                for path in parent.iterdir()
                if path.name.lower() == part.lower() and path.is_dir()
            ]
        found.update(level)
    yield from sorted(found)


def walk(src: Path) -> Iterator[tuple[Path, list[Path], list[str]]]:
    """Each folder below ``src`` once, sorted, through links: (folder, folders of faces, files).

    A generator's truth is not looked at, nor is the inside of a folder of faces, which may hold
    tens of thousands of images: the folder that it stands in tells of it.
    """
    seen = set()
    for name, folders, names in os.walk(src, followlinks=True):
        folder = Path(name)
        status = folder.stat()
        place = (status.st_dev, status.st_ino)
        if place in seen:
            folders[:] = []
            continue
        seen.add(place)
        folders[:] = sorted(each for each in folders if each.lower() != TRUTH_FOLDER)
        faces = {each: folder / each for each in folders if holds_faces(folder / each)}
        yield folder, list(faces.values()), sorted(names)
        folders[:] = [each for each in folders if each not in faces]


def files_below(src: Path) -> Iterator[Path]:
    """All files below ``src`` that :func:`walk` comes by, sorted within a folder."""
    for folder, _, names in walk(src):
        for name in names:
            yield folder / name


def pictures_below(src: Path) -> list[Path]:
    """The folders below ``src`` with images that are none of OpenFace's, sorted."""
    return sorted(folder for folder, _, names in walk(src) if any(map(is_image, names)))


def outside(
    src: Path, places: Collection[Path], *, faces: bool = False
) -> Iterator[tuple[Path, Path]]:
    """What may be clips below ``src``, but not in one of ``places``.

    Args:
        src: a folder.
        places: folders that are looked into elsewhere.
        faces: whether folders of faces are meant; otherwise videos.

    Yields:
        The outermost folder above it that leads to no place, and the video or folder itself.
    """
    known = {above for place in places for above in (place, *place.parents)}
    for folder, aligned, names in walk(src):
        if folder in places:
            continue
        above = [path for path in (*reversed(folder.parents), folder) if path.is_relative_to(src)]
        outer = next((path for path in above if path not in known), folder)
        videos = (folder / name for name in names if is_video(name))
        for path in aligned if faces else videos:
            yield outer, path
