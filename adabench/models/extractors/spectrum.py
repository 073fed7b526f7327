"""Spectra of signals at frequencies that clips of any length share."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad


def check_spectrum(reader: str, resolution: int, bins: int) -> None:
    """Refuse a resolution and a number of bins that don't go together.

    Raises:
        ValueError: naming the reader's field, what was expected and what came.
    """
    if resolution < 2 or resolution % 2:
        raise ValueError(
            f"{reader}.resolution is an even number of at least 2 frames; got {resolution}"
        )
    most = resolution // 2 + 1
    if not 1 <= bins <= most:
        raise ValueError(
            f"{reader}.bins is from 1 to resolution / 2 + 1 = {most}, as many as there are; got {bins}"
        )


def aligned_spectrum(values: Tensor, known: Tensor, *, resolution: int, bins: int) -> Tensor:
    """Return amplitude and phase of signals at aligned frequencies (Song 2022, its first alignment).

    Of T frames the first L = qR are taken, each signal's median is subtracted (what is not known is
    as the median), and of its Fourier transform X the bins 0, q, 2q, … are kept, which are 0, 1/R,
    2/R, … cycles a frame whatever L is. Fewer than R frames are continued by their median.

    Args:
        values: (T, S), of floating point.
        known: (T, S) bool.
        resolution: R, frames, even.
        bins: N, of which the first is the fastest, half a cycle a frame, and the others rise from 0.

    Returns:
        (2, S, N): |X| / L, in the signals' units, and X's angle in radians, (-π, π]; L is T where that
        is less than R.
    """
    length = len(values) // resolution * resolution or len(values)
    if not length:
        return values.new_zeros(2, values.shape[1], bins)
    values, known = values[:length], known[:length]
    median = values.masked_fill(~known, torch.nan).nanquantile(0.5, dim=0).nan_to_num(0.0)
    centred = (values - median).masked_fill(~known, 0.0)
    whole = pad(centred, (0, 0, 0, -length % resolution))
    # Every q-th bin of the whole is a bin of the sum of its parts of R frames.
    folded = whole.unflatten(0, (-1, resolution)).sum(0)
    found = torch.fft.rfft(folded, dim=0) / length
    chosen = torch.cat([found[-1:], found[: bins - 1]])
    return torch.stack([chosen.abs(), chosen.angle()]).transpose(1, 2)
