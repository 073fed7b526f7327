"""The Assessor, the four roles, estimators, and the plain parts that every method may use."""

from adabench.models.aggregators.identity import Identity
from adabench.models.aggregators.recurrent import Recurrent
from adabench.models.aggregators.temporal_convolution import TemporalConvolution
from adabench.models.aggregators.temporal_transformer import TemporalTransformer
from adabench.models.aggregators.units import clip_unit, step_units
from adabench.models.assessor import Assessor
from adabench.models.backbones.frozen import Frozen
from adabench.models.backbones.mmaction_backbone import MMActionBackbone
from adabench.models.backbones.segments import SegmentBackbone
from adabench.models.backbones.signal_backbone import SignalBackbone
from adabench.models.backbones.signal_steps import SignalSteps
from adabench.models.backbones.timm_frames import TimmFrames
from adabench.models.backbones.torchvision_video import TorchvisionVideo
from adabench.models.backbones.video_network import VideoNetwork
from adabench.models.estimator import EstimatorMethod
from adabench.models.extractors.backbone_features import BackboneFeatures
from adabench.models.extractors.extractor import Extractor
from adabench.models.extractors.frame_statistics import FrameStatistics
from adabench.models.extractors.signal_statistics import SignalStatistics
from adabench.models.heads.probability import assess_logits, cross_entropy
from adabench.models.heads.unit_regressor import UnitRegressor
from adabench.models.roles import (
    Aggregator,
    Backbone,
    Head,
    IncompatiblePartsError,
    Part,
    Selector,
)
from adabench.models.selectors.attention_mil import AttentionMIL, softmax_weights
from adabench.models.selectors.attentive_pool import AttentivePool
from adabench.models.selectors.keep_all import KeepAll, even_weights
from adabench.models.selectors.relation_attention import RelationAttention
from adabench.models.selectors.top_units import DualStreamMIL, TopKMIL, largest_units

__all__ = [
    "Aggregator",
    "Assessor",
    "AttentionMIL",
    "AttentivePool",
    "Backbone",
    "BackboneFeatures",
    "DualStreamMIL",
    "EstimatorMethod",
    "Extractor",
    "FrameStatistics",
    "Frozen",
    "Head",
    "Identity",
    "IncompatiblePartsError",
    "KeepAll",
    "MMActionBackbone",
    "Part",
    "Recurrent",
    "RelationAttention",
    "SegmentBackbone",
    "Selector",
    "SignalBackbone",
    "SignalStatistics",
    "SignalSteps",
    "TemporalConvolution",
    "TemporalTransformer",
    "TimmFrames",
    "TopKMIL",
    "TorchvisionVideo",
    "UnitRegressor",
    "VideoNetwork",
    "assess_logits",
    "clip_unit",
    "cross_entropy",
    "even_weights",
    "largest_units",
    "softmax_weights",
    "step_units",
]
