"""Whether a method's relevance points at the frames that matter, where these are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from adabench.config.experiment import Experiment
from adabench.config.fields.generated import synthface_parameters
from adabench.evaluation.explanation import ClipRelevance, join_views
from adabench.evaluation.localisation import ALL, clip_localisation, mean_localisation
from adabench.evaluation.scale import BDI_II, Scale
from adabench.records.schema.localisation import Localisation, localisation_form
from adabench.structures import Selection, Units, ViewId
from adabench.synthface import key_frames


def known_key_frames(
    experiment: Experiment, splits: Iterable[str] = ("test",)
) -> dict[str, NDArray[np.bool_]]:
    """Return clip → (frames,) bool, its key frames; empty for a corpus that is not generated.

    Args:
        experiment: on the corpus.
        splits: whose clips; a protocol may test clips of any.
    """
    if not experiment.track_.is_demo:
        return {}
    parameters = synthface_parameters(experiment.corpora.synthface)
    return {clip: key for split in splits for clip, key in key_frames(parameters, split).items()}


class Relevance:
    """Gathers the relevance of a test's views and measures it against key frames.

    Args:
        key: clip → (frames,) bool; a clip without an entry is passed over.
    """

    def __init__(self, key: Mapping[str, NDArray[np.bool_]]) -> None:
        self.key = key
        self._views: dict[str, dict[int, ClipRelevance]] = defaultdict(dict)

    def add(self, ids: Sequence[ViewId], units: Units, selection: Selection) -> None:
        """Add a batch: ids (B), units (B, M, D) and what was selected among them."""
        scale = units.scale.cpu().numpy()
        for row, view in enumerate(ids):
            if view.clip not in self.key:
                continue
            kept = units.valid[row].cpu().numpy()
            self._views[view.clip][view.phase] = ClipRelevance(
                selection.relevance[row].float().cpu().numpy()[kept].astype(np.float64),
                units.span[row].cpu().numpy()[kept],
                scale[kept],
                np.ones(int(kept.sum()), dtype=bool),
            )

    def measures(
        self, scores: Mapping[str, float] = MappingProxyType({}), scale: Scale = BDI_II
    ) -> dict[str, Localisation]:
        """Return label → how well relevance finds key frames, mean over clips.

        Args:
            scores: clip → its true score; empty leaves out the measures by severity level.
            scale: of the scores.

        The labels are ``all``, then the temporal scales (``scale1``, …), then the severity levels
        (``minimal``, …), over the clips whose true score is of that level: relevance to a level
        that a clip shows by what it lacks need not point at key frames. Clips without key frames
        have no part in it; where no clip has any, nothing is returned.
        """
        clips = {
            clip: clip_localisation(*join_views(list(views.values())), self.key[clip])
            for clip, views in self._views.items()
        }
        means = mean_localisation(list(clips.values()))
        for level, name in enumerate(scale.names):
            own = [
                {name: found[ALL]}
                for clip, found in clips.items()
                if ALL in found and clip in scores and scale.level(scores[clip]) == level
            ]
            means |= mean_localisation(own)
        return {label: localisation_form(found) for label, found in means.items()}
