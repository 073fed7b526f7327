# A transformer over frames of a network that stays as it is.
_base_ = "../_base_/frames.py"

method = dict(
    name="Transformer",
    backbone=dict(frozen=True),
    aggregator=dict(type="TemporalTransformer"),
)
demo = dict(method=dict(aggregator=dict(width=32)), training=dict(optimiser=dict(lr=2e-3)))
