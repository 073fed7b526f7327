"""Residuals to cluster centres, summed over a clip."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from adabench.bounds import Count
from adabench.models.aggregators.units import clip_unit
from adabench.models.roles import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec

# Below this length a sum of residuals is not stretched to 1; autograd stays finite at 0.
_SHORT = 1e-6


@MODELS.register_module()
class NetVLAD(Aggregator):
    """A clip as residuals to K centres (Arandjelovic et al. 2016, Eq 4): its only unit.

    A step's vector x, scaled to length 1, belongs to centre k by the softmax over k of w_k · x + b_k;
    V(k) is the sum over steps of that share times x − c_k. Each V(k) is scaled to length 1
    (intra-normalisation), then all together. w, b and c are learnt apart; they start as
    w = 2 α c and b = −α |c|² of random centres of length 1 (section 3.1).

    Args:
        features: what it reads.
        clusters: K, at least 2: with one nothing is told apart.
        sharpness: α at the start.

    Raises:
        ValueError: a single cluster, or a sharpness that is not above 0.
    """

    def __init__(
        self, *, features: FeatureSpec, clusters: Count = 8, sharpness: float = 10.0
    ) -> None:
        super().__init__()
        if clusters < 2:
            raise ValueError(f"NetVLAD.clusters is at least 2; got {clusters}")
        if sharpness <= 0:
            raise ValueError(f"NetVLAD.sharpness is above 0; got {sharpness}")
        centres = functional.normalize(torch.randn(clusters, features.vector), dim=-1)
        self.centres = nn.Parameter(centres)
        self.assign = nn.Linear(features.vector, clusters)
        with torch.no_grad():
            self.assign.weight.copy_(2 * sharpness * centres)
            self.assign.bias.copy_(-sharpness * centres.square().sum(-1))
        self._spec = UnitSpec(dim=clusters * features.vector, per_step=False, features=features)

    @property
    def spec(self) -> UnitSpec:
        """K times the backbone's channels, one unit a clip."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map vectors (B, T', D) to the clip's unit (B, 1, K · D)."""
        valid = features.valid[..., None]
        x = functional.normalize(
            features.vector.masked_fill(~valid, 0.0).float(), dim=-1, eps=_SHORT
        )
        # Logits are 2 α long: half precision would tell near centres apart no more.
        with torch.autocast(x.device.type, enabled=False):
            share = self.assign(x).softmax(-1).masked_fill(~valid, 0.0)
            total = share.transpose(1, 2) @ x - share.sum(1)[..., None] * self.centres
        each = functional.normalize(total, dim=-1, eps=_SHORT)
        return clip_unit(functional.normalize(each.flatten(1), dim=-1, eps=_SHORT), features)
