# Both papers' methods and the plain baseline on a trunk that learnt from noisy action units. On real faces
# a correlation of 0.6 to 0.7 would be much; the stage's own report says what this noise gives. A row is
# compared with those of this suite. Real configs start from foreign weights: there the rows are the same.
paper = None
table = None
title = "A trunk pretrained on noisy action units"
base = "../depmap_r18_avec14.py"
tracks = ("avec14",)
seeds = (0, 1, 2)

_noisy = dict(stages=dict(trunk=dict(noise=1.0)))
_trunk = dict(_delete_=True, type="TimmFrames", name="resnet18", scales=4, weights="timm")
_demo_trunk = dict(weights="stage:trunk", frozen=True)

rows = (
    dict(
        name="visual",
        label="ResNet-18, mean over frames",
        change=dict(
            method=dict(
                backbone=_trunk,
                aggregator=dict(_delete_=True, type="Identity"),
                selector=dict(_delete_=True, type="KeepAll"),
            ),
            semantics=None,
            demo=dict(method=dict(backbone=_demo_trunk), **_noisy),
        ),
    ),
    dict(name="expada", label="ExpADA", base="../expada_avec14.py", change=dict(demo=_noisy)),
    dict(name="depmap", label="Dep-MAP", change=dict(demo=_noisy)),
)
