# Frames of a network that stays as it is: the fifth with the largest learnt scores, alike.
_base_ = "../_base_/frames.py"

method = dict(
    name="Top-k MIL",
    backbone=dict(frozen=True),
    selector=dict(type="TopKMIL", share=0.2),
)
demo = dict(training=dict(optimiser=dict(lr=5e-3)))
