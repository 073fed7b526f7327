"""Recurrent networks over a clip's steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from adabench.bounds import Count, Share
from adabench.models.aggregators.units import clip_unit, step_units
from adabench.models.roles import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec

_NETWORKS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@MODELS.register_module()
class Recurrent(Aggregator):
    """The states of a recurrent network that reads the steps in their order.

    Args:
        features: what it reads.
        kind: ``rnn`` (Elman 1990), ``lstm`` (Hochreiter & Schmidhuber 1997) or ``gru`` (Cho 2014).
        width: of a state, in each direction.
        layers: one above the other.
        bidirectional: read backwards too; both states side by side.
        out: ``steps`` makes each step's state a unit, ``last`` the last one the clip's only unit (in
            each direction the last that is read).
        dropout: between layers, in training.
    """

    def __init__(
        self,
        *,
        features: FeatureSpec,
        kind: Literal["rnn", "lstm", "gru"] = "lstm",
        width: Count = 128,
        layers: Count = 1,
        bidirectional: bool = False,
        out: Literal["steps", "last"] = "steps",
        dropout: Share = 0.0,
    ) -> None:
        super().__init__()
        self.network = _NETWORKS[kind](
            features.vector,
            width,
            layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.out = out
        dim = width * (2 if bidirectional else 1)
        self._spec = UnitSpec(dim=dim, per_step=out == "steps", features=features)

    @property
    def spec(self) -> UnitSpec:
        """``width`` channels a direction."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map vectors (B, T', D) to units (B, T', width), or (B, 1, width) of the last states."""
        # A clip without a step is read as one of zeros; its units are not valid.
        lengths = features.valid.sum(1).clamp_min(1)
        vector = features.vector.masked_fill(~features.valid[..., None], 0.0)
        packed = pack_padded_sequence(vector, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, last = self.network(packed)
        if self.out == "last":
            final = last[0] if isinstance(last, tuple) else last
            directions = 2 if self.network.bidirectional else 1
            return clip_unit(final[-directions:].transpose(0, 1).flatten(1), features)
        each, _ = pad_packed_sequence(states, batch_first=True, total_length=vector.shape[1])
        return step_units(each, features)
