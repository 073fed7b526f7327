# The frame with the largest learnt score, and those that resemble it.
_base_ = "../_base_/weighed_frames.py"

method = dict(name="DSMIL", selector=dict(type="DualStreamMIL"))
