"""A clip's signals as one step of their spectra."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from adabench.bounds import Count
from adabench.models.aggregators.units import clip_unit
from adabench.models.backbones.signal_backbone import SignalBackbone
from adabench.models.backbones.timm_frames import frame_spans
from adabench.models.extractors.spectrum import aligned_spectrum, check_spectrum
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Inputs


@MODELS.register_module()
class SpectralStep(SignalBackbone):
    """One step a clip: amplitude and phase of its standardised signals' spectra (Song 2022).

    Frequencies are those of the extractor `SpectralSignals`, in cycles a frame of the view. It learns
    nothing.

    Args:
        signals: the S columns, which the builder passes.
        resolution: R, frames, even: frequencies are multiples of 1/R. A clip counts up to its last
            whole R frames; a shorter one is continued.
        bins: N, at most R / 2 + 1: the fastest, then those from 0 up.

    Raises:
        ValueError: an odd resolution, or more bins than it has.
    """

    def __init__(
        self, *, signals: Sequence[str], resolution: Count = 256, bins: Count = 80
    ) -> None:
        super().__init__(signals=signals)
        check_spectrum("SpectralStep", resolution, bins)
        self.resolution = resolution
        self.bins = bins

    @property
    def spec(self) -> FeatureSpec:
        """A vector of 2 * S * N."""
        return FeatureSpec(vector=2 * len(self.names) * self.bins)

    def forward(self, inputs: Inputs) -> Features:
        """Map signals (B, T, S) to vectors (B, 1, 2 * S * N), of the frames that are valid."""
        values, known = self.standardised(inputs)
        found = [
            aligned_spectrum(
                clip[there].float(), seen[there], resolution=self.resolution, bins=self.bins
            )
            for clip, seen, there in zip(values, known, inputs.valid, strict=True)
        ]
        steps = Features(values, inputs.valid, frame_spans(inputs.index))
        whole = clip_unit(torch.stack(found).flatten(1), steps)
        return Features(vector=whole.x, valid=whole.valid, span=whole.span)
