"""Optical flow between successive frames, through a trunk."""

import cv2
import numpy as np
import pytest
import torch

from adabench.models.backbones.wrappers.flow_frames import FlowFrames, flow, flow_image
from adabench.testing import check_plugin, example_batch

OPTIONS = {"channels": (8, 8, 16, 16), "stem_width": 8}
FRAMES = {"type": "TimmFrames", "name": "resnet18", "scales": 1, "options": OPTIONS}


def build(**options):
    torch.manual_seed(0)
    return FlowFrames(trunk=FRAMES, **options).eval()


def texture(size=48):
    noise = np.random.default_rng(0).random((size, size))
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


def moving(*shifts, size=48):
    """A segment (1, L, 3, H, W) whose texture stands that many pixels to the right and down."""
    planes = [np.roll(texture(size), (down, right), (0, 1)) / 255 for right, down in shifts]
    return torch.from_numpy(np.stack(planes)).float()[None, :, None].expand(-1, -1, 3, -1, -1)


def batch(frames, valid=None):
    length = frames.shape[1]
    inputs = example_batch(segment=length, lengths=[length], scores=[1.0], size=frames.shape[-1])[0]
    inputs.frames = frames.clone()
    if valid is not None:
        inputs.valid = torch.arange(length)[None] < valid
    return inputs


@pytest.mark.parametrize("method", ["dis", "farneback"])
def test_flow_is_how_far_a_pixel_moves_to_the_right_and_down(method):
    image = texture().astype(np.uint8)
    found = flow(image, np.roll(image, (-1, 2), (0, 1)), method)[8:-8, 8:-8]
    assert found.shape == (32, 32, 2)
    assert np.median(found, (0, 1)) == pytest.approx([2.0, -1.0], abs=0.1)


def test_an_image_has_both_directions_about_grey_and_their_length():
    moved = torch.tensor([[3.0, -4.0], [0.0, 0.0], [30.0, -30.0]]).view(1, 1, 3, 2)
    found = flow_image(moved, 10.0)[0, :, 0].T
    wanted = torch.tensor([[0.65, 0.3, 0.5], [0.5, 0.5, 0.0], [1.0, 0.0, 1.0]])
    torch.testing.assert_close(found, wanted)


@torch.no_grad()
@pytest.mark.parametrize("method", ["dis", "farneback"])
def test_a_step_is_the_mean_of_what_the_trunk_gives_for_its_successive_frames(method):
    part, frames = build(method=method, most=0.1), moving((0, 0), (1, 0), (3, 1))
    found = part(batch(frames))
    grey = (frames[0, :, 0] * 255).round().byte().numpy()
    pairs = [flow(grey[t], grey[t + 1], method) for t in (0, 1)]
    images = flow_image(torch.from_numpy(np.stack(pairs)), 4.8)
    seen = example_batch(lengths=[2], scores=[1.0], size=48)[0]
    seen.frames = images[None]
    wanted = part.trunk(seen)
    torch.testing.assert_close(found.vector[0, 0], wanted.vector[0].mean(0))
    torch.testing.assert_close(found.maps[0][0, 0], wanted.maps[0][0].mean(0))
    assert not torch.allclose(wanted.vector[0, 0], wanted.vector[0, 1], atol=1e-3)


@torch.no_grad()
def test_padding_is_no_frame_and_one_frame_alone_does_not_move():
    part, frames = build(), moving((0, 0), (1, 0), (3, 1), (9, 9))
    whole = part(batch(frames[:, :3])).vector
    torch.testing.assert_close(part(batch(frames, valid=3)).vector, whole)
    still = moving((0, 0), (0, 0))
    torch.testing.assert_close(part(batch(frames, valid=1)).vector, part(batch(still)).vector)
    assert not torch.allclose(part(batch(still)).vector, whole, atol=1e-3)


def test_no_gradient_goes_through_the_flow_and_opencvs_threads_stay():
    part, inputs = build().train(), batch(moving((0, 0), (1, 0)))
    inputs.frames.requires_grad_(True)
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        part(inputs).vector.sum().backward()
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)
    assert inputs.frames.grad is None
    assert all(p.grad is not None for p in part.parameters())


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"method": "tvl1"}, r"FlowFrames\.method is 'dis' or 'farneback'; got 'tvl1'"),
        ({"most": 0.0}, r"FlowFrames\.most is a share of a side above 0, up to 1; got 0\.0"),
    ],
)
def test_unknown_methods_and_ranges_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        build(**options)


def test_segments_of_one_frame_and_images_too_small_are_refused():
    part = build()
    for ask in (lambda: part.refuse_segments(1, 48), lambda: part(batch(moving((0, 0))))):
        with pytest.raises(
            ValueError, match=r"segments have one frame: take SegmentView\(length=2\)"
        ):
            ask()
    with pytest.raises(ValueError, match=r"method='dis' takes 12 pixels .* have 11: .*'farneback'"):
        part.refuse_segments(2, 11)
    build(method="farneback").refuse_segments(2, 11)
    part.refuse_segments(2, 12)
    build()(batch(torch.rand(1, 2, 3, 12, 12)))


def test_a_frozen_trunk_makes_it_one_that_may_be_cached_by_its_method():
    frozen = {"trunk": {**FRAMES, "frozen": True}}
    part, inputs = FlowFrames(**frozen), batch(moving((0, 0), (1, 0)))
    assert part.frozen_part() is part
    assert build().frozen_part() is None
    inputs.features = part(inputs)
    assert part(inputs) is inputs.features
    told = {repr(FlowFrames(**frozen, **o)) for o in ({}, {"method": "farneback"}, {"most": 0.1})}
    assert len(told) == 3


def test_the_contract_is_kept():
    check_plugin({"backbone": {"type": FlowFrames, "trunk": FRAMES}})
