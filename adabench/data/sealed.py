"""Scores of test clips, kept shut until there are predictions to hold against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adabench.data.manifest import ClipRecord


class SealedScores:
    """What a run opens once its predictions are written.

    Code that reads the labels from disk is not hindered by it; a decoy of the test split tells on
    such code (`adabench.engine.testing.decoy`).

    Args:
        clips: the test clips, with their scores.

    Raises:
        ValueError: two clips of a session with different scores.
    """

    def __init__(self, clips: Sequence[ClipRecord]) -> None:
        self._scores = session_labels(clips)

    @property
    def sessions(self) -> list[str]:
        """The sessions that are to be predicted, in order."""
        return sorted(self._scores)

    def open(self, predictions: Mapping[str, float]) -> dict[str, float]:
        """Return session → points.

        Args:
            predictions: session → predicted points; every session has to have one.

        Raises:
            ValueError: a session without a prediction.
        """
        absent = [session for session in self.sessions if session not in predictions]
        if absent:
            raise ValueError(
                f"{len(absent)} of {len(self._scores)} test sessions have no prediction, the first "
                f"{absent[0]}; their scores stay sealed until all are predicted"
            )
        return dict(self._scores)


def session_labels(clips: Sequence[ClipRecord]) -> dict[str, float]:
    """Return session → points.

    Raises:
        ValueError: two clips of a session with different scores.
    """
    labels: dict[str, float] = {}
    for clip in clips:
        if clip.score is None:
            continue
        if labels.setdefault(clip.session, float(clip.score)) != clip.score:
            raise ValueError(
                f"manifest: session {clip.session} has scores {labels[clip.session]:g} and {clip.score}; "
                "a session has one; correct the label files and prepare again"
            )
    return labels
