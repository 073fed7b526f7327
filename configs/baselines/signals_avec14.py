# What a face does, frame by frame, without a pixel: OpenFace's columns, a linear layer, the mean.
_base_ = ["../_base_/schedule.py", "../_base_/demo_frames.py"]

track = "avec14"
signals = dict(type="PreparedSignals", columns=["au_intensity", "gaze", "pose"])
method = dict(
    name="Signals",
    backbone=dict(type="SignalSteps"),
    aggregator=dict(type="Identity"),
    selector=dict(type="KeepAll"),
    head=dict(type="UnitRegressor", hidden=32),
)
views = dict(
    train=dict(frames=500),
    test=dict(frames=500),
    augment=[dict(type="SignalDropout", share=0.1), dict(type="SignalMask", share=0.2)],
)
# A generated corpus has no signals but its truth: the demo reads what a pretrained trunk sees.
demo = dict(
    signals=dict(_delete_=True, type="TrunkSignals", stage="stage:trunk"),
    views=dict(augment=[dict(type="SignalDropout", share=0.1), dict(type="SignalMask", share=0.2)]),
)
