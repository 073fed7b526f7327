"""PrototypeMAP: Dep-MAP's selector, made of SDPM, KDM and MAP."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from adabench.evaluation import BDI_II, Scale
from adabench.models import Selector, even_weights
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Selection, Truth, Units, UnitSpec

from .kdm import KDM, HardProjection, PlacedProjection
from .map import ShareMAP, SparseHitsMAP, activations, build_map, mean_over_frames
from .sdpm import SDPM
from .sparsity import key_count, key_tokens
from .tokens import HardTokens, SoftTokens, Tokens, VectorToken


@MODELS.register_module()
class PrototypeMAP(Selector):
    """Weighs units by prototypes of the severity levels, and aligns every scale with them.

    ``Selection.level_scores`` (B, A) are the mean level logits; ``relevance`` is MAP's share.
    Without MAP every valid unit counts the same. Where a unit is a step with maps, tokens come from
    its deepest map; units without maps, or of several steps, give one token each, made of their
    vector, and KDM, which aligns maps, is then not built.

    Args:
        units: what it reads.
        tokens: ``kind`` (``soft`` or ``hard``) and the arguments of
            :class:`~.tokens.SoftTokens` or :class:`~.tokens.HardTokens` (``width``, ``slots``,
            ``length``).
        sdpm: arguments of :class:`~.sdpm.SDPM`; None builds no prototypes.
        kdm: arguments of :class:`~.kdm.KDM`; None leaves the contrastive loss out.
        map: ``mode`` (``share`` or ``sparse_hits``); None weighs frames evenly.
        scale: whose levels have prototypes.

    Raises:
        ValueError: KDM or MAP without SDPM, or a combination that leaves the tokens untrained.
        TypeError: an argument that a part doesn't have.
    """

    def __init__(
        self,
        *,
        units: UnitSpec,
        tokens: dict[str, Any] | None = None,
        sdpm: dict[str, Any] | None = {},  # noqa: B006 - read only; {} is "on, as by default"
        kdm: dict[str, Any] | None = {},  # noqa: B006
        map: dict[str, Any] | None = {},  # noqa: B006
        scale: Scale = BDI_II,
    ) -> None:
        super().__init__()
        self.reads_maps = units.per_step and bool(units.features.maps)
        if not self.reads_maps:
            kdm = None
        _check_switches(sdpm, kdm, map, with_maps=self.reads_maps)
        self.sdpm: SDPM | None = None
        self.kdm: KDM | None = None
        self.map: ShareMAP | SparseHitsMAP | None = None
        if sdpm is None:
            return
        self.tokens = _build_tokens(units, self.reads_maps, dict(tokens or {}))
        self.sdpm = SDPM(length=self.tokens.length, severities=len(scale.levels), **sdpm)
        if kdm is not None:
            self.kdm = KDM(branches=_build_branches(units.features, self.tokens), **kdm)
        if map is not None:
            levels, count, _ = self.sdpm.prototypes.shape
            self.map = build_map(levels=levels, prototypes=count, **map)

    def forward(self, units: Units) -> Selection:
        """Map units (B, M, D), with their maps where they have any, to weights (B, M)."""
        even = even_weights(units.valid)
        if self.sdpm is None:
            return Selection(weight=even, relevance=even)
        found = self._tokens(units)
        vector = found.vector.unflatten(0, units.valid.shape)
        key = key_tokens(vector, units.valid, self.sdpm.sampling)
        extra = {"tokens": vector, "key": key}
        if found.place is not None:
            extra["place"] = found.place.unflatten(0, units.valid.shape)
        activation = activations(self.sdpm.similarity(vector))
        weight, relevance = even, even
        if self.map is None:
            logits = activation.mean(-1)
        else:
            logits = self.map.logits(activation)
            count = key_count(units.valid.sum(-1), self.sdpm.sampling)
            weight, relevance = self.map(logits, key, count, units.valid)
        extra["logits"] = logits
        return Selection(
            weight=weight,
            relevance=relevance,
            level_scores=mean_over_frames(logits, units.valid),
            extra=extra,
        )

    def loss(
        self, inputs: Units, output: Selection, truth: Truth, progress: float
    ) -> dict[str, Tensor]:
        """KDM's contrastive loss (Eq 14), once ``progress`` has reached its start."""
        if self.kdm is None or self.sdpm is None or progress < self.kdm.start:
            return {}
        tokens, key = output.extra["tokens"], output.extra["key"]
        level = self.sdpm.own_level(truth.level)
        index = self.sdpm.assign(tokens, key, level)
        maps = [m.flatten(0, 1) for m in _branch_maps(inputs.features)]
        place = output.extra["place"].flatten(0, 1)
        vectors = [v.unflatten(0, inputs.valid.shape) for v in self.kdm.branch_tokens(maps, place)]
        similarities = [self.sdpm.similarity(v) for v in (*vectors, tokens)]
        return {"contrastive": self.kdm.loss(similarities, level, index, inputs.valid)}

    @torch.no_grad()
    def update(self, inputs: Units, output: Selection, truth: Truth, progress: float) -> None:
        """Move the prototypes toward this batch's key tokens (Eq 11)."""
        del inputs, progress
        if self.sdpm is not None:
            level = self.sdpm.own_level(truth.level)
            self.sdpm.update(output.extra["tokens"], output.extra["key"], level)

    def _tokens(self, units: Units) -> Tokens:
        source = units.features.maps[-1] if self.reads_maps else units.x
        return self.tokens(source.flatten(0, 1))


def _check_switches(
    sdpm: dict[str, Any] | None,
    kdm: dict[str, Any] | None,
    map: dict[str, Any] | None,
    *,
    with_maps: bool,
) -> None:
    if sdpm is None:
        if kdm is not None or map is not None:
            raise ValueError(
                "PrototypeMAP: KDM and MAP read SDPM's prototypes, and sdpm is None; "
                "set kdm=None and map=None too, or sdpm={}"
            )
        return
    learns = kdm is not None or (map is not None and map.get("mode", "share") == "share")
    if not learns:
        reason = "" if with_maps else " (KDM is off: these units are no single steps with maps)"
        raise ValueError(
            f"PrototypeMAP: nothing would train the tokens{reason}; turn on kdm, or map with "
            "mode='share', or take KeepAll as selector"
        )


def _build_tokens(
    units: UnitSpec, reads_maps: bool, options: dict[str, Any]
) -> SoftTokens | HardTokens | VectorToken:
    kind = options.pop("kind", "soft")
    if kind not in ("soft", "hard"):
        raise ValueError(f"PrototypeMAP.tokens.kind is 'soft' or 'hard'; got {kind!r}")
    if not reads_maps:
        if kind == "hard":
            raise ValueError(
                "PrototypeMAP: hard tokens are places on a map, and these units are no single steps "
                "with maps"
            )
        return VectorToken(channels=units.dim, **options)
    built = SoftTokens if kind == "soft" else HardTokens
    return built(channels=units.features.maps[-1], **options)


def _build_branches(
    features: FeatureSpec, tokens: SoftTokens | HardTokens | VectorToken
) -> list[nn.Module]:
    channels = (features.maps if features.guided else ()) + features.maps[:-1]
    length = tokens.length
    if isinstance(tokens, HardTokens):
        return [HardProjection(channels=c, width=tokens.slots, length=length) for c in channels]
    return [PlacedProjection(channels=c, length=length) for c in channels]


def _branch_maps(features: Features) -> tuple[Tensor, ...]:
    """Visual maps, then guided ones without the deepest: the order of ``_build_branches``."""
    return features.visual_maps + features.maps[:-1]
