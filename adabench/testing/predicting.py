"""Whether a prediction rests on its own clip alone, and leaves everything as it was."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from adabench.models.assessor import ROLES
from adabench.structures import Inputs
from adabench.testing.draws import FILLS, Draw, padded_batch, padded_features
from adabench.testing.flow import (
    Flow,
    PartFailedError,
    Problem,
    ask,
    place_of,
    role_of,
    take_rows,
)
from adabench.testing.outputs import shape_faults
from adabench.testing.same import difference
from adabench.testing.subject import Subject, rows_of, trimmed

# Words of which the name of an argument is made (``y_true``, ``bdi_score``).
_LABELS = frozenset(
    {"truth", "gt", "label", "labels", "score", "scores", "level", "levels"}
    | {"target", "targets", "y", "bdi", "severity"}
)


def signatures(subject: Subject) -> Iterator[Problem]:
    """Yield every ``forward`` that takes a label beside what it is given."""
    for role in ROLES:
        part = subject.part(role)
        own = 2 if role == "head" else 1
        for number, parameter in enumerate(inspect.signature(part.forward).parameters.values()):
            named = number >= own and not _LABELS.isdisjoint(parameter.name.lower().split("_"))
            if named or "Truth" in str(parameter.annotation):
                detail = (
                    f"forward takes {parameter.name!r}; ground truth goes to loss and update only"
                )
                yield Problem("no labels", role, detail, place_of(part, "forward"))


@dataclass(frozen=True)
class _Variant:
    """The same clips otherwise: which rule asks for it, in words, the input, and whose rows it holds."""

    rule: str
    how: str
    first: dict[str, Any]
    rows: Sequence[int]


def independence(subject: Subject) -> Iterator[Problem]:
    """Yield parts whose answer depends on batch, order, padding, or on being asked again."""
    seen: set[str] = set()
    for draw, base in subject.draws:
        if set(draw.roles) <= seen:
            continue
        quick = [p for each in _quick(draw) for p in _deviations(subject, draw, base, each)]
        if not quick:
            continue
        problems = list(_in_detail(subject, draw, base, seen))
        found = {problem.role for problem in problems}
        problems += [problem for problem in quick if problem.role not in found | seen]
        # A part that was told of once is told of once; later draws ask the others.
        seen |= {problem.role for problem in problems}
        yield from problems


def _in_detail(subject: Subject, draw: Draw, base: Flow, seen: set[str]) -> Iterator[Problem]:
    told = set(seen)
    found: set[str] = set(seen)
    for variant in _variants(draw):
        # A batch of short clips is told of where nothing else explains it.
        known = found if variant.rule == "runs" else told
        new = [p for p in _deviations(subject, draw, base, variant) if p.role not in known]
        yield from new
        found |= {p.role for p in new}
        if variant.rule == "repeats":
            # Whatever changes by itself changes in every other way too.
            told |= {p.role for p in new}
        told |= {p.role for p in new if p.rule in ("runs", "returns")}


def _variants(draw: Draw) -> Iterator[_Variant]:
    clips = _clips(draw)
    every = list(range(clips))
    yield _Variant("repeats", "a second time", dict(draw.first), every)
    for clip in every:
        yield _alone(draw, clip)
    yield _Variant("batch", "in another order", rows_of(draw.first, every[::-1]), every[::-1])
    beside = _crowd(draw, every)
    yield _Variant("batch", "beside copies of clips", rows_of(draw.first, beside), beside)
    for fill in FILLS:
        for more in (1, 5):
            first = _padded(draw.first, more, fill)
            how = f"with {more} steps of padding filled with {fill}"
            yield _Variant("padding", how, first, every)
    if "backbone" in draw.first:
        yield _shortest(draw)


def _quick(draw: Draw) -> Iterator[_Variant]:
    """Yield what shows every dependence, in words that don't tell them apart."""
    yield _mixed(draw)
    yield _alone(draw)
    if "backbone" in draw.first:
        yield _shortest(draw)


def _mixed(draw: Draw) -> _Variant:
    """Return everything at once, since most parts are sound and a backbone is slow."""
    rows = _crowd(draw, [*reversed(range(_clips(draw)))])
    first = rows_of(draw.first, rows)
    fill = "noise" if "inputs" in draw.first and "backbone" not in draw.first else "large"
    how = "in another order, beside copies, under padding"
    return _Variant("batch", how, _padded(first, 1, fill), rows)


def _crowd(draw: Draw, rows: list[int]) -> list[int]:
    """Return clips with copies: one beside a backbone, which is slow, a training's batch otherwise."""
    return rows + rows[:1] if "inputs" in draw.first and "backbone" in draw.roles else rows * 4


def _alone(draw: Draw, clip: int = 1) -> _Variant:
    return _Variant("batch", "alone", trimmed(rows_of(draw.first, [clip])), [clip])


def _shortest(draw: Draw) -> _Variant:
    """Return a batch of two that is as short as the shortest clip."""
    rows = [1, 1]
    return _Variant("runs", "in a batch of short clips", trimmed(rows_of(draw.first, rows)), rows)


def _clips(draw: Draw) -> int:
    return len(draw.first["inputs"].valid)


def _padded(first: Mapping[str, Any], more: int, fill: str) -> dict[str, Any]:
    def pad(record: Any) -> Any:
        if isinstance(record, Inputs):
            return padded_batch(record, more * max(record.segment_length, 1), fill)
        return padded_features(record, more, fill)

    return {name: pad(record) for name, record in first.items()}


def _deviations(subject: Subject, draw: Draw, base: Flow, variant: _Variant) -> Iterator[Problem]:
    """Yield the parts that answer otherwise though what they are given is the same.

    Behind a part that does, its first answer stands in, so that each part answers for itself.
    """
    flow, clips = dict(variant.first), _clips(draw)
    broken = set(subject.unusable)
    for role in draw.roles:
        if role in ROLES[2:] and not flow["aggregator"].valid.shape[1]:
            # Clips too short for any unit: nothing is left to weigh.
            return
        told, rule = None, variant.rule
        if role not in broken:
            try:
                flow[role] = ask(draw.method, role, flow)
            except PartFailedError as error:
                told = f"fails when asked {variant.how}: {error}"
                yield Problem("runs", role, told, subject.failed(error).place)
            else:
                for _, fault in shape_faults(draw.method, role, flow[role], flow):
                    told, rule = fault, "returns"
                told = told or difference(role, base, flow, variant.rows)
                if told is not None:
                    detail = f"{told} {variant.how}, on {draw.name}"
                    yield Problem(rule, role, detail, place_of(subject.part(role), "forward"))
        if role in broken or told is not None:
            earlier = [each for each in ("inputs", *ROLES) if each in base]
            for each in earlier[: earlier.index(role) + 1]:
                flow[each] = take_rows(base[each], variant.rows, clips)


def state_kept(subject: Subject, before: Mapping[str, torch.Tensor]) -> Iterator[Problem]:
    """Yield parts whose parameters, buffers or mode are not what they were before they were asked."""
    after = subject.method.state_dict()
    changed: dict[str, list[str]] = {}
    for key in dict.fromkeys((*before, *after)):
        same = key in before and key in after and torch.equal(before[key], after[key])
        if not same:
            changed.setdefault(role_of(key), []).append(key)
    for role, keys in changed.items():
        place = place_of(subject.part(role), "forward") if role in ROLES else None
        yield Problem("state", role, f"predicting changed {', '.join(keys[:3])}", place)
    for role in ROLES:
        part = subject.part(role)
        if any(module.training for module in part.modules()):
            told = "predicting puts a layer into training mode"
            yield Problem("state", role, told, place_of(part, "forward"))
