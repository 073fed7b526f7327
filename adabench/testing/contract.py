"""The contract that every method keeps, as functions; a plugin's tests call :func:`check_plugin`.

Each check raises :class:`ContractError`, which names the part that broke the contract.
"""

from __future__ import annotations

import copy
import fnmatch
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor

from adabench.batching import concat_inputs, pad_inputs, slice_inputs, trim_inputs
from adabench.models.assessor import ROLES, Assessor
from adabench.models.roles import Part
from adabench.registry import MODELS
from adabench.structures import Assessment, Features, Inputs, Selection, Truth, Units
from adabench.testing.examples import example_batch

#: How far two predictions of one clip may lie apart, in BDI-II points.
TOLERANCE = 1e-4

_LABELS = frozenset(
    {"truth", "label", "labels", "score", "scores", "level", "levels", "target", "targets"}
)


class ContractError(AssertionError):
    """A part that breaks the contract; the message starts with the part's name."""


def _require(condition: bool, name: str, message: str) -> None:
    if not condition:
        raise ContractError(f"{name}: {message}")


def check_finite(tensor: Tensor, name: str, what: str) -> None:
    """Check that a tensor holds neither NaN nor infinity."""
    _require(bool(torch.isfinite(tensor).all()), name, f"{what} holds a number that is not finite")


def check_selection(selection: Selection, valid: Tensor, name: str) -> None:
    """Check weights (B, M) against ``valid`` (B, M): ≥ 0, 0 on invalid units, sum 1."""
    weight = selection.weight
    for what, tensor in (("weight", weight), ("relevance", selection.relevance)):
        same = tensor.shape == valid.shape
        _require(same, name, f"{what} is {tuple(tensor.shape)}, the units are {tuple(valid.shape)}")
    check_finite(weight, name, "weight")
    check_finite(selection.relevance[valid], name, "relevance")
    _require(bool((weight >= 0).all()), name, f"a weight is negative ({float(weight.min()):.3g})")
    _require(bool((weight[~valid] == 0).all()), name, "an invalid unit has a weight")
    total = weight.sum(-1)[valid.any(-1)]
    off = float((total - 1).abs().max()) if len(total) else 0.0
    _require(off < 1e-4, name, f"weights of a clip don't sum to 1 (off by {off:.3g})")


def check_spans(span: Tensor, valid: Tensor, lengths: Tensor, name: str) -> None:
    """Check spans (B, M, 2) of valid units: [start, stop) in a clip of ``lengths`` (B,) frames."""
    shape = (*valid.shape, 2)
    _require(span.shape == shape, name, f"span is {tuple(span.shape)}; expected {shape}")
    start, stop = span.unbind(-1)
    inside = (start >= 0) & (start < stop) & (stop <= lengths[:, None])
    wrong = (valid & ~inside).nonzero()
    if len(wrong):
        clip, unit = wrong[0].tolist()
        came = span[clip, unit].tolist()
        frames = int(lengths[clip])
        raise ContractError(
            f"{name}: span {came} of unit {unit} leaves its clip of {frames} frames"
        )


def check_shapes(assessor: Assessor, inputs: Inputs, lengths: Tensor | None = None) -> None:
    """Run the four parts and check what each of them gives.

    Args:
        assessor: the method.
        inputs: a batch of B clips.
        lengths: (B,) frames a clip; by default up to the last frame that is seen.
    """
    seen = inputs.index.masked_fill(~inputs.valid, 0).amax(-1) + 1
    lengths = seen if lengths is None else lengths
    name = {role: type(getattr(assessor, role)).__name__ for role in ROLES}
    with _evaluating(assessor) as method:
        features: Features = method.backbone(inputs)
        _check_features(assessor, features, name["backbone"])
        check_spans(features.span, features.valid, lengths, name["backbone"])
        units: Units = method.aggregator(features)
        _check_units(assessor, units, features, name["aggregator"])
        check_spans(units.span, units.valid, lengths, name["aggregator"])
        selection: Selection = method.selector(units)
        check_selection(selection, units.valid, name["selector"])
        assessment: Assessment = method.head(units, selection)
    came, expected = tuple(assessment.score.shape), (len(inputs.valid),)
    _require(came == expected, name["head"], f"score is {came}; expected {expected}")
    check_finite(assessment.score, name["head"], "score")
    check_selection(assessment.selection, units.valid, name["head"])


def _check_features(assessor: Assessor, features: Features, name: str) -> None:
    spec, (clips, steps) = assessor.backbone.spec, features.valid.shape
    expected = (clips, steps, spec.vector)
    came = tuple(features.vector.shape)
    _require(came == expected, name, f"vector is {came}; spec promises {expected}")
    channels = tuple(m.shape[2] for m in features.maps)
    _require(channels == spec.maps, name, f"maps have {channels} channels; spec says {spec.maps}")
    sizes = [m.shape[-1] * m.shape[-2] for m in features.maps]
    _require(sizes == sorted(sizes, reverse=True), name, "maps don't run from finest to coarsest")
    guided = bool(features.visual_maps)
    _require(guided == spec.guided, name, f"visual_maps: {guided}; spec.guided: {spec.guided}")


def _check_units(assessor: Assessor, units: Units, features: Features, name: str) -> None:
    spec, (clips, count) = assessor.aggregator.spec, units.valid.shape
    came, expected = tuple(units.x.shape), (clips, count, spec.dim)
    _require(came == expected, name, f"x is {came}; spec promises {expected}")
    came = tuple(units.scale.shape)
    _require(came == (count,), name, f"scale is {came}; expected ({count},)")
    steps = features.valid.shape[1]
    matches = not spec.per_step or count == steps
    _require(matches, name, f"per_step promises {steps} units, one a step; it gave {count}")


def check_independence(assessor: Assessor, inputs: Inputs, tolerance: float = TOLERANCE) -> None:
    """Check that a clip's prediction rests on that clip alone.

    It has to be the same twice in a row, alone, in another order, beside a copy of another clip,
    and under padding of any content.

    Args:
        assessor: the method, left as it was.
        inputs: a batch of B clips.
        tolerance: in BDI-II points.
    """
    clips = len(inputs.valid)
    backwards = list(range(clips))[::-1]
    segment = max(inputs.segment_length, 1)
    with _evaluating(assessor) as method:
        before = copy.deepcopy(method.state_dict())
        base = _scores(method, inputs)
        same = {
            "a second time": _scores(method, inputs),
            "alone": torch.cat([_scores(method, trim_inputs(one)) for one in _single(inputs)]),
            "in another order": _scores(method, slice_inputs(inputs, backwards))[backwards],
            "beside a copy of one clip": _scores(
                method, concat_inputs([inputs, slice_inputs(inputs, [0])])
            )[:clips],
        }
        for more, fill in ((segment, 0.0), (5 * segment, 0.7)):
            padded = pad_inputs(inputs, inputs.valid.shape[1] + more, fill)
            same[f"with {more} frames of padding filled with {fill}"] = _scores(method, padded)
        after = method.state_dict()
    name = _name(assessor)
    for how, scores in same.items():
        off = float((scores - base).abs().max())
        _require(off <= tolerance, name, f"a clip's prediction changes by {off:.3g} points {how}")
    changed = [key for key, value in before.items() if not torch.equal(value, after[key])]
    _require(not changed, name, f"predicting changed {', '.join(changed[:3])}")


def _single(inputs: Inputs) -> Iterator[Inputs]:
    return (slice_inputs(inputs, [clip]) for clip in range(len(inputs.valid)))


def _scores(method: Assessor, inputs: Inputs) -> Tensor:
    return method.assess(inputs).score.double()


def check_gradients(
    assessor: Assessor,
    inputs: Inputs,
    truth: Truth,
    *,
    exempt: Sequence[str] = (),
    progress: float = 0.5,
) -> None:
    """Check that every trainable parameter gets a finite gradient whose norm is above 0.

    Args:
        assessor: the method, left as it was.
        inputs: a batch of B clips.
        truth: its ground truth.
        exempt: patterns (``selector.tokens.*``) of parameters that by design get none.
        progress: share of training done at which losses are taken.
    """
    method = copy.deepcopy(assessor).train()
    method.zero_grad(set_to_none=True)
    method.progress = progress
    losses = method(inputs, truth, mode="loss")
    _require(bool(losses), _name(assessor), "no part has a loss")
    for loss, value in losses.items():
        check_finite(value, loss, "the loss")
    torch.stack([value.float() for value in losses.values()]).sum().backward()
    dead = []
    for name, parameter in method.named_parameters():
        if not parameter.requires_grad or any(fnmatch.fnmatch(name, p) for p in exempt):
            continue
        norm = 0.0 if parameter.grad is None else float(parameter.grad.norm())
        if not 0.0 < norm < float("inf"):
            dead.append(f"{name} ({norm:.3g})")
    listed = f"{', '.join(dead[:5])}{' …' if len(dead) > 5 else ''}"
    _require(not dead, _name(assessor), f"{len(dead)} parameters without a gradient: {listed}")


def check_label_free(assessor: Assessor, inputs: Inputs, truth: Truth | None = None) -> None:
    """Check that no ``forward`` can see a label, and that predicting with one changes nothing."""
    for role in ROLES:
        part: Part = getattr(assessor, role)
        for parameter in inspect.signature(part.forward).parameters.values():
            sees = parameter.name in _LABELS or "Truth" in str(parameter.annotation)
            message = f"forward takes {parameter.name!r}; ground truth goes to loss and update only"
            _require(not sees, type(part).__name__, message)
    with _evaluating(assessor) as method:
        (_, without), (_, given) = (
            method(inputs, labels, mode="predict")[0] for labels in (None, truth)
        )
    same = torch.equal(without.score, given.score)
    _require(same, _name(assessor), "a prediction changes when labels are given")


def check_assessor(
    assessor: Assessor,
    inputs: Inputs,
    truth: Truth | None = None,
    *,
    lengths: Tensor | None = None,
    exempt: Sequence[str] = (),
    tolerance: float = TOLERANCE,
) -> None:
    """Check the whole contract on one batch; the assessor is left as it was.

    Args:
        assessor: the method.
        inputs: a batch of B clips, best of different lengths.
        truth: its ground truth; without it gradients are not checked.
        lengths: (B,) frames a clip; see :func:`check_shapes`.
        exempt: see :func:`check_gradients`.
        tolerance: in BDI-II points; see :func:`check_independence`.

    Raises:
        ContractError: naming the part and what it broke.
    """
    check_shapes(assessor, inputs, lengths)
    check_independence(assessor, inputs, tolerance)
    check_label_free(assessor, inputs, truth)
    if truth is not None:
        check_gradients(assessor, inputs, truth, exempt=exempt)


def check_plugin(
    method: Mapping[str, Any],
    *,
    inputs: Inputs | None = None,
    truth: Truth | None = None,
    exempt: Sequence[str] = (),
) -> Assessor:
    """Build a method and check the whole contract, a training step and a checkpoint included.

    Args:
        method: configs of the parts by role; a role that is left out is filled with a plain part
            (a small ``TimmFrames``, ``Identity``, ``KeepAll``, ``UnitRegressor``).
        inputs: a batch; by default :func:`example_batch`.
        truth: its ground truth.
        exempt: see :func:`check_gradients`.

    Returns:
        The method, after one training step.

    Raises:
        ContractError: naming the part and what it broke.

    Example::

        def test_my_selector():
            check_plugin({"selector": {"type": "MySelector"}})
    """
    config = {"type": "Assessor", **_PLAIN, **{k: v for k, v in method.items() if k != "name"}}
    assessor: Assessor = MODELS.build(copy.deepcopy(config))
    if inputs is None or truth is None:
        inputs, truth = example_batch(reads=assessor.backbone.reads)
    assessor.head.fit_scale(truth.score)
    check_assessor(assessor, inputs)
    # Some networks start branches at zero (ResNet's last norm), which a first step ends.
    _train_once(assessor, inputs, truth)
    check_assessor(assessor, inputs, truth, exempt=exempt)
    check_checkpoint(assessor, config, inputs)
    return assessor


_PLAIN: dict[str, Any] = {
    "backbone": {
        "type": "TimmFrames",
        "name": "resnet18",
        "options": {"channels": (8, 8, 16, 16), "stem_width": 8},
    },
    "aggregator": {"type": "Identity"},
    "selector": {"type": "KeepAll"},
    "head": {"type": "UnitRegressor"},
}


def _train_once(assessor: Assessor, inputs: Inputs, truth: Truth) -> None:
    trained = [p for p in assessor.parameters() if p.requires_grad]
    optimiser = OptimWrapper(torch.optim.Adam(trained, lr=1e-3))
    assessor.train().progress = 0.5
    log = assessor.train_step({"inputs": inputs, "truth": truth}, optimiser)
    check_finite(log["loss"], _name(assessor), "the loss of a training step")


def check_checkpoint(assessor: Assessor, config: Mapping[str, Any], inputs: Inputs) -> None:
    """Check that a state dict carries all that a prediction rests on, memories included."""
    other: Assessor = MODELS.build(copy.deepcopy(dict(config)))
    other.load_state_dict(assessor.state_dict())
    with _evaluating(assessor) as first, _evaluating(other) as second:
        off = float((_scores(first, inputs) - _scores(second, inputs)).abs().max())
    message = f"a prediction changes by {off:.3g} points after its state dict was loaded"
    _require(off <= TOLERANCE, _name(assessor), message)


@contextmanager
def _evaluating(assessor: Assessor) -> Iterator[Assessor]:
    """Evaluate without gradient, and leave mode and random state as they were."""
    training = assessor.training
    with torch.random.fork_rng(), torch.no_grad():
        yield assessor.eval()
    assessor.train(training)


def _name(assessor: Assessor) -> str:
    return " + ".join(type(getattr(assessor, role)).__name__ for role in ROLES)
