"""What is checked: a method, clips to ask it with, and what it answered."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from adabench.batching import concat_inputs, slice_inputs, trim_inputs
from adabench.models.assessor import ROLES, Assessor
from adabench.structures import Features, Inputs, Truth
from adabench.testing.draws import Draw, redrawn, shaken, spread_features
from adabench.testing.flow import (
    Flow,
    PartFailedError,
    Problem,
    ask,
    ask_part,
    place_in,
    place_of,
    stand_in,
)
from adabench.testing.outputs import output_faults

# Frames a clip of the smallest view, where the config's own view is longer.
_SMALL = (4, 2, 3)
# Segments a clip of it.
_SMALL_SEGMENTS = (3, 1, 2)
# Frames a segment of it, the first number that the backbone takes.
_SMALL_SEGMENT = (2, 4)
# Seconds of one answer on the smallest view from which fewer draws are taken.
_SLOW = 0.5
# Draws of weights behind the backbone.
_SEEDS = (1, 2)


class NotCheckedError(Exception):
    """A rule that can't be checked here; the message says why."""


@dataclass
class Subject:
    """A method with its clips; the method that was given is left as it was.

    Attributes:
        method: a copy, in evaluation.
        inputs: a batch of the config's own view.
        truth: its ground truth, or None.
        small: a batch of three clips or more of the smallest view.
        lengths: (B,) frames of the clips of ``inputs``.
        rebuild: builds the method anew, as a run that reads its checkpoint would, or None.
        exempt: patterns (``selector.tokens.*``) of parameters that by design get no gradient.
        unusable: roles whose output nothing behind them can use; a stand-in takes their place.
        slow: whether to take few draws.
        deferred: whether the own view is too dear to be asked here.
        draws: with their answers, once `look` has asked.
    """

    method: Assessor
    inputs: Inputs
    truth: Truth | None
    small: Inputs
    lengths: Tensor
    rebuild: Callable[[], Assessor] | None = None
    exempt: Sequence[str] = ()
    unusable: dict[str, str] = field(default_factory=dict)
    slow: bool = False
    deferred: bool = False
    draws: list[tuple[Draw, Flow]] = field(default_factory=list)

    def part(self, role: str) -> Any:
        """Return a part."""
        return getattr(self.method, role)

    def small_truth(self) -> Truth | None:
        """The ground truth of ``small``, whose clips are those of ``inputs`` in turn."""
        clips = len(self.inputs.valid)
        rows = [n % clips for n in range(len(self.small.valid))]
        return None if self.truth is None else self.truth.map(lambda tensor: tensor[rows])

    def usable(self, roles: Sequence[str] = ROLES) -> list[str]:
        """Return the roles that answer with what their successors can use."""
        return [role for role in roles if role not in self.unusable]

    def failed(self, error: PartFailedError, rule: str = "runs", doing: str = "") -> Problem:
        """Return the problem that a part raised, at the line of its own file."""
        part = self.part(error.role)
        method = "forward" if rule == "runs" else "loss"
        place = place_in(error.error, part) or place_of(part, method)
        return Problem(rule, error.role, f"{error}{doing}", place)

    def answer(self, draw: Draw) -> Flow:
        """Ask every part of a draw.

        Raises:
            PartFailedError: what a part raised.
        """
        flow = dict(draw.first)
        for role in draw.roles:
            flow[role] = (
                stand_in(draw.method, role, flow)
                if role in self.unusable
                else ask(draw.method, role, flow)
            )
        return flow


def make_subject(
    assessor: Assessor,
    inputs: Inputs,
    truth: Truth | None,
    *,
    lengths: Tensor | None = None,
    rebuild: Callable[[], Assessor] | None = None,
    exempt: Sequence[str] = (),
    limit: float = math.inf,
) -> Subject:
    """Return a subject of a copy of an assessor; arguments as in `check_contract`."""
    small, seconds = _smallest_taken(assessor, inputs)
    return Subject(
        method=copy.deepcopy(assessor).eval(),
        inputs=inputs,
        truth=truth,
        small=small,
        lengths=last_frames(inputs) if lengths is None else lengths,
        rebuild=rebuild,
        exempt=exempt,
        deferred=seconds * inputs.valid.numel() / small.valid.numel() > limit,
    )


def last_frames(inputs: Inputs) -> Tensor:
    """Return (B,) the frames of each clip up to the last one that is seen."""
    return inputs.index.masked_fill(~inputs.valid, 0).amax(-1) + 1


def _smallest_taken(assessor: Assessor, inputs: Inputs) -> tuple[Inputs, float]:
    """Return the smallest batch that the backbone answers, and the CPU seconds of that answer."""
    small = smallest(inputs)
    if small.features is not None:
        return small, 0.0
    backbone = copy.deepcopy(assessor.backbone).eval()
    # A network over time may need more frames a segment than the fewest.
    shorter = [_cut_short(small, n) for n in _SMALL_SEGMENT if n < small.segment_length]
    for each in (*shorter, small):
        started = time.process_time()
        try:
            ask_part(backbone, "backbone", {"inputs": each})
            seconds = time.process_time() - started
            # One that takes segments of another length may yet take several of these together.
            for clip in range(len(each.valid)):
                alone = trim_inputs(slice_inputs(each, [clip]))
                ask_part(backbone, "backbone", {"inputs": alone})
        except PartFailedError:
            continue
        return each, seconds
    return small, 0.0


def _cut_short(inputs: Inputs, frames: int) -> Inputs:
    """Return the first frames of each segment."""

    def cut(tensor: Tensor) -> Tensor:
        return tensor.unflatten(1, (-1, inputs.segment_length))[:, :, :frames].flatten(1, 2)

    return replace(inputs.map(cut), segment_length=frames)


def smallest(inputs: Inputs) -> Inputs:
    """Return a batch cut to the first few frames or segments, a different number a clip."""
    segment = inputs.segment_length
    counts = [n * segment for n in _SMALL_SEGMENTS] if segment else list(_SMALL)
    clips = len(inputs.valid)
    if clips < 3:
        # A batch of two would leave some orders of three clips unseen.
        inputs = slice_inputs(inputs, [n % clips for n in range(3)])
    cut = []
    for clip in range(len(inputs.valid)):
        one = trim_inputs(slice_inputs(inputs, [clip]))
        cut.append(first_frames(one, counts[clip % 3]))
    return concat_inputs(cut)


def first_frames(inputs: Inputs, frames: int) -> Inputs:
    """Return the first ``frames`` frames of a batch, cached features with them."""
    total = inputs.valid.shape[1]
    frames = min(frames, total)
    features = inputs.features
    if features is not None:
        steps = features.valid.shape[1]
        kept = frames if steps == total else frames // max(inputs.segment_length, 1)
        features = features.map(lambda tensor: tensor[:, :kept])
    rest = replace(inputs, features=None).map(lambda tensor: tensor[:, :frames])
    return replace(rest, features=features)


def look(subject: Subject) -> Iterator[Problem]:
    """Ask every part once with every draw; yield what is wrong with the outputs."""
    if not subject.deferred:
        yield from look_at_own_view(subject)
    small = Draw("its smallest view", subject.method, ROLES, {"inputs": subject.small})
    last = last_frames(subject.small)
    started = time.perf_counter()
    flow = yield from _look_at(subject, small, last)
    subject.slow = time.perf_counter() - started > _SLOW
    subject.draws.append((small, flow))
    yield from _look_at_shaken(subject, small, last)
    for number, seed in enumerate((0, *(_SEEDS[:1] if subject.slow else _SEEDS))):
        method = redrawn(subject.method, seed) if seed else subject.method
        features = spread_features(flow["backbone"], seed, one_step=number % 2 == 0)
        told = "redrawn weights" if seed else "features of N(0, 1)"
        draw = Draw(told, method, ROLES[1:], {"backbone": features, "inputs": subject.small})
        answered = yield from _look_at(subject, draw, last)
        subject.draws.append((draw, answered))


def look_at_own_view(subject: Subject) -> Iterator[Problem]:
    """Ask every part once on the config's own view; yield what is wrong with the outputs."""
    own = Draw("its own view", subject.method, ROLES, {"inputs": subject.inputs})
    yield from _look_at(subject, own, subject.lengths)


def _look_at_shaken(subject: Subject, small: Draw, lengths: Tensor) -> Iterator[Problem]:
    """Look at the backbone with branches that start at zero opened, where it has weights to train."""
    learns = any(p.requires_grad for p in subject.method.backbone.parameters())
    if not learns or "backbone" in subject.unusable:
        return
    method = copy.copy(subject.method)
    method._modules = dict(subject.method._modules)
    method.backbone = copy.deepcopy(subject.method.backbone)
    shaken(method.backbone, 1)
    draw = Draw("moved weights", method, ROLES[:1], small.first)
    flow = yield from _look_at(subject, draw, lengths)
    subject.draws.append((draw, flow))


def _look_at(subject: Subject, draw: Draw, lengths: Tensor) -> Generator[Problem, None, Flow]:
    """Yield what is wrong with each part's answer; return the answers, stand-ins among them."""
    flow: Flow = dict(draw.first)
    for role in draw.roles:
        if role not in subject.unusable:
            try:
                output = ask(draw.method, role, flow)
            except PartFailedError as error:
                subject.unusable[role] = str(error)
                yield subject.failed(error, doing=f" on {draw.name}")
            else:
                problems = list(_outputs(subject, draw, role, output, flow, lengths))
                yield from problems
                if role == "backbone" and any(problem.rule == "spans" for problem in problems):
                    # A part behind makes its own spans of these, for no fault of its own.
                    first = output.span.new_tensor([0, 1]).expand_as(output.span)
                    output = replace(output, span=first)
                flow[role] = output
        if role in subject.unusable:
            flow[role] = stand_in(draw.method, role, flow)
    return flow


def _outputs(
    subject: Subject, draw: Draw, role: str, output: Any, flow: Flow, lengths: Tensor
) -> Iterator[Problem]:
    part = subject.part(role)
    for rule, detail in output_faults(draw.method, role, output, flow, lengths):
        if rule in ("returns", "finite", "dtypes"):
            # What stands behind would break for no fault of its own.
            subject.unusable[role] = detail
        yield Problem(rule, role, detail, place_of(part, "forward"))


def rows_of(first: Mapping[str, Any], rows: Sequence[int]) -> dict[str, Any]:
    """Return the clips ``rows`` of what a draw's first part is given."""
    return {
        name: slice_inputs(record, rows)
        if isinstance(record, Inputs)
        else record.map(lambda tensor: tensor[list(rows)])
        for name, record in first.items()
    }


def trimmed(first: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same without padding that all clips share."""
    return {
        name: trim_inputs(record) if isinstance(record, Inputs) else _trimmed_features(record)
        for name, record in first.items()
    }


def _trimmed_features(features: Features) -> Features:
    used = int(features.valid.any(0).nonzero()[-1]) + 1
    shape = features.valid.shape
    return features.map(lambda t: t[:, :used] if t.ndim > 1 and t.shape[:2] == shape else t)
