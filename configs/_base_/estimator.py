# Support vector regression over numbers of a clip's frames: what classic baselines change one part of.
_base_ = ["schedule.py", "demo_frames.py"]

track = "avec14"
method = dict(
    type="EstimatorMethod",
    estimator=[dict(type="StandardScaler"), dict(type="SVR", kernel="linear")],
    search=dict(grid=dict(svr__C=[1e-4, 1e-3, 1e-2, 1e-1, 1.0], svr__epsilon=[0.1, 1.0, 4.0])),
)
views = dict(test=dict(frames=500))
demo = dict(views=dict(test=dict(frames=200)))
