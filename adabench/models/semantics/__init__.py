"""Encoders of semantic vectors, and the sentences behind them."""

from adabench.models.semantics.encoders import OpenClipSemantics, SemanticEncoder
from adabench.models.semantics.stand_in import StandInSemantics

__all__ = ["OpenClipSemantics", "SemanticEncoder", "StandInSemantics"]
