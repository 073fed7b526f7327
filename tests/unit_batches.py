"""Random units of clips of given lengths, and selections of some of them."""

import torch
from clip_features import clip_features

from adabench.models import Identity, even_weights
from adabench.structures import FeatureSpec, Selection, Truth, UnitSpec

FEATURES = FeatureSpec(vector=6)
UNITS = UnitSpec(dim=6, per_step=True, features=FEATURES)
TRUTH = Truth(score=torch.tensor([4.0, 22.0, 40.0]), level=torch.tensor([0, 2, 3]))


def clip_units(*lengths, seed=0):
    """Units of N(0, 1), six channels each; the arguments are the clips' valid units."""
    return Identity(features=FEATURES)(clip_features(lengths, seed=seed, spec=FEATURES))


def choose(units, *kept):
    """Select some units of each clip evenly, or all."""
    mask = units.valid
    if kept:
        mask = torch.zeros_like(units.valid)
        for clip, places in enumerate(kept):
            mask[clip, list(places)] = True
    weight = even_weights(mask)
    return Selection(weight=weight, relevance=weight)


def uneven(units, seed=1):
    """A selection of random weights over valid units."""
    weight = torch.rand(units.valid.shape, generator=torch.Generator().manual_seed(seed))
    weight = weight * units.valid
    weight = weight / weight.sum(1, keepdim=True).clamp_min(1e-9)
    return Selection(weight=weight, relevance=weight)
