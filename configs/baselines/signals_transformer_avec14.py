# A transformer over action units, gaze and pose.
_base_ = "signals_avec14.py"

method = dict(name="Signals-transformer", aggregator=dict(type="TemporalTransformer"))
demo = dict(method=dict(aggregator=dict(width=32)), training=dict(optimiser=dict(lr=2e-3)))
