"""A method asked part by part, with a stand-in where a part can't answer."""

from __future__ import annotations

import inspect
import random
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from adabench.batching import slice_inputs
from adabench.models.assessor import ROLES, Assessor
from adabench.models.roles import Part
from adabench.models.selectors.keep_all import even_weights
from adabench.structures import (
    Assessment,
    Features,
    FeatureSpec,
    Inputs,
    Selection,
    TensorRecord,
    Units,
)

#: What each part was given and gave, by role; ``inputs`` is what the first one gets.
Flow = dict[str, Any]
GIVES = {
    "backbone": Features,
    "aggregator": Units,
    "selector": Selection,
    "head": Assessment,
}


@dataclass(frozen=True)
class Problem:
    """A broken rule before its mend is looked up; fields as in `Finding`."""

    rule: str
    role: str
    detail: str
    place: str | None = None


class PartFailedError(Exception):
    """A part raised; the cause is what it raised."""

    def __init__(self, role: str, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.role = role
        self.error = error


def arguments(role: str, flow: Flow) -> tuple[Any, ...]:
    """Return what a part is called with."""
    return {
        "backbone": lambda: (flow["inputs"],),
        "aggregator": lambda: (flow["backbone"],),
        "selector": lambda: (flow["aggregator"],),
        "head": lambda: (flow["aggregator"], flow["selector"]),
    }[role]()


def given(role: str, flow: Flow) -> Any:
    """Return what a part's ``loss`` and ``update`` get as inputs."""
    return arguments(role, flow)[0]


def ask(method: Assessor, role: str, flow: Flow) -> Any:
    """Return a part's output.

    Raises:
        PartFailedError: whatever the part raised.
    """
    return ask_part(getattr(method, role), role, flow)


def ask_part(part: nn.Module, role: str, flow: Flow) -> Any:
    """Return what one part gives; it gets a copy, so that one that writes to it spoils no other."""
    with blamed(role):
        return part(*(cloned(record) for record in arguments(role, flow)))


def cloned(record: Any) -> Any:
    """Return a copy of a record with tensors of its own."""
    return record.map(Tensor.clone)


@contextmanager
def blamed(role: str) -> Iterator[None]:
    """Turn what a part raises into PartFailedError."""
    try:
        yield
    except PartFailedError:
        raise
    except Exception as error:
        raise PartFailedError(role, error) from error


@contextmanager
def at_random_state_kept(seed: int | None = None) -> Iterator[None]:
    """Leave torch's, numpy's and Python's random numbers as they were; ``seed`` sets all three."""
    python, array = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global state that a part may draw from
    with torch.random.fork_rng():
        if seed is not None:
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(array)  # noqa: NPY002


def stand_in(method: Assessor, role: str, flow: Flow) -> Any:
    """Return what a plain part would give in the place of one that can't answer."""
    if role == "backbone":
        return plain_features(method.backbone.spec, flow["inputs"], method.backbone.per_segment)
    if role == "aggregator":
        return plain_units(method, flow["backbone"])
    weight = even_weights(flow["aggregator"].valid)
    selection = Selection(weight=weight, relevance=weight)
    if role == "selector":
        return selection
    score = (weight * flow["aggregator"].x.mean(-1)).sum(-1)
    return Assessment(score=score, selection=selection)


def plain_features(spec: FeatureSpec, inputs: Inputs, per_segment: bool) -> Features:
    """Return random features of a backbone's spec for a batch (B, T)."""
    valid, index = inputs.valid, inputs.index
    if per_segment:
        length = max(inputs.segment_length, 1)
        cut = valid.unflatten(1, (-1, length))
        valid = cut.any(-1)
        start = index[:, ::length]
        stop = index.unflatten(1, (-1, length)).amax(-1) + 1
    else:
        start, stop = index, index + 1
    clips, steps = valid.shape
    sides = [2 ** (len(spec.maps) - 1 - i) * 2 for i in range(len(spec.maps))]
    on = valid.device
    maps = tuple(
        torch.rand(clips, steps, c, s, s, device=on) for c, s in zip(spec.maps, sides, strict=True)
    )
    return Features(
        vector=torch.randn(clips, steps, spec.vector, device=on),
        valid=valid,
        span=torch.stack([start, stop], dim=-1),
        maps=maps,
        visual_maps=maps if spec.guided else (),
    )


def plain_units(method: Assessor, features: Features) -> Units:
    """Return a unit a step, of the aggregator's width."""
    spec, steps = method.aggregator.spec, features.vector.shape[1]
    width, grid = spec.dim, features.valid.shape
    mean = features.vector.mean(-1, keepdim=True)
    folded = torch.linspace(-1, 1, width, device=mean.device) + mean
    return Units(
        x=folded,
        valid=features.valid,
        span=features.span,
        scale=torch.ones(steps, dtype=torch.long, device=mean.device),
        features=features,
        maps=tuple(mean[..., None, None].expand(*grid, c, 2, 2) for c in spec.maps),
    )


def take_rows(record: Any, rows: Sequence[int], clips: int) -> Any:
    """Return the clips ``rows`` of a record of ``clips`` clips; what has no clip axis stays."""
    if isinstance(record, Inputs):
        return slice_inputs(record, rows)
    picked = list(rows)

    def pick(tensor: Tensor) -> Tensor:
        return tensor[picked] if tensor.ndim and tensor.shape[0] == clips else tensor

    if isinstance(record, Units):
        # (M,) has no clip axis, even where M equals B.
        rest = replace(record, scale=torch.zeros(())).map(pick)
        return replace(rest, scale=record.scale)
    return record.map(pick) if isinstance(record, TensorRecord) else record


def part_name(method: Assessor, role: str) -> str:
    """Return the class of a part, or of all four."""
    if role in ROLES:
        return type(getattr(method, role)).__name__
    return " + ".join(type(getattr(method, each)).__name__ for each in ROLES)


def role_of(key: str) -> str:
    """Return the role to which a name like ``selector.score.weight`` belongs."""
    first = key.partition(".")[0]
    return first if first in ROLES else "method"


def overrides(part: nn.Module, method: str) -> bool:
    """Whether a part has a method of its own in the place of its role's."""
    return getattr(type(part), method) is not getattr(Part, method)


def place_of(part: nn.Module | type, method: str) -> str | None:
    """Return ``file:line`` of a method's definition in the class of a part."""
    kind = part if isinstance(part, type) else type(part)
    found = inspect.unwrap(getattr(kind, method, kind))
    try:
        file = inspect.getsourcefile(found)
        line = inspect.getsourcelines(found)[1]
    except (OSError, TypeError):
        return None
    return f"{file}:{line}" if file else None


def place_in(error: BaseException, part: nn.Module | type) -> str | None:
    """Return ``file:line`` of the last line of a part's own file before an error."""
    return last_place(traceback.extract_tb(error.__traceback__), part)


def last_place(frames: Sequence[traceback.FrameSummary], part: nn.Module | type) -> str | None:
    """Return ``file:line`` of the last of ``frames`` in the file of a part's class, or its folder."""
    kind = part if isinstance(part, type) else type(part)
    try:
        file = inspect.getsourcefile(kind)
    except TypeError:
        return None
    if file is None:
        return None
    own = [frame for frame in frames if frame.filename == file]
    near = [frame for frame in frames if Path(frame.filename).parent == Path(file).parent]
    for frame in reversed(own or near):
        return f"{frame.filename}:{frame.lineno}"
    return None
