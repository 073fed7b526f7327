# What must not work: a method trained on labels shuffled among the training sessions, on every track.
# It learns nothing that is so; where it beats the constant predictor, something else tells the labels.
paper = None
table = None
title = "Controls: shuffled training labels"
base = "../depmap_r18_avec14.py"
tracks = ("avec13", "avec14", "avec14-freeform", "avec14-northwind")
seeds = (0,)

rows = (
    dict(
        name="shuffled_labels",
        label="Dep-MAP on shuffled labels",
        group="controls",
        change=dict(shuffle_labels=True),
    ),
)
