# Ridge regression over directions of edges in three frames each.
_base_ = "../_base_/estimator_segments.py"

method = dict(
    name="VLDN-ridge",
    extractor=dict(type="LocalDirectional", kind="number", volume=True),
    estimator=[dict(type="StandardScaler"), dict(type="Ridge")],
    search=dict(grid=dict(_delete_=True, ridge__alpha=[1e1, 1e2, 1e3, 1e4, 1e5])),
)
