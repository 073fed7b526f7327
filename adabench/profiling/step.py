"""How long a training step takes, beside the step of its trunk alone, and where the time goes."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from adabench.evaluation.scale import BDI_II
from adabench.models import Assessor, Backbone
from adabench.structures import Inputs, Semantics, Signals, Truth

#: Widths of CLIP ViT-B/32's sentence and image vectors.
SEMANTIC_WIDTHS = (512, 768)
LEARNING_RATE = 1e-4


@dataclass(frozen=True)
class StepProfile:
    """Medians in seconds over ``repeats`` steps, the two kinds of step taken in turn.

    Attributes:
        clips: B.
        frames: T of each clip.
        size: side of a frame in pixels.
        repeats: steps of each kind behind the medians.
        device: where they ran.
        threads: of torch on the CPU.
        trunk: the trunk's step: forward, mean-pooled linear head, backward, optimiser.
        step: the method's whole step, every loss on.
        ratio: ``step`` over ``trunk``.
        parts: seconds of each part of ``step``, in the order in which they run.
    """

    clips: int
    frames: int
    size: int
    repeats: int
    device: str
    threads: int
    trunk: float
    step: float
    ratio: float
    parts: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    def format(self) -> str:
        """Return a table, one line a part, with its share of the step."""
        lines = [
            f"{self.clips} clips × {self.frames} frames, {self.size} px, {self.device}, "
            f"{self.threads} threads, medians of {self.repeats}"
        ]
        rows = {"trunk alone": self.trunk, "whole step": self.step, **self.parts}
        lines += [f"{n:<26}{1e3 * s:9.1f} ms {s / self.step:7.1%}" for n, s in rows.items()]
        return "\n".join([*lines, f"{'step / trunk alone':<26}{self.ratio:9.2f}"])


class _Clock:
    """Adds up the time between marks, by name."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.spent: dict[str, float] = {}

    def now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def add(self, name: str, seconds: float) -> None:
        self.spent[name] = self.spent.get(name, 0.0) + seconds

    def watch(self, module: nn.Module, name: str) -> list[Any]:
        """Time ``module``'s forward; returns handles to remove."""
        starts: list[float] = []

        def before(*_: Any) -> None:
            starts.append(self.now())

        def after(*_: Any) -> None:
            self.add(name, self.now() - starts.pop())

        return [module.register_forward_pre_hook(before), module.register_forward_hook(after)]


class _TimedOptimiser(OptimWrapper):
    """mmengine's wrapper, noting the time of backward and of the optimiser."""

    def __init__(self, optimizer: torch.optim.Optimizer, clock: _Clock) -> None:
        super().__init__(optimizer)
        self.clock = clock
        self.started = self.ended = 0.0

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Run backward and note its time."""
        start = self.clock.now()
        super().backward(loss, **kwargs)
        self.clock.add("backward", self.clock.now() - start)

    def update_params(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Run backward and the optimiser, and note when."""
        self.started = self.clock.now()
        super().update_params(loss, *args, **kwargs)
        self.ended = self.clock.now()


def innermost_backbone(backbone: Backbone) -> Backbone:
    """Return the trunk: the backbone that other backbones wrap, or itself."""
    return [module for module in backbone.modules() if isinstance(module, Backbone)][-1]


def random_batch(
    clips: int,
    frames: int,
    size: int,
    segment_length: int = 0,
    semantic_widths: tuple[int, int] = SEMANTIC_WIDTHS,
    signals: Sequence[str] = (),
) -> dict[str, Any]:
    """Make a collated batch of noise: frames, semantics, signals of these names, and truth.

    Sizes as of :func:`profile_step`.
    """
    source = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(clips, frames, *shape, generator=source)

    inputs = Inputs(
        valid=torch.ones(clips, frames, dtype=torch.bool),
        index=torch.arange(frames).repeat(clips, 1),
        frames=noise(3, size, size).sigmoid(),
        semantics=Semantics(text=noise(semantic_widths[0]), image=noise(semantic_widths[1])),
        segment_length=segment_length,
    )
    if signals:
        values = noise(len(signals))
        inputs.signals = Signals(values, torch.ones_like(values, dtype=torch.bool), tuple(signals))
    score = torch.linspace(BDI_II.low + 5.0, BDI_II.high - 5.0, clips)
    truth = Truth(score=score, level=torch.from_numpy(BDI_II.level(score.numpy())))
    return {"inputs": inputs, "truth": truth}


def profile_step(
    assessor: Assessor,
    *,
    clips: int = 2,
    frames: int = 25,
    size: int = 128,
    repeats: int = 7,
    device: torch.device | str = "cpu",
    segment_length: int = 0,
    semantic_widths: tuple[int, int] = SEMANTIC_WIDTHS,
) -> StepProfile:
    """Time training steps of ``assessor`` and of its trunk alone on the same noise, in turn.

    Both run on copies, so ``assessor`` stays as it is. A frozen trunk runs in both, too, though
    training would read its output from the feature cache.

    Args:
        assessor: the method.
        clips: B.
        frames: T of each clip.
        size: side of a frame in pixels.
        repeats: steps of each kind, after one that is not counted.
        device: where to run.
        segment_length: frames a segment, for a backbone that reads segments.
        semantic_widths: of text and image vectors, for a backbone that reads them.

    Raises:
        ValueError: a count below 1.
    """
    _check({"clips": clips, "frames": frames, "size": size, "repeats": repeats})
    device = torch.device(device)
    noise = random_batch(clips, frames, size, segment_length, semantic_widths, assessor.signals)
    clock = _Clock(device)
    trunk_step = _trunk_step(assessor, noise, clock)
    with ExitStack() as stack:
        whole_step = _whole_step(assessor, noise, clock, stack)
        times = _in_turn(whole_step, trunk_step, repeats)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    step, trunk = medians.pop("step"), medians.pop("trunk alone")
    return StepProfile(
        clips=clips,
        frames=frames,
        size=size,
        repeats=repeats,
        device=str(device),
        threads=torch.get_num_threads(),
        trunk=trunk,
        step=step,
        ratio=step / trunk,
        parts=medians,
    )


def _check(counts: dict[str, int]) -> None:
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"profile_step: {name} is 1 or more; got {value}")


def _in_turn(
    whole: Callable[[], dict[str, float]], trunk: Callable[[], float], repeats: int
) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    for turn in range(repeats + 1):
        row = {**whole(), "trunk alone": trunk()}
        if turn == 0:
            continue  # the first step allocates and chooses kernels
        for name, seconds in row.items():
            times.setdefault(name, []).append(seconds)
    return times


def _trunk_step(assessor: Assessor, batch: dict[str, Any], clock: _Clock) -> Callable[[], float]:
    trunk = copy.deepcopy(innermost_backbone(assessor.backbone)).to(clock.device).train()
    head = nn.Linear(trunk.spec.vector, 1).to(clock.device)
    trained = [p for p in trunk.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW([*trained, *head.parameters()], lr=LEARNING_RATE)
    inputs, target = batch["inputs"].to(clock.device), batch["truth"].score.to(clock.device)

    def step() -> float:
        start = clock.now()
        features = trunk(inputs)
        score = head(features.vector).squeeze(-1).mean(-1)
        nn.functional.mse_loss(score, target).backward()
        optimiser.step()
        optimiser.zero_grad()
        return clock.now() - start

    return step


def _whole_step(
    assessor: Assessor, batch: dict[str, Any], clock: _Clock, stack: ExitStack
) -> Callable[[], dict[str, float]]:
    model = copy.deepcopy(assessor).to(clock.device).train()
    model.progress = 1.0
    trunk = innermost_backbone(model.backbone)
    watched: dict[str, nn.Module] = {"trunk": trunk}
    if trunk is not model.backbone:
        watched["backbone"] = model.backbone
    for role in ("aggregator", "selector", "head"):
        watched[role] = getattr(model, role)
    for name, module in watched.items():
        for handle in clock.watch(module, name):
            stack.callback(handle.remove)
    trained = [p for p in model.parameters() if p.requires_grad]
    wrapper = _TimedOptimiser(torch.optim.AdamW(trained, lr=LEARNING_RATE), clock)

    def step() -> dict[str, float]:
        clock.spent = {}
        start = clock.now()
        model.train_step(batch, wrapper)
        end = clock.now()
        spent = {**clock.spent, "step": end - start}
        return _as_parts(spent, forward=wrapper.started - start, end=end, wrapper=wrapper)

    return step


def _as_parts(
    spent: dict[str, float], *, forward: float, end: float, wrapper: _TimedOptimiser
) -> dict[str, float]:
    """Name the parts of a step so that they add up to it."""
    outer = spent.get("backbone", spent["trunk"])
    roles = {role: spent[role] for role in ("aggregator", "selector", "head")}
    return {
        "step": spent["step"],
        "forward: trunk": spent["trunk"],
        "forward: rest of backbone": outer - spent["trunk"],
        **{f"forward: {role}": seconds for role, seconds in roles.items()},
        "losses and batch": forward - outer - sum(roles.values()),
        "backward": spent["backward"],
        "optimiser": wrapper.ended - wrapper.started - spent["backward"],
        "update": end - wrapper.ended,
    }
