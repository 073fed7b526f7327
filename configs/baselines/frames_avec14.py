# The mean of the scores of single frames, by a network that learns whole.
_base_ = "../_base_/frames.py"
