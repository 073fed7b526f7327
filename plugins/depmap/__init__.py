"""Dep-MAP: multi-level alignment with semantic prototypes (Wang, Ye and Wang 2026)."""

from .esa import ESA
from .kdm import KDM
from .msr import MSR
from .prototype_map import PrototypeMAP
from .sdpm import SDPM

__all__ = ["ESA", "KDM", "MSR", "SDPM", "PrototypeMAP"]
