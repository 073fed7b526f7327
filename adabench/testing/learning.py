"""Whether a method can be trained, keeps its clips apart while it is, and is saved whole."""

from __future__ import annotations

import copy
import fnmatch
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from adabench.evaluation.scale import Scale
from adabench.models.assessor import ROLES, Assessor
from adabench.models.roles import Part
from adabench.structures import Assessment, Features, Selection, Truth, Units
from adabench.testing.draws import Draw
from adabench.testing.examples import example_scores, example_truth
from adabench.testing.flow import (
    Flow,
    PartFailedError,
    Problem,
    ask,
    ask_part,
    at_random_state_kept,
    blamed,
    given,
    place_in,
    place_of,
    role_of,
)
from adabench.testing.predicting import independence
from adabench.testing.same import difference
from adabench.testing.subject import NotCheckedError, Subject

# Shares of training at which a loss may begin; the others are asked where the first leaves doubt.
_PROGRESS = (0.5, 1.0, 0.0)
_RATE = 1e-3
# The part of a row's own change below which another row has moved in its place.
_OWN = 0.01


def labels_forgotten(subject: Subject) -> Iterator[Problem]:
    """Yield parts whose predictions change once their loss was told of labels."""
    for draw, base in subject.draws:
        if draw.method is not subject.method:
            continue
        truth = _invented(draw.method.scale, len(draw.first["inputs"].valid))
        for role in subject.usable(draw.roles):
            if not _overrides(subject.part(role), "loss"):
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


def _overrides(part: Part, method: str) -> bool:
    return getattr(type(part), method) is not getattr(Part, method)


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


class Training:
    """Two training steps of a copy of a method, and what they show.

    Args:
        subject: with a truth.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.method = copy.deepcopy(subject.method).train()
        # The smallest view trains the same parameters at a fraction of the cost.
        self.inputs, self.truth = subject.small, subject.small_truth()
        self.dead: dict[str, float] = {}
        self.failed = False

    def run(self) -> Iterator[Problem]:
        """Yield what is wrong with losses and updates; the rest is asked afterwards."""
        if self.subject.unusable:
            self.failed = True
            names = ", ".join(sorted(self.subject.unusable))
            raise NotCheckedError(f"the output of {names} is unusable")
        learns = [p for p in self.method.parameters() if p.requires_grad]
        optimiser = torch.optim.Adam(learns, lr=_RATE) if learns else None
        with torch.enable_grad():
            for last in (False, True):
                problems = list(self._step(optimiser, _PROGRESS[0], last=last))
                yield from problems
                if self.failed:
                    return
            for progress in _PROGRESS[1:]:
                if self.dead:
                    # Some losses begin late.
                    self._look_again(progress)
            if self.dead:
                # What works on many units is idle on few.
                self.inputs, self.truth = self.subject.inputs, self.subject.truth
                for progress in _PROGRESS:
                    if self.dead:
                        self._look_again(progress)

    def _step(
        self, optimiser: torch.optim.Optimizer | None, progress: float, *, last: bool
    ) -> Iterator[Problem]:
        self.method.zero_grad(set_to_none=True)
        try:
            flow, losses, problems = self._losses(progress)
        except PartFailedError as error:
            self.failed = True
            yield self.subject.failed(error, "losses", doing=" in a training step")
            return
        yield from problems
        if problems or not losses:
            self.failed = True
            if not problems:
                yield Problem("losses", "method", "no part has a loss")
            return
        total = torch.stack([value.float() for value in losses.values()]).sum()
        if total.requires_grad:
            try:
                total.backward()
            except RuntimeError as error:
                self.failed = True
                yield Problem("losses", "method", f"no gradient can be taken: {error}")
                return
        if last:
            self.dead = self._without_gradient()
        if optimiser is not None and total.requires_grad:
            optimiser.step()
        yield from self._update(flow, progress)

    def _losses(self, progress: float) -> tuple[Flow, dict[str, Tensor], list[Problem]]:
        flow: Flow = {"inputs": self.inputs}
        for role in ROLES:
            flow[role] = ask(self.method, role, flow)
        found: dict[str, Tensor] = {}
        problems = []
        for role in ROLES:
            part = getattr(self.method, role)
            with blamed(role):
                losses = part.loss(given(role, flow), flow[role], self.truth, progress)
            fault = _loss_fault(losses)
            if fault is not None:
                problems.append(Problem("losses", role, fault, place_of(part, "loss")))
            else:
                found.update({f"{role}.{name}": value for name, value in losses.items()})
        return flow, found, problems

    def _update(self, flow: Flow, progress: float) -> Iterator[Problem]:
        for role in ROLES:
            part = getattr(self.method, role)
            got, gave = given(role, flow).detach(), flow[role].detach()
            try:
                with blamed(role), torch.no_grad():
                    part.update(got, gave, self.truth, progress)
            except PartFailedError as error:
                self.failed = True
                place = place_in(error.error, part) or place_of(part, "update")
                yield Problem("losses", role, f"update: {error}", place)

    def _without_gradient(self) -> dict[str, float]:
        dead = {}
        for name, parameter in self.method.named_parameters():
            exempt = any(fnmatch.fnmatch(name, p) for p in self.subject.exempt)
            if not parameter.requires_grad or exempt:
                continue
            norm = 0.0 if parameter.grad is None else float(parameter.grad.norm())
            if not 0.0 < norm < float("inf"):
                dead[name] = norm
        return dead

    def _look_again(self, progress: float) -> None:
        """Keep those of the dead parameters that get nothing at another time either."""
        self.method.zero_grad(set_to_none=True)
        _, losses, problems = self._losses(progress)
        total = sum((value.float() for value in losses.values()), torch.zeros(()))
        if problems or not total.requires_grad:
            return
        total.backward()
        still = self._without_gradient()
        self.dead = {name: norm for name, norm in self.dead.items() if name in still}

    def gradients(self) -> Iterator[Problem]:
        """Yield parts with parameters that no loss reaches."""
        self._need()
        by_role: dict[str, list[str]] = {}
        for name, norm in self.dead.items():
            by_role.setdefault(role_of(name), []).append(f"{name} ({norm:.3g})")
        for role, names in by_role.items():
            listed = f"{', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
            detail = f"{len(names)} parameters without a gradient: {listed}"
            place = place_of(self.subject.part(role), "forward") if role in ROLES else None
            yield Problem("gradients", role, detail, place)

    def checkpoint(self) -> Iterator[Problem]:
        """Yield parts that answer otherwise once the trained state was loaded into a new method."""
        self._need()
        subject = self.subject
        self.method.eval()
        with at_random_state_kept(seed=12345):
            made = subject.rebuild() if subject.rebuild else copy.deepcopy(subject.method)
        try:
            made.eval().load_state_dict(self.method.state_dict())
        except RuntimeError as error:
            told = " ".join(str(error).split())[:300]
            yield Problem("checkpoint", _named_in(told), f"the state dict can't be loaded: {told}")
            return
        for draw, _ in subject.draws:
            if draw.method is not subject.method:
                continue
            flow = dict(draw.first)
            for role in draw.roles:
                flow[role] = ask(self.method, role, flow)
            yield from _unlike(made, draw, flow)

    def memories(self) -> Iterator[Problem]:
        """Yield parts whose memory, once trained, answers by place in the batch."""
        self._need()
        after = copy.copy(self.subject)
        after.method = self.method.eval()
        after.draws = []
        remembers = {role for role in ROLES if _overrides(self.subject.part(role), "update")}
        for draw, _ in self.subject.draws:
            if draw.method is self.subject.method and remembers & set(draw.roles):
                if "backbone" in draw.roles and "backbone" not in remembers:
                    continue
                trained = Draw(f"{draw.name}, after training", after.method, draw.roles, draw.first)
                after.draws.append((trained, after.answer(trained)))
        yield from independence(after)

    def _need(self) -> None:
        if self.failed:
            raise NotCheckedError("no training step could be taken")


def _unlike(made: Assessor, draw: Draw, flow: Flow) -> Iterator[Problem]:
    every = list(range(len(draw.first["inputs"].valid)))
    for role in draw.roles:
        part = getattr(made, role)
        other = {**flow, role: ask_part(part, role, flow)}
        told = difference(role, flow, other, every)
        if told is not None:
            place = place_of(part, "__init__")
            detail = f"{told} after its state dict was loaded into a new one"
            yield Problem("checkpoint", role, detail, place)


def _loss_fault(losses: Any) -> str | None:
    if not isinstance(losses, dict):
        return f"loss returned a {type(losses).__name__}; expected a dict of scalar tensors"
    for name, value in losses.items():
        if not isinstance(value, Tensor):
            return f"loss {name!r} is a {type(value).__name__}; expected a tensor of shape ()"
        if value.ndim:
            return f"loss {name!r} is {tuple(value.shape)}; expected a tensor of shape ()"
        if not bool(torch.isfinite(value)):
            return f"the loss {name!r} holds a number that is not finite"
    return None


def _named_in(message: str) -> str:
    places = {role: message.find(f"{role}.") for role in ROLES}
    named = {role: place for role, place in places.items() if place >= 0}
    return min(named, key=lambda role: named[role]) if named else "method"
