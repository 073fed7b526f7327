"""One image a segment."""

import pytest
import torch

from adabench.batching import pad_inputs
from adabench.models.backbones.wrappers.pooled_image import PooledImage, pooled_image, rank_image
from adabench.testing import check_plugin, example_batch

OPTIONS = {"channels": (8, 8, 16, 16), "stem_width": 8}
FRAMES = {"type": "TimmFrames", "name": "resnet18", "scales": 1, "options": OPTIONS}


def build(pool="rank", **options):
    torch.manual_seed(0)
    return PooledImage(trunk={**FRAMES, **options}, pool=pool).eval()


def clips(*lengths, steps=5):
    """Frames of segments of several lengths, bright where there is nothing."""
    valid = torch.arange(steps) < torch.tensor(lengths)[:, None]
    frames = torch.rand(len(lengths), steps, 3, 4, 4)
    return frames + ~valid[..., None, None, None], valid


def test_rank_pooling_is_the_sum_of_2t_less_t_less_1_stretched_to_an_images_range():
    frames, valid = clips(5, 4, 2)
    found = rank_image(frames, valid)
    for segment, length in enumerate((5, 4, 2)):
        total = sum((2 * t - length - 1) * frames[segment, t - 1] for t in range(1, length + 1))
        wanted = (total - total.min()) / (total.max() - total.min())
        torch.testing.assert_close(found[segment], wanted)


def test_what_brightens_is_bright_and_backwards_is_the_negative():
    frames, valid = clips(5)
    backwards = rank_image(frames.flip(1), valid)
    torch.testing.assert_close(backwards, 1 - rank_image(frames, valid))
    frames[:], ramp = 0.5, torch.linspace(0, 1, 5)
    frames[0, :, 0, 0, 0], frames[0, :, 0, 0, 1] = ramp, 1 - ramp
    found = rank_image(frames, valid)[0, 0, 0]
    torch.testing.assert_close(found, torch.tensor([1.0, 0.0, 0.5, 0.5]))


def test_where_nothing_changes_it_is_grey_and_rounding_is_not_stretched():
    frames = torch.rand(2, 1, 3, 4, 4).expand(-1, 5, -1, -1, -1)
    valid = torch.tensor([[True] * 5, [True] + [False] * 4])
    torch.testing.assert_close(
        rank_image(frames, valid), torch.full((2, 3, 4, 4), 0.5), atol=1e-3, rtol=0
    )


def test_the_other_images_are_of_the_valid_frames_alone():
    frames, valid = clips(5, 4, 1)
    for pool, wanted in {
        "mean": [frames[0].mean(0), frames[1, :4].mean(0), frames[2, 0]],
        "max": [frames[0].amax(0), frames[1, :4].amax(0), frames[2, 0]],
        "middle": [frames[0, 2], frames[1, 2], frames[2, 0]],
    }.items():
        torch.testing.assert_close(pooled_image(frames, valid, pool), torch.stack(wanted))


@torch.no_grad()
def test_a_step_is_what_the_trunk_gives_for_its_image():
    part, inputs = build(), example_batch(segment=4, size=32)[0]
    found = part(inputs)
    single = example_batch(size=32, lengths=[1], scores=[1.0])[0]
    single.frames = rank_image(inputs.frames[2:, 4:8], inputs.valid[2:, 4:8])[None]
    wanted = part.trunk(single)
    torch.testing.assert_close(found.vector[2, 1], wanted.vector[0, 0])
    torch.testing.assert_close(found.maps[0][2, 1], wanted.maps[0][0, 0])
    assert (part.spec, part.per_segment) == (part.trunk.spec, True)
    longer = part(pad_inputs(inputs, 20, fill=0.9))
    torch.testing.assert_close(longer.vector[:, :3], found.vector)


def test_a_frozen_trunk_makes_it_one_that_may_be_cached_by_its_pooling():
    part, inputs = build(frozen=True), example_batch(segment=4, size=32)[0]
    assert part.frozen_part() is part
    assert build().frozen_part() is None
    inputs.features = part(inputs)
    assert part(inputs) is inputs.features
    assert repr(part) != repr(build("max", frozen=True))


def test_an_unknown_pooling_and_a_trunk_of_something_else_are_refused():
    with pytest.raises(
        ValueError, match=r"pool is one of 'rank', 'mean', 'max', 'middle'; got 'svm'"
    ):
        build("svm")
    with pytest.raises(
        ValueError, match=r"PooledImage\.trunk .*single images, and C3DMaps sees segm"
    ):
        PooledImage(trunk={"type": "C3DMaps", "width": 2})
    guided = {
        "type": "TemporalDifference",
        "trunk": {"type": "SignalSteps", "signals": ("AU01_r",)},
    }
    with pytest.raises(
        ValueError, match=r"PooledImage\.trunk .*TemporalDifference reads signals: name"
    ):
        PooledImage(trunk=guided)


def test_the_contract_is_kept():
    check_plugin({"backbone": {"type": PooledImage, "trunk": FRAMES}})
