"""A clip's spectra as one step, of a batch of clips of several lengths."""

import pytest
import torch

from adabench.models import SpectralStep
from adabench.models.extractors.spectrum import aligned_spectrum
from adabench.testing import SIGNAL_NAMES, check_plugin, example_batch


def part():
    built = SpectralStep(signals=SIGNAL_NAMES, resolution=8, bins=5)
    built.fit_signals(torch.linspace(0, 1, 6), torch.linspace(1, 2, 6))
    return built


def test_each_clip_s_step_is_its_own_spectrum():
    inputs, _ = example_batch(reads=("signals",), lengths=(19, 5, 8))
    found = part()(inputs)
    assert found.vector.shape == (3, 1, part().spec.vector)
    assert found.span.tolist() == [[[0, 37]], [[0, 9]], [[0, 15]]]
    for clip, length in enumerate((19, 5, 8)):
        values = inputs.signals.values[clip, :length]
        standard = (values - torch.linspace(0, 1, 6)) / torch.linspace(1, 2, 6)
        known = inputs.signals.mask[clip, :length]
        wanted = aligned_spectrum(standard, known, resolution=8, bins=5)
        assert torch.allclose(found.vector[clip, 0], wanted.flatten(), atol=1e-5)


def test_a_clip_without_a_frame_has_no_step():
    inputs, _ = example_batch(reads=("signals",))
    inputs.valid[1] = False
    found = part()(inputs)
    assert found.valid[:, 0].tolist() == [True, False, True]
    assert not found.vector[1].any()
    assert not found.span[1].any()


def test_it_keeps_the_contract():
    check_plugin({"backbone": {"type": "SpectralStep", "resolution": 4, "bins": 3}})


def test_bins_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match=r"SpectralStep\.bins is from 1 .* = 5, .* got 6"):
        SpectralStep(signals=SIGNAL_NAMES, resolution=8, bins=6)
