# Frames by a network, their scores averaged: what plain baselines change one part of.
_base_ = ["schedule.py", "demo_frames.py"]

track = "avec14"
fusion = "joint"
method = dict(
    name="Frames",
    backbone=dict(type="TimmFrames", name="resnet18", weights="timm"),
    aggregator=dict(type="Identity"),
    selector=dict(type="KeepAll"),
    head=dict(type="UnitRegressor"),
)
# Four scales, as in the demos of methods that need them, so that one cache serves all.
demo = dict(method=dict(backbone=dict(scales=4, weights="stage:trunk", frozen=True)))
