"""A recurrent aggregator, as a user would write it."""

import torch
from torch import nn

from adabench.models import Aggregator
from adabench.structures import Units, UnitSpec


class LastState(Aggregator):
    """One unit a clip: a GRU's state after the last real step."""

    def __init__(self, *, features, width=8):
        super().__init__()
        self.gru = nn.GRU(features.vector, width, batch_first=True)
        self._spec = UnitSpec(dim=width, per_step=False, features=features)

    @property
    def spec(self):
        return self._spec

    def forward(self, features):
        clips = torch.arange(len(features.valid), device=features.valid.device)
        states, _ = self.gru(features.vector.masked_fill(~features.valid[..., None], 0.0))
        last = (features.valid.sum(1) - 1).clamp_min(0)
        first = features.span[:, :1, 0]
        return Units(
            x=states[clips, last][:, None],
            valid=features.valid.any(1, keepdim=True),
            span=torch.stack([first, features.span[clips, last, 1:]], -1),
            scale=torch.zeros(1, dtype=torch.long, device=features.valid.device),
            features=features,
        )
