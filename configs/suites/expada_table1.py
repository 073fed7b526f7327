# ExpADA's Table 1: its own row. The other rows are quoted numbers, which need no run.
paper = "expada"
table = "1"
title = "Comparison on AVEC 2013 and AVEC 2014"
base = "../expada_avec14.py"
tracks = ("avec13", "avec14")
seeds = (0, 1, 2)
rows = (dict(name="expada", label="ExpADA", reported="ExpADA"),)
