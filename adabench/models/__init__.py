"""The Assessor, the four roles and the plain parts that every method may use."""

from adabench.models.assessor import Assessor
from adabench.models.frozen import Frozen
from adabench.models.plain import Identity, KeepAll, UnitRegressor, even_weights
from adabench.models.roles import (
    Aggregator,
    Backbone,
    Head,
    IncompatiblePartsError,
    Part,
    Selector,
)
from adabench.models.timm_frames import TimmFrames

__all__ = [
    "Aggregator",
    "Assessor",
    "Backbone",
    "Frozen",
    "Head",
    "Identity",
    "IncompatiblePartsError",
    "KeepAll",
    "Part",
    "Selector",
    "TimmFrames",
    "UnitRegressor",
    "even_weights",
]
