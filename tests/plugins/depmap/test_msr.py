from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from adabench_plugins.depmap.msr import MSR, resize
from adabench_plugins.depmap.wavelet import haar_dwt, haar_idwt

from adabench.models import IncompatiblePartsError
from adabench.structures import Features, FeatureSpec

CHANNELS = (4, 6, 8, 10)
SPEC = FeatureSpec(vector=10, maps=CHANNELS, guided=True)
TABLE_2 = [(1,), (2,), (3,), (4,), (3, 4), (2, 3, 4), (1, 2, 3, 4)]


def features(size: int = 16, clips: int = 2, frames: int = 3) -> Features:
    def maps(seed: int) -> tuple[torch.Tensor, ...]:
        source = torch.Generator().manual_seed(seed)
        sizes = [max(1, -(-size // 2**i)) for i in range(4)]
        return tuple(
            torch.randn(clips, frames, c, s, s, generator=source)
            for c, s in zip(CHANNELS, sizes, strict=True)
        )

    return Features(
        vector=torch.zeros(clips, frames, 10),
        valid=torch.ones(clips, frames, dtype=torch.bool),
        span=torch.zeros(clips, frames, 2, dtype=torch.long),
        maps=maps(0),
        visual_maps=maps(1),
    )


def msr(**options) -> MSR:
    torch.manual_seed(0)
    return MSR(features=SPEC, width=16, **options)


@pytest.mark.parametrize("scales", TABLE_2)
def test_each_set_of_table_2_reads_its_scales_and_no_other(scales):
    part, before = msr(scales=scales), features()
    units = part(before)
    assert units.x.shape == (2, 3, 16)
    assert part.spec.dim == 16
    assert part.spec.per_step
    for scale in (1, 2, 3, 4):
        maps = list(before.maps)
        maps[scale - 1] = maps[scale - 1] + torch.randn_like(maps[scale - 1])
        moved = (part(replace(before, maps=tuple(maps))).x - units.x).abs().max()
        assert (moved > 1e-4) == (scale in scales), scale


@pytest.mark.parametrize("scales", TABLE_2)
def test_every_parameter_learns(scales):
    part = msr(scales=scales)
    part(features()).x.square().sum().backward()
    for name, parameter in part.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.norm() > 1e-7, name


def test_fusion_follows_the_paper_from_deep_to_shallow():
    part, maps = msr(scales=(3, 4)), [m.flatten(0, 1) for m in features().maps[2:]]
    fine, coarse = (attend(m) for attend, m in zip(part.attentions, maps, strict=True))
    fusion = part.fusions[0]
    low, details = haar_dwt(fine)
    coarse = part.deepest(coarse)
    joined = fusion.join(torch.cat([low / 2, coarse], dim=-1))
    low = fusion.digest(coarse + fusion.gate * joined)
    wanted = haar_idwt(2 * low, fusion.detail_gate * (details + fusion.refine(details)))
    torch.testing.assert_close(part.fuse(part.refine(maps)), wanted)
    wanted = F.gelu(part.norm(wanted)).mean((1, 2))
    torch.testing.assert_close(part.pool(part.fuse(part.refine(maps))), wanted)


def test_the_deepest_scale_reaches_the_finest_at_its_own_size():
    part = msr()
    for fusion in part.fusions:
        torch.nn.init.zeros_(fusion.gate)
        torch.nn.init.zeros_(fusion.detail_gate)
        torch.nn.init.zeros_(fusion.digest.project.weight)
        torch.nn.init.zeros_(fusion.digest.project.bias)
    maps = [m.flatten(0, 1) for m in features().maps]
    deepest = part.deepest(part.attentions[-1](maps[-1]))
    fused = part.fuse(part.refine(maps))
    torch.testing.assert_close(fused.mean((1, 2)), deepest.mean((1, 2)), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("size", [8, 13, 14, 28, 32])
def test_any_size_of_map_is_fused(size):
    before = features(size=size, clips=1, frames=2)
    part = msr()
    assert part(before).x.isfinite().all()
    fused = part.fuse(part.refine([m.flatten(0, 1) for m in before.maps]))
    assert fused.shape == (2, size, size, 16)


def test_source_chooses_guided_or_visual_maps():
    before = features()
    swapped = replace(before, maps=before.visual_maps, visual_maps=before.maps)
    guided, visual = msr(), msr(source="visual")
    visual.load_state_dict(guided.state_dict())
    torch.testing.assert_close(visual(before).x, guided(swapped).x)
    assert (visual(before).x - guided(before).x).abs().max() > 1e-3
    torch.testing.assert_close(visual(replace(before, visual_maps=())).x, guided(before).x)


def test_a_step_does_not_depend_on_the_others():
    before, part = features(), msr()
    alone = part(before.map(lambda tensor: tensor[:1, 1:2])).x
    torch.testing.assert_close(alone[0, 0], part(before).x[0, 1], atol=1e-6, rtol=1e-5)


def test_the_clips_mean_is_over_its_own_valid_steps():
    before = features()
    before.valid[1, 2] = False
    plain, meant = msr(), msr(clip_mean=True)
    meant.load_state_dict(plain.state_dict())
    x = plain(before).x
    wanted = torch.stack([x[0] + x[0].mean(0), x[1] + x[1, :2].mean(0)])
    torch.testing.assert_close(meant(before).x, wanted)
    alone = meant(before.map(lambda tensor: tensor[1:, :2])).x
    torch.testing.assert_close(alone[0], wanted[1, :2], atol=1e-6, rtol=1e-5)


def test_refined_maps_go_on_with_the_units():
    part, before = msr(scales=(3, 4)), features()
    units = part(before)
    assert part.spec.maps == tuple(m.shape[2] for m in units.maps) == (16, 16)
    refined = part.refine([m.flatten(0, 1) for m in before.maps[2:]])
    for given, own in zip(units.maps, refined, strict=True):
        assert torch.equal(given.flatten(0, 1).permute(0, 2, 3, 1), own)


def test_a_grid_keeps_where():
    part, before = msr(grid=2), features()
    assert part.spec.dim == 64
    fused = part.fuse(part.refine([m.flatten(0, 1) for m in before.maps]))
    active = F.gelu(part.norm(fused))
    wanted = torch.stack(
        [active[:, :8, :8], active[:, :8, 8:], active[:, 8:, :8], active[:, 8:, 8:]], dim=-1
    ).mean((1, 2))
    torch.testing.assert_close(part(before).x.flatten(0, 1), wanted.flatten(1))


def test_resize_leaves_a_fitting_map_as_it_is():
    x = torch.randn(1, 3, 4, 2)
    assert resize(x, (3, 4)) is x
    assert resize(x, (5, 2)).shape == (1, 5, 2, 2)


@pytest.mark.parametrize("scales", [(1, 3), (4, 3), (), (2, 2)])
def test_scales_that_are_no_run_are_refused(scales):
    with pytest.raises(ValueError, match="run of consecutive"):
        msr(scales=scales)


@pytest.mark.parametrize("scales", [(4, 5), (0, 1)])
def test_a_scale_that_the_backbone_lacks_is_refused(scales):
    with pytest.raises(IncompatiblePartsError, match="scales 1 to 4"):
        msr(scales=scales)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"source": "both"}, "visual"), ({"heads": 5}, "multiple"), ({"grid": 0}, "grid")],
)
def test_wrong_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        msr(**options)
