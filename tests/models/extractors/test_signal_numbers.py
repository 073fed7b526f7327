"""Numbers of a clip's signals, against numpy."""

import numpy as np
import pytest
import torch
from extractor_clips import signal_clip

from adabench.models import SignalStatistics, SpectralSignals
from adabench.structures import Clip
from adabench.testing import example_id

SONG = {
    "statistics": ["mean", "deviation", "maximum", "minimum"],
    "changes": False,
    "lags": [1, 2],
    "brief": ["pose_*"],
}
NAMES = tuple(f"AU{n:02d}_r" for n in range(23)) + tuple(f"pose_{n}" for n in range(6))


def waves(frames, signals=3):
    steps = np.arange(frames)[:, None] * (0.2 + 0.3 * np.arange(signals))
    return (np.sin(steps) + 0.01 * np.arange(frames)[:, None] + 2).astype(np.float32)


def numpys(values, resolution, bins):
    """Song's maps by a transform of all frames: (2, S, N)."""
    length = len(values) // resolution * resolution
    kept = values[:length].astype(np.float64)
    found = np.fft.fft(kept - np.median(kept, 0), axis=0) / length
    step = length // resolution
    chosen = found[[length // 2, *(step * np.arange(bins - 1))]]
    return np.stack([np.abs(chosen), np.angle(chosen)]).transpose(0, 2, 1)


def near(found, wanted):
    """Whether amplitudes are the same, and so are phases, up to a whole turn, where there is any."""
    amplitude, phase = np.asarray(found).reshape(wanted.shape)
    turned = np.where(wanted[0] > 1e-6, np.angle(np.exp(1j * (phase - wanted[1]))), 0.0)
    return np.allclose(amplitude, wanted[0], atol=1e-9) and np.abs(turned).max() < 1e-4


@pytest.mark.parametrize(("frames", "bins"), [(150, 17), (128, 9), (32, 17), (63, 2)])
def test_spectra_are_numpy_s_at_the_bins_that_clips_share(frames, bins):
    values = waves(frames)
    found = SpectralSignals(resolution=32, bins=bins)(signal_clip(values))
    assert found.shape == (2 * 3 * bins,)
    assert near(found, numpys(values, 32, bins))


def test_a_wave_stands_at_its_frequency_whatever_the_length():
    for frames in (64, 100, 640):
        values = np.cos(2 * np.pi * np.arange(frames) * 5 / 32)[:, None]
        amplitude = SpectralSignals(resolution=32, bins=17)(signal_clip(values))[:17]
        wanted = np.zeros(17)
        wanted[1 + 5] = 0.5
        assert np.allclose(amplitude, wanted, atol=0.02 if frames % 32 else 1e-6)


def test_a_short_clip_is_continued_by_its_median():
    values = waves(21)
    centred = values - np.median(values, 0)
    longer = np.concatenate([centred, np.zeros((11, 3))])
    found = np.fft.fft(longer, axis=0)[[16, *range(16)]] / 21
    wanted = np.stack([np.abs(found), np.angle(found)]).transpose(0, 2, 1)
    assert near(SpectralSignals(resolution=32, bins=17)(signal_clip(values)), wanted)


def test_what_is_not_known_is_as_the_median():
    values, mask = waves(64), np.ones((64, 3), bool)
    mask[5:20, 0], mask[:, 2] = False, False
    filled = values.astype(np.float64)
    filled[5:20, 0] = np.median(values[mask[:, 0], 0])
    found = SpectralSignals(resolution=32, bins=17)(signal_clip(values, mask)).reshape(2, 3, 17)
    assert near(found[:, :2], numpys(filled[:, :2], 32, 17))
    assert not found[:, 2].any()


def test_a_signal_that_stands_still_has_no_spectrum():
    assert not SpectralSignals(resolution=8, bins=5)(signal_clip(np.full((20, 2), -3.0))).any()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"resolution": 33}, r"SpectralSignals\.resolution is an even number .* got 33"),
        (
            {"resolution": 32},
            r"SpectralSignals\.bins is from 1 to resolution / 2 \+ 1 = 17.*got 80",
        ),
        ({"bins": 0}, r"SpectralSignals\.bins"),
    ],
)
def test_bins_that_there_are_not_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        SpectralSignals(**options)
    with pytest.raises(ValueError, match=r"SpectralSignals reads signals, and clip .* has none"):
        SpectralSignals()(Clip(example_id(0), torch.arange(3)))


def test_song_s_statistics_are_numpy_s():
    values = waves(40, 29)
    wanted = []
    for name, column in zip(NAMES, values.T.astype(np.float64), strict=True):
        for part in (column, column[1:] - column[:-1], column[2:] - column[:-2]):
            wanted += [part.mean(), part.std()]
            wanted += [] if name.startswith("pose") else [part.max(), part.min()]
    found = SignalStatistics(**SONG)(signal_clip(values, names=NAMES))
    assert len(found) == 312
    assert np.allclose(found, wanted, atol=1e-5)


def test_differences_are_of_frames_that_are_known():
    mask = np.ones((5, 1), bool)
    mask[2] = False
    values = np.array([[1.0], [2.0], [9.0], [5.0], [7.0]])
    lags = SignalStatistics(statistics=["mean"], changes=False, lags=[1, 2, 9])
    # 1 → 2, 5 → 7; of two frames 2 → 5; of nine none.
    assert lags(signal_clip(values, mask)).tolist() == [3.75, 1.5, 3.0, 0.0]


def test_lags_and_signals_that_there_are_not_are_told():
    with pytest.raises(ValueError, match=r"SignalStatistics\.lags are of at least 1 frame; got 0"):
        SignalStatistics(lags=[0])
    with pytest.raises(ValueError, match=r"SignalStatistics\.brief: no signal is called 'pose_\*'"):
        SignalStatistics(brief=["pose_*"])(signal_clip(waves(4)))
