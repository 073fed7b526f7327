"""What each part of the repository computes is held, so that a change can't go without a new version.

Weights and inputs are filled by a formula; the values are those of the part's output. Where a change
is wanted, raise the part's ``version`` and run ``python tests/test_held_outputs.py``.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from adabench.plugins import load_plugins
from adabench.registry import MODELS, SIGNALS, TRANSFORMS
from adabench.structures import Clip, Signals
from adabench.testing import SIGNAL_NAMES, example_batch, example_id

HELD = Path(__file__).with_name("held_outputs.json")
TRUNK = {
    "type": "TimmFrames",
    "name": "resnet18",
    "scales": 4,
    "options": {"channels": (8, 8, 16, 16), "stem_width": 8},
}
LINEAR = {"type": "UnitRegressor"}
METHODS = {
    "plain": (TRUNK, {"type": "Identity"}, {"type": "KeepAll"}, {**LINEAR, "hidden": 4}),
    "frozen": (
        {"type": "Frozen", "backbone": TRUNK},
        {"type": "Identity"},
        {"type": "KeepAll"},
        LINEAR,
    ),
    "guided": (
        {"type": "ESA", "trunk": TRUNK},
        {"type": "MSR", "width": 16},
        {"type": "PrototypeMAP"},
        LINEAR,
    ),
    "segments": (
        {
            "type": "VAT",
            "trunk": {**TRUNK, "scales": 1},
            "map_size": 2,
            "width": 32,
            "heads": 4,
        },
        {"type": "MTE", "dim": 16, "hidden": 16},
        {"type": "DFS", "hidden": 16},
        {"type": "OrdinalRegressor", "hidden": 16},
    ),
}
VIDEO = {
    "mmaction2": {
        "type": "MMActionBackbone",
        "name": "ResNet3d",
        "options": {"depth": 18, "base_channels": 4},
    },
    "torchvision": {"type": "TorchvisionVideo", "name": "mc3_18", "size": 16},
}
METHODS |= {
    name: (backbone, {"type": "Identity"}, {"type": "KeepAll"}, LINEAR)
    for name, backbone in VIDEO.items()
}
METHODS["signals"] = (
    {"type": "SignalSteps"},
    {"type": "Identity"},
    {"type": "KeepAll"},
    {**LINEAR, "hidden": 4},
)
SEQUENCES = {
    "recurrent": {"type": "Recurrent", "width": 6, "bidirectional": True},
    "convolution": {"type": "TemporalConvolution", "width": 6, "layers": 2},
    "transformer": {"type": "TemporalTransformer", "width": 8, "heads": 2, "layers": 1},
}
METHODS |= {
    name: ({**TRUNK, "scales": 0}, sequence, {"type": "AttentionMIL", "hidden": 4}, LINEAR)
    for name, sequence in SEQUENCES.items()
}
SELECTORS = {
    "top": {"type": "TopKMIL", "share": 0.5},
    "dual": {"type": "DualStreamMIL", "width": 4},
    "attentive": {"type": "AttentivePool", "hidden": 4},
    "relation": {"type": "RelationAttention"},
}
METHODS |= {
    name: ({**TRUNK, "scales": 0}, {"type": "Identity"}, selector, {**LINEAR, "bounded": True})
    for name, selector in SELECTORS.items()
}
# Segments as long as the networks with differences over time want them.
NARROW = {"width": 2, "stem": 4, "blocks": (1, 1, 1, 1), "length": 8}
FLAT = {**TRUNK, "scales": 1}
BACKBONES = {
    "c3d": {"type": "C3DMaps", "width": 2},
    "multi kernel": {"type": "MultiKernel3d", **NARROW},
    "max diff": {"type": "MaxDiff3d", **NARROW},
    "sta": {"type": "STA3d", **NARROW},
    "pooled": {"type": "PooledImage", "trunk": FLAT},
    "flow": {"type": "FlowFrames", "trunk": FLAT},
    "regions": {"type": "RegionFrames", "boxes": ["eyes", "mouth"], "trunk": FLAT},
    "side by side": {"type": "Concat", "backbones": [FLAT, {"type": "SignalSteps"}]},
    "differences": {"type": "TemporalDifference", "trunk": FLAT, "lags": (1, 2)},
    "spectral": {"type": "SpectralStep", "resolution": 4, "bins": 3},
}
METHODS |= {
    name: (backbone, {"type": "Identity"}, {"type": "KeepAll"}, LINEAR)
    for name, backbone in BACKBONES.items()
}
AGGREGATORS = {
    "conv lstm": {"type": "ConvLSTM", "width": 4},
    "gated": {"type": "GatedMLP", "width": 6, "frames": 8, "layers": 1},
    "dual gated": {"type": "DualGatedMLP", "frames": 8, "layers": 1},
    "step graph": {"type": "StepGraph", "width": 8, "heads": 2, "out": "mean"},
    "spectral graph": {
        "type": "SpectralGraph",
        "resolution": 4,
        "width": 6,
        "heads": 2,
        "layers": 2,
    },
    "matrix graph": {"type": "MatrixGraph", "width": 8, "out": 6},
    "vlad": {"type": "NetVLAD", "clusters": 3},
    "two orders": {"type": "TwoOrderVector", "components": 2, "depth": 3},
    "map parts": {"type": "MapParts"},
    "inception": {"type": "InceptionTCN", "width": 8},
    "medians": {"type": "FragmentPool", "size": 2},
    "chain": {
        "type": "Chain",
        "parts": [{"type": "FragmentPool", "size": 2}, {"type": "Recurrent", "width": 6}],
    },
}
METHODS |= {
    name: (TRUNK, aggregator, {"type": "KeepAll"}, LINEAR)
    for name, aggregator in AGGREGATORS.items()
}
HEADS = {
    "distribution": {"type": "LabelDistribution", "hidden": 4},
    "quantiles": {"type": "Quantiles", "hidden": 4},
    "memory": {"type": "MemoryRegressor", "hidden": (4,)},
}
METHODS |= {
    name: (
        {**TRUNK, "scales": 0},
        {"type": "Identity"},
        {"type": "AttentionMIL", "hidden": 4},
        head,
    )
    for name, head in HEADS.items()
}
METHODS["median"] = (
    {**TRUNK, "scales": 0},
    {"type": "Identity"},
    {"type": "KeepAll"},
    {**LINEAR, "combine": "median"},
)
EXTRACTORS = (
    {"type": "FrameStatistics", "size": 2},
    {"type": "SignalStatistics"},
    {"type": "SpectralSignals", "resolution": 4, "bins": 3},
    *({"type": name, "grid": 2} for name in ("LBP", "LBPTOP", "LPQ", "LocalDirectional")),
    {"type": "MotionHistory", "grid": 2},
    {"type": "BackboneFeatures", "backbone": {**TRUNK, "scales": 0, "frozen": True}},
)
ROLES = ("backbone", "aggregator", "selector", "head")
VIEWS = (
    {"type": "StridedView", "frames": 4},
    {"type": "WindowView", "frames": 4},
    {"type": "SegmentView", "length": 4, "overlap": 2},
)


def wave(shape, shift=0.0, scale=1.0):
    """Numbers of a given shape that depend on their place alone."""
    count = int(np.prod(shape))
    values = np.sin(0.7 * np.arange(count) + shift) * scale
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def filled(model):
    """The model with every weight and buffer of floating point from the formula; deviations are 1."""
    for place, (name, value) in enumerate(sorted(model.state_dict().items())):
        if value.is_floating_point():
            spread = value.abs().mean().clamp(0.05, 1.0) if "running_var" not in name else 0.0
            fixed = wave(tuple(value.shape), place, float(spread))
            value.copy_(torch.ones_like(value) if "running_var" in name else fixed)
    return model.eval()


def summary(value):
    """A few numbers of a tensor: its mean, its deviation, and its first ones."""
    flat = value.detach().double().flatten()
    return [float(flat.mean()), float(flat.std(unbiased=False)), *map(float, flat[:4])]


def numbers(output):
    """The numbers of a part's output, by field."""
    found = {}
    for name in ("vector", "x", "weight", "relevance", "level_scores", "score", "unit_score"):
        value = getattr(output, name, None)
        if isinstance(value, torch.Tensor):
            found[name] = summary(value)
    for place, level in enumerate(getattr(output, "maps", ())):
        found[f"map{place}"] = summary(level)
    return found


def signals_of(shape):
    """Signals of which one value of each frame is unknown."""
    mask = torch.ones(shape, dtype=torch.bool)
    mask[..., 1] = False
    return Signals(wave(shape, 0.6) * mask, mask, SIGNAL_NAMES)


@torch.no_grad()
def parts():
    """Yield (name, version, numbers) of each part in each method."""
    for title, configs in METHODS.items():
        torch.manual_seed(0)
        chosen = dict(zip(ROLES, configs, strict=True))
        model = filled(MODELS.build({"type": "Assessor", **chosen, "signals": SIGNAL_NAMES}))
        given = {"segment": model.backbone.trial[0]} if model.backbone.per_segment else {}
        inputs, _ = example_batch(reads=model.backbone.reads, **given)
        if inputs.frames is not None:
            inputs.frames = wave(tuple(inputs.frames.shape), 0.3, 0.5) + 0.5
        if inputs.signals is not None:
            inputs.signals = signals_of(tuple(inputs.signals.values.shape))
        if inputs.semantics is not None:
            inputs.semantics.text = wave(tuple(inputs.semantics.text.shape), 0.1)
            inputs.semantics.image = wave(tuple(inputs.semantics.image.shape), 0.2)
        outputs = model.flow(inputs)
        for role, output in zip(ROLES, outputs, strict=True):
            part = getattr(model, role)
            yield f"{title} {type(part).__name__}", part.version, numbers(output)


@torch.no_grad()
def extractors():
    """Yield (name, version, numbers) of each extractor."""
    frames = (wave((3, 3, 32, 32), 0.4, 127.0) + 127).to(torch.uint8)
    signals = signals_of((3, len(SIGNAL_NAMES)))
    clip = Clip(id=example_id(0), index=torch.arange(3), frames=frames, signals=signals)
    for config in EXTRACTORS:
        torch.manual_seed(0)
        extractor = MODELS.build(dict(config))
        if extractor.frozen_part() is not None:
            filled(extractor.frozen_part())
        row = torch.from_numpy(np.asarray(extractor(clip)))
        yield config["type"], type(extractor).version, {"row": summary(row)}


def transforms():
    """Yield (name, version, numbers) of each view and augmentation."""
    for config in VIEWS:
        view = TRANSFORMS.build(config)
        drawn = view.sample(11, np.random.default_rng(5))
        every = np.concatenate([np.asarray(index) for index in view.all(11)])
        told = {"sample": list(map(int, drawn)), "all": list(map(int, every))}
        yield config["type"], getattr(type(view), "version", 1), told
    augment = TRANSFORMS.build({"type": "ClipAugment"})
    frames = (wave((3, 3, 16, 16), 0.4, 127.0) + 127).to(torch.uint8)
    changed = augment(frames, np.random.default_rng(3))
    yield "ClipAugment", getattr(type(augment), "version", 1), {"frames": summary(changed)}
    for name in ("SignalDropout", "SignalJitter", "SignalMask"):
        augment = TRANSFORMS.build({"type": name, "share": 0.5})
        changed = augment(signals_of((8, len(SIGNAL_NAMES))), np.random.default_rng(3))
        told = {"values": summary(changed.values), "mask": summary(changed.mask)}
        yield name, getattr(type(augment), "version", 1), told


def sources():
    """Yield (name, version, numbers) of what sees signals in frames."""
    torch.manual_seed(0)
    trunk = filled(MODELS.build(TRUNK))
    head = {"weight": wave((2, 16), 0.2), "bias": wave((2,), 0.5)}
    stage = {
        "network": TRUNK,
        "trunk": trunk.net.state_dict(),
        "au_head": head,
        "columns": ["AU12", "yaw"],
        "scale": {"mean": wave((2,), 0.1), "std": wave((2,), 0.9) + 2},
        "name": "held",
        "sha256": "0" * 64,
    }
    source = SIGNALS.build({"type": "TrunkSignals", "stage": stage, "columns": ["yaw", "AU12"]})
    found = source.compute(wave((3, 3, 32, 32), 0.4, 0.5) + 0.5)
    yield "TrunkSignals", source.version, {"signals": summary(found)}


def today():
    load_plugins()
    return {
        name: {"version": version, "numbers": found}
        for name, version, found in (*parts(), *extractors(), *transforms(), *sources())
    }


@pytest.fixture(scope="module")
def found():
    return today()


HELD_NOW = json.loads(HELD.read_text()) if HELD.is_file() else {}


@pytest.mark.parametrize("name", HELD_NOW)
def test_a_part_computes_what_it_did(found, name):
    held, now = HELD_NOW[name], found[name]
    assert now["version"] == held["version"], "write the new version's numbers: see the top"
    assert now["numbers"].keys() == held["numbers"].keys()
    for field, values in held["numbers"].items():
        assert now["numbers"][field] == pytest.approx(values, rel=1e-4, abs=1e-4), (
            f"{name}: its {field} is another; raise its version, or keep what it computes"
        )


def test_every_part_of_the_repository_is_held(found):
    assert set(found) == set(HELD_NOW)
    named = {name.split()[-1] for name in found}
    parts = {
        name
        for name, kind in MODELS.module_dict.items()
        if kind.__module__.startswith(("adabench.", "adabench_plugins."))
    }
    assert parts - named == {"Assessor", "EstimatorMethod"}


if __name__ == "__main__":
    HELD.write_text(json.dumps(today(), indent=1) + "\n")
