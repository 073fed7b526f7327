"""A small config and its demo section, as texts that tests vary."""

CONFIG = """
track = "avec14"
method = dict(
    name="Mine",
    backbone=dict(type="TimmFrames", name="resnet18", scales=4, weights="timm"),
    head=dict(type="UnitRegressor", hidden=0),
)
training = dict(epochs=100, batch_size=8, optimiser=dict(type="AdamW", lr=1e-4))
views = dict(
    train=dict(type="StridedView", frames=50),
    test=dict(type="StridedView", frames=50),
    augment=dict(type="ClipAugment", flip=0.5),
)
"""
DEMO = """
demo = dict(
    data=dict(size=64, synthface=dict(preset="tiny", seed=3)),
    training=dict(epochs=4),
    method=dict(backbone=dict(scales=2, weights=None)),
    views=dict(augment=None),
)
"""
