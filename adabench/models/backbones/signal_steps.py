"""A frame's signals as they are."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from adabench.hints import did_you_mean
from adabench.models.backbones.signal_backbone import SignalBackbone
from adabench.models.backbones.timm_frames import frame_spans
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Inputs


@MODELS.register_module()
class SignalSteps(SignalBackbone):
    """A step a frame: its standardised signals, 0 where nothing was measured. It learns nothing.

    Args:
        signals: the S columns, which the builder passes.
        columns: which of them; all by default.

    Raises:
        ValueError: a column that is not among the signals.
    """

    def __init__(self, *, signals: Sequence[str], columns: Sequence[str] | None = None) -> None:
        super().__init__(signals=signals)
        for name in columns or ():
            if name not in self.names:
                hint = did_you_mean(name, self.names)
                raise ValueError(
                    f"SignalSteps.columns: no signal is called {name!r}.{hint} There are: "
                    f"{', '.join(self.names)}"
                )
        self._chosen = [self.names.index(name) for name in columns or self.names]

    @property
    def spec(self) -> FeatureSpec:
        """A vector of the chosen columns."""
        return FeatureSpec(vector=len(self._chosen))

    def forward(self, inputs: Inputs) -> Features:
        """Map signals (B, T, S) to vectors (B, T, D)."""
        values, _ = self.standardised(inputs)
        vector: Tensor = values[..., self._chosen]
        return Features(vector=vector, valid=inputs.valid, span=frame_spans(inputs.index))
