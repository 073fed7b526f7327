"""Where named signals of a clip's frames come from: columns of a corpus, or what is seen in frames."""

from adabench.models.signals.prepared_signals import PreparedSignals
from adabench.models.signals.source import FrameSignals, SignalSource
from adabench.models.signals.trunk_signals import TrunkSignals

__all__ = ["FrameSignals", "PreparedSignals", "SignalSource", "TrunkSignals"]
