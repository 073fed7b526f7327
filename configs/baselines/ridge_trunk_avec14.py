# Ridge regression over what a pretrained trunk sees: mean, deviation, maximum over time.
_base_ = "svr_trunk_avec14.py"

method = dict(
    name="Ridge",
    estimator=[dict(type="StandardScaler"), dict(type="Ridge")],
    search=dict(grid=dict(_delete_=True, ridge__alpha=[1e1, 1e2, 1e3, 1e4])),
)
