# The constant predictor (the training split's mean): a method above it has learnt nothing.
_base_ = ["_base_/schedule.py", "_base_/demo_frames.py"]

track = "avec14"
method = dict(name="constant", type="EstimatorMethod", estimator=dict(type="DummyRegressor"))
