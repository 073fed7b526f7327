"""Tracks: what is scored beside what. Numbers of different tracks never share a table.

Beside those listed here, a corpus of one's own has the track ``table``, and a further one the track
``table-NAME``; both score every clip of the prepared corpus of that name. A plugin adds its own with
`register_track`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from adabench.hints import did_you_mean

#: In a prepared corpus's folder: it is complete.
CORPUS_FILE = "corpus.json"

#: In a generated corpus's folder: the folder of its caches, by kind.
CACHES = "caches"


@dataclass(frozen=True)
class Track:
    """One leaderboard table.

    Attributes:
        name: as configs and records write it.
        corpus: the prepared corpus behind it, by the name of its folder.
        tasks: which of the corpus's tasks; empty means every clip.
        demo: the synthface track that a ``--demo`` run scores instead; its own name for a demo track.
        unit: what a prediction is compared for: a session (the mean of its tasks) or a clip.
    """

    name: str
    corpus: str
    tasks: tuple[str, ...] = ()
    demo: str = "demo-freeform"
    unit: str = "session"

    @property
    def reader(self) -> str:
        """The name of the reader that prepares its corpus."""
        return OWN if _OWN.fullmatch(self.corpus) else self.corpus

    @property
    def is_demo(self) -> bool:
        """Whether the corpus is generated."""
        return self.demo == self.name


_ALL = (
    Track("avec13", "avec2013", (), "demo-freeform"),
    Track("avec14", "avec2014", ("Freeform", "Northwind"), "demo"),
    Track("avec14-freeform", "avec2014", ("Freeform",), "demo-freeform"),
    Track("avec14-northwind", "avec2014", ("Northwind",), "demo-northwind"),
    Track("demo", "synthface", ("Freeform", "Northwind"), "demo"),
    Track("demo-freeform", "synthface", ("Freeform",), "demo-freeform"),
    Track("demo-northwind", "synthface", ("Northwind",), "demo-northwind"),
)
TRACKS = {track.name: track for track in _ALL}

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")

#: The reader of a corpus of one's own, and what the name of its track begins with.
OWN = "table"
_OWN = re.compile(rf"{OWN}(-[A-Za-z0-9][A-Za-z0-9._-]*)?")


def register_track(track: Track) -> Track:
    """Add a track, as of a corpus that a plugin reads; the same one again changes nothing.

    Raises:
        ValueError: a name that no record can have or that another track has, or a demo that is none.
    """
    if not _NAME.fullmatch(track.name) or _OWN.fullmatch(track.name):
        raise ValueError(
            f"track {track.name!r}: a name is of small letters, digits, '.', '_' and '-', at most 100, "
            f"and does not begin with {OWN!r}"
        )
    if TRACKS.get(track.name, track) != track:
        raise ValueError(f"track {track.name!r} is there already: {TRACKS[track.name]}; rename one")
    if not TRACKS.get(track.demo, track).is_demo or track.is_demo:
        demos = ", ".join(name for name, other in TRACKS.items() if other.is_demo)
        raise ValueError(f"track {track.name!r}: demo is one of {demos}; got {track.demo!r}")
    TRACKS[track.name] = track
    return track


def get_track(name: str) -> Track:
    """Return the track called ``name``.

    Raises:
        ValueError: an unknown name, with the nearest and all that exist.
    """
    if name in TRACKS:
        return TRACKS[name]
    if _OWN.fullmatch(name):
        return Track(name, name, (), "demo-freeform")
    hint = did_you_mean(name, TRACKS)
    raise ValueError(
        f"track: no track is called {name!r}.{hint} Known: {', '.join(TRACKS)}, {OWN}, {OWN}-NAME."
    )


def corpus_folder(root: str | os.PathLike[str], corpus: str, size: int) -> Path:
    """Return where a prepared corpus lies: ``<corpus>-<size>px`` if that is there, or ``<corpus>``."""
    sized = Path(root) / f"{corpus}-{size}px"
    return sized if (sized / CORPUS_FILE).is_file() else Path(root) / corpus


def task_tracks(track: Track) -> dict[str, Track]:
    """Return task → the track of that task alone, for a track with several."""
    found = {
        other.tasks[0]: other
        for other in TRACKS.values()
        if other.corpus == track.corpus and len(other.tasks) == 1
    }
    return {task: found[task] for task in track.tasks}
