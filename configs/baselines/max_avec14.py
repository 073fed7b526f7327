# Frames of a network that stays as it is: the unit with the largest learnt score alone.
_base_ = "../_base_/frames.py"

method = dict(
    name="Max MIL",
    backbone=dict(frozen=True),
    selector=dict(type="TopKMIL"),
)
demo = dict(training=dict(optimiser=dict(lr=5e-3)))
