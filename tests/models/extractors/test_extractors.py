import re
from pathlib import Path

import numpy as np
import pytest
import torch

from adabench.models import BackboneFeatures, FrameStatistics
from adabench.models.extractors.extractor import over_time
from adabench.registry import MODELS
from adabench.structures import Clip, Features
from adabench.testing import example_id

TRUNK = {
    "type": "TimmFrames",
    "name": "resnet18",
    "scales": 0,
    "options": {"channels": (8, 8, 16, 16), "stem_width": 8},
}


def clip(frames=None, features=None, count=4):
    return Clip(id=example_id(0), index=torch.arange(count), frames=frames, features=features)


def pixels(count=4, size=16):
    drawn = np.random.default_rng(0).integers(0, 256, (count, 3, size, size), np.uint8)
    return torch.from_numpy(drawn)


def test_statistics_over_time_are_numpys():
    steps = torch.rand(5, 3)
    found = over_time(steps, ("maximum", "mean", "deviation")).numpy()
    rows = steps.double().numpy()
    assert np.allclose(found, np.concatenate([rows.max(0), rows.mean(0), rows.std(0)]), atol=1e-12)
    assert over_time(steps[:1], ("deviation",)).tolist() == [0.0] * 3


@pytest.mark.parametrize("statistics", [("means",), (), "mean"])
def test_other_statistics_are_refused(statistics):
    with pytest.raises(ValueError, match=r"FrameStatistics.statistics"):
        FrameStatistics(statistics=statistics)
    with pytest.raises(ValueError, match="'maximum'"):
        FrameStatistics(statistics=("maximun",))


def test_frames_are_averaged_down():
    frames = pixels(size=4)
    row = FrameStatistics(size=2, statistics=("mean",))(clip(frames))
    blocks = frames.double().numpy().reshape(4, 3, 2, 2, 2, 2).mean((3, 5)) / 255
    assert np.allclose(row, blocks.mean(0).ravel(), atol=1e-6)
    assert len(FrameStatistics(size=2)(clip(frames))) == 2 * 12
    with pytest.raises(ValueError, match="size is at least 1"):
        FrameStatistics(size=0)


def test_a_backbones_vectors_are_read_or_computed():
    extractor = BackboneFeatures(backbone={**TRUNK, "frozen": True})
    frames = pixels()
    computed = extractor(clip(frames))
    assert computed.shape == (3 * 16,)
    again = extractor(clip(frames[:1].repeat(4, 1, 1, 1)))
    assert np.allclose(again[16:32], 0.0, atol=1e-6), "frames that are alike don't deviate"
    vector = torch.rand(4, 16)
    kept = Features(vector=vector, valid=torch.ones(4, dtype=torch.bool), span=torch.zeros(4, 2))
    assert np.allclose(extractor(clip(features=kept)), over_time(vector, extractor.statistics))


def test_any_backbone_may_be_frozen():
    frozen = {"type": "Frozen", "backbone": TRUNK}
    extractor = BackboneFeatures(backbone=frozen, statistics=("mean",))
    assert extractor.frozen_part() is extractor.backbone
    assert extractor(clip(pixels())).shape == (16,)


def test_a_backbone_that_trains_is_refused():
    with pytest.raises(ValueError, match=r"TimmFrames is not frozen.* set frozen=True"):
        BackboneFeatures(backbone=TRUNK)


def test_a_clip_without_frames_is_told():
    for extractor in (FrameStatistics(), BackboneFeatures(backbone={**TRUNK, "frozen": True})):
        with pytest.raises(ValueError, match=r"reads frames, and clip .* has none"):
            extractor(clip())


def test_the_page_s_example_works():
    page = (Path(__file__).parents[3] / "docs" / "estimators.md").read_text()
    code = next(
        block for block in re.findall(r"```python\n(.*?)```", page, re.S) if "class" in block
    )
    found = {"__name__": __name__}
    try:
        exec(code, found)
        assert found["Brightness"]()(clip(pixels())).shape == (3,)
    finally:
        MODELS.module_dict.pop("Brightness", None)
