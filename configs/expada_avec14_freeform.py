# ExpADA on AVEC 2014's Freeform clips.
_base_ = "_base_/expada.py"

track = "avec14-freeform"
