# ExpADA on AVEC 2014: a model per task, a session's score the mean of its two.
_base_ = "_base_/expada.py"

track = "avec14"
fusion = "fused"
