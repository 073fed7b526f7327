"""ExpADA: explainable assessment by weakly supervised learning (Liao et al.)."""

from .dfs import DFS
from .mte import MTE
from .ordinal import OrdinalRegressor
from .vat import VAT

__all__ = ["DFS", "MTE", "VAT", "OrdinalRegressor"]
