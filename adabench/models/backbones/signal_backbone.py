"""What backbones over signals share: their names, and a common scale for all columns."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from adabench.models.roles import Backbone
from adabench.structures import Inputs, Signals


class SignalBackbone(Backbone):
    """A backbone that reads named signals and never a pixel; a plugin writes ``spec`` and ``forward``.

    Columns come in units of their own (intensities, radians, millimetres), so each is standardised by
    mean and standard deviation over the training clips' frames, which travel with the checkpoint.

    Args:
        signals: the S columns, which the builder passes.

    Attributes:
        names: these columns.

    Raises:
        ValueError: no column: the config names no source of signals.
    """

    reads: tuple[str, ...] = ("signals",)
    signal_mean: Tensor
    signal_std: Tensor

    def __init__(self, *, signals: Sequence[str]) -> None:
        super().__init__()
        if not signals:
            raise ValueError(
                f"signals is missing: {type(self).__name__} reads signals; name their source, e.g. "
                "signals=dict(type='PreparedSignals', columns=['au_intensity', 'pose']) or "
                "signals=dict(type='TrunkSignals', stage='stage:trunk')"
            )
        self.names = tuple(signals)
        self.register_buffer("signal_mean", torch.zeros(len(signals)))
        self.register_buffer("signal_std", torch.ones(len(signals)))

    def fit_signals(self, mean: Tensor, std: Tensor) -> None:
        """Take mean and standard deviation (S,) of the training clips' frames."""
        self.signal_mean.copy_(mean)
        self.signal_std.copy_(torch.where(std > 0, std, torch.ones_like(std)))

    def standardised(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Return values (B, T, S), 0 where nothing was measured and on padding, and where they were.

        Raises:
            ValueError: no signals, or others than it was built for.
        """
        signals = self._checked(inputs.signals)
        known = signals.mask & inputs.valid[..., None]
        values = (signals.values - self.signal_mean) / self.signal_std
        return values.masked_fill(~known, 0.0), known

    def _checked(self, signals: Signals | None) -> Signals:
        if signals is None:
            raise ValueError(f"{type(self).__name__} reads signals, and the batch holds none")
        if signals.names != self.names:
            raise ValueError(
                f"{type(self).__name__} was built for the signals {', '.join(self.names)}; the batch "
                f"holds {', '.join(signals.names)}"
            )
        return signals
