# A random forest over local binary patterns of frames.
_base_ = "../_base_/estimator.py"

method = dict(
    name="LBP-forest",
    extractor=dict(type="LBP"),
    estimator=dict(_delete_=True, type="RandomForestRegressor", n_estimators=300, random_state=0),
    search=dict(grid=dict(_delete_=True, max_features=[0.01, 0.1], min_samples_leaf=[1, 4])),
)
