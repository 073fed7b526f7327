# A motion history histogram and partial least squares: the video half of Meng 2013.
_base_ = "../_base_/estimator_segments.py"

method = dict(
    name="MHH-PLS",
    extractor=dict(type="MotionHistory", lengths=5),
    estimator=[dict(type="StandardScaler"), dict(type="PLSRegression")],
    search=dict(grid=dict(_delete_=True, plsregression__n_components=[1, 2, 4, 8])),
)
views = dict(test=dict(length=50, segments=10))
demo = dict(views=dict(test=dict(length=50, segments=10)))
