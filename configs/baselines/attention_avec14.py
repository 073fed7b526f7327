# Frames of a network that stays as it is, weighed by attention.
_base_ = "../_base_/frames.py"

method = dict(
    name="Attention MIL",
    backbone=dict(frozen=True),
    selector=dict(type="AttentionMIL"),
)
demo = dict(training=dict(optimiser=dict(lr=5e-3)))
