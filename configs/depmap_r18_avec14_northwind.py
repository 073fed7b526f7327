# Dep-MAP (ResNet-18) on AVEC 2014's Northwind clips.
_base_ = "depmap_r18_avec14.py"

track = "avec14-northwind"
