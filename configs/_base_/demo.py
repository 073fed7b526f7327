# The sizes of every demo: what two CPU cores train in minutes, on the generated corpus.
demo = dict(
    data=dict(size=64, synthface=dict(preset="demo", seed=2413)),
    stages=dict(
        trunk=dict(
            type="ExpressionPretrain",
            trunk=dict(
                type="TimmFrames", name="resnet18", options=dict(channels=(32, 64, 128, 256))
            ),
            expressions=dict(preset="demo", seed=0),
            size=64,
            training=dict(
                epochs=7,
                batch_size=64,
                optimiser=dict(type="AdamW", lr=2e-3, weight_decay=0.02),
                validate_every=2,
            ),
        )
    ),
    views=dict(
        train=dict(type="StridedView", frames=16),
        test=dict(type="StridedView", frames=16),
        select=dict(type="StridedView", frames=16, phases=2),
        variants=6,
        augment=dict(shift=0.06, zoom=0.1, rotate=8, saturation=0.5),
    ),
    training=dict(
        epochs=30,
        optimiser=dict(type="AdamW", lr=2e-3, weight_decay=0.1),
        warmup_epochs=5,
        validate_every=3,
        workers=0,
    ),
)
