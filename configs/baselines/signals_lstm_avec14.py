# A bidirectional LSTM over action units, gaze and pose.
_base_ = "signals_avec14.py"

method = dict(
    name="Signals-BiLSTM",
    aggregator=dict(type="Recurrent", kind="lstm", width=64, bidirectional=True),
)
demo = dict(method=dict(aggregator=dict(width=16)), training=dict(optimiser=dict(lr=2e-3)))
