# The sweeps that ExpADA announces without numbers, and its options. The demo's segments have half as
# many frames: it has 15 frames a second.
paper = "expada"
table = None
title = "Selection ratio, segment length, temporal scales, options"
base = "../expada_avec14_freeform.py"
tracks = ("avec14-freeform",)
seeds = (0,)


def _percent(value: int) -> dict:
    return dict(
        name=f"percent_{value}",
        label=f"{value} %",
        group="selection ratio p",
        change=dict(method=dict(selector=dict(percent=value))),
    )


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


def _scales(value: int) -> dict:
    return dict(
        name=f"scales_{value}",
        label=f"{value}",
        group="temporal scales S",
        change=dict(method=dict(aggregator=dict(scales=value))),
    )


def _option(name: str, label: str, **selector: str) -> dict:
    return dict(
        name=name,
        label=label,
        group="options of DFS",
        change=dict(method=dict(selector=selector)),
    )


rows = (
    *(_percent(p) for p in (10, 20, 30, 50, 100)),
    *(_length(real, demo) for real, demo in ((16, 8), (32, 16), (64, 32))),
    *(_scales(s) for s in (1, 2, 3, 4, 5)),
    _option("level_mode", "level by vote (Eq 4)", level="mode"),
    _option("own_level", "units of the level alone (Eq 5)", select="own_level"),
)
