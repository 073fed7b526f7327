# A video network over segments, left as it is, and a layer on each segment's vector; their mean.
_base_ = ["../_base_/schedule.py", "../_base_/demo_frames.py"]

track = "avec14"
_plain = dict(frozen=True, maps=False)
method = dict(
    name="R3D",
    backbone=dict(type="TorchvisionVideo", name="r3d_18", weights="hub", **_plain),
    aggregator=dict(type="Identity"),
    selector=dict(type="KeepAll"),
    head=dict(type="UnitRegressor", hidden=64),
)
_segments = dict(_delete_=True, type="SegmentView", length=16, overlap=8)
views = dict(train=dict(segments=12, place="even", **_segments), test=_segments)
# The demo's network is narrower, and pretrained on clips of drawn expressions.
_net = dict(type="MMActionBackbone", name="ResNet3d", options=dict(depth=18, base_channels=8))
_short = dict(_delete_=True, type="SegmentView", length=10, overlap=5)
_optimiser = dict(type="AdamW", lr=2e-3, weight_decay=0.02)
_clips = dict(
    type="ClipPretrain",
    backbone=_net,
    expressions=dict(preset="demo", seed=0, fps=10),
    **dict(length=10, size=64, training=dict(epochs=8, batch_size=16, optimiser=_optimiser)),
)
demo = dict(
    method=dict(backbone=dict(_delete_=True, weights="stage:clips", **_plain, **_net)),
    views=dict(train=dict(segments=12, place="even", **_short), test=_short, select=_short),
    stages=dict(_delete_=True, clips=_clips),
)
