"""The Assessor, the four roles, estimators, and the plain parts that every method may use."""

from adabench.models.aggregators.chain import Chain
from adabench.models.aggregators.conv_lstm import ConvLSTM
from adabench.models.aggregators.fragment_pool import FragmentPool
from adabench.models.aggregators.gated_mlp import DualGatedMLP, GatedMLP
from adabench.models.aggregators.identity import Identity
from adabench.models.aggregators.inception_tcn import InceptionTCN
from adabench.models.aggregators.map_parts import MapParts
from adabench.models.aggregators.matrix_graph import MatrixGraph
from adabench.models.aggregators.net_vlad import NetVLAD
from adabench.models.aggregators.recurrent import Recurrent
from adabench.models.aggregators.spectral_graph import SpectralGraph
from adabench.models.aggregators.step_graph import StepGraph
from adabench.models.aggregators.temporal_convolution import TemporalConvolution
from adabench.models.aggregators.temporal_transformer import TemporalTransformer
from adabench.models.aggregators.two_order_vector import TwoOrderVector
from adabench.models.aggregators.units import clip_unit, step_units
from adabench.models.assessor import Assessor
from adabench.models.backbones.frozen import Frozen
from adabench.models.backbones.mmaction_backbone import MMActionBackbone
from adabench.models.backbones.networks.c3d_maps import C3DMaps
from adabench.models.backbones.networks.max_diff import MaxDiff3d
from adabench.models.backbones.networks.multi_kernel import MultiKernel3d
from adabench.models.backbones.networks.sta import STA3d
from adabench.models.backbones.segments import SegmentBackbone
from adabench.models.backbones.signal_backbone import SignalBackbone
from adabench.models.backbones.signal_steps import SignalSteps
from adabench.models.backbones.spectral_step import SpectralStep
from adabench.models.backbones.timm_frames import TimmFrames
from adabench.models.backbones.torchvision_video import TorchvisionVideo
from adabench.models.backbones.video_network import VideoNetwork
from adabench.models.backbones.wrappers.concat import Concat
from adabench.models.backbones.wrappers.flow_frames import FlowFrames
from adabench.models.backbones.wrappers.pooled_image import PooledImage
from adabench.models.backbones.wrappers.region_frames import RegionFrames
from adabench.models.backbones.wrappers.temporal_difference import TemporalDifference
from adabench.models.estimator import EstimatorMethod
from adabench.models.extractors.backbone_features import BackboneFeatures
from adabench.models.extractors.extractor import Extractor
from adabench.models.extractors.frame_statistics import FrameStatistics
from adabench.models.extractors.lbp import LBP
from adabench.models.extractors.lbp_top import LBPTOP
from adabench.models.extractors.local_directional import LocalDirectional
from adabench.models.extractors.lpq import LPQ
from adabench.models.extractors.motion_history import MotionHistory
from adabench.models.extractors.signal_statistics import SignalStatistics
from adabench.models.extractors.spectral_signals import SpectralSignals
from adabench.models.heads.label_distribution import LabelDistribution
from adabench.models.heads.memory_regressor import MemoryRegressor
from adabench.models.heads.ordinal_regressor import OrdinalRegressor
from adabench.models.heads.probability import assess_logits, cross_entropy
from adabench.models.heads.quantiles import Quantiles
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
    "LBP",
    "LBPTOP",
    "LPQ",
    "Aggregator",
    "Assessor",
    "AttentionMIL",
    "AttentivePool",
    "Backbone",
    "BackboneFeatures",
    "C3DMaps",
    "Chain",
    "Concat",
    "ConvLSTM",
    "DualGatedMLP",
    "DualStreamMIL",
    "EstimatorMethod",
    "Extractor",
    "FlowFrames",
    "FragmentPool",
    "FrameStatistics",
    "Frozen",
    "GatedMLP",
    "Head",
    "Identity",
    "InceptionTCN",
    "IncompatiblePartsError",
    "KeepAll",
    "LabelDistribution",
    "LocalDirectional",
    "MMActionBackbone",
    "MapParts",
    "MatrixGraph",
    "MaxDiff3d",
    "MemoryRegressor",
    "MotionHistory",
    "MultiKernel3d",
    "NetVLAD",
    "OrdinalRegressor",
    "Part",
    "PooledImage",
    "Quantiles",
    "Recurrent",
    "RegionFrames",
    "RelationAttention",
    "STA3d",
    "SegmentBackbone",
    "Selector",
    "SignalBackbone",
    "SignalStatistics",
    "SignalSteps",
    "SpectralGraph",
    "SpectralSignals",
    "SpectralStep",
    "StepGraph",
    "TemporalConvolution",
    "TemporalDifference",
    "TemporalTransformer",
    "TimmFrames",
    "TopKMIL",
    "TorchvisionVideo",
    "TwoOrderVector",
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
