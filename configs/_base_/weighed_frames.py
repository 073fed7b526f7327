# Frames of a network that stays as it is, weighed by a selector that is learnt with the score.
_base_ = "frames.py"

method = dict(backbone=dict(frozen=True))
demo = dict(training=dict(optimiser=dict(lr=5e-3)))
