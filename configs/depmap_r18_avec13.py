# Dep-MAP (ResNet-18) on AVEC 2013, one clip a session.
_base_ = "depmap_r18_avec14.py"

track = "avec13"
