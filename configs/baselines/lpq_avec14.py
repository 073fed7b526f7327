# Local phase quantisation of frames, mean and deviation over the clip: the organisers' of AVEC 2013.
_base_ = "../_base_/estimator.py"

method = dict(name="LPQ-SVR", extractor=dict(type="LPQ"))
