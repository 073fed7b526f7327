"""PrototypeMAP: Dep-MAP's selector, made of SDPM, KDM and MAP."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from adabench.evaluation import BDI_II, Scale
from adabench.models import IncompatiblePartsError, Selector, even_weights
from adabench.registry import MODELS
from adabench.structures import Selection, Truth, Units, UnitSpec

from .kdm import KDM, LEVEL_WEIGHT, OTHER_WEIGHT, HardProjection, PlacedProjection
from .map import ShareMAP, SparseHitsMAP, activations, build_map, mean_over_frames
from .sdpm import SDPM
from .sparsity import key_count, key_tokens
from .tokens import HardTokens, SoftTokens, Tokens, VectorToken


@MODELS.register_module()
class PrototypeMAP(Selector):
    """Weighs units by prototypes of the severity levels, and aligns every scale with them.

    ``Selection.level_scores`` (B, A) are the mean level logits, weighted by MAP where a cross-entropy
    trains them; ``relevance`` is MAP's share. Without MAP every valid unit counts the same. Where a
    unit is a step with maps, tokens come from its deepest map; units without maps, or of several
    steps, give one token each, made of their vector, and KDM, which aligns maps, is then not built.

    Args:
        units: what it reads.
        tokens: ``kind`` (``soft`` or ``hard``) and the arguments of
            :class:`~.tokens.SoftTokens` or :class:`~.tokens.HardTokens` (``width``, ``slots``,
            ``length``).
        sdpm: arguments of :class:`~.sdpm.SDPM`; None builds no prototypes.
        kdm: arguments of :class:`~.kdm.KDM`; None leaves the contrastive loss out.
        map: ``mode`` (``share`` or ``sparse_hits``) and the arguments of :class:`~.map.ShareMAP` or
            :class:`~.map.SparseHitsMAP`; None weighs frames evenly.
        points: the weights of the losses, λ among them, are meant beside a squared error in points: they
            are divided by the training scores' variance. ``kdm.literal`` takes them so in any case.
        scale: whose levels have prototypes.

    Raises:
        ValueError: KDM or MAP without SDPM, or a combination that leaves the tokens untrained.
        IncompatiblePartsError: ``kdm.refined`` behind an aggregator that refines no maps.
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
        points: bool = False,
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
            branches = _build_branches(units, self.tokens, refined=kdm.get("refined", False))
            self.kdm = KDM(branches=branches, **kdm)
        if map is not None:
            count = self.sdpm.prototypes.shape[1]
            self.map = build_map(levels=self.sdpm.levels, prototypes=count, **map)
        self.in_points = points or (self.kdm is not None and self.kdm.literal)

    def forward(self, units: Units) -> Selection:
        """Map units (B, M, D), with their maps where they have any, to weights (B, M)."""
        even = even_weights(units.valid)
        if self.sdpm is None:
            return Selection(weight=even, relevance=even)
        found = self._tokens(units)
        vector = found.vector.unflatten(0, units.valid.shape)
        discrete = isinstance(self.tokens, HardTokens)
        key = key_tokens(vector, units.valid, self.sdpm.sampling, discrete=discrete)
        extra = {"tokens": vector, "key": key}
        if found.place is not None:
            extra["place"] = found.place.unflatten(0, units.valid.shape)
        # The set "other" speaks for no level.
        activation = activations(self.sdpm.similarity(vector)[..., : self.sdpm.levels, :])
        weight, relevance = even, even
        if self.map is None:
            logits = activation.mean(-1)
        else:
            logits = self.map.logits(activation)
            count = key_count(units.valid.sum(-1), self.sdpm.sampling)
            weight, relevance = self.map(logits, key, count, units.valid)
            weight, relevance = self.map.gated(weight, even), self.map.gated(relevance, even)
        extra["logits"] = logits
        scores = mean_over_frames(logits, units.valid)
        if self.map is not None and self.map.cross_entropy:
            scores = (weight[..., None] * logits).sum(1)
        return Selection(weight=weight, relevance=relevance, level_scores=scores, extra=extra)

    def loss(
        self, inputs: Units, output: Selection, truth: Truth, progress: float
    ) -> dict[str, Tensor]:
        """KDM's contrastive loss (Eq 14), once ``progress`` has reached its start; MAP's of levels."""
        if self.sdpm is None:
            return {}
        found: dict[str, Tensor] = {}
        level = self.sdpm.own_level(truth.level)
        if self.kdm is not None and progress >= self.kdm.start:
            found["contrastive"] = self._contrastive(self.sdpm, self.kdm, inputs, output, level)
        if self.map is not None and output.level_scores is not None:
            of_levels = self.map.level_loss(output.level_scores, level, progress)
            found |= {} if of_levels is None else {"levels": of_levels}
        if self.in_points:
            found = {name: value / truth.variance for name, value in found.items()}
        return found

    def _contrastive(
        self, sdpm: SDPM, kdm: KDM, inputs: Units, output: Selection, level: Tensor
    ) -> Tensor:
        tokens, key, valid = output.extra["tokens"], output.extra["key"], inputs.valid
        index = sdpm.assign(tokens, key, level, valid)
        output.extra["assigned"] = index  # for this step's update
        maps = [m.flatten(0, 1) for m in _branch_maps(inputs, refined=kdm.refined)]
        place = output.extra["place"].flatten(0, 1)
        vectors = [v.unflatten(0, valid.shape) for v in kdm.branch_tokens(maps, place)]
        similarities = [sdpm.similarity(v) for v in (*vectors, tokens)]
        if not sdpm.other:
            return kdm.loss(similarities, level, index, valid)
        counts = torch.where(key, LEVEL_WEIGHT, OTHER_WEIGHT)
        return kdm.loss(similarities, sdpm.sets_of(key, level), index, valid, counts)

    @torch.no_grad()
    def update(self, inputs: Units, output: Selection, truth: Truth, progress: float) -> None:
        """Move the prototypes toward this batch's key tokens (Eq 11), and MAP's gate."""
        if self.sdpm is None:
            return
        level, found = self.sdpm.own_level(truth.level), output.extra
        self.sdpm.update(
            found["tokens"], found["key"], level, inputs.valid, assigned=found.get("assigned")
        )
        if self.map is not None:
            self.map.move_gate(progress)

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
    if kdm is not None and kdm.get("literal") and sdpm.get("other"):
        raise ValueError(
            'PrototypeMAP: Eq 14 as printed knows no set "other"; leave out kdm.literal or sdpm.other'
        )
    by_map = map is not None and (
        map.get("mode", "share") == "share" or map.get("cross_entropy", 0) > 0
    )
    learns = kdm is not None or by_map
    if not learns:
        reason = "" if with_maps else " (KDM is off: these units are no single steps with maps)"
        raise ValueError(
            f"PrototypeMAP: nothing would train the tokens{reason}; turn on kdm, or map with "
            "mode='share' or a cross_entropy, or take KeepAll as selector"
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
    units: UnitSpec, tokens: SoftTokens | HardTokens | VectorToken, *, refined: bool
) -> list[nn.Module]:
    features = units.features
    if refined and not units.maps:
        raise IncompatiblePartsError(
            "kdm.refined reads the maps that an aggregator refines, and this one gives none: take MSR, "
            "or leave it out"
        )
    visual = features.maps if features.guided else ()
    channels = (units.maps if refined else visual) + features.maps[:-1]
    length = tokens.length
    if isinstance(tokens, HardTokens):
        return [HardProjection(channels=c, width=tokens.slots, length=length) for c in channels]
    return [PlacedProjection(channels=c, length=length) for c in channels]


def _branch_maps(units: Units, *, refined: bool) -> tuple[Tensor, ...]:
    """Visual maps, then guided ones without the deepest: the order of ``_build_branches``."""
    features = units.features
    return (units.maps if refined else features.visual_maps) + features.maps[:-1]
