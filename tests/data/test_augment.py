"""Augmentation: drawn once a clip, and by the given generator alone."""

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import resize

from adabench.data.augment import ClipAugment, build_augment

FRAMES = torch.randint(0, 256, (5, 3, 12, 10), generator=torch.Generator().manual_seed(3)).byte()
FULL = {"flip": 0.5, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4}


def rng(seed=0):
    return np.random.default_rng(seed)


def test_every_frame_of_a_clip_is_changed_alike():
    augment = ClipAugment(**FULL)
    for seed in range(10):
        whole = augment(FRAMES, rng(seed))
        alone = [augment(frame[None], rng(seed)) for frame in FRAMES]
        assert torch.equal(whole, torch.cat(alone))


def test_shape_and_type_are_kept():
    changed = ClipAugment(**FULL)(FRAMES, rng())
    assert changed.shape == FRAMES.shape
    assert changed.dtype == torch.uint8


def test_the_generator_decides():
    augment = ClipAugment(**FULL)
    first = augment(FRAMES, rng(1))
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 - to show that the global generator has no say
    assert torch.equal(augment(FRAMES, rng(1)), first)
    assert not torch.equal(augment(FRAMES, rng(2)), first)


def test_flip_mirrors_left_and_right():
    assert torch.equal(ClipAugment(flip=1.0)(FRAMES, rng()), FRAMES.flip(-1))
    assert torch.equal(ClipAugment(flip=0.0)(FRAMES, rng()), FRAMES)


def test_about_half_of_the_clips_are_mirrored():
    augment, generator = ClipAugment(flip=0.5), rng()
    mirrored = sum(not torch.equal(augment(FRAMES, generator), FRAMES) for _ in range(200))
    assert 70 < mirrored < 130


def test_brightness_stays_within_its_reach():
    grey = torch.full((1, 3, 4, 4), 100, dtype=torch.uint8)
    augment, generator = ClipAugment(flip=0.0, brightness=0.2), rng()
    levels = [int(augment(grey, generator)[0, 0, 0, 0]) for _ in range(200)]
    assert 79 <= min(levels) < 85
    assert 115 < max(levels) <= 120


def test_saturation_leaves_grey_as_it_is():
    grey = torch.randint(0, 256, (4, 1, 6, 6)).byte().expand(4, 3, 6, 6)
    changed = ClipAugment(flip=0.0, saturation=1.0)(grey, rng())
    assert (changed.int() - grey.int()).abs().max() <= 1


@pytest.mark.parametrize("name", ["flip", "brightness", "contrast", "saturation"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_values_outside_0_to_1_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"ClipAugment\.{name} is between 0 and 1; got"):
        ClipAugment(**{name: value})


def test_moves_keep_shape_type_and_the_picture_inside():
    frames = torch.full((3, 3, 32, 32), 90, dtype=torch.uint8)
    frames[:, :, 12:20, 12:20] = 200
    augment = ClipAugment(flip=0.0, shift=0.1, zoom=0.1, rotate=10)
    moved = augment(frames, np.random.default_rng(1))
    assert moved.shape == frames.shape
    assert moved.dtype == torch.uint8
    assert not torch.equal(moved, frames)
    # Edges are repeated, so nothing darker than the background comes in at the corners.
    assert int(moved.min()) >= 88
    assert abs(float(moved.float().mean()) - float(frames.float().mean())) < 8


def test_moves_are_alike_for_every_frame_of_a_clip():
    frames = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8).expand(4, -1, -1, -1)
    moved = ClipAugment(flip=0.0, shift=0.2, rotate=20)(frames, np.random.default_rng(0))
    assert all(torch.equal(moved[0], frame) for frame in moved)


def test_rotation_out_of_range_is_refused():
    with pytest.raises(ValueError, match="rotate is 0 to 180 degrees; got -1"):
        ClipAugment(rotate=-1)


def test_a_cut_of_the_frame_is_enlarged_to_its_size():
    frames = torch.randint(0, 256, (4, 3, 32, 64), dtype=torch.uint8)
    augment, draws = ClipAugment(flip=0.0, crop=0.875), rng(5)
    tops, lefts = set(), set()
    for _ in range(60):
        cut = augment(frames, draws)
        assert cut.shape == frames.shape
        assert cut.dtype == torch.uint8
        places = [
            (top, left)
            for top in range(5)
            for left in range(9)
            if torch.equal(cut, enlarged(frames[..., top : top + 28, left : left + 56]))
        ]
        (place,) = places
        tops.add(place[0])
        lefts.add(place[1])
    # Every place that is within.
    assert tops == set(range(5))
    assert lefts == set(range(9))


def enlarged(frames):
    return resize(frames, [32, 64], InterpolationMode.BILINEAR)


def test_the_whole_frame_draws_nothing():
    first, second = rng(2), rng(2)
    whole = ClipAugment(**FULL, crop=1.0)(FRAMES, first)
    assert torch.equal(whole, ClipAugment(**FULL)(FRAMES, second))
    plain = rng(2)
    plain.random()
    plain.uniform(size=7)
    assert first.random() == second.random() == plain.random()


@pytest.mark.parametrize("crop", [0.0, 1.1, float("nan")])
def test_cuts_out_of_range_are_refused(crop):
    with pytest.raises(ValueError, match=r"ClipAugment\.crop is above 0 and at most 1, .*; got"):
        ClipAugment(crop=crop)


def test_several_come_in_their_order_from_one_generator():
    flip, bright = {"type": "ClipAugment", "flip": 1.0}, {"type": "ClipAugment", "brightness": 0.4}
    draws = rng(4)
    expected = ClipAugment(brightness=0.4)(ClipAugment(flip=1.0)(FRAMES, draws), draws)
    assert torch.equal(build_augment([flip, bright])(FRAMES, rng(4)), expected)
    assert not torch.equal(build_augment([bright, flip])(FRAMES, rng(4)), expected)


def test_one_is_what_it_is_by_itself():
    built = build_augment({"type": "ClipAugment", **FULL})
    assert torch.equal(built(FRAMES, rng(3)), ClipAugment(**FULL)(FRAMES, rng(3)))
    assert build_augment(None) is build_augment([]) is None
