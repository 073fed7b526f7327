"""Encoders of semantic vectors, and the sentences behind them."""

from adabench.models.semantics.encoders import (
    OpenClipSemantics,
    SemanticEncoder,
    StandInSemantics,
)

__all__ = ["OpenClipSemantics", "SemanticEncoder", "StandInSemantics"]
