"""Augmentations of signals."""

import numpy as np
import pytest
import torch

from adabench.data.augment import augments_of, build_augment
from adabench.data.signal_augment import SignalDropout, SignalJitter, SignalMask
from adabench.registry import TRANSFORMS, UnknownTypeError
from adabench.structures import Signals

NAMES = ("AU01_r", "AU12_r", "pose_Tz", "gaze_0_x")


def signals(frames=40):
    values = torch.randn(frames, len(NAMES)) * torch.tensor([1.0, 0.1, 100.0, 0.0]) + 5
    mask = torch.ones_like(values, dtype=torch.bool)
    mask[:6, 1] = False
    return Signals(values * mask, mask, NAMES)


def generator(seed=0):
    return np.random.default_rng(seed)


def test_a_dropped_column_counts_as_not_measured():
    before = signals()
    found = [SignalDropout(share=0.3)(before, generator(seed)) for seed in range(200)]
    dropped = torch.stack([~one.mask[10] for one in found])
    assert dropped.float().mean() == pytest.approx(0.3, abs=0.05)
    for one, columns in zip(found, dropped, strict=True):
        assert not one.values[:, columns].any()
        assert not one.mask[:, columns].any()
        assert torch.equal(one.values[:, ~columns], before.values[:, ~columns])
    assert before.mask[10].all()


def test_a_column_always_stays():
    for seed in range(20):
        assert SignalDropout(share=1.0)(signals(), generator(seed)).mask.any()


def test_a_landmark_s_coordinates_are_dropped_together():
    names = ("x_0", "x_1", "AU01_r", "y_0", "y_1", "X_1", "gaze_0_x", "gaze_0_y", "eye_lmk_x_1")
    names = (*names, "eye_lmk_Z_1", "x_11")
    pairs = [(0, 3), (1, 4), (1, 5), (8, 9)]
    before = Signals(torch.ones(3, 11), torch.ones(3, 11, dtype=torch.bool), names)
    augment = SignalDropout(share=0.5, landmarks=True)
    dropped = torch.stack([~augment(before, generator(seed)).mask[0] for seed in range(400)])
    assert dropped.float().mean(0).tolist() == pytest.approx([0.5] * 11, abs=0.1)
    alike = (dropped[:, :, None] == dropped[:, None]).all(0).triu(1)
    assert alike.nonzero().tolist() == sorted([*map(list, pairs), [4, 5]])


def test_columns_by_themselves_are_drawn_as_before():
    before = signals()
    drawn = generator(8).random(len(NAMES)) < 0.5
    assert (~SignalDropout(share=0.5)(before, generator(8)).mask[10]).tolist() == drawn.tolist()


def test_noise_is_a_share_of_each_column_s_own_spread():
    before = signals(4000)
    moved = SignalJitter(share=0.2)(before, generator())
    noise = moved.values - before.values
    spread = before.values[6:].std(0, correction=0)
    torch.testing.assert_close(noise[6:].std(0), 0.2 * spread, rtol=0.05, atol=1e-6)
    assert not noise[:6, 1].any()
    assert torch.equal(moved.mask, before.mask)


def test_a_masked_stretch_is_in_one_piece():
    lengths = []
    for seed in range(100):
        before = signals(50)
        found = SignalMask(share=0.4)(before, generator(seed))
        lost = (before.mask & ~found.mask)[:, 0].nonzero().flatten()
        lengths.append(len(lost))
        assert not found.values[lost].any()
        assert len(lost) == 0 or int(lost[-1] - lost[0]) == len(lost) - 1
    assert max(lengths) > 15
    assert max(lengths) <= 20


@pytest.mark.parametrize("kind", [SignalDropout, SignalJitter, SignalMask])
def test_the_same_numbers_change_alike(kind):
    first, again = (kind()(signals_once(), generator(3)) for _ in range(2))
    assert torch.equal(first.values, again.values)
    assert torch.equal(first.mask, again.mask)


def signals_once():
    torch.manual_seed(1)
    return signals()


@pytest.mark.parametrize(
    ("kind", "share"),
    [(SignalDropout, 1.5), (SignalDropout, -0.1), (SignalJitter, -1), (SignalMask, 1.0)],
)
def test_shares_out_of_range(kind, share):
    with pytest.raises(ValueError, match=f"{kind.__name__}.share is"):
        kind(share=share)


def test_a_list_is_divided_by_what_is_changed():
    flip, drop, mask = ({"type": t} for t in ("ClipAugment", "SignalDropout", "SignalMask"))
    both = [drop, flip, mask]
    assert augments_of(both, "signals") == [drop, mask]
    assert augments_of(both, "frames") == [flip]
    assert augments_of(flip, "frames") is flip
    assert augments_of(flip, "signals") is None
    assert [type(part) for part in build_augment(both, "signals").parts] == [
        SignalDropout,
        SignalMask,
    ]
    assert build_augment(drop) is None
    with pytest.raises(UnknownTypeError, match="Did you mean 'SignalMask'"):
        build_augment([{"type": "SignalMsk"}])


def test_one_of_a_plugin_s_changes_frames_unless_it_says_otherwise():
    @TRANSFORMS.register_module()
    class Quiet:
        def __call__(self, frames, rng):
            return frames

    try:
        assert build_augment({"type": "Quiet"}) is not None
        Quiet.changes = "signals"
        assert build_augment({"type": "Quiet"}) is None
    finally:
        TRANSFORMS.module_dict.pop("Quiet")
