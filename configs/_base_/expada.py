# ExpADA's two stages: an encoder over overlapping segments, then selection on whole clips.
_base_ = "demo.py"

_trunk = dict(type="TimmFrames", name="resnet50", scales=1)
_vat = dict(type="VAT", trunk=_trunk, map_size=7)
_light = dict(type="ClipAugment", flip=0.5, brightness=0.2, contrast=0.2, saturation=0.2)
method = dict(
    name="ExpADA",
    backbone=dict(type="Frozen", backbone=_vat, weights="stage:encoder"),
    aggregator=dict(type="MTE", scales=3),
    selector=dict(type="DFS", percent=20),
    head=dict(type="OrdinalRegressor", hidden=128),
)
data = dict(size=224)
views = dict(
    train=dict(type="SegmentView", length=32),
    test=dict(type="SegmentView", length=32),
    augment=_light,
)
training = dict(
    epochs=80,
    batch_size=8,
    optimiser=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4),
    warmup_epochs=1,
    clip_grad=1.0,
    workers=4,
)
stages = dict(
    encoder=dict(
        type="MethodTraining",
        method=dict(
            backbone=dict(type="VAT", trunk=dict(weights="timm", **_trunk), map_size=7),
            aggregator=dict(type="Identity"),
            selector=dict(type="KeepAll"),
            head=dict(type="OrdinalRegressor"),
        ),
        # Every segment once an epoch, as the paper pairs them all with their clip's label; four at a
        # time, from all over the clip. It is selected on segments from all over the clip, too.
        views=dict(
            train=dict(
                type="SegmentView", length=32, overlap=16, segments=4, place="even", cover=15
            ),
            test=dict(type="SegmentView", length=32, segments=16),
            select=dict(type="SegmentView", length=32, segments=16, phases=1, place="even"),
            augment=_light,
        ),
        training=dict(
            epochs=15,
            batch_size=4,
            optimiser=dict(type="Adam", lr=1e-4),
            warmup_epochs=1,
            clip_grad=1.0,
            workers=4,
        ),
        # Each of a row's seeds has an encoder of its own: one for all would hide how much it varies.
        seed="run",
    )
)
_small = dict(name="resnet18", options=dict(channels=(16, 32, 64, 128), stem_width=16), frozen=True)
# 10 frames of the generated corpus, at 10 a second, last about as long as the paper's 32: 20 segments
# a clip, and 39 where they overlap.
_jitter = dict(shift=0.06, zoom=0.1, rotate=8, saturation=0.5)
demo = dict(
    method=dict(
        backbone=dict(backbone=dict(trunk=_small, map_size=2, width=128, heads=8)),
        aggregator=dict(dim=64, hidden=128),
        selector=dict(hidden=64),
        head=dict(hidden=64),
    ),
    views=dict(train=dict(length=10), test=dict(length=10), variants=3, augment=_jitter),
    training=dict(workers=0, validate_every=4),
    stages=dict(
        encoder=dict(
            method=dict(
                backbone=dict(
                    trunk=dict(weights="stage:trunk", **_small), map_size=2, width=128, heads=8
                ),
                head=dict(hidden=64),
            ),
            views=dict(
                # A fifth of the segments a visit, so that 60 epochs show each of them twelve times.
                train=dict(length=10, overlap=5, segments=8, cover=12),
                test=dict(length=10, segments=0),
                select=dict(length=10, segments=0),
                variants=3,
                augment=_jitter,
            ),
            training=dict(
                epochs=60, batch_size=8, optimiser=dict(lr=3e-3), validate_every=3, workers=0
            ),
        )
    ),
)
