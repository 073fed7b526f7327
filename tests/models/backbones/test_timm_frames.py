import pytest
import timm
import torch

from adabench.models import TimmFrames
from adabench.models.backbones import timm_frames
from adabench.structures import Inputs

SMALL = {"channels": (8, 8, 16, 16), "stem_width": 8}


def inputs(frames: int = 3, size: int = 64) -> Inputs:
    return Inputs(
        valid=torch.ones(2, frames, dtype=torch.bool),
        index=torch.arange(frames).repeat(2, 1) * 4,
        frames=torch.rand(2, frames, 3, size, size),
    )


@pytest.mark.parametrize("scales", range(6))
@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        ("resnet18", SMALL, 64),
        ("mobilenetv3_small_050", {}, 64),
        ("vit_tiny_patch16_224", {"img_size": 32, "depth": 6, "embed_dim": 48}, 32),
    ],
)
def test_any_network_gives_what_its_spec_says(name, options, size, scales):
    part = TimmFrames(name=name, scales=scales, options=options).eval()
    with torch.no_grad():
        out = part(inputs(size=size))
    assert tuple(m.shape[2] for m in out.maps) == part.spec.maps
    assert len(out.maps) == scales
    assert out.vector.shape == (2, 3, part.spec.vector)
    assert out.span[1].tolist() == [[0, 1], [4, 5], [8, 9]]
    assert not part.spec.guided
    sizes = [m.shape[-1] for m in out.maps]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        ("resnet18", SMALL, 64),
        ("vit_tiny_patch16_224", {"img_size": 32, "depth": 6, "embed_dim": 48}, 32),
        (
            "swin_tiny_patch4_window7_224",
            {"img_size": 64, "window_size": 2, "embed_dim": 12, "depths": (1, 1, 1, 1)},
            64,
        ),
    ],
)
def test_maps_are_the_deepest_and_the_vector_their_mean(name, options, size):
    """The deepest map of one scale is that of four, whatever timm's order and layout."""
    torch.manual_seed(0)
    one = TimmFrames(name=name, scales=1, options=options).eval()
    torch.manual_seed(0)
    three = TimmFrames(name=name, scales=3, options=options).eval()
    given = inputs(1, size)
    with torch.no_grad():
        single, several = one(given), three(given)
        raw = timm.create_model(name, num_classes=0, **options)
    assert torch.allclose(single.maps[0], several.maps[-1])
    assert torch.allclose(several.vector, several.maps[-1].mean((-2, -1)))
    assert several.vector.shape[-1] == raw.num_features


def test_frames_are_scaled_by_the_networks_own_statistics():
    given = inputs(1)
    torch.manual_seed(0)
    plain = TimmFrames(name="resnet18", options=SMALL, normalise=False).eval()
    torch.manual_seed(0)
    scaled = TimmFrames(name="resnet18", options=SMALL).eval()
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    by_hand = Inputs(valid=given.valid, index=given.index, frames=(given.frames - mean) / std)
    assert torch.allclose(scaled(given).vector, plain(by_hand).vector, atol=1e-5)


def test_too_many_scales_are_refused():
    with pytest.raises(ValueError, match="scales=5 is too many: convnext_atto has 4 scales"):
        TimmFrames(name="convnext_atto", scales=5, options={"dims": (4, 4, 8, 8)})
    with pytest.raises(ValueError, match="scales is 0 to 5; got 6"):
        TimmFrames(name="resnet18", scales=6)


def test_an_unknown_network_gets_a_suggestion():
    with pytest.raises(ValueError, match=r"no network 'resnt18'\. Did you mean .*'resnet18'"):
        TimmFrames(name="resnt18")


@pytest.mark.parametrize(
    "option",
    [
        {"checkpoint_path": "x.pth"},
        {"pretrained": True},
        {"pretrained_cfg": {"url": "http://localhost/x.pth"}},
        {"pretrained_cfg_overlay": {"file": "x.pth"}},
    ],
)
def test_options_bring_no_weights(option):
    """A record that somebody sent would have them fetched from anywhere."""
    with pytest.raises(ValueError, match=r"TimmFrames\.options: .* weights=FILE"):
        TimmFrames(name="resnet18", options={**SMALL, **option}, weights="timm")


def test_frozen_stays_frozen_when_its_owner_trains():
    part = TimmFrames(name="resnet18", options=SMALL, frozen=True)
    owner = torch.nn.Sequential(part).train()
    assert owner.training
    assert not any(module.training for module in part.modules())
    before = {k: v.clone() for k, v in part.state_dict().items()}
    out = part(inputs())
    assert not out.vector.requires_grad
    after = part.state_dict()
    assert all(torch.equal(v, after[k]) for k, v in before.items())
    assert part.frozen_part() is part
    assert not any(p.requires_grad for p in part.parameters())


def test_unfrozen_trains_and_may_not_be_cached():
    part = TimmFrames(name="resnet18", options=SMALL).train()
    before = part.net.bn1.running_mean.clone()
    assert part(inputs()).vector.requires_grad
    assert not torch.equal(part.net.bn1.running_mean, before)
    assert part.frozen_part() is None


def test_cached_features_pass_through():
    part = TimmFrames(name="resnet18", options=SMALL, frozen=True)
    given = inputs()
    cached = part(given)
    given.features, given.frames = cached, None
    assert part(given) is cached


def test_a_batch_without_frames_is_refused():
    given = inputs()
    given.frames = None
    with pytest.raises(ValueError, match="reads frames, and the batch holds none"):
        TimmFrames(name="resnet18", options=SMALL)(given)


@pytest.mark.parametrize("frozen", [False, True])
def test_without_gradient_frames_pass_in_chunks_that_change_nothing(monkeypatch, frozen):
    part = TimmFrames(name="resnet18", scales=2, options=SMALL, frozen=frozen).eval()
    given = inputs(5)
    with torch.no_grad():
        whole = part(given)
    sizes, passes = [], part._maps
    monkeypatch.setattr(part, "_maps", lambda frames: sizes.append(len(frames)) or passes(frames))
    monkeypatch.setattr(timm_frames, "_CHUNK", 4)
    with torch.no_grad():
        parts = part(given)
    assert sizes == [4, 4, 2]
    torch.testing.assert_close(parts.vector, whole.vector, rtol=1e-5, atol=1e-6)
    for mine, other in zip(parts.maps, whole.maps, strict=True):
        assert mine.shape == other.shape
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)
    sizes.clear()
    part.train()
    part(given)
    # Batch norm that learns needs all frames at once; frozen, nothing learns.
    assert sizes == ([4, 4, 2] if frozen else [10])
