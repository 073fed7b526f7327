# Frames weighed by attention.
_base_ = "../_base_/weighed_frames.py"

method = dict(name="Attention MIL", selector=dict(type="AttentionMIL"))
