"""Whether labels reach a prediction through a loss, and whether rows keep their places in training."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from adabench.evaluation.scale import Scale
from adabench.models.assessor import ROLES
from adabench.structures import Assessment, Features, Selection, Truth, Units
from adabench.testing.examples import example_scores, example_truth
from adabench.testing.flow import (
    Flow,
    PartFailedError,
    Problem,
    ask_part,
    at_random_state_kept,
    blamed,
    given,
    overrides,
    place_of,
)
from adabench.testing.same import difference
from adabench.testing.subject import Subject

# The part of a row's own change below which another row has moved in its place.
_OWN = 0.01


def labels_forgotten(subject: Subject) -> Iterator[Problem]:
    """Yield parts whose predictions change once their loss was told of labels."""
    for draw, base in subject.draws:
        if draw.method is not subject.method:
            continue
        truth = _invented(draw.method.scale, len(draw.first["inputs"].valid))
        for role in subject.usable(draw.roles):
            if not overrides(subject.part(role), "loss"):
                continue
            part = copy.deepcopy(subject.part(role))
            flow = _trained_flow(part, role, base)
            before = {**base, role: ask_part(part, role, base)}
            try:
                with blamed(role), torch.enable_grad():
                    part.loss(given(role, base), flow[role], truth, 0.5)
            except PartFailedError:
                # Told by the rule on losses.
                continue
            after = {**base, role: ask_part(part, role, base)}
            told = difference(role, before, after, list(range(len(truth.score))))
            if told is not None:
                detail = f"{told} after its loss saw labels"
                yield Problem("labels forgotten", role, detail, place_of(part, "loss"))
        if "head" in draw.roles:
            return


def _trained_flow(part: Any, role: str, base: Flow) -> Flow:
    """Return a flow with a part's answer in training mode; the part is left in evaluation."""
    part.train()
    flow = {**base, role: ask_part(part, role, base)}
    part.eval()
    return flow


def _invented(scale: Scale, clips: int) -> Truth:
    return example_truth(example_scores(scale, clips), scale)


def rows(subject: Subject) -> Iterator[Problem]:
    """Yield parts that, in training, give a clip's output in another clip's row."""
    seen: set[str] = set()
    for draw, base in subject.draws:
        # Every clip has several units here, and each weight is far from all others.
        if draw.name not in ("its smallest view", "redrawn weights"):
            continue
        roles = ROLES[:1] if draw.name == "its smallest view" else ROLES[1:]
        for role in subject.usable([each for each in roles if each not in seen]):
            part = copy.deepcopy(getattr(draw.method, role)).train()
            if not any(module.training for module in part.modules()):
                # A frozen part stays in evaluation, where independence was asked.
                continue
            seen.add(role)
            swapped = _moved_rows(
                part, role, base, seeds=(0,) if role == "backbone" or subject.slow else (0, 1)
            )
            if swapped:
                came, gave = swapped[0]
                detail = (
                    f"in training, changing clip {came} of the input changes clip {gave}'s output"
                )
                yield Problem("rows", role, detail, place_of(part, "forward"))


def _moved_rows(part: Any, role: str, base: Flow, seeds: Sequence[int]) -> list[tuple[int, int]]:
    """Return (clip changed, clip whose output moved instead of it)."""
    found = []
    clips = len(base["inputs"].valid)
    for seed in seeds:
        with at_random_state_kept(seed):
            first = ask_part(part, role, base)
        # A backbone is slow, and two of three clips show every swap.
        for clip in (0, clips - 1) if role == "backbone" else range(clips):
            other = dict(base)
            key = {"backbone": "inputs", "aggregator": "backbone"}.get(role, "aggregator")
            other[key] = base[key].map(lambda t, c=clip: _changed(t, c, clips))
            with at_random_state_kept(seed):
                second = ask_part(part, role, other)
            moved = _movement(first, second)
            most = int(moved.argmax())
            if float(moved[clip]) < _OWN * float(moved[most]):
                found.append((clip, most))
    return found


def _changed(tensor: Tensor, clip: int, clips: int) -> Tensor:
    """Return a tensor (B, T, C, …) whose clip has other content, of the same range and padding."""
    if not tensor.dtype.is_floating_point or tensor.ndim < 3 or len(tensor) != clips:
        return tensor
    other = tensor.clone()
    is_frame = tensor.ndim == 5 and tensor.shape[2] == 3
    other[clip] = 1.0 - tensor[clip] if is_frame else tensor[clip].flip(1)
    return other


def _movement(first: Any, second: Any) -> Tensor:
    """Return how far each clip's output (B,) has moved."""
    pairs = zip(_answers(first), _answers(second), strict=True)
    gaps = [(a - b).abs().flatten(1).nan_to_num().amax(1) for a, b in pairs if a.shape == b.shape]
    return torch.stack(gaps).amax(0) if gaps else torch.zeros(1)


def _answers(output: Any) -> list[Tensor]:
    if isinstance(output, Features):
        return [output.vector, *output.maps]
    if isinstance(output, Units):
        return [output.x]
    if isinstance(output, Selection):
        found = [output.weight]
        return found if output.level_scores is None else [*found, output.level_scores]
    if isinstance(output, Assessment):
        return [output.score[:, None]]
    return []
