# ExpADA on AVEC 2013, one clip a session.
_base_ = "_base_/expada.py"

track = "avec13"
