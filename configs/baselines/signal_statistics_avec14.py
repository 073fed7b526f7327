# Statistics over time of action units, gaze and pose (Song 2022), and support vector regression.
_base_ = "../_base_/signals_estimator.py"

_song = dict(
    type="SignalStatistics",
    statistics=["mean", "deviation", "maximum", "minimum"],
    changes=False,
    lags=[1, 2],
    brief=["pose_*"],
)
method = dict(name="Signals-SVR", extractor=_song)
_pose = ["yaw", "pitch", "roll", "shift_x", "shift_y"]
demo = dict(method=dict(extractor=dict(brief=_pose)))
