"""OpenFace's action units among a prepared corpus's signals, for text that is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adabench.data.manifest import ClipRecord
from adabench.data.prepared import PreparedCorpus
from adabench.engine.caches.signal_files import SignalFiles
from adabench.models.semantics.sentences import openface_columns
from adabench.structures import Signals

_BOOK = "signals.json"


class ActionUnits:
    """The signals of a corpus's clips that have OpenFace's ``AUxx_c`` columns.

    Args:
        corpus: whose. A generated one counts as without: what it writes in OpenFace's place is its
            truth, which no method may read.

    Attributes:
        folder: of the signals.
        clips: names of the clips that have them, sorted.
    """

    def __init__(self, corpus: PreparedCorpus) -> None:
        self._files = SignalFiles(corpus)
        self.folder = self._files.folder
        there = self.folder.is_dir() and corpus.parameters is None
        records = corpus.clips if there else ()
        self.clips = sorted(r.clip for r in records if self._columns(r.clip))

    def _columns(self, clip: str) -> list[str]:
        """Return the names of OpenFace's columns in a clip's signals, as the file writes them."""
        names = self._files.columns(clip)
        found = openface_columns(tuple(names))
        if not found["c"]:
            return []
        return [names[at] for at in sorted([*found["c"].values(), *found["r"].values()])]

    def digest(self, book: Path) -> str:
        """Hash the signals of every clip that has action units, with the help of a book in a folder."""
        return self._files.digest(self.clips, book / _BOOK)

    def read(self, clip: ClipRecord) -> Signals:
        """Return the action units of a clip, as `SignalFiles.read`."""
        return self._files.read(clip, self._columns(clip.clip))


def refuse_mixed(corpus: str, clips: Sequence[ClipRecord], having: Sequence[str]) -> None:
    """Raise ValueError where only some of the clips have action units.

    Their text would tell apart the clips on which OpenFace was run, say by split or by task, and
    what a record says of its text would be false for a part of the clips.
    """
    without = [clip.clip for clip in clips if clip.clip not in set(having)]
    if without and len(without) < len(clips):
        raise ValueError(
            f"corpus {corpus!r}: {len(without)} of this run's {len(clips)} clips have no action "
            f"units, the first {without[0]!r}, and the others have: text would be made of action "
            "units in a part of the clips only. Prepare the corpus again with OpenFace's output for "
            "all of them, or set semantics.action_units=False for the same sentence everywhere"
        )
