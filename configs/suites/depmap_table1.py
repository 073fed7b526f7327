# Dep-MAP's Table 1: its own row. The other rows are quoted numbers, which need no run.
paper = "depmap"
table = "1"
title = "Comparison on AVEC 2013 and AVEC 2014"
base = "../depmap_r18_avec14.py"
tracks = ("avec13", "avec14")
seeds = (0, 1, 2)
rows = (dict(name="depmap", label="Dep-MAP", reported="Dep-MAP"),)
