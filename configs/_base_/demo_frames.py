# Views and schedule of demos that see frames: what two CPU cores train in minutes.
_base_ = "demo.py"

demo = dict(
    views=dict(
        # Up to 25 of 200 frames: with them the generator's bounds are within 0.04 of what all frames allow.
        train=dict(type="StridedView", frames=25),
        test=dict(type="StridedView", frames=25, phases=4),
        select=dict(type="StridedView", frames=25, phases=2),
        variants=3,
        augment=dict(shift=0.06, zoom=0.1, rotate=8, saturation=0.5),
    ),
    training=dict(
        epochs=30,
        optimiser=dict(type="AdamW", lr=2e-2, weight_decay=0.1),
        warmup_epochs=5,
        validate_every=5,
        workers=0,
    ),
)
