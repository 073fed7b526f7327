# ExpADA's choices: what the paper leaves open or prints in two ways, then the sweeps that it announces
# without numbers. The first row is the method as the tables run it; each other row differs in one choice.
paper = "expada"
table = None
title = "Choices of ExpADA"
base = "../expada_avec14_freeform.py"
tracks = ("avec14-freeform",)
seeds = (0, 1, 2)

_vat = dict(_delete_=True, type="VAT", map_size=7)
_trunk = dict(type="TimmFrames", name="resnet50", scales=1)
# The trunk of the demo is frozen and cached, here as everywhere.
_small = dict(name="resnet18", options=dict(channels=(16, 32, 64, 128), stem_width=16), frozen=True)
_demo_vat = dict(map_size=2, width=128, heads=8)

# A network that learns whole can't hold the frames of a whole clip: a step sees eight segments in a
# row of one clip, and eight steps make one of the optimiser's. The demo's trunk does not learn, so that
# its step sees whole clips as everywhere.
_windows = dict(
    views=dict(train=dict(segments=8)),
    training=dict(batch_size=1, accumulate=8),
)
_whole = dict(views=dict(train=dict(segments=0)), training=dict(batch_size=8, accumulate=1))


def _percent(value: int) -> dict:
    return dict(
        name=f"percent_{value}",
        label=f"{value} %",
        group="selection ratio p",
        change=dict(method=dict(selector=dict(percent=value))),
    )


def _scales(value: int) -> dict:
    return dict(
        name=f"scales_{value}",
        label=f"{value}",
        group="temporal scales S",
        change=dict(method=dict(aggregator=dict(scales=value))),
    )


rows = (
    dict(name="sdr", label="SDR: S = 3, p = 20 %", group="selection"),
    # The overview's selection, which the training text names again.
    dict(
        name="own_level_mode",
        label="level by vote, its units alone (Eq 4 and 5)",
        group="selection",
        change=dict(method=dict(selector=dict(level="mode", select="own_level"))),
    ),
    # That VAT belongs to MTE in Eq 1 allows this; the training text employs it as trained.
    dict(
        name="encoder_learns",
        label="encoder learns on in stage 2",
        group="training",
        change=dict(
            method=dict(backbone=dict(_vat, trunk=_trunk, weights="stage:encoder")),
            **_windows,
            demo=dict(method=dict(backbone=dict(_demo_vat, trunk=_small)), **_whole),
        ),
    ),
    # All is trained at once under Eq 15, from the trunk's weights.
    dict(
        name="no_stage_1",
        label="no stage 1",
        group="training",
        change=dict(
            method=dict(backbone=dict(_vat, trunk=dict(_trunk, weights="timm"))),
            stages=dict(encoder=None),
            **_windows,
            demo=dict(
                method=dict(backbone=dict(_demo_vat, trunk=dict(_small, weights="stage:trunk"))),
                **_whole,
            ),
        ),
    ),
    dict(
        name="level_sampler",
        label="as many clips of each level in stage 2",
        group="training",
        change=dict(training=dict(sampler="level")),
    ),
    # Query, keys and values projected, as in Girdhar et al.'s transformer; the encoder is another.
    dict(
        name="projections",
        label="projections in VAT",
        group="encoder",
        change=dict(
            method=dict(backbone=dict(backbone=dict(projections=True))),
            stages=dict(encoder=dict(method=dict(backbone=dict(projections=True)))),
        ),
    ),
    *(_scales(s) for s in (1, 2, 3, 4, 5)),
    *(_percent(p) for p in (10, 20, 30, 50, 100)),
)
