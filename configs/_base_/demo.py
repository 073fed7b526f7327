# What every demo shares: the generated corpus, and a trunk pretrained on drawn expressions.
demo = dict(
    data=dict(size=64, synthface=dict(preset="demo", seed=3107)),
    stages=dict(
        trunk=dict(
            type="ExpressionPretrain",
            trunk=dict(
                type="TimmFrames",
                name="resnet18",
                options=dict(channels=(16, 32, 64, 128), stem_width=16),
            ),
            expressions=dict(preset="demo", seed=0),
            size=64,
            seed="draw",
            training=dict(
                epochs=7,
                batch_size=64,
                optimiser=dict(type="AdamW", lr=2e-3, weight_decay=0.02),
                validate_every=2,
            ),
        )
    ),
)
