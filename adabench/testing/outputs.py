"""What a part's output has to be: type, shapes, dtypes, finite numbers, spans, weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from adabench.models.assessor import Assessor
from adabench.structures import Assessment, Features, Inputs, Selection, Units
from adabench.testing.flow import GIVES, Flow
from adabench.testing.report import ContractError

#: (rule, what is wrong)
Fault = tuple[str, str]

_LONG = (torch.int64, torch.int32)


def output_faults(
    method: Assessor, role: str, output: Any, flow: Flow, lengths: Tensor
) -> Iterator[Fault]:
    """Yield what is wrong with a part's output; the rule ``returns`` makes the rest unusable.

    Args:
        method: whose part.
        role: of the part.
        output: what it returned.
        flow: what the parts before it gave.
        lengths: (B,) frames a clip.
    """
    faults = list(shape_faults(method, role, output, flow))
    yield from faults
    if faults:
        return
    told = [output]
    if isinstance(output, Assessment) and not _passed_on(output.selection, flow["selector"]):
        told.append(output.selection)
    for each in told:
        yield from _dtype_faults(each)
    for each in told:
        yield from _content_faults(role, each, flow, lengths)


def _passed_on(selection: Selection, got: Selection) -> bool:
    """Whether a head's selection is the selector's, which was told of already."""
    return selection.weight is got.weight or torch.equal(selection.weight, got.weight)


def shape_faults(method: Assessor, role: str, output: Any, flow: Flow) -> Iterator[Fault]:
    """Yield what is wrong with a part's type and shapes; arguments as `output_faults`."""
    kind = GIVES[role]
    if not isinstance(output, kind):
        yield "returns", f"forward returned a {type(output).__name__}; expected a {kind.__name__}"
        return
    wrong = [name for name in _FIELDS[role] if not isinstance(getattr(output, name), Tensor)]
    for name in wrong:
        came = type(getattr(output, name)).__name__
        yield "returns", f"{name} is a {came}; expected a tensor"
    if wrong:
        return
    if isinstance(output, Features):
        yield from _features_shapes(method, output, flow["inputs"])
    elif isinstance(output, Units):
        yield from _units_shapes(method, output, flow["backbone"])
    elif isinstance(output, Selection):
        yield from _selection_shapes(output, flow["aggregator"].valid)
    elif isinstance(output, Assessment):
        yield from _assessment_shapes(output, flow["aggregator"].valid)


_FIELDS = {
    "backbone": ("vector", "valid", "span"),
    "aggregator": ("x", "valid", "span", "scale"),
    "selector": ("weight", "relevance"),
    "head": ("score",),
}


def _features_shapes(method: Assessor, features: Features, inputs: Inputs) -> Iterator[Fault]:
    spec, clips = method.backbone.spec, len(inputs.valid)
    if features.valid.ndim != 2 or len(features.valid) != clips:
        yield "returns", f"valid is {_shape(features.valid)}; expected ({clips}, steps)"
        return
    steps = features.valid.shape[1]
    expected: tuple[int, ...] = (clips, steps, spec.vector)
    if tuple(features.vector.shape) != expected:
        yield "returns", f"vector is {_shape(features.vector)}; spec promises {expected}"
    if tuple(features.span.shape) != (clips, steps, 2):
        yield "returns", f"span is {_shape(features.span)}; expected {(clips, steps, 2)}"
    maps = (*features.maps, *features.visual_maps)
    flat = [_shape(m) for m in maps if m.ndim != 5 or tuple(m.shape[:2]) != (clips, steps)]
    if flat:
        yield "returns", f"a map is {flat[0]}; expected ({clips}, {steps}, C, H, W)"
        return
    channels = tuple(m.shape[2] for m in features.maps)
    if channels != spec.maps:
        yield "returns", f"maps have {channels} channels; spec says {spec.maps}"
    sizes = [m.shape[-1] * m.shape[-2] for m in features.maps]
    if sizes != sorted(sizes, reverse=True):
        yield "returns", "maps don't run from finest to coarsest"
    guided = bool(features.visual_maps)
    if guided != spec.guided:
        yield "returns", f"visual_maps: {guided}; spec.guided: {spec.guided}"


def _units_shapes(method: Assessor, units: Units, features: Features) -> Iterator[Fault]:
    spec, (clips, steps) = method.aggregator.spec, features.valid.shape
    if units.valid.ndim != 2 or len(units.valid) != clips:
        yield "returns", f"valid is {_shape(units.valid)}; expected ({clips}, units)"
        return
    count = units.valid.shape[1]
    wanted: dict[str, tuple[int, ...]] = {
        "x": (clips, count, spec.dim),
        "span": (clips, count, 2),
        "scale": (count,),
    }
    for name, shape in wanted.items():
        came = tuple(getattr(units, name).shape)
        if came != shape:
            told = "spec promises" if name == "x" else "expected"
            yield "returns", f"{name} is {came}; {told} {shape}"
    if spec.per_step and count != steps:
        yield "returns", f"per_step promises {steps} units, one a step; it gave {count}"
    maps = [(*m.shape[:2], m.shape[2]) if m.ndim == 5 else tuple(m.shape) for m in units.maps]
    promised = [(clips, steps, channels) for channels in spec.maps]
    if maps != promised:
        yield "returns", f"maps are {maps} in clips, steps and channels; spec promises {promised}"
    if not isinstance(units.features, Features):
        yield "returns", f"features is a {type(units.features).__name__}; expected Features"


def _selection_shapes(selection: Selection, valid: Tensor) -> Iterator[Fault]:
    for name in ("weight", "relevance"):
        came, expected = tuple(getattr(selection, name).shape), tuple(valid.shape)
        if came != expected:
            yield "returns", f"{name} is {came}, the units are {expected}"
    scores = selection.level_scores
    if scores is not None and (scores.ndim != 2 or len(scores) != len(valid)):
        yield "returns", f"level_scores is {_shape(scores)}; expected ({len(valid)}, levels)"


def _assessment_shapes(assessment: Assessment, valid: Tensor) -> Iterator[Fault]:
    came, expected = tuple(assessment.score.shape), (len(valid),)
    if came != expected:
        yield "returns", f"score is {came}; expected {expected}"
    unit = assessment.unit_score
    if unit is not None and tuple(unit.shape) != tuple(valid.shape):
        yield "returns", f"unit_score is {_shape(unit)}, the units are {tuple(valid.shape)}"
    if not isinstance(assessment.selection, Selection):
        came_type = type(assessment.selection).__name__
        yield "returns", f"selection is a {came_type}; expected a Selection"
        return
    yield from _selection_shapes(assessment.selection, valid)


def _dtype_faults(output: Any) -> Iterator[Fault]:
    for name in ("vector", "x", "weight", "relevance", "level_scores", "score", "unit_score"):
        tensor = getattr(output, name, None)
        if tensor is not None and tensor.dtype != torch.float32:
            yield "dtypes", f"{name} is {_kind(tensor)}; expected float32"
    for name in ("maps", "visual_maps"):
        for tensor in getattr(output, name, ()):
            if tensor.dtype != torch.float32:
                yield "dtypes", f"a map of {name} is {_kind(tensor)}; expected float32"
                break
    valid = getattr(output, "valid", None)
    if valid is not None and valid.dtype != torch.bool:
        yield "dtypes", f"valid is {_kind(valid)}; expected bool"
    for name in ("span", "scale"):
        tensor = getattr(output, name, None)
        if tensor is not None and tensor.dtype not in _LONG:
            yield "dtypes", f"{name} is {_kind(tensor)}; expected int64"


def _content_faults(role: str, output: Any, flow: Flow, lengths: Tensor) -> Iterator[Fault]:
    if isinstance(output, (Features, Units)):
        valid = output.valid.bool()
        main = output.vector if isinstance(output, Features) else output.x
        yield from _finite(main[valid], "vector" if role == "backbone" else "x")
        if isinstance(output, Features):
            for tensor in (*output.maps, *output.visual_maps):
                yield from _finite(tensor[valid], "a map")
        yield from span_faults(output.span, valid, lengths)
        return
    valid = flow["aggregator"].valid.bool()
    if isinstance(output, Assessment):
        yield from _finite(output.score, "score")
        if output.unit_score is not None:
            yield from _finite(output.unit_score[valid], "unit_score")
        return
    yield from selection_faults(output, valid)


def selection_faults(selection: Selection, valid: Tensor) -> Iterator[Fault]:
    """Yield what is wrong with weights (B, M) of units ``valid`` (B, M)."""
    weight = selection.weight
    finite = list(_finite(weight, "weight"))
    yield from finite
    yield from _finite(selection.relevance[valid], "relevance")
    if selection.level_scores is not None:
        yield from _finite(selection.level_scores, "level_scores")
    if finite:
        return
    if bool((weight < 0).any()):
        yield "weights", f"a weight is negative ({float(weight.min()):.3g})"
    if bool((weight[~valid] != 0).any()):
        yield "weights", "an invalid unit has a weight"
    total = weight.sum(-1)[valid.any(-1)]
    off = float((total - 1).abs().max()) if len(total) else 0.0
    if off >= 1e-4:
        yield "weights", f"weights of a clip don't sum to 1 (off by {off:.3g})"


def span_faults(span: Tensor, valid: Tensor, lengths: Tensor) -> Iterator[Fault]:
    """Yield valid spans (B, M, 2) that leave their clip of ``lengths`` (B,) frames."""
    start, stop = span.unbind(-1)
    inside = (start >= 0) & (start < stop) & (stop <= lengths[:, None])
    wrong = (valid & ~inside).nonzero()
    if len(wrong):
        clip, unit = wrong[0].tolist()
        came, frames = span[clip, unit].tolist(), int(lengths[clip])
        yield "spans", f"span {came} of unit {unit} leaves its clip of {frames} frames"


def _finite(tensor: Tensor, what: str) -> Iterator[Fault]:
    if not bool(torch.isfinite(tensor).all()):
        yield "finite", f"{what} holds a number that is not finite"


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def check_selection(selection: Selection, valid: Tensor, name: str) -> None:
    """Check weights (B, M) against ``valid`` (B, M): ≥ 0, 0 on invalid units, sum 1.

    Raises:
        ContractError: naming the part ``name`` and the first thing that is wrong.
    """
    shapes = list(_selection_shapes(selection, valid))
    for _, detail in shapes or selection_faults(selection, valid):
        raise ContractError(f"{name}: {detail}")


def check_spans(span: Tensor, valid: Tensor, lengths: Tensor, name: str) -> None:
    """Check spans (B, M, 2) of valid units: [start, stop) in a clip of ``lengths`` (B,) frames.

    Raises:
        ContractError: naming the part ``name`` and the first span that leaves its clip.
    """
    shape = (*valid.shape, 2)
    if tuple(span.shape) != shape:
        raise ContractError(f"{name}: span is {tuple(span.shape)}; expected {shape}")
    for _, detail in span_faults(span, valid, lengths):
        raise ContractError(f"{name}: {detail}")
