"""Whether a method can be trained, and is saved whole."""

from __future__ import annotations

import copy
import fnmatch
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from adabench.models.assessor import ROLES, Assessor
from adabench.testing.draws import Draw
from adabench.testing.flow import (
    Flow,
    PartFailedError,
    Problem,
    ask,
    ask_part,
    at_random_state_kept,
    blamed,
    given,
    overrides,
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
        # Roles whose output a finite gradient reaches, and those from whose output none goes back.
        self.reached: set[str] = set()
        self.cut: set[str] = set()
        self.failed = False

    def run(self) -> Iterator[Problem]:
        """Yield what is wrong with losses and updates; the rest is asked afterwards."""
        self._refuse_unusable()
        with torch.enable_grad():
            for last in (False, True):
                problems = list(self._step(_PROGRESS[0], last=last))
                yield from problems
                if self.failed:
                    return
            for progress in _PROGRESS[1:]:
                if self.dead:
                    # Some losses begin late.
                    self._look_again(progress)
            if self.dead and not self.subject.deferred:
                # What works on many units is idle on few.
                self.inputs, self.truth = self.subject.inputs, self.subject.truth
                for progress in _PROGRESS:
                    if self.dead:
                        self._look_again(progress)

    def own_view(self) -> Iterator[Problem]:
        """Yield what is wrong with losses and gradients on the config's own view."""
        self._refuse_unusable()
        self.inputs, self.truth = self.subject.inputs, self.subject.truth
        self.dead = self._without_gradient()
        with torch.enable_grad():
            # A gate that starts at zero lets a gradient through after a step.
            for progress in (_PROGRESS[0], *_PROGRESS):
                if not self.dead:
                    return
                problems = self._look_again(progress)
                if problems and progress == _PROGRESS[0]:
                    yield from problems
                    return
                self._move()
        yield from self._told(self.dead)

    def _refuse_unusable(self) -> None:
        if self.subject.unusable:
            self.failed = True
            names = ", ".join(sorted(self.subject.unusable))
            raise NotCheckedError(f"the output of {names} is unusable")

    def _step(self, progress: float, *, last: bool) -> Iterator[Problem]:
        self.method.zero_grad(set_to_none=True)
        try:
            flow, losses, problems = self._losses(progress)
        except PartFailedError as error:
            self.failed = True
            yield self.subject.failed(error, "losses", doing=" in a training step")
            return
        yield from problems
        if problems:
            self.failed = True
            return
        try:
            self._backward(flow, losses)
        except RuntimeError as error:
            self.failed = True
            yield Problem("losses", "method", f"no gradient can be taken: {error}")
            return
        dead = self._without_gradient()
        if not all(math.isfinite(norm) for norm in dead.values()):
            # A step with them would spoil the weights, and every rule after it.
            self.failed = True
            yield from self._told(dead)
            return
        if last:
            self.dead = dead
        self._move()
        yield from self._update(flow, progress)

    def _move(self) -> None:
        """Take a step whose size no gradient decides, as Adam's first one; it costs no memory."""
        with torch.no_grad():
            for parameter in self.method.parameters():
                if parameter.grad is not None:
                    parameter.sub_(parameter.grad.sign_(), alpha=_RATE)

    def _backward(self, flow: Flow, losses: Mapping[str, Tensor]) -> None:
        """Take the gradient of a sum of losses, and note which parts' output it reaches."""
        outputs = {role: _differentiable(flow[role]) for role in ROLES}
        for tensor in itertools.chain(*outputs.values()):
            tensor.retain_grad()
        total = torch.stack([value.float() for value in losses.values()]).sum()
        if total.requires_grad:
            total.backward()
        self.cut = {role for role, tensors in outputs.items() if not tensors}
        for role, tensors in outputs.items():
            norms = [float(t.grad.norm()) for t in tensors if t.grad is not None]
            if any(norms) and all(map(math.isfinite, norms)):
                self.reached.add(role)

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
        if not found and not problems:
            place = place_of(self.method.head, "loss")
            problems.append(
                Problem("losses", "head", "no part has a loss, nor has the head", place)
            )
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

    def _look_again(self, progress: float) -> list[Problem]:
        """Keep those of the dead parameters that get nothing at this time either."""
        self.method.zero_grad(set_to_none=True)
        flow, losses, problems = self._losses(progress)
        if problems:
            return problems
        self._backward(flow, losses)
        still = self._without_gradient()
        self.dead = {name: still[name] for name in self.dead if name in still}
        return []

    def gradients(self) -> Iterator[Problem]:
        """Yield parts with parameters that no loss reaches."""
        self._need()
        if self.dead and self.subject.deferred:
            raise NotCheckedError(f"{len(self.dead)} parameters idle on the smallest view")
        yield from self._told(self.dead)

    def _told(self, dead: Mapping[str, float]) -> Iterator[Problem]:
        by_role: dict[str, list[str]] = {}
        for name, norm in dead.items():
            by_role.setdefault(self._culprit(role_of(name)), []).append(f"{name} ({norm:.3g})")
        for role, names in by_role.items():
            listed = f"{', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
            detail = f"{len(names)} parameters without a gradient: {listed}"
            yield Problem("gradients", role, detail, self._place(role) if role in ROLES else None)

    def _place(self, role: str) -> str | None:
        """Return where a part keeps a gradient back: in its loss where none comes from there."""
        part = self.subject.part(role)
        by_loss = role not in self.reached | self.cut and "loss" in vars(type(part))
        return place_of(part, "loss" if by_loss else "forward")

    def _culprit(self, role: str) -> str:
        """Return the part that keeps a gradient from a role: the next one behind it that has one."""
        if role not in ROLES or role in self.reached | self.cut:
            return role
        behind = ROLES[ROLES.index(role) + 1 :]
        return next((each for each in behind if each in self.reached), "head")

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
        remembers = {role for role in ROLES if overrides(self.subject.part(role), "update")}
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


def _differentiable(output: Any) -> list[Tensor]:
    """Return the tensors of a part's own output that a gradient can reach."""
    names = ("vector", "x", "weight", "relevance", "level_scores", "score", "unit_score")
    own = [getattr(output, name, None) for name in names]
    maps = [*getattr(output, "maps", ()), *getattr(output, "visual_maps", ())]
    every = [*own, *maps, *output.extra.values()]
    return [each for each in every if isinstance(each, Tensor) and each.requires_grad]


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
