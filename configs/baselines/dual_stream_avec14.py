# Frames of a network that stays as it is: the one with the largest learnt score, and those that resemble it.
_base_ = "../_base_/frames.py"

method = dict(
    name="DSMIL",
    backbone=dict(frozen=True),
    selector=dict(type="DualStreamMIL"),
)
demo = dict(training=dict(optimiser=dict(lr=5e-3)))
