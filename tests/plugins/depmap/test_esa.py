from dataclasses import replace

import pytest
import torch
from adabench_plugins.depmap.esa import literal_attention

from adabench.registry import MODELS
from adabench.structures import Semantics


def some_attention_input():
    return torch.randn(2, 5), torch.randn(2, 5), torch.randn(2, 5, 7), torch.tensor(0.3)


def test_literal_attention_adds_one_map_to_every_channel():
    query, key, value, gamma = some_attention_input()
    added = literal_attention(query, key, value, gamma) - value
    for n in range(2):
        share = torch.softmax(query[n] * key[n], dim=0)
        wanted = gamma * sum(share[j] * value[n, j] for j in range(5))
        torch.testing.assert_close(added[n], wanted.expand(5, 7), atol=1e-6, rtol=1e-5)


@pytest.fixture
def esa(trunk):
    torch.manual_seed(0)
    return MODELS.build({"type": "ESA", "trunk": trunk}).eval()


def test_every_scale_is_guided_and_the_trunks_maps_are_kept(esa, make_inputs):
    inputs = make_inputs()
    features, plain = esa(inputs), esa.trunk(inputs)
    assert esa.reads == ("frames", "semantics")
    assert esa.spec.guided
    assert tuple(m.shape[2] for m in features.maps) == esa.spec.maps == (32, 64, 128, 256)
    for guided, visual, wanted in zip(features.maps, features.visual_maps, plain.maps, strict=True):
        torch.testing.assert_close(visual, wanted)
        assert (guided - visual).abs().max() > 1e-3
    torch.testing.assert_close(features.vector, features.maps[-1].mean((-2, -1)))


def test_without_gamma_nothing_is_guided(esa, make_inputs):
    for guide in esa.guides:
        guide.gamma.data.zero_()
    features = esa(make_inputs())
    for guided, visual in zip(features.maps, features.visual_maps, strict=True):
        torch.testing.assert_close(guided, visual)


@pytest.mark.parametrize("name", ["text", "image"])
def test_either_vector_guides(esa, make_inputs, name):
    inputs = make_inputs()
    other = replace(inputs.semantics, **{name: getattr(inputs.semantics, name).flip(-1)})
    changed = esa(replace(inputs, semantics=other)).maps[-1]
    assert (changed - esa(inputs).maps[-1]).abs().max() > 1e-4


def test_the_scale_of_the_vectors_does_not_matter(esa, make_inputs):
    inputs = make_inputs()
    larger = inputs.semantics.map(lambda vector: 50 * vector)
    torch.testing.assert_close(
        esa(replace(inputs, semantics=larger)).maps[-1], esa(inputs).maps[-1], atol=1e-4, rtol=1e-4
    )


def test_missing_semantics_are_named_with_the_remedy(esa, make_inputs):
    with pytest.raises(ValueError, match=r"inputs\.semantics .* without ESA"):
        esa(replace(make_inputs(), semantics=None))


def test_a_wrong_width_is_named_with_both_shapes(esa, make_inputs):
    inputs = make_inputs()
    wrong = Semantics(text=inputs.semantics.text[..., :64], image=inputs.semantics.image)
    with pytest.raises(ValueError, match=r"text .*\(2, 4, 512\); got \(2, 4, 64\)"):
        esa(replace(inputs, semantics=wrong))


def test_the_widths_are_arguments(trunk, make_inputs):
    esa = MODELS.build({"type": "ESA", "trunk": trunk, "text": 64, "image": 32})
    inputs = make_inputs()
    narrow = Semantics(inputs.semantics.text[..., :64], inputs.semantics.image[..., :32])
    assert esa(replace(inputs, semantics=narrow)).maps[0].isfinite().all()


def test_a_trunk_without_maps_or_of_another_role_is_refused(trunk):
    with pytest.raises(ValueError, match="TimmFrames gives a vector only"):
        MODELS.build({"type": "ESA", "trunk": {**trunk, "scales": 0}})
    with pytest.raises(TypeError, match="BaseDataPreprocessor is no backbone"):
        MODELS.build({"type": "ESA", "trunk": {"type": "BaseDataPreprocessor"}})


def test_the_cacheable_part_is_the_frozen_trunk(trunk):
    assert MODELS.build({"type": "ESA", "trunk": trunk}).frozen_part() is None
    esa = MODELS.build({"type": "ESA", "trunk": {**trunk, "frozen": True}})
    assert esa.frozen_part() is esa.trunk


def test_cached_features_of_the_trunk_give_the_same(esa, make_inputs):
    inputs = make_inputs()
    cached = replace(inputs, frames=None, features=esa.trunk(inputs).detach())
    torch.testing.assert_close(esa(cached).maps[-1], esa(inputs).maps[-1])
