# The frame with the largest learnt score alone.
_base_ = "../_base_/weighed_frames.py"

method = dict(name="Max MIL", selector=dict(type="TopKMIL"))
