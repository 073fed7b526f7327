# Segment length, which ExpADA announces a sweep of without numbers, and what its two other selections are
# each alone. 32 frames, and the options together, are rows of `expada_choices`. The demo's segments have
# a third of the frames: it has 10 a second.
paper = "expada"
table = None
title = "Segment length, options of DFS"
base = "../expada_avec14_freeform.py"
tracks = ("avec14-freeform",)
seeds = (0,)


def _views(length: int) -> dict:
    cut = dict(length=length)
    encoder = dict(train=dict(length=length, overlap=length // 2), test=cut, select=cut)
    return dict(views=dict(train=cut, test=cut), stages=dict(encoder=dict(views=encoder)))


def _length(real: int, demo: int) -> dict:
    return dict(
        name=f"length_{real}",
        label=f"{real} frames",
        group="segment length T",
        change=dict(**_views(real), demo=_views(demo)),
    )


def _option(name: str, label: str, **selector: str) -> dict:
    return dict(
        name=name,
        label=label,
        group="options of DFS",
        change=dict(method=dict(selector=selector)),
    )


rows = (
    *(_length(real, demo) for real, demo in ((16, 5), (64, 20))),
    _option("level_mode", "level by vote (Eq 4)", level="mode"),
    _option("own_level", "units of the level alone (Eq 5)", select="own_level"),
)
