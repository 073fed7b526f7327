# Support vector regression over what a pretrained trunk sees: mean, deviation, maximum over time.
_base_ = ["../_base_/schedule.py", "../_base_/demo_frames.py"]

track = "avec14"
method = dict(
    name="SVR",
    type="EstimatorMethod",
    extractor=dict(
        type="BackboneFeatures",
        backbone=dict(type="TimmFrames", name="resnet18", scales=0, weights="timm", frozen=True),
    ),
    estimator=[dict(type="StandardScaler"), dict(type="SVR")],
    search=dict(grid=dict(svr__C=[0.1, 1.0, 10.0, 100.0], svr__epsilon=[0.1, 1.0, 4.0])),
)
views = dict(test=dict(frames=500))
demo = dict(
    method=dict(
        extractor=dict(
            # As in the demos of networks, so that one cache serves all of them.
            backbone=dict(scales=4, weights="stage:trunk")
        )
    ),
    views=dict(test=dict(frames=200)),
)
