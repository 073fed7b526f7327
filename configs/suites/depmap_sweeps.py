# Dep-MAP's readings of its paper, each beside the method as its tables run it. No paper prints these numbers.
paper = "depmap"
table = None
title = "Options"
base = "../depmap_r18_avec14.py"
tracks = ("avec14",)
seeds = (0,)
rows = (
    dict(name="as_tabled", label="as in the tables", group="Dep-MAP"),
    dict(
        name="literal_esa",
        label="literal",
        group="ESA, Eq 1",
        change=dict(method=dict(backbone=dict(literal=True))),
    ),
    dict(
        name="three_levels",
        label="three",
        group="severity levels",
        change=dict(method=dict(selector=dict(sdpm=dict(levels=3)))),
    ),
    dict(
        name="fused",
        label="a model per task",
        group="tasks of AVEC 2014",
        change=dict(fusion="fused"),
    ),
    dict(
        name="msr_width_32",
        label="32",
        group="width of MSR",
        change=dict(method=dict(aggregator=dict(width=32))),
    ),
    dict(
        name="msr_width_64",
        label="64",
        group="width of MSR",
        change=dict(method=dict(aggregator=dict(width=64))),
    ),
)
