"""How fast a clip's signals change, as spectra of one length for all clips."""

from __future__ import annotations

from numpy.typing import ArrayLike

from adabench.bounds import Count
from adabench.models.extractors.extractor import Extractor
from adabench.models.extractors.spectrum import aligned_spectrum, check_spectrum
from adabench.registry import MODELS
from adabench.structures import Clip


@MODELS.register_module()
class SpectralSignals(Extractor):
    """Amplitude and phase of each signal at frequencies that all clips share (Song 2022).

    Frequencies are in cycles a frame of the view: one that leaves frames out sees others. `SpectralStep`
    gives the same to a network.

    Args:
        resolution: R, frames, even: frequencies are multiples of 1/R. A clip counts up to its last
            whole R frames; a shorter one is continued.
        bins: N, at most R / 2 + 1: the fastest, then those from 0 up.

    Raises:
        ValueError: an odd resolution, or more bins than it has.
    """

    reads = ("signals",)

    def __init__(self, *, resolution: Count = 256, bins: Count = 80) -> None:
        check_spectrum("SpectralSignals", resolution, bins)
        self.resolution = resolution
        self.bins = bins

    def __call__(self, clip: Clip) -> ArrayLike:
        """Return (2 * S * N,): |X| / L of each signal, then angles; 0 for what was never measured."""
        signals = clip.signals
        if signals is None:
            raise ValueError(f"SpectralSignals reads signals, and clip {clip.id.clip} has none")
        found = aligned_spectrum(
            signals.values.double(), signals.mask, resolution=self.resolution, bins=self.bins
        )
        return found.flatten().numpy()
