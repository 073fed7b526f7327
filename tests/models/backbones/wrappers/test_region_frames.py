"""Boxes of each frame through one trunk."""

import pytest
import torch
import torch.nn.functional as F

from adabench.batching import pad_inputs
from adabench.models.backbones.wrappers.region_frames import REGIONS, RegionFrames
from adabench.structures import FeatureSpec
from adabench.testing import check_plugin, example_batch

OPTIONS = {"channels": (8, 8, 16, 16), "stem_width": 8}
FRAMES = {"type": "TimmFrames", "name": "resnet18", "scales": 1, "options": OPTIONS}
SEGMENTS = {"type": "C3DMaps", "width": 2}
# Left half, and a strip that is no square: of 32 pixels columns 8 to 31 and rows 16 to 23.
BOXES = ((0.0, 0.0, 0.5, 1.0), (0.25, 0.5, 1.0, 0.75))


def build(boxes=BOXES, trunk=FRAMES, **options):
    torch.manual_seed(0)
    return RegionFrames(boxes=boxes, trunk={**trunk, **options}).eval()


@pytest.mark.parametrize(("trunk", "segment"), [(FRAMES, 0), (SEGMENTS, 8)])
def test_a_step_is_its_regions_as_the_trunk_sees_them_scaled_to_the_frames_size(trunk, segment):
    part = build(trunk=trunk)
    inputs = example_batch(segment=segment, size=32)[0]
    with torch.no_grad():
        found, wanted = part(inputs), []
        for rows, columns in ((slice(0, 32), slice(0, 16)), (slice(16, 24), slice(8, 32))):
            region = inputs.frames[..., rows, columns].flatten(0, 1)
            sized = F.interpolate(region, (32, 32), mode="bilinear", antialias=True)
            alone = example_batch(segment=segment, size=32)[0]
            alone.frames = sized.view_as(inputs.frames)
            wanted.append(part.trunk(alone))
    torch.testing.assert_close(found.vector, torch.cat([each.vector for each in wanted], -1))
    assert torch.equal(found.valid, wanted[0].valid)
    assert torch.equal(found.span, wanted[0].span)
    assert (part.per_segment, part.trial) == (bool(segment), part.trunk.trial)
    assert part.spec == FeatureSpec(2 * part.trunk.spec.vector)
    assert found.maps == ()


def test_one_region_has_the_trunks_maps_and_the_whole_face_is_the_trunk():
    part, inputs = build(("face",)), example_batch(size=32)[0]
    assert part.spec == part.trunk.spec
    with torch.no_grad():
        found, wanted = part(inputs), part.trunk(inputs)
    assert torch.equal(found.vector, wanted.vector)
    assert torch.equal(found.maps[0], wanted.maps[0])


def test_padding_changes_nothing():
    part, inputs = build(trunk=SEGMENTS), example_batch(segment=8, size=32)[0]
    longer = pad_inputs(inputs, 32, fill=0.9)
    with torch.no_grad():
        torch.testing.assert_close(part(longer).vector[:, :3], part(inputs).vector)


def test_the_thinnest_box_has_a_pixel():
    part, inputs = build(((0.999, 0.0, 1.0, 0.001),)), example_batch(size=16)[0]
    with torch.no_grad():
        found = part(inputs).vector
        inputs.frames = inputs.frames[..., :1, -1:].expand_as(inputs.frames)
        torch.testing.assert_close(part.trunk(inputs).vector, found)


def test_named_regions_are_within_the_crop_and_eyes_and_mouth_stand_where_aligned_ones_do():
    # Of an aligned crop: eyes 0.4 of its side apart at a third of the height, the mouth's corners at 0.79.
    for name, points in {
        "eyes": [(0.3, 0.332), (0.7, 0.332)],
        "nose": [(0.5, 0.56)],
        "mouth": [(0.336, 0.792), (0.664, 0.792)],
    }.items():
        left, top, right, bottom = REGIONS[name]
        assert all(left < x < right and top < y < bottom for x, y in points)
    assert RegionFrames(boxes=list(REGIONS), trunk=FRAMES).boxes == tuple(REGIONS.values())


@pytest.mark.parametrize(
    ("boxes", "match"),
    [
        ([], r"RegionFrames\.boxes is a list of boxes or names of regions; got \[\]"),
        ("eyes", r"is a list of boxes or names of regions; got 'eyes'"),
        (["eyes", "moth"], r"boxes\[1\]: no region is called 'moth'\. Did you mean 'mouth'"),
        ([(0.1, 0.2, 0.9)], r"boxes\[0\] is left, top, right, bottom; got \[0\.1, 0\.2, 0\.9\]"),
        ([(0.5, 0.2, 0.5, 0.4)], r"boxes\[0\] is left < right and top < bottom"),
        ([(0.5, 0.4, 0.6, 0.2)], r"boxes\[0\] is left < right and top < bottom"),
        ([(0.0, 0.0, 1.1, 1.0)], r"from 0 to 1; got \[0\.0, 0\.0, 1\.1, 1\.0\]"),
        ([(-0.1, 0.0, 1.0, 1.0)], "from 0 to 1"),
        ([(0.0, float("nan"), 1.0, 1.0)], "from 0 to 1"),
    ],
)
def test_boxes_that_can_not_be_are_refused(boxes, match):
    with pytest.raises(ValueError, match=match):
        build(boxes)


def test_a_frozen_trunk_makes_it_one_that_may_be_cached_by_its_boxes():
    part, inputs = build(frozen=True), example_batch(size=32)[0]
    assert part.frozen_part() is part
    assert build().frozen_part() is None
    features = part(inputs)
    inputs.features, inputs.frames = features, None
    assert part(inputs) is features
    assert repr(part) != repr(build(BOXES[::-1], frozen=True))


def test_frames_are_needed():
    inputs = example_batch(size=32)[0]
    inputs.frames = None
    with pytest.raises(ValueError, match="RegionFrames reads frames, and the batch holds none"):
        build()(inputs)


def test_the_contract_is_kept():
    check_plugin({"backbone": {"type": RegionFrames, "boxes": ["eyes", "mouth"], "trunk": FRAMES}})
