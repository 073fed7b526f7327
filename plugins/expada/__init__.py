"""ExpADA: explainable assessment by weakly supervised learning (Liao et al.).

Its head is `adabench.models.OrdinalRegressor`.
"""

from .dfs import DFS
from .mte import MTE
from .vat import VAT

__all__ = ["DFS", "MTE", "VAT"]
