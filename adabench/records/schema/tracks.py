"""What a track's name says, and what it may not be, since files are called so."""

from __future__ import annotations

from typing import Final

#: The folder of private side files. Records and their tables never lie in it.
PRIVATE_FOLDER: Final = "private"

#: Ending of the folder of files beside a record.
SIDE_SUFFIX: Final = ".provenance"


def is_demo_track(track: str) -> bool:
    """Whether a track's faces are drawn, so that its numbers say nothing about depression."""
    return track == "demo" or track.startswith("demo-")
