# The fifth of frames with the largest learnt scores, alike.
_base_ = "../_base_/weighed_frames.py"

method = dict(name="Top-k MIL", selector=dict(type="TopKMIL", share=0.2))
