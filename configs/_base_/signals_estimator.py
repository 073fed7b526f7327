# The same over numbers of a clip's action units, gaze and pose, of all its frames.
_base_ = "estimator.py"

signals = dict(type="PreparedSignals", columns=["au_intensity", "gaze", "pose"])
views = dict(test=dict(frames=20_000))
# A generated corpus has no signals but its truth: the demo reads what a pretrained trunk sees.
demo = dict(signals=dict(_delete_=True, type="TrunkSignals", stage="stage:trunk"))
