# A temporal convolutional network over frames of a network that stays as it is.
_base_ = "../_base_/frames.py"

method = dict(
    name="TCN",
    backbone=dict(frozen=True),
    aggregator=dict(type="TemporalConvolution"),
)
demo = dict(
    method=dict(aggregator=dict(width=32, layers=3)), training=dict(optimiser=dict(lr=2e-3))
)
