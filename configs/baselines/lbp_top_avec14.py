# LBP-TOP of blocks of five frames, averaged: the organisers' of AVEC 2014, without its Gabor filters.
_base_ = "../_base_/estimator_segments.py"

method = dict(name="LBPTOP-SVR", extractor=dict(type="LBPTOP", block=5, statistics=["mean"]))
