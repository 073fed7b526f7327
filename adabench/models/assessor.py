"""The network that every method with four parts is: backbone, aggregator, selector, head."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from mmengine.model import BaseDataPreprocessor, BaseModel
from mmengine.optim import OptimWrapper
from torch import Tensor

from adabench.evaluation.scale import BDI_II, Scale
from adabench.models.roles import (
    Aggregator,
    Backbone,
    Head,
    IncompatiblePartsError,
    Part,
    Selector,
)
from adabench.models.weights import load_part
from adabench.registry import MODELS
from adabench.structures import (
    Assessment,
    Features,
    Inputs,
    Selection,
    Truth,
    Units,
    ViewId,
)

ROLES = ("backbone", "aggregator", "selector", "head")
_KINDS: dict[str, type[Part]] = {
    "backbone": Backbone,
    "aggregator": Aggregator,
    "selector": Selector,
    "head": Head,
}


def build_part(
    role: str,
    cfg: dict[str, Any],
    before: str,
    scale: Scale = BDI_II,
    *,
    signals: Sequence[str] = (),
    **spec: Any,
) -> Part:
    """Build one part and check that it fills ``role``.

    ``weights`` in a config is a part's own affair where its constructor takes it; of any other part it
    is a file that holds the whole part, which is loaded here.

    Args:
        role: one of :data:`ROLES`.
        cfg: the part's config, ``type`` included.
        before: name of the part before it, for error messages.
        scale: of the scores, for a part that takes it.
        signals: names of the run's signals, for a part that takes them.
        spec: what it has to fit (``features`` or ``units``).

    Raises:
        IncompatiblePartsError: if the part can't follow ``before``.
        TypeError: if the type is registered but fills another role.
        FileNotFoundError, ValueError: weights that are not there, or of another part.
    """
    kind = MODELS.type_of(cfg)
    name = kind.__name__
    if not (isinstance(kind, type) and issubclass(kind, _KINDS[role])):
        wanted = _KINDS[role].__name__
        raise TypeError(f"method.{role}: {name} is no {role} (a subclass of {wanted})")
    own, weights = _without_file(kind, cfg)
    reason = _unmet_need(kind, **spec)
    if reason is None:
        try:
            handed = {"scale": scale, "signals": tuple(signals)}
            part = MODELS.build({**_taken(kind, handed), **own, **spec})
        except IncompatiblePartsError as error:
            reason = str(error)
    if reason is not None:
        raise IncompatiblePartsError(f"{name} can't follow {before}: {reason}")
    if weights is not None:
        load_part(role, part, Path(weights))
    return part


def learnt_as(kind: type) -> str | None:
    """Return the key under which a stage's result holds what a part loads.

    Its ``learnt_as``, or where `build_part` loads it its role; None where the part alone knows.
    """
    if not issubclass(kind, Part):
        return None
    if kind.learnt_as is not None or _loads_itself(kind):
        return kind.learnt_as
    return next(role for role in ROLES if issubclass(kind, _KINDS[role]))


def _loads_itself(kind: type[Part]) -> bool:
    parameters = inspect.signature(kind).parameters.values()
    return any(p.name == "weights" or p.kind is p.VAR_KEYWORD for p in parameters)


def _without_file(kind: type[Part], cfg: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Return a part's config, and the file of its weights where it does not load them itself."""
    loads = _loads_itself(kind)
    own = {key: value for key, value in cfg.items() if loads or key != "weights"}
    return own, None if loads else cfg.get("weights")


def _taken(kind: type[Part], handed: dict[str, Any]) -> dict[str, Any]:
    """Return what a part takes of what is handed to whoever asks; its config may give its own."""
    parameters = inspect.signature(kind).parameters
    return {name: value for name, value in handed.items() if name in parameters}


def _unmet_need(kind: type[Part], **spec: Any) -> str | None:
    units = spec.get("units")
    features = spec.get("features", None if units is None else units.features)
    if getattr(kind, "needs_maps", False) and features is not None and not features.maps:
        return f"{kind.__name__} needs feature maps, and the backbone gives a vector only"
    if getattr(kind, "needs_steps", False) and not spec["units"].per_step:
        return f"{kind.__name__} weighs single steps, and these units span several of them"
    return None


class MoveAndScale(BaseDataPreprocessor):
    """Moves a collated batch to the model's device and maps uint8 frames to [0, 1]."""

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return the batch on this module's device, its frames as float."""
        del training
        inputs: Inputs = data["inputs"].to(self.device)
        if inputs.frames is not None and inputs.frames.dtype == torch.uint8:
            inputs.frames = inputs.frames.float().div_(255.0)
        truth = data.get("truth")
        return {**data, "inputs": inputs, "truth": None if truth is None else truth.to(self.device)}


@MODELS.register_module()
class Assessor(BaseModel):
    """Wires four parts and knows no method by name.

    Losses are summed under the names ``<role>.<loss>``. ``progress`` (0 to 1) is set by the engine.

    Args:
        backbone, aggregator, selector, head: configs of the parts.
        scale: of the scores, the corpus's.
        signals: names of the run's signals, for a backbone that reads some.

    Raises:
        IncompatiblePartsError: a combination that can't work, with both names and the reason.
        UnknownTypeError: a type that is not registered, with suggestions.
    """

    def __init__(
        self,
        *,
        backbone: dict[str, Any],
        aggregator: dict[str, Any],
        selector: dict[str, Any],
        head: dict[str, Any],
        scale: Scale = BDI_II,
        signals: Sequence[str] = (),
    ) -> None:
        super().__init__(data_preprocessor=MoveAndScale())
        self.scale = scale
        self.signals = tuple(signals)
        first = build_part("backbone", backbone, "the inputs", scale, signals=signals)
        self.backbone = cast(Backbone, first)
        names = [type(self.backbone).__name__]
        self.aggregator = cast(
            Aggregator,
            build_part("aggregator", aggregator, names[-1], scale, features=self.backbone.spec),
        )
        names.append(type(self.aggregator).__name__)
        units = self.aggregator.spec
        self.selector = cast(
            Selector,
            build_part("selector", selector, " after ".join(reversed(names)), scale, units=units),
        )
        names.append(type(self.selector).__name__)
        self.head = cast(
            Head, build_part("head", head, " after ".join(reversed(names)), scale, units=units)
        )
        self.progress = 0.0

    def init_weights(self) -> None:
        """Do nothing: parts initialise themselves, and a pretrained trunk must stay as loaded.

        mmengine's default would call every child's ``init_weights``, timm's networks included.
        """

    def assess(self, inputs: Inputs) -> Assessment:
        """Predict: inputs (B, T, …) to a score (B,) in points."""
        return self.flow(inputs)[-1]

    def flow(self, inputs: Inputs) -> tuple[Features, Units, Selection, Assessment]:
        """Map inputs (B, T, …) to what each of the four parts gives."""
        features = self.backbone(inputs)
        units = self.aggregator(features)
        selection = self.selector(units)
        return features, units, selection, self.head(units, selection)

    def _by_part(
        self, inputs: Inputs, flow: tuple[Features, Units, Selection, Assessment]
    ) -> Iterator[tuple[str, Part, Any, Any]]:
        """Yield role, part, what it got, what it gave."""
        features, units, selection, assessment = flow
        yield "backbone", self.backbone, inputs, features
        yield "aggregator", self.aggregator, features, units
        yield "selector", self.selector, units, selection
        yield "head", self.head, units, assessment

    def losses(
        self, inputs: Inputs, truth: Truth, flow: tuple[Features, Units, Selection, Assessment]
    ) -> dict[str, Tensor]:
        """Gather the parts' losses under ``<role>.<loss>``."""
        truth = self._with_variance(truth)
        return {
            f"{role}.{name}": value
            for role, part, got, gave in self._by_part(inputs, flow)
            for name, value in part.loss(got, gave, truth, self.progress).items()
        }

    def _with_variance(self, truth: Truth) -> Truth:
        # Reading a number off a device waits for it, so that nobody else is made to.
        return replace(truth, variance=1 / self.clip_share) if self._is_in_points else truth

    @property
    def _is_in_points(self) -> bool:
        parts = (self.backbone, self.aggregator, self.selector, self.head)
        return any(part.in_points for part in parts)

    @property
    def clip_share(self) -> float:
        """What the largest norm of a gradient is multiplied by, once the head's scale is fitted.

        1; or 1 over the variance of the training scores where a part's losses are ``in_points``.
        """
        return float(self.head.score_std) ** -2 if self._is_in_points else 1.0

    def forward(
        self,
        inputs: Inputs,
        truth: Truth | None = None,
        ids: list[ViewId] | None = None,
        mode: str = "tensor",
    ) -> Any:
        """Answer mmengine: ``tensor`` an Assessment, ``predict`` ids beside it, ``loss`` losses."""
        if mode == "loss":
            if truth is None:
                raise ValueError("training needs ground truth: a clip of the batch has no score")
            return self.losses(inputs, truth, self.flow(inputs))
        assessment = self.assess(inputs)
        if mode == "tensor":
            return assessment
        if mode == "predict":
            return [(ids, assessment)]
        raise ValueError(f"mode is 'tensor', 'predict' or 'loss'; got {mode!r}")

    def train_step(self, data: dict[str, Any], optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """One optimiser's step, then every part's ``update`` without gradient."""
        with optim_wrapper.optim_context(self):
            batch = self.data_preprocessor(data, True)
            inputs, truth = batch["inputs"], batch["truth"]
            if truth is None:
                raise ValueError("training needs ground truth: a clip of the batch has no score")
            flow = self.flow(inputs)
            losses = self.losses(inputs, truth, flow)
            if not losses:
                raise ValueError("no part of this method has a loss, so nothing can be trained")
            # mmengine's parse_losses would leave out every name without "loss" in it.
            total = torch.stack([value.float() for value in losses.values()]).sum()
        optim_wrapper.update_params(total)
        truth = self._with_variance(truth)
        with torch.no_grad():
            for _, part, got, gave in self._by_part(inputs, flow):
                part.update(_detached(got), _detached(gave), truth, self.progress)
        return {**{name: value.detach() for name, value in losses.items()}, "loss": total.detach()}


def _detached(record: Any) -> Any:
    return record.detach()
