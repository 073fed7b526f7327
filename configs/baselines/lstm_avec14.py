# An LSTM over frames of a network that stays as it is.
_base_ = "../_base_/frames.py"

method = dict(
    name="LSTM",
    backbone=dict(frozen=True),
    aggregator=dict(type="Recurrent", kind="lstm"),
)
demo = dict(method=dict(aggregator=dict(width=32)), training=dict(optimiser=dict(lr=2e-3)))
